//! The three streams as pages.
//!
//! An incremental pass asks for what changed since the shop's time at the beginning of the pass before, less an
//! [`OVERLAP`]; whatever changes while we read is later than that time, hence in the next pass. So a watermark is held
//! back until the last page.
//!
//! Some changes move no date. Three of them matter, and each has its answer:
//! - **A guest's order.** The guest's row is made first and its order later; until then the row is an abandoned
//!   registration and not listed. New guest rows are asked for again for [`GUEST_OVERLAP`].
//! - **The address of a newsletter row.** When a customer changes the address, the customer indexer rewrites the rows
//!   of the old one by plain SQL (`vendors/shopware.md` section 4). The customer's own date does move, so that an
//!   incremental pass also reads the rows that carry the addresses of changed customers ([`Turned::Moved`]). The old
//!   address leaves in the transaction that reads its row.
//! - **The loss of an order's customer**, when that is deleted. Orders without customer are few; every pass reads them
//!   all.
//!
//! What is deleted shows only in a full pass.

use async_stream::try_stream;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Client, Entity, Found, Search};
use super::scope::Scope;
use super::walk::{ByNumber, ByTime, Turn};
use super::{criteria, wire};
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Total, Watermark};
use crate::domain::people::{StoreRecord, Stream};

/// How far an incremental pass reaches back before its watermark. A row's time is taken before its transaction commits,
/// and the indexer that rewrites newsletter rows may run from a queue.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// How far it reaches back for new guest rows: after a day without an order the shop removes them
/// (`unusedGuestCustomerLifetime`, sheet, section 3).
const GUEST_OVERLAP: TimeDelta = TimeDelta::hours(25);
/// Requests in a row that may bring nothing new before a list is taken to be broken.
const MAX_IDLE_REQUESTS: u32 = 1000;
/// Longest list of addresses in one question for newsletter rows.
const MAX_ADDRESSES: u64 = 250;

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// Lower bound of changes; none in a full pass.
    since: Option<DateTime<Utc>>,
    /// The shop's time when the pass began, once it is known.
    began: Option<DateTime<Utc>>,
    /// Rows in all, if one list tells.
    total: Option<u64>,
    turned: Turned,
}

/// What is being read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "list")]
enum Turned {
    Customers(ByNumber),
    Orders(ByNumber),
    Recipients(ByTime),
    /// Newsletter rows with the addresses of changed customers: by customer, then by row.
    Moved {
        customers: ByNumber,
        rows: ByTime,
    },
}

/// Content of a [`Watermark`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    changed_since: DateTime<Utc>,
}

/// Pages of a stream, see [`Connector::pages`](crate::connectors::Connector::pages).
///
/// A checkpoint or watermark that is not ours begins from the start, which repeats and never leaves out.
pub(super) fn pages<'a>(
    client: &'a Client,
    scope: &'a Scope,
    stream: Stream,
    pass: &Pass,
    resume: Option<Checkpoint>,
) -> BoxStream<'a, Result<PeoplePage, ConnectorError>> {
    let resume: Option<Position> = resume.and_then(|checkpoint| serde_json::from_value(checkpoint.0).ok());
    let position = resume.unwrap_or_else(|| Position::begin(stream, pass));
    let mut reader = Reader { client, scope, position };
    try_stream! {
        let mut idle = 0;
        loop {
            let Some((records, is_last)) = reader.next().await? else {
                idle += 1;
                if idle > MAX_IDLE_REQUESTS {
                    Err(ConnectorError::BadAnswer { what: "a list that comes to an end" })?;
                }
                continue;
            };
            idle = 0;
            yield reader.page(records, is_last);
            if is_last {
                break;
            }
        }
    }
    .boxed()
}

impl Position {
    fn begin(stream: Stream, pass: &Pass) -> Self {
        let mark = |watermark: &Watermark| serde_json::from_value::<Mark>(watermark.0.clone()).ok();
        let since = pass.watermark().and_then(mark).map(|mark| mark.changed_since);
        let turned = match stream {
            Stream::Customers => Turned::Customers(ByNumber::default()),
            Stream::Orders => Turned::Orders(ByNumber::default()),
            Stream::Subscribers => Turned::Recipients(ByTime::default()),
        };
        Self { since, began: None, total: None, turned }
    }

    /// The bound that is asked with.
    fn changed_since(&self) -> Option<DateTime<Utc>> {
        self.since?.checked_sub_signed(OVERLAP)
    }
}

struct Reader<'a> {
    client: &'a Client,
    scope: &'a Scope,
    position: Position,
}

impl Reader<'_> {
    fn page(&self, records: Vec<StoreRecord>, is_last: bool) -> PeoplePage {
        let as_json = |value: Result<Value, _>| value.expect("numbers and times have a JSON form");
        let mark = self.position.began.filter(|_| is_last).map(|changed_since| Mark { changed_since });
        PeoplePage {
            records,
            resume_from: Checkpoint(as_json(serde_json::to_value(&self.position))),
            watermark: mark.map(|mark| Watermark(as_json(serde_json::to_value(mark)))),
            total: self.position.total.map(Total::Exact),
            as_of: None,
            hides_some: false,
        }
    }

    /// The next records, and whether they are the last; `None` for a request that brought nothing new.
    async fn next(&mut self) -> Result<Option<(Vec<StoreRecord>, bool)>, ConnectorError> {
        match self.position.turned.clone() {
            Turned::Customers(walk) => {
                let search = self.customers(walk);
                let (walk, turn, found) = self.by_number(walk, &search).await?;
                self.position.turned = Turned::Customers(walk);
                Ok(Some((records(&found, &turn, wire::customer), turn.done)))
            }
            Turned::Orders(walk) => {
                let search = self.orders(walk);
                let (walk, turn, found) = self.by_number(walk, &search).await?;
                self.position.turned = Turned::Orders(walk);
                Ok(Some((records(&found, &turn, wire::order), turn.done)))
            }
            Turned::Recipients(walk) => self.recipients(walk).await,
            Turned::Moved { customers, rows } => self.moved(customers, rows).await,
        }
    }

    async fn recipients(&mut self, mut walk: ByTime) -> Result<Option<(Vec<StoreRecord>, bool)>, ConnectorError> {
        let changed = self.position.changed_since();
        let filter = changed.map(criteria::changed_since).into_iter().collect();
        let (turn, found) = self.by_time(&mut walk, filter).await?;
        let is_last = turn.done && changed.is_none();
        self.position.turned = if turn.done && changed.is_some() {
            Turned::Moved { customers: ByNumber::default(), rows: ByTime::default() }
        } else {
            Turned::Recipients(walk)
        };
        if turn.fresh.is_empty() && !turn.done {
            return Ok(None);
        }
        Ok(Some((records(&found, &turn, wire::recipient), is_last)))
    }

    /// One page of the rows that carry the addresses of the next changed customers. Who goes on from a checkpoint asks
    /// for the customers again, since addresses are not kept in it.
    async fn moved(
        &mut self,
        customers: ByNumber,
        mut rows: ByTime,
    ) -> Result<Option<(Vec<StoreRecord>, bool)>, ConnectorError> {
        let Some(changed) = self.position.changed_since() else { return Ok(Some((Vec::new(), true))) };
        let search = Search {
            entity: Entity::Customer,
            includes: &[("customer", &["email", "autoIncrement"])],
            associations: &[],
            filter: vec![criteria::changed_since(changed), criteria::above("autoIncrement", customers.after)],
            sort: &["autoIncrement"],
            ids: Vec::new(),
        };
        let found = self.client.search(&search, |size| (1, size.min(MAX_ADDRESSES))).await?;
        let mut next = customers;
        let numbers: Vec<Option<u64>> = found.rows.iter().map(wire::number).collect();
        let customers_turn = next.take(&numbers, found.limit, found.total)?;
        let addresses: Vec<String> = found.rows.iter().filter_map(wire::email).map(str::to_owned).collect();
        if addresses.is_empty() {
            self.position.turned = Turned::Moved { customers: next, rows: ByTime::default() };
            return Ok(Some((Vec::new(), customers_turn.done)));
        }
        let (turn, found) = self.by_time(&mut rows, vec![criteria::equals_any("email", &addresses)]).await?;
        self.position.turned = if turn.done {
            Turned::Moved { customers: next, rows: ByTime::default() }
        } else {
            Turned::Moved { customers, rows }
        };
        if turn.fresh.is_empty() && !turn.done {
            return Ok(None);
        }
        Ok(Some((records(&found, &turn, wire::recipient), turn.done && customers_turn.done)))
    }

    async fn by_number(
        &mut self,
        mut walk: ByNumber,
        search: &Search,
    ) -> Result<(ByNumber, Turn, Found), ConnectorError> {
        let found = self.client.search(search, |size| (1, size)).await?;
        self.note(&found, true);
        let numbers: Vec<Option<u64>> = found.rows.iter().map(wire::number).collect();
        let turn = walk.take(&numbers, found.limit, found.total)?;
        Ok((walk, turn, found))
    }

    async fn by_time(&mut self, walk: &mut ByTime, mut filter: Vec<Value>) -> Result<(Turn, Found), ConnectorError> {
        filter.extend(self.scope.recipients());
        filter.extend(walk.from.map(|from| criteria::not_before("createdAt", from)));
        let search = Search { filter, ..recipients() };
        let before = walk.clone();
        let found = self.client.search(&search, |size| before.slice(size)).await?;
        // In an incremental pass further lists follow, so that this one's total is not the pass's.
        self.note(&found, self.position.since.is_none());
        let places: Vec<_> = found.rows.iter().map(wire::place).collect();
        let turn = walk.take(&places, (found.page, found.limit), found.total)?;
        Ok((turn, found))
    }

    /// Notes when the pass began, by the shop's clock, but not after ours: a time in the future would hide all that
    /// changes until then. And how many rows there are, if `tells_total`.
    fn note(&mut self, found: &Found, tells_total: bool) {
        if self.position.began.is_none() {
            let now = self.client.now();
            self.position.began = Some(found.sent_at.map_or(now, |time| time.min(now)));
            self.position.total = tells_total.then_some(found.total);
        }
    }

    fn customers(&self, walk: ByNumber) -> Search {
        let guests_since = self.position.since.and_then(|since| since.checked_sub_signed(GUEST_OVERLAP));
        let changed = self.position.changed_since().zip(guests_since).map(|(changed, guests)| {
            let is_new_guest = [criteria::equals("guest", true), criteria::not_before("createdAt", guests)];
            criteria::any(&[criteria::changed_since(changed), criteria::all(&is_new_guest)])
        });
        let mut search = customers(self.scope);
        search.filter.extend(changed);
        search.filter.push(criteria::above("autoIncrement", walk.after));
        search
    }

    fn orders(&self, walk: ByNumber) -> Search {
        let mut search = orders(self.scope);
        search.filter.push(criteria::above("autoIncrement", walk.after));
        search
    }
}

/// Accounts, and guests who bought.
pub(super) fn customers(scope: &Scope) -> Search {
    // "Has an order" is said by a date that every order has: a join on what is there, which every release reads alike.
    let bought = criteria::not_before("orderCustomers.createdAt", DateTime::UNIX_EPOCH);
    let mut filter = vec![criteria::any(&[criteria::equals("guest", false), bought])];
    filter.extend(scope.customers());
    Search {
        entity: Entity::Customer,
        includes: &[("customer", wire::CUSTOMER_FIELDS)],
        associations: &[],
        filter,
        sort: &["autoIncrement"],
        ids: Vec::new(),
    }
}

/// Orders whose customer is deleted.
pub(super) fn orders(scope: &Scope) -> Search {
    let mut filter = vec![criteria::equals("orderCustomer.customerId", Value::Null)];
    filter.extend(scope.orders());
    Search {
        entity: Entity::Order,
        includes: &[("order", wire::ORDER_FIELDS), ("order_customer", wire::ORDER_CUSTOMER_FIELDS)],
        associations: &["orderCustomer"],
        filter,
        sort: &["autoIncrement"],
        ids: Vec::new(),
    }
}

/// Newsletter rows.
pub(super) fn recipients() -> Search {
    Search {
        entity: Entity::Recipient,
        includes: &[("newsletter_recipient", wire::RECIPIENT_FIELDS)],
        associations: &[],
        filter: Vec::new(),
        sort: &["createdAt", "id"],
        ids: Vec::new(),
    }
}

fn records(found: &Found, turn: &Turn, read: fn(&Value) -> StoreRecord) -> Vec<StoreRecord> {
    turn.fresh.iter().filter_map(|index| found.rows.get(*index)).map(read).collect()
}
