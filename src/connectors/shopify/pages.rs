//! Reading a list page by page: an incremental pass, and a full pass over a shop that is not large.

use std::collections::HashSet;

use chrono::TimeDelta;
use serde_json::Value;

use super::Shopify;
use super::client::Reply;
use super::envelope::Trouble;
use super::position::{Position, Step};
use super::queries::{self, Operation};
use super::wire::{self, Page, Row};
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Total};
use crate::domain::people::{StoreRecord, Stream};

/// Points that one record of a page is taken to cost before the store has told: itself and two objects in it.
const POINTS_A_RECORD: f64 = 3.0;

/// How one stream is read.
pub(super) struct Listing {
    /// A page.
    page: &'static Operation,
    /// What an export holds.
    pub(super) export: &'static Operation,
    /// Field of a page's data.
    page_root: &'static str,
    /// One record.
    pub(super) one: &'static Operation,
    /// Field of one record's data.
    pub(super) one_root: &'static str,
    /// Type in a record's global id.
    pub(super) gid_type: &'static str,
    /// How many there are.
    pub(super) count: &'static Operation,
    /// Field of the count's data.
    pub(super) count_root: &'static str,
    /// Reads a record.
    pub(super) read: fn(&Value) -> Row,
    /// The scope without which the store keeps some of them from us.
    pub(super) whole_with: Option<&'static str>,
    /// How far before the watermark an incremental pass begins.
    overlap: TimeDelta,
}

/// An hour for the search index, which may lag behind the records, and 14 more because the schema calls the filter
/// "matching a whole day" (`vendors/shopify.md` section 3): the days of a shop and of UTC are up to 14 hours apart.
const CUSTOMERS_OVERLAP: TimeDelta = TimeDelta::hours(15);
/// An hour for the search index; on orders the schema makes no reservation about the filter.
const ORDERS_OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Without it orders older than 60 days are absent, also when asked for by id (`vendors/shopify.md` section 2).
pub(super) const ALL_ORDERS: &str = "read_all_orders";

const CUSTOMERS: Listing = Listing {
    page: &queries::CUSTOMERS,
    export: &queries::CUSTOMERS_EXPORT,
    page_root: "customers",
    one: &queries::CUSTOMER,
    one_root: "customer",
    gid_type: "Customer",
    count: &queries::CUSTOMERS_COUNT,
    count_root: "customersCount",
    read: wire::customer,
    whole_with: None,
    overlap: CUSTOMERS_OVERLAP,
};

const ORDERS: Listing = Listing {
    page: &queries::ORDERS,
    export: &queries::ORDERS_EXPORT,
    page_root: "orders",
    one: &queries::ORDER,
    one_root: "order",
    gid_type: "Order",
    count: &queries::ORDERS_COUNT,
    count_root: "ordersCount",
    read: wire::order,
    whole_with: Some(ALL_ORDERS),
    overlap: ORDERS_OVERLAP,
};

/// How a stream is read; `None` for one that Shopify does not have.
pub(super) const fn listing(stream: Stream) -> Option<&'static Listing> {
    match stream {
        Stream::Customers => Some(&CUSTOMERS),
        Stream::Orders => Some(&ORDERS),
        Stream::Subscribers => None,
    }
}

/// Reads page after page.
pub(super) struct Reader<'a> {
    shop: &'a Shopify,
    listing: &'static Listing,
    position: Position,
    /// Records of the present window with their last change: one that is read again unchanged is left out. Bounded
    /// by the rows of two windows.
    seen: HashSet<(u64, i64)>,
    /// Points that the last page asked for.
    cost: Option<f64>,
    is_done: bool,
}

impl<'a> Reader<'a> {
    /// Begins or goes on.
    pub(super) fn new(shop: &'a Shopify, listing: &'static Listing, pass: &Pass, resume: Option<Checkpoint>) -> Self {
        Self::at(shop, listing, Position::begin(pass, resume, listing.overlap))
    }

    /// Begins to read everything that is there, which is so many records, if the store told.
    pub(super) fn everything(shop: &'a Shopify, listing: &'static Listing, total: Option<u64>) -> Self {
        let mut position = Position::begin(&Pass::Full, None, listing.overlap);
        position.total = total;
        Self::at(shop, listing, position)
    }

    fn at(shop: &'a Shopify, listing: &'static Listing, position: Position) -> Self {
        Self { shop, listing, position, seen: HashSet::new(), cost: None, is_done: false }
    }

    /// The next page; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<PeoplePage>, ConnectorError> {
        if self.is_done {
            return Ok(None);
        }
        let reply = self.fetch().await?;
        let page = Page::read(&reply.data, self.listing.page_root)?;
        let rows: Vec<Row> = page.nodes.iter().map(self.listing.read).collect();
        self.position.note(&rows, reply.sent_at, self.shop.clock.now());
        let records = self.news(rows);
        match self.position.advance(&page)? {
            Step::Page => {}
            Step::Window => self.begin_window(),
            Step::End => self.is_done = true,
        }
        Ok(Some(PeoplePage {
            records,
            resume_from: self.position.checkpoint(),
            watermark: self.position.watermark(self.is_done),
            total: self.position.total.map(Total::Exact),
            as_of: None,
            hides_some: false,
        }))
    }

    /// Asks until there is a page: with fewer records when the query is too costly, in a new window when the cursor
    /// is no longer good. Ends, because a page can be halved only so often and a new window has no cursor.
    async fn fetch(&mut self) -> Result<Reply, ConnectorError> {
        loop {
            let cost = self.cost.unwrap_or_else(|| POINTS_A_RECORD * f64::from(self.position.first()));
            let variables = self.position.variables();
            match self.shop.client.ask(self.listing.page, &variables, cost).await {
                Ok(reply) => {
                    self.cost = reply.requested_cost.or(self.cost);
                    return Ok(reply);
                }
                Err(Trouble::TooCostly) if self.position.halve() => self.cost = None,
                Err(Trouble::Unexplained) if self.position.has_cursor() => {
                    self.position.next_window()?;
                    self.begin_window();
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }

    /// The records that the pass has not given yet, as far as it remembers.
    fn news(&mut self, rows: Vec<Row>) -> Vec<StoreRecord> {
        let (position, seen) = (&self.position, &mut self.seen);
        rows.into_iter()
            .filter(|row| position.covers(row))
            .filter(|row| match (row.id, row.updated_at) {
                (Some(id), Some(updated_at)) => seen.insert((id, updated_at.timestamp_micros())),
                _ => true,
            })
            .map(|row| row.record)
            .collect()
    }

    /// Forgets what the new window does not show again.
    fn begin_window(&mut self) {
        let from = self.position.changed_from().map_or(i64::MAX, |from| from.timestamp_micros());
        self.seen.retain(|(_, updated_at)| *updated_at >= from);
    }
}
