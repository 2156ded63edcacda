//! A whole stream by a bulk operation of the shop (`vendors/shopify.md` section 8): begun, waited for, and read as
//! lines of JSON.
//!
//! The place is kept in the checkpoint from the moment the operation exists, so a run that is taken over goes on with
//! the same operation and the same line. Waiting is the engine's: an operation that is not ready is
//! [`ConnectorError::NotReady`].
//!
//! The records are from when the operation began. So the watermark is that time and what changes meanwhile is found by
//! the next incremental pass, and `as_of` tells the engine not to let them overrule anything newer.
//!
//! **Invariant:** a pass that ended well has shown as many records as the shop says it exported. What a failed
//! operation left (`partialDataUrl`) is not read: what it lacks would be taken as deleted.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::Shopify;
use super::client::Reply;
use super::envelope::Trouble;
use super::pages::Listing;
use super::position::watermark_at;
use super::queries;
use crate::connectors::http::Lines;
use crate::connectors::{Checkpoint, ConnectorError, PeoplePage, Retry, Total};
use crate::domain::people::StoreRecord;

/// Records of one page; the most that the engine takes.
const PAGE_RECORDS: usize = 500;
/// How often an operation is begun in one pass before the list is read page by page.
const MAX_TRIES: u32 = 2;
/// How long others' operations may be in the way before the list is read page by page.
const PATIENCE_TO_BEGIN: TimeDelta = TimeDelta::hours(1);
/// How long an operation may take before the list is read page by page. The vendor stops at ten days; nobody should
/// wait for half of that.
const PATIENCE_TO_END: TimeDelta = TimeDelta::hours(24);
/// Shortest and longest time between two looks, in seconds; in between, a tenth of the time that has passed.
const LOOK_AGAIN: (f64, f64) = (0.25, 30.0);
/// Points of a mutation and of a look (`vendors/shopify.md` section 7).
const MUTATION_POINTS: f64 = 10.0;
const LOOK_POINTS: f64 = 1.0;

/// What comes next.
pub(super) enum Step {
    /// A page; without records while the place alone has to be kept.
    Page(PeoplePage),
    /// Nothing: all was read.
    End,
    /// The shop gives no export.
    Refused,
}

/// An export that is being made or read.
pub(super) struct Export<'a> {
    shop: &'a Shopify,
    listing: &'static Listing,
    place: Place,
    /// Whether the engine has the place in a checkpoint.
    is_kept: bool,
    lines: Option<Lines>,
    is_done: bool,
}

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    export: Stage,
    /// Operations that were begun and came to nothing.
    tries: u32,
    /// Records in all, once the shop told.
    total: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "stage")]
enum Stage {
    /// No operation yet; asked for since then.
    Asked { since: DateTime<Utc> },
    /// There is one.
    Begun(Operation),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    /// Global id.
    id: String,
    /// Our time before it was asked for: from then the records are.
    asked_at: DateTime<Utc>,
    /// The shop's time, or ours if that is earlier: from here the next incremental pass begins.
    began: DateTime<Utc>,
    /// Where in its file the next line begins.
    offset: u64,
    /// Records read so far.
    records: u64,
}

impl<'a> Export<'a> {
    /// Begins a new one.
    pub(super) fn begin(shop: &'a Shopify, listing: &'static Listing) -> Self {
        let export = Stage::Asked { since: shop.clock.now() };
        let place = Place { export, tries: 0, total: None };
        Self { shop, listing, place, is_kept: false, lines: None, is_done: false }
    }

    /// Goes on with one, if the checkpoint is of one.
    pub(super) fn resume(shop: &'a Shopify, listing: &'static Listing, checkpoint: &Checkpoint) -> Option<Self> {
        let place = Place::deserialize(&checkpoint.0).ok()?;
        Some(Self { shop, listing, place, is_kept: true, lines: None, is_done: false })
    }

    /// The next step. Ends, because operations are begun only so often and waited for only so long.
    pub(super) async fn next(&mut self) -> Result<Step, ConnectorError> {
        if self.is_done {
            return Ok(Step::End);
        }
        loop {
            let step = match (&self.place.export, self.lines.take()) {
                (Stage::Asked { since }, _) => Some(self.ask(*since).await?),
                (Stage::Begun(operation), None) => self.look(operation.clone()).await?,
                (Stage::Begun(operation), Some(lines)) => Some(self.read(operation.clone(), lines).await?),
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// Asks the shop to begin an operation.
    async fn ask(&mut self, since: DateTime<Utc>) -> Result<Step, ConnectorError> {
        let asked_at = self.shop.clock.now();
        let variables = json!({ "query": self.listing.export.text });
        let reply = match self.shop.client.ask(&queries::EXPORT_RUN, &variables, MUTATION_POINTS).await {
            Ok(reply) => reply,
            Err(Trouble::Failed(error)) if error.retry() != Retry::Never => return Err(error),
            // What is wrong here is wrong with pages, too, which say it better; or only exports are refused.
            Err(_) => return Ok(Step::Refused),
        };
        let payload = reply.data.get("bulkOperationRunQuery");
        let operation = payload.and_then(|payload| payload.get("bulkOperation"));
        if let Some(id) = operation.and_then(|operation| operation.get("id")).and_then(Value::as_str) {
            let began = began(operation, &reply).map_or(asked_at, |began| began.min(asked_at));
            let id = id.to_owned();
            self.place.export = Stage::Begun(Operation { id, asked_at, began, offset: 0, records: 0 });
            return Ok(self.keep());
        }
        let errors = payload.and_then(|payload| payload.get("userErrors")).and_then(Value::as_array);
        let mut codes = errors.into_iter().flatten().filter_map(|error| error.get("code")?.as_str());
        if codes.any(|code| matches!(code, "OPERATION_IN_PROGRESS" | "LIMIT_REACHED")) {
            return self.wait(since, PATIENCE_TO_BEGIN);
        }
        Ok(Step::Refused)
    }

    /// Looks how far the operation is, and opens its file if it is done.
    async fn look(&mut self, operation: Operation) -> Result<Option<Step>, ConnectorError> {
        let variables = json!({ "id": operation.id });
        let reply = match self.shop.client.ask(&queries::EXPORT_STATE, &variables, LOOK_POINTS).await {
            Ok(reply) => reply,
            Err(Trouble::Failed(error)) if error.retry() != Retry::Never => return Err(error),
            // Versions before 2026 can't be asked for an operation by its id (`vendors/shopify.md` section 1).
            Err(_) => return Ok(Some(Step::Refused)),
        };
        let state = reply.data.get("bulkOperation").ok_or(ConnectorError::BadAnswer { what: "bulkOperation" })?;
        match state.get("status").and_then(Value::as_str) {
            Some("COMPLETED") => {}
            // None: an operation that the shop does not know, for example after it moved.
            None | Some("FAILED" | "CANCELED" | "EXPIRED") => return Ok(self.give_up_this_one()),
            Some(_) => {
                let step = self.wait(operation.asked_at, PATIENCE_TO_END)?;
                if matches!(step, Step::Refused) {
                    self.cancel(&operation).await;
                }
                return Ok(Some(step));
            }
        }
        let count = state.get("rootObjectCount").and_then(Value::as_str).and_then(|count| count.parse().ok());
        self.place.total = count.or(self.place.total);
        self.lines = match state.get("url").and_then(Value::as_str) {
            // Nothing was exported (`vendors/shopify.md` section 8).
            None => Some(Lines::none(operation.offset)),
            Some(url) => {
                let url = Url::parse(url).map_err(|_| ConnectorError::BadAnswer { what: "the export's address" })?;
                match self.shop.client.lines(url, operation.offset).await {
                    Ok(lines) => Some(lines),
                    // The address holds for seven days.
                    Err(error) if error.retry() == Retry::Never => return Ok(self.give_up_this_one()),
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(None)
    }

    /// Reads a page of the file.
    async fn read(&mut self, mut operation: Operation, mut lines: Lines) -> Result<Step, ConnectorError> {
        let mut records = Vec::new();
        while records.len() < PAGE_RECORDS {
            let Some(line) = lines.next().await? else {
                self.is_done = true;
                break;
            };
            match serde_json::from_slice::<Value>(&line.bytes) {
                // Rows of nested connections stand on lines of their own; none of them is a record of ours.
                Ok(node) if node.get("__parentId").is_some() => {}
                Ok(node) => records.push((self.listing.read)(&node).record),
                Err(_) if !line.is_ended => return Err(ConnectorError::BadAnswer { what: "the whole export" }),
                Err(_) => {
                    let detail = "the line is not JSON".to_owned();
                    records.push(StoreRecord::Malformed { store_id: None, detail });
                }
            }
        }
        operation.offset = lines.offset();
        operation.records += records.len() as u64;
        if self.is_done && self.place.total.is_some_and(|total| operation.records < total) {
            self.is_done = false;
            return Err(ConnectorError::BadAnswer { what: "the whole export" });
        }
        let (began, asked_at) = (operation.began, operation.asked_at);
        self.place.export = Stage::Begun(operation);
        self.lines = Some(lines);
        let watermark = self.is_done.then(|| watermark_at(began)).flatten();
        Ok(Step::Page(PeoplePage { watermark, as_of: Some(asked_at), ..self.page(records) }))
    }

    /// Has the engine ask again later; the place is kept before that.
    fn wait(&mut self, since: DateTime<Utc>, patience: TimeDelta) -> Result<Step, ConnectorError> {
        let waited = self.shop.clock.now() - since;
        if waited > patience {
            return Ok(Step::Refused);
        }
        if !self.is_kept {
            return Ok(self.keep());
        }
        let tenth = waited.to_std().unwrap_or_default().as_secs_f64() / 10.0;
        let after = std::time::Duration::from_secs_f64(tenth.clamp(LOOK_AGAIN.0, LOOK_AGAIN.1));
        Err(ConnectorError::NotReady { after })
    }

    /// A page that only keeps the place.
    fn keep(&mut self) -> Step {
        self.is_kept = true;
        Step::Page(self.page(Vec::new()))
    }

    fn page(&self, records: Vec<StoreRecord>) -> PeoplePage {
        let resume_from = Checkpoint(serde_json::to_value(&self.place).expect("a place has a JSON form"));
        let total = self.place.total.map(Total::Exact);
        PeoplePage { records, resume_from, watermark: None, total, as_of: None, hides_some: false }
    }

    /// The operation gives nothing: another one, or none.
    fn give_up_this_one(&mut self) -> Option<Step> {
        self.place.tries += 1;
        self.place.total = None;
        self.place.export = Stage::Asked { since: self.shop.clock.now() };
        self.is_kept = false;
        (self.place.tries >= MAX_TRIES).then_some(Step::Refused)
    }

    /// Frees the shop of an operation that nobody waits for. One that can't be cancelled ends by itself.
    async fn cancel(&self, operation: &Operation) {
        let variables = json!({ "id": operation.id });
        if self.shop.client.ask(&queries::EXPORT_CANCEL, &variables, MUTATION_POINTS).await.is_err() {
            tracing::info!("an export that takes too long could not be cancelled");
        }
    }
}

/// When the operation began, by the shop's clock.
fn began(operation: Option<&Value>, reply: &Reply) -> Option<DateTime<Utc>> {
    let stated = operation.and_then(|operation| operation.get("createdAt")).and_then(Value::as_str);
    let stated = stated.and_then(|time| DateTime::parse_from_rfc3339(time).ok()).map(|time| time.to_utc());
    stated.or(reply.sent_at)
}
