//! The three streams as pages.
//!
//! **Customers** are read by the vendor's cursor, without a sort: whether a cursor honours one is not said, and the
//! cursors that are known hold an id. The filter by change is sent with every page. Where no cursor comes back, they are
//! read as subscribers are.
//!
//! **Subscribers** have page numbers only, over a list that moves: see [`walk`](super::walk).
//!
//! **Orders** are read in the order of their ids, each page above the last id of the one before it, so that nothing can
//! shift. They end where the store answers 204.
//!
//! What changed is asked for by `:min`, never by the bare name, which means *equal*, and never with an upper bound:
//! a record that changes while we read would leave the window and move the others. A store that ignores the filter gives
//! everything, so times are compared here too. The watermark is the newest change shown, but not later than the
//! beginning of the pass by the store's clock, since what changes behind the reader belongs to the next pass; it is
//! held back until the last page. Facts: `vendors/bigcommerce.md` sections 3 to 5.

use async_stream::try_stream;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BigCommerce;
use super::client::{Listing, resource};
use super::walk::{self, Request, Walk};
use super::wire;
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Total, Watermark};
use crate::domain::people::Stream;

/// How far an incremental pass reaches back before its watermark: a change is stamped before it can be read, and the
/// vendor says nothing of how long before.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// Requests in a row that may bring nothing new before a list is taken to be broken.
const MAX_IDLE_REQUESTS: u32 = 100;

/// One record in so many may be missing from a full pass, which is compared with the store's count and read once more.
/// More, and something in between answers from a cache.
const TOLERATED_SHARE: u64 = 10;

/// A list that shows less than it counts.
const SHORT: ConnectorError = ConnectorError::BadAnswer { what: "as many records as the store counts" };

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    /// Lower bound of an incremental pass.
    since: Option<DateTime<Utc>>,
    /// When the pass began, by the store's clock.
    began: Option<DateTime<Utc>>,
    /// Newest change seen.
    newest: Option<DateTime<Utc>>,
    /// How many records the store gave.
    seen: u64,
    /// How many it has, if it told.
    total: Option<u64>,
    /// The fewest it had since the pass began.
    least: Option<u64>,
    place: Place,
    /// Whether the last page was given: a run that stopped right after it has nothing more to read.
    is_done: bool,
}

/// How a list is read, and how far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Place {
    /// Behind a cursor.
    After(Option<String>),
    /// By page numbers.
    Pages(walk::Cursor),
    /// Above an id.
    Above(u64),
}

/// Content of a [`Watermark`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    modified: DateTime<Utc>,
}

/// What one request brought.
struct Step {
    listing: Listing,
    /// From which record on they are new.
    fresh_from: usize,
    done: bool,
}

/// Pages of a stream, see [`Connector::pages`](crate::connectors::Connector::pages).
///
/// A checkpoint or watermark that is not ours begins from the start, which repeats and never leaves out.
pub(super) fn pages(
    store: &BigCommerce,
    stream: Stream,
    pass: Pass,
    resume: Option<Checkpoint>,
) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
    let resume: Option<Position> = resume.and_then(|checkpoint| serde_json::from_value(checkpoint.0).ok());
    Box::pin(try_stream! {
        let is_resumed = resume.is_some();
        let mut position = resume.unwrap_or_else(|| Position::new(stream, &pass));
        let mut reader = Reader { store, stream, is_first: is_resumed };
        let mut idle = 0;
        while !position.is_done {
            let step = reader.next(&mut position).await?;
            let now = store.client.clock().now();
            let records = position.take(&step, stream, store, now);
            if step.fresh_from == step.listing.rows.len() && !step.done {
                idle += 1;
                if idle > MAX_IDLE_REQUESTS {
                    Err(ConnectorError::BadAnswer { what: "a list that comes to an end" })?;
                }
                continue;
            }
            idle = 0;
            if step.done {
                reader.check_complete(&mut position).await?;
            }
            position.is_done = step.done;
            yield PeoplePage {
                records,
                resume_from: Checkpoint(as_json(&position)),
                watermark: if step.done { position.watermark(&pass) } else { None },
                total: position.total.map(Total::Exact),
                as_of: None,
                hides_some: false,
            };
        }
    })
}

impl Position {
    fn new(stream: Stream, pass: &Pass) -> Self {
        let since = pass.watermark().and_then(|Watermark(value)| {
            let mark = serde_json::from_value::<Mark>(value.clone()).ok()?;
            mark.modified.checked_sub_signed(OVERLAP)
        });
        let place = match stream {
            Stream::Customers => Place::After(None),
            Stream::Subscribers => Place::Pages(walk::Cursor::default()),
            Stream::Orders => Place::Above(0),
        };
        Self { since, began: None, newest: None, seen: 0, total: None, least: None, place, is_done: false }
    }

    /// From the start again, by page numbers.
    fn restart(&mut self) {
        (self.place, self.seen) = (Place::Pages(walk::Cursor::default()), 0);
    }

    /// Takes in what is new and decodes it; what did not change since the bound is left out.
    fn take(
        &mut self,
        step: &Step,
        stream: Stream,
        store: &BigCommerce,
        now: DateTime<Utc>,
    ) -> Vec<crate::domain::people::StoreRecord> {
        self.began.get_or_insert(step.listing.answered_at);
        self.count(&step.listing);
        let mut records = Vec::new();
        for row in &step.listing.rows[step.fresh_from..] {
            self.seen += 1;
            let modified = wire::modified(row);
            self.newest = self.newest.max(modified.map(|at| at.min(now)));
            if self.since.zip(modified).is_none_or(|(since, at)| at >= since) {
                records.push(wire::record(stream, row, &store.settings.channels));
            }
        }
        records
    }

    /// Notes how many records the store has now, if it tells.
    fn count(&mut self, listing: &Listing) {
        if let Some(total) = listing.meta.pointer("/pagination/total").and_then(Value::as_u64) {
            self.total = Some(total);
            self.least = Some(self.least.map_or(total, |least| least.min(total)));
        }
    }

    /// How many records fewer the store gave than it ever had since the pass began.
    fn missing(&self) -> u64 {
        self.least.map_or(0, |least| least.saturating_sub(self.seen))
    }

    /// Whether so few are missing that the pass may end: a few in a full one, since the engine looks for them.
    fn is_whole(&self) -> bool {
        let is_full = self.since.is_none();
        let tolerated = if is_full { self.least.unwrap_or_default() / TOLERATED_SHARE } else { 0 };
        self.missing() <= tolerated
    }

    fn watermark(&self, pass: &Pass) -> Option<Watermark> {
        match (self.newest, pass.watermark()) {
            (Some(newest), _) => {
                let modified = self.began.map_or(newest, |began| began.min(newest));
                Some(Watermark(as_json(&Mark { modified })))
            }
            // Nothing changed: what we had is still right.
            (None, Some(before)) => Some(before.clone()),
            (None, None) => self.began.map(|modified| Watermark(as_json(&Mark { modified }))),
        }
    }
}

struct Reader<'a> {
    store: &'a BigCommerce,
    stream: Stream,
    /// Whether the next request goes on from a stored cursor, which the store may have forgotten.
    is_first: bool,
}

impl Reader<'_> {
    /// The next part of the list, with as small pages as the store needs.
    async fn next(&mut self, position: &mut Position) -> Result<Step, ConnectorError> {
        loop {
            let is_stored = std::mem::take(&mut self.is_first);
            match self.ask(position).await {
                // Too large a page: `vendors/bigcommerce.md` section 3.
                Err(ConnectorError::Refused { status: 413 }) if self.store.client.shrink_pages() => {}
                Err(ConnectorError::Refused { status: 400 | 422 }) if is_stored && position.is_after_a_cursor() => {
                    position.restart();
                }
                result => return result,
            }
        }
    }

    /// A list that ended too early must not pass for complete. Only by as much as it shrank, because records were deleted
    /// while we read, may it be shorter; a cursor tells the length once, so that it is asked for again.
    async fn check_complete(&self, position: &mut Position) -> Result<(), ConnectorError> {
        if position.missing() > 0 {
            let mut query = Self::filter(position, "date_modified:min");
            query.push(("limit", "1".to_owned()));
            position.count(&self.store.client.list(resource(self.stream), &query).await?);
        }
        position.is_whole().then_some(()).ok_or(SHORT)
    }

    async fn ask(&self, position: &mut Position) -> Result<Step, ConnectorError> {
        match position.place.clone() {
            Place::After(after) => self.behind_cursor(position, after).await,
            Place::Pages(cursor) => self.by_number(position, cursor).await,
            Place::Above(last) => self.above_id(position, last).await,
        }
    }

    async fn behind_cursor(&self, position: &mut Position, after: Option<String>) -> Result<Step, ConnectorError> {
        let mut query = Self::filter(position, "date_modified:min");
        query.push(("limit", self.store.client.page_size().to_string()));
        query.extend(after.clone().map(|after| ("after", after)));
        let listing = self.store.client.list(resource(self.stream), &query).await?;
        let Some(block) = listing.meta.get("cursor_pagination").filter(|block| block.is_object()) else {
            position.restart();
            let is_first = after.is_none();
            return if is_first { self.first_by_number(position, listing) } else { Ok(Self::unused(listing)) };
        };
        let has_next =
            block.pointer("/links/next").is_some_and(|next| next.as_str().is_some_and(|next| !next.is_empty()));
        let done = !has_next || listing.rows.is_empty();
        if !done {
            let end = block.get("end_cursor").and_then(Value::as_str).map(str::to_owned);
            if end.is_none() || end == after {
                return Err(ConnectorError::BadAnswer { what: "pages that advance" });
            }
            position.place = Place::After(end);
        }
        Ok(Step { listing, fresh_from: 0, done })
    }

    /// The first page that came without a cursor is the first by number too.
    fn first_by_number(&self, position: &mut Position, listing: Listing) -> Result<Step, ConnectorError> {
        let size = self.store.client.page_size();
        self.walked(position, &walk::Cursor::default(), Request::at(0, size), listing)
    }

    /// Nothing of this answer is used.
    const fn unused(listing: Listing) -> Step {
        let fresh_from = listing.rows.len();
        Step { listing, fresh_from, done: false }
    }

    async fn by_number(&self, position: &mut Position, cursor: walk::Cursor) -> Result<Step, ConnectorError> {
        let asked = Request::at(cursor.offset, self.store.client.page_size());
        let mut query = Self::filter(position, "date_modified:min");
        query.extend([("limit", asked.limit.to_string()), ("page", asked.page.to_string())]);
        let listing = self.store.client.list(resource(self.stream), &query).await?;
        self.walked(position, &cursor, asked, listing)
    }

    fn walked(
        &self,
        position: &mut Position,
        cursor: &walk::Cursor,
        asked: Request,
        listing: Listing,
    ) -> Result<Step, ConnectorError> {
        // A store that gives smaller pages than it was asked for says so.
        let told = |name: &str| listing.meta.pointer(&format!("/pagination/{name}")).and_then(Value::as_u64);
        let limit = told("per_page").filter(|limit| (1..asked.limit).contains(limit)).unwrap_or(asked.limit);
        if limit < asked.limit {
            self.store.client.limit_pages(limit);
        }
        let ids: Vec<Option<u64>> = listing.rows.iter().map(super::row::Row::id).collect();
        let mut walk = Walk::new(cursor.clone());
        let turn = walk.take(Request { limit, ..asked }, &ids, told("total"));
        // There is more by the store's own count, and this is all that it shows.
        let is_stuck = !turn.done && walk.cursor() == *cursor;
        if is_stuck {
            position.count(&listing);
            if !position.is_whole() {
                return Err(SHORT);
            }
        }
        position.place = Place::Pages(walk.cursor());
        if asked.offset() == 0 && turn.fresh_from == 0 {
            // All from the start, and once more where nothing was left of what was given out last.
            position.seen = 0;
        }
        Ok(Step { listing, fresh_from: turn.fresh_from, done: turn.done || is_stuck })
    }

    async fn above_id(&self, position: &mut Position, last: u64) -> Result<Step, ConnectorError> {
        let mut query = Self::filter(position, "min_date_modified");
        query.push(("limit", self.store.client.page_size().to_string()));
        query.push(("sort", "id:asc".to_owned()));
        if last > 0 {
            // Whether the bound is included is not said; it is passed over below.
            query.push(("min_id", last.to_string()));
        }
        let mut listing = self.store.client.list(resource(self.stream), &query).await?;
        listing.rows.retain(|row| last == 0 || row.id() != Some(last));
        let ids = || listing.rows.iter().filter_map(super::row::Row::id);
        if !ids().is_sorted_by(|one, next| one < next) || ids().any(|id| id < last) {
            return Err(ConnectorError::BadAnswer { what: "orders in the order of their ids" });
        }
        let done = listing.rows.is_empty();
        if !done {
            let reached = ids().next_back().ok_or(ConnectorError::BadAnswer { what: "orders with ids" })?;
            position.place = Place::Above(reached);
        }
        Ok(Step { listing, fresh_from: 0, done })
    }

    fn filter(position: &Position, name: &'static str) -> Vec<(&'static str, String)> {
        let since = position.since.map(|since| (name, since.format(wire::TIME_FORMAT).to_string()));
        since.into_iter().collect()
    }
}

impl Position {
    const fn is_after_a_cursor(&self) -> bool {
        matches!(self.place, Place::After(Some(_)))
    }
}

fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("numbers and times have a JSON form")
}
