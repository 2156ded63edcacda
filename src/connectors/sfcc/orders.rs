//! Orders as pages, site after site: the only place where guests are.
//!
//! The platform tells neither how many orders there are nor which page is the last, and shows 10,000 at most
//! (`vendors/sfcc.md` section 5). A page shorter than asked for is the last. Orders are asked for oldest first: where a site
//! has more, the list is asked for anew from the oldest order of the last page on.
//!
//! **Everything** is read by the date of creation, which never moves; **an incremental pass** by that of the last change,
//! from the pass before on, less [`OVERLAP`].

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::walk::{Cursor, Walk, mark};
use super::{Sfcc, fields, wire};
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Watermark};
use crate::domain::people::{StoreId, StoreRecord};

/// How far before the last pass an incremental one begins, as for customers.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// Fewer records than this at the end of what the platform shows are not worth a request: one of them is known.
const FEWEST: u64 = 2;

/// Content of a [`Watermark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    /// Everything that changed before is read; by the platform's clock, if that is behind ours.
    read_until: DateTime<Utc>,
}

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// How many sites are read.
    sites_read: usize,
    /// Where the pass began; `None` in a pass over everything.
    since: Option<DateTime<Utc>>,
    /// Oldest order of the window.
    from: Option<DateTime<Utc>>,
    cursor: Cursor,
    /// Date of the oldest order of the last page, if that was in order.
    floor: Option<DateTime<Utc>>,
    /// What the watermark will be.
    mark: Mark,
}

impl Position {
    fn begin(pass: &Pass, now: DateTime<Utc>) -> Self {
        let since = pass.watermark().and_then(|watermark| serde_json::from_value::<Mark>(watermark.0.clone()).ok());
        let since = since.and_then(|mark| mark.read_until.checked_sub_signed(OVERLAP));
        let mark = Mark { read_until: now };
        Self { sites_read: 0, since, from: since, cursor: Cursor::default(), floor: None, mark }
    }

    /// What orders are sorted by.
    const fn by(&self) -> Sort {
        if self.since.is_some() { CHANGES } else { CREATIONS }
    }
}

/// A date of orders: as documents have it, as a sort key, and as the lower bound in a request.
#[derive(Debug, Clone, Copy)]
struct Sort {
    field: &'static str,
    key: &'static str,
    from: &'static str,
}

const CHANGES: Sort = Sort { field: "lastModified", key: "last_modified_date", from: "lastModifiedDateFrom" };
const CREATIONS: Sort = Sort { field: "creationDate", key: "creation_date", from: "creationDateFrom" };

/// Pages of orders, see [`Connector::pages`](crate::connectors::Connector::pages).
///
/// A checkpoint or watermark that is not ours begins from the start, which repeats and never leaves out.
pub(super) fn pages<'a>(
    store: &'a Sfcc,
    pass: &Pass,
    resume: Option<Checkpoint>,
) -> BoxStream<'a, Result<PeoplePage, ConnectorError>> {
    let resume: Option<Position> = resume.and_then(|checkpoint| serde_json::from_value(checkpoint.0).ok());
    let position = resume.unwrap_or_else(|| Position::begin(pass, store.client.now()));
    let reader = Reader { store, position, walk: Walk::new(position.cursor) };
    stream::try_unfold(Some(reader), |reader| async move {
        let Some(mut reader) = reader else { return Ok(None) };
        let page = reader.next().await?;
        let next = page.watermark.is_none().then_some(reader);
        Ok(Some((page, next)))
    })
    .boxed()
}

/// One order by our id of it; `None` when the site no longer has it or is none of ours.
pub(super) async fn one(store: &Sfcc, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
    let Some((site, number)) = id.as_str().split_once('/') else { return Ok(None) };
    if !store.client.settings().sites.iter().any(|ours| ours == site) {
        return Ok(None);
    }
    let Some(row) = store.client.order(site, number).await? else { return Ok(None) };
    let mut records = decode(store, site, &[&row]).await?;
    Ok(records.pop())
}

async fn decode(store: &Sfcc, site: &str, rows: &[&Value]) -> Result<Vec<StoreRecord>, ConnectorError> {
    let numbers: HashSet<&str> = rows.iter().filter_map(|row| wire::unsettled_number(row)).collect();
    let known = store.client.known_numbers(&Vec::from_iter(numbers)).await?;
    let attribute = store.findings.attribute.as_deref();
    Ok(rows.iter().map(|row| wire::order(row, site, attribute, |number| known.contains(number))).collect())
}

struct Reader<'a> {
    store: &'a Sfcc,
    position: Position,
    walk: Walk,
}

impl Reader<'_> {
    /// The next page; the last one of the pass has a watermark.
    async fn next(&mut self) -> Result<PeoplePage, ConnectorError> {
        let sites = &self.store.client.settings().sites;
        while let Some(site) = sites.get(self.position.sites_read) {
            let size = self.walk.limit(self.store.client.page_size());
            if size < FEWEST {
                self.begin_window()?;
                continue;
            }
            let orders = self.store.client.orders(site, &self.query(size)).await?;
            let mark = &mut self.position.mark;
            mark.read_until = orders.sent_at.map_or(mark.read_until, |sent_at| sent_at.min(mark.read_until));
            let marks: Vec<u64> = orders.rows.iter().map(|row| self::mark(row, "orderNo")).collect();
            let Some(fresh) = self.walk.take(&marks, size)? else { continue };
            self.position.floor = floor(&orders.rows, self.position.by().field);
            let fresh: Vec<&Value> = fresh.iter().filter_map(|index| orders.rows.get(*index)).collect();
            let records = decode(self.store, site, &fresh).await?;
            if (orders.rows.len() as u64) < size {
                self.next_site();
            }
            let is_last = self.position.sites_read == sites.len();
            if !records.is_empty() || is_last {
                return Ok(self.page(records, is_last));
            }
        }
        // A checkpoint of a pass that was over.
        Ok(self.page(Vec::new(), true))
    }

    fn query(&self, size: u64) -> Vec<(&'static str, String)> {
        let by = self.position.by();
        let mut query = vec![
            ("sortBy", by.key.to_owned()),
            // By default the newest come first.
            ("sortOrder", "asc".to_owned()),
            ("limit", size.to_string()),
            ("offset", self.walk.cursor().offset.to_string()),
        ];
        if let Some(from) = self.position.from {
            query.push((by.from, fields::text(from)));
        }
        query
    }

    /// Asks for the list anew, from the oldest order of the last page on: everything before it is read.
    fn begin_window(&mut self) -> Result<(), ConnectorError> {
        let floor = self.position.floor.ok_or(ConnectorError::BadAnswer { what: "orders with dates, oldest first" })?;
        if self.position.from.is_some_and(|from| floor <= from) {
            let what = "orders: more than 9,800 share one moment of creation or change";
            return Err(ConnectorError::ListTooLong { what });
        }
        self.position.from = Some(floor);
        self.walk = Walk::new(Cursor::default());
        Ok(())
    }

    fn next_site(&mut self) {
        self.position.sites_read += 1;
        self.position.from = self.position.since;
        self.position.floor = None;
        self.walk = Walk::new(Cursor::default());
    }

    fn page(&mut self, records: Vec<StoreRecord>, is_last: bool) -> PeoplePage {
        self.position.cursor = self.walk.cursor();
        PeoplePage {
            records,
            resume_from: Checkpoint(as_json(&self.position)),
            watermark: is_last.then(|| Watermark(as_json(&self.position.mark))),
            total: None,
            as_of: None,
            hides_some: false,
        }
    }
}

/// The oldest of a page that is in order; a record may show a newer date than the one it is sorted by, never an older
/// one. `None` where the page begins with the newest, or has no dates.
fn floor(rows: &[Value], field: &str) -> Option<DateTime<Utc>> {
    let dates: Vec<DateTime<Utc>> = rows.iter().filter_map(|row| wire::date(row, field)).collect();
    let is_in_order = dates.first() <= dates.last();
    dates.into_iter().min().filter(|_| is_in_order)
}

fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("numbers and times have a JSON form")
}
