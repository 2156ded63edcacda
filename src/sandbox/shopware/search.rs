//! `POST /api/search/{entity}`.
//!
//! What the parts of the cast decide (guest, sales channel, order) is judged part by part, so that a page and its exact
//! total cost the same at the start and at the end of a million. Other filters look at every row.

use serde_json::{Map, Value, json};

use super::cells::Columns;
use super::criteria::{Bound, Criteria, Filter, time};
use super::{CHANNELS, Shop, channel_id, rows};
use crate::sandbox::book::{ALL_KEYS, Book, Listing, Place, Sort};
use crate::sandbox::faults::Target;
use crate::sandbox::ids;
use crate::sandbox::names::normalized;
use crate::sandbox::records::{Account, Order, Row, Second};
use crate::sandbox::server::Answer;
use crate::sandbox::state::{Kept, Records, State};

/// Columns that every row of one part of the cast has alike.
const PART_COLUMNS: &[&str] = &[
    "guest",
    "active",
    "salesChannelId",
    "boundSalesChannelId",
    "orderCustomers.createdAt",
    "orderCustomer.customerId",
    "status",
];

/// Lists that can be searched beside webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    Customer,
    Recipient,
    Order,
    SalesChannel,
}

impl Entity {
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "customer" => Self::Customer,
            "newsletter-recipient" => Self::Recipient,
            "order" => Self::Order,
            "sales-channel" => Self::SalesChannel,
            _ => return None,
        })
    }
}

/// A kind of record that can be searched.
trait Searched: Kept + Columns {
    /// Stream in ids.
    const STREAM: &'static str;
    /// What faults call the list.
    const TARGET: Target;
    fn created(&self) -> Second;
    fn book_of(state: &State) -> &Book<Self>;
    fn among(records: Records) -> Vec<Self>;
    fn shown(&self, body: &Value) -> Value;
}

impl Searched for Account {
    const STREAM: &'static str = "customers";
    const TARGET: Target = Target::Customers;
    fn created(&self) -> Second {
        self.created
    }
    fn book_of(state: &State) -> &Book<Self> {
        &state.accounts
    }
    fn among(records: Records) -> Vec<Self> {
        records.accounts
    }
    fn shown(&self, _: &Value) -> Value {
        rows::customer(self)
    }
}

impl Searched for Row {
    const STREAM: &'static str = "subscribers";
    const TARGET: Target = Target::Subscribers;
    fn created(&self) -> Second {
        self.created
    }
    fn book_of(state: &State) -> &Book<Self> {
        &state.rows
    }
    fn among(records: Records) -> Vec<Self> {
        records.rows
    }
    fn shown(&self, _: &Value) -> Value {
        rows::recipient(self)
    }
}

impl Searched for Order {
    const STREAM: &'static str = "orders";
    const TARGET: Target = Target::Orders;
    fn created(&self) -> Second {
        self.created
    }
    fn book_of(state: &State) -> &Book<Self> {
        &state.orders
    }
    fn among(records: Records) -> Vec<Self> {
        records.orders
    }
    fn shown(&self, body: &Value) -> Value {
        // Associations are not loaded unless asked for (sheet, section 2).
        rows::order(self, body.pointer("/associations/orderCustomer").is_some())
    }
}

impl Shop {
    pub(super) fn search(&self, entity: Entity, body: &Value) -> Result<Answer, Answer> {
        let criteria = Criteria::parse(body, self.shared.options.shopware.max_limit)?;
        match entity {
            Entity::Customer => self.found::<Account>(&criteria, body),
            Entity::Recipient => self.found::<Row>(&criteria, body),
            Entity::Order => self.found::<Order>(&criteria, body),
            Entity::SalesChannel => {
                let named = |id: &String| criteria.ids.as_ref().is_none_or(|ids| ids.contains(id));
                let all = CHANNELS.iter().enumerate().map(|(channel, name)| (channel_id(channel), *name));
                let found: Vec<Value> =
                    all.filter(|(id, _)| named(id)).map(|(id, name)| rows::sales_channel(&id, name)).collect();
                let total = criteria.total(found.len() as u64, found.len());
                Ok(page(found, total, body))
            }
        }
    }

    fn found<R: Searched>(&self, criteria: &Criteria, body: &Value) -> Result<Answer, Answer> {
        let state = self.shared.state();
        let (mut records, matches) = match named(&state, criteria) {
            Some(records) => judged(records, criteria)?,
            None => listed::<R>(&state, criteria)?,
        };
        drop(state);
        if !criteria.is_sorted() {
            records.reverse();
        }
        let total = criteria.total(matches, records.len());
        let numbers = records.iter().map(crate::sandbox::records::Record::id).collect();
        let shown = records.iter().map(|record| record.shown(body)).collect();
        Ok(page(shown, total, body).with_listed(R::TARGET, numbers))
    }
}

/// The records that ids or addresses name, if they do.
fn named<R: Searched>(state: &State, criteria: &Criteria) -> Option<Vec<R>> {
    if let Some(ids) = &criteria.ids {
        return Some(ids.iter().filter_map(|id| state.find(number::<R>(id)?)).collect());
    }
    let addresses = criteria.filters.iter().find_map(|filter| match filter {
        Filter::Equals(field, values) if field == "email" => Some(values),
        _ => None,
    })?;
    let normal = addresses.iter().filter_map(|value| normalized(value.as_str()?));
    let mut records: Vec<R> = normal.flat_map(|address| R::among(state.records_with(&address))).collect();
    records.sort_by_key(crate::sandbox::records::Record::id);
    records.dedup_by_key(|record| record.id());
    Some(records)
}

/// The number in an id.
fn number<R: Searched>(id: &str) -> Option<u64> {
    let first = u64::from_str_radix(id.get(..12)?, 16).ok()?;
    let number = first.checked_sub(u64::from_str_radix(ids::text(R::STREAM, 0).get(..12)?, 16).ok()?)?;
    (ids::text(R::STREAM, number) == id).then_some(number)
}

/// Records that fit, cut to the page, and how many fit in all.
fn judged<R: Searched>(records: Vec<R>, criteria: &Criteria) -> Result<(Vec<R>, u64), Answer> {
    let mut fitting = Vec::new();
    for record in records {
        if all_fit(&criteria.filters, &record)? {
            fitting.push(record);
        }
    }
    let matches = fitting.len() as u64;
    let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok((fitting.into_iter().skip(window(criteria.offset)).take(window(criteria.limit)).collect(), matches))
}

/// A page of the whole list.
fn listed<R: Searched>(state: &State, criteria: &Criteria) -> Result<(Vec<R>, u64), Answer> {
    let (of_parts, others): (Vec<Filter>, Vec<Filter>) =
        criteria.filters.iter().cloned().partition(|filter| filter.names_only(PART_COLUMNS));
    // Once with errors, so that an unknown field is refused; then it is known to be none.
    let everything = R::book_of(state).list(Sort::Id, ALL_KEYS, |_, _| true, |_| true);
    if let Some(first) = state.slice(&everything, 0, 1).first() {
        all_fit(&criteria.filters, first)?;
    }
    let fits = |record: &R| all_fit(&of_parts, record).unwrap_or(false);
    let fits_part = |person, part| fits(&sample::<R>(state, person, part));
    let mut keys = ALL_KEYS;
    let mut from = None;
    let mut rest = Vec::new();
    for filter in others {
        match &filter {
            Filter::Range(field, bounds) if field == "autoIncrement" => match bounds.as_slice() {
                [(Bound::Above, number)] => keys.start = (0, number.as_u64().unwrap_or_default().saturating_add(1)),
                _ => rest.push(filter),
            },
            Filter::Range(field, bounds) if field == "createdAt" => match bounds.as_slice() {
                [(Bound::From, moment)] => from = time(moment).max(from),
                _ => rest.push(filter),
            },
            _ => rest.push(filter),
        }
    }
    let listing = R::book_of(state).list(Sort::Id, keys, fits_part, fits);
    let start = from.map_or(0, |from| first_made(state, &listing, from));
    if !rest.is_empty() {
        let mut all: Vec<R> = state.slice(&listing, start, u64::MAX);
        all.retain(|record| all_fit(&rest, record).unwrap_or(false));
        let matches = all.len() as u64;
        let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        return Ok((all.into_iter().skip(window(criteria.offset)).take(window(criteria.limit)).collect(), matches));
    }
    let matches = listing.len() - start;
    Ok((state.slice(&listing, start + criteria.offset, criteria.limit), matches))
}

/// A record of a part of the cast, for what all records of the part have alike.
fn sample<R: Searched>(state: &State, person: u64, part: usize) -> R {
    R::build(state, Place { id: 0, person, part, created_after: 0, modified_after: 0 })
}

/// How many records were made before a time. Ids are given in the order of time.
fn first_made<R: Searched>(state: &State, listing: &Listing<'_, R>, from: Second) -> u64 {
    let (mut start, mut end) = (0, listing.len());
    while start < end {
        let middle = start + (end - start) / 2;
        let is_before = state.slice(listing, middle, 1).first().is_some_and(|record| record.created() < from);
        if is_before { start = middle + 1 } else { end = middle }
    }
    start
}

fn all_fit(filters: &[Filter], record: &impl Columns) -> Result<bool, Answer> {
    for filter in filters {
        if !filter.fits(record)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A page in the simple format. `includes` cuts each entity to the fields named for it; `apiAlias` always stays.
pub(super) fn page(mut shown: Vec<Value>, total: u64, body: &Value) -> Answer {
    if let Some(includes) = body.get("includes").and_then(Value::as_object) {
        for entity in &mut shown {
            project(entity, includes);
        }
    }
    Answer::json(200, &json!({ "total": total, "data": shown, "aggregations": [] }))
}

fn project(entity: &mut Value, includes: &Map<String, Value>) {
    let Value::Object(fields) = entity else { return };
    let alias = fields.get("apiAlias").and_then(Value::as_str);
    if let Some(kept) = alias.and_then(|alias| includes.get(alias)).and_then(Value::as_array) {
        fields.retain(|name, _| name == "apiAlias" || kept.iter().any(|kept| kept == name.as_str()));
    }
    fields.values_mut().for_each(|value| project(value, includes));
}
