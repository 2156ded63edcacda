//! The lists: which records fit the criteria, in which order, and which page of them.

use std::ops::Range;

use serde_json::{Value, json};

use super::bodies;
use super::criteria::{Column, Criteria, Fields, Filter, second_of};
use super::refusal::Refusal;
use super::{PastTheEnd, Shop};
use crate::sandbox::book::{ALL_KEYS, Key, Listing, Sort};
use crate::sandbox::faults::Target;
use crate::sandbox::names::normalized;
use crate::sandbox::records::{Account, Order, Row, Says};
use crate::sandbox::server::Answer;
use crate::sandbox::state::{Kept, Records, State};

/// Size of a page where the shop limits pages and none was asked for (`vendors/magento.md` section 3).
const LIMITED_DEFAULT: u64 = 20;
/// Records looked at between two looks at the listing.
const CHUNK: u64 = 1000;

/// A record that can be listed.
pub(super) trait Listed: Kept {
    /// Names of the columns for the id, the last change and the address.
    const ID: &'static str;
    const CHANGED: &'static str;
    const EMAIL: &'static str;
    const TARGET: Target;

    /// A column; `None` for a name that is none.
    fn column(&self, name: &str) -> Option<Column>;
    fn of(records: Records) -> Vec<Self>;
    /// Whether it belongs to no account, of a record and of a part of the cast.
    fn is_nobodys(&self) -> bool;
    fn part_is_nobodys(state: &State, person: u64, part: usize) -> bool;
    fn body(&self, shop: &Shop, state: &State) -> Value;
}

impl Listed for Account {
    const ID: &'static str = "entity_id";
    const CHANGED: &'static str = "updated_at";
    const EMAIL: &'static str = "email";
    const TARGET: Target = Target::Customers;

    fn column(&self, name: &str) -> Option<Column> {
        let (store, website, ..) = bodies::view(self.channel);
        Some(match name {
            "entity_id" => Column::Number(self.id),
            "email" => self.email.clone().map_or(Column::Null, Column::Text),
            "updated_at" => Column::Time(self.modified),
            "created_at" => Column::Time(self.created),
            "website_id" => Column::Number(website),
            "store_id" => Column::Number(store),
            "group_id" => Column::Number(1),
            "firstname" => Column::Text(self.first_name.clone()),
            "lastname" => Column::Text(self.last_name.clone()),
            _ => return None,
        })
    }

    fn of(records: Records) -> Vec<Self> {
        records.accounts
    }

    fn is_nobodys(&self) -> bool {
        false
    }

    fn part_is_nobodys(_: &State, _: u64, _: usize) -> bool {
        false
    }

    /// The list finds the subscription by the address alone, the first one of any website (section 6).
    fn body(&self, shop: &Shop, state: &State) -> Value {
        // Its subscriber row is in small letters: the list tells letters apart, the database does not.
        let is_hidden = self.list_hides && self.email.as_ref().is_some_and(|email| *email != email.to_lowercase());
        let flag = (!shop.options().list_hides_flag).then(|| !is_hidden && first_says_yes(state, self));
        bodies::customer(self, flag)
    }
}

/// Whether the first subscription of an account's address is one, whatever website it is of.
fn first_says_yes(state: &State, account: &Account) -> bool {
    let address = account.email.as_deref().and_then(normalized).filter(|_| !account.malformed);
    let same = address.map(|address| state.records_with(&address).accounts).unwrap_or_default();
    let first = same.iter().find(|other| other.says != Says::Nothing);
    first.unwrap_or(account).says == Says::Yes
}

impl Listed for Order {
    const ID: &'static str = "entity_id";
    const CHANGED: &'static str = "updated_at";
    const EMAIL: &'static str = "customer_email";
    const TARGET: Target = Target::Orders;

    fn column(&self, name: &str) -> Option<Column> {
        Some(match name {
            "entity_id" => Column::Number(self.id),
            "updated_at" => Column::Time(self.modified),
            "created_at" => Column::Time(self.created),
            "customer_email" => self.email.clone().map_or(Column::Null, Column::Text),
            "customer_id" => self.account.map_or(Column::Null, Column::Number),
            "customer_is_guest" => {
                bodies::is_guest(self).map_or(Column::Null, |is_guest| Column::Number(u64::from(is_guest)))
            }
            "store_id" => Column::Number(1),
            "state" | "status" => Column::Text(bodies::state(self.status).to_owned()),
            _ => return None,
        })
    }

    fn of(records: Records) -> Vec<Self> {
        records.orders
    }

    fn is_nobodys(&self) -> bool {
        self.account.is_none()
    }

    fn part_is_nobodys(state: &State, person: u64, part: usize) -> bool {
        state.population.part(person).orders.get(part).is_some_and(|order| !order.by_account)
    }

    fn body(&self, _: &Shop, _: &State) -> Value {
        bodies::order(self)
    }
}

impl Listed for Row {
    const ID: &'static str = "subscriber_id";
    const CHANGED: &'static str = "change_status_at";
    const EMAIL: &'static str = "subscriber_email";
    const TARGET: Target = Target::Subscribers;

    fn column(&self, name: &str) -> Option<Column> {
        Some(match name {
            "subscriber_id" => Column::Number(self.id),
            "change_status_at" => Column::Time(self.modified),
            "store_id" => Column::Number(bodies::view(self.channel).0),
            "customer_id" => Column::Number(0),
            "subscriber_email" => self.email.clone().map_or(Column::Null, Column::Text),
            "subscriber_status" => Column::Number(bodies::status(self.says)),
            _ => return None,
        })
    }

    fn of(records: Records) -> Vec<Self> {
        records.rows
    }

    fn is_nobodys(&self) -> bool {
        false
    }

    fn part_is_nobodys(_: &State, _: u64, _: usize) -> bool {
        false
    }

    fn body(&self, _: &Shop, _: &State) -> Value {
        bodies::subscriber(self)
    }
}

/// The criteria in the words of the book: a range of keys where they are one, and the rest of the filters.
struct Plan<'a> {
    sort: Sort,
    descending: bool,
    keys: Range<Key>,
    only_nobodys: bool,
    /// Addresses that are asked for, so that they need not be looked for.
    addresses: Option<Vec<&'a str>>,
    rest: Vec<&'a [Filter]>,
}

impl<'a> Plan<'a> {
    /// An unknown sort field is ignored (recorded: `customers_sort_unknown_field`).
    fn of<R: Listed>(criteria: &'a Criteria) -> Self {
        let sorts = criteria.orders.iter().filter_map(|order| match order.field.as_str() {
            field if field == R::ID => Some((Sort::Id, order.descending)),
            field if field == R::CHANGED => Some((Sort::Modified, order.descending)),
            _ => None,
        });
        let (sort, descending) = sorts.into_iter().next().unwrap_or((Sort::Id, false));
        let mut plan =
            Self { sort, descending, keys: ALL_KEYS, only_nobodys: false, addresses: None, rest: Vec::new() };
        criteria.groups.iter().for_each(|group| plan.add::<R>(group));
        plan
    }

    fn add<R: Listed>(&mut self, group: &'a [Filter]) {
        let named = |filter: &Filter| match filter.field.as_str() {
            field if field == R::ID => "id",
            field if field == R::CHANGED => "changed",
            field if field == R::EMAIL => "email",
            "customer_id" => "customer",
            _ => "",
        };
        let words: Vec<(&str, &str)> = group.iter().map(|one| (named(one), one.condition.as_str())).collect();
        let id = |filter: &Filter| filter.value.parse::<u64>().ok();
        match (self.sort, &words[..]) {
            (Sort::Id, [("id", "gt")]) => {
                let after = id(&group[0]).unwrap_or_default();
                self.keys.start = self.keys.start.max((0, after.saturating_add(1)));
            }
            (Sort::Modified, [("changed", "gteq")]) => {
                self.keys.start = self.keys.start.max((second_of(&group[0].value), 0));
            }
            // What comes after one record in the order of change and id.
            (Sort::Modified, [("changed", "gt"), ("id", "gt")])
                if self.keys.start == (second_of(&group[0].value), 0) =>
            {
                self.keys.start.1 = id(&group[1]).unwrap_or_default().saturating_add(1);
            }
            (_, [("customer", "null")]) => self.only_nobodys = true,
            (_, [("email", "eq" | "in")]) => {
                self.addresses = Some(group[0].value.split(',').collect());
                self.rest.push(group);
            }
            _ => self.rest.push(group),
        }
    }

    fn fits<R: Listed>(&self, record: &R) -> bool {
        let fits = |filter: &Filter| record.column(&filter.field).is_some_and(|column| filter.fits(&column));
        self.rest.iter().all(|group| group.iter().any(fits))
    }

    /// All records that fit, where filters have to look at each.
    fn sifted<R: Listed>(&self, state: &State, listing: &Listing<'_, R>) -> Vec<R> {
        if let Some(addresses) = &self.addresses {
            let found = addresses.iter().filter_map(|address| normalized(address));
            let mut records: Vec<R> = found.flat_map(|address| R::of(state.records_with(&address))).collect();
            records.retain(|record| self.keys.contains(&listing.key_of(record)) && self.fits(record));
            records.sort_by_key(|record| listing.key_of(record));
            records.dedup_by_key(|record| record.id());
            return records;
        }
        let starts = (0..listing.len()).step_by(usize::try_from(CHUNK).unwrap_or(1));
        let records = starts.flat_map(|start| state.slice(listing, start, CHUNK));
        records.filter(|record| self.fits(record)).collect()
    }
}

/// A page of a list.
pub(super) fn page<R: Listed>(shop: &Shop, query: &[(String, String)]) -> Result<Answer, Refusal> {
    let criteria = Criteria::read(query)?;
    let size = page_size(shop, &criteria)?;
    let state = shop.shared.state();
    check_fields::<R>(&state, &criteria)?;
    let plan = Plan::of::<R>(&criteria);
    let fits_part = |person, part| !plan.only_nobodys || R::part_is_nobodys(&state, person, part);
    let fits = |record: &R| !plan.only_nobodys || record.is_nobodys();
    let listing = R::book(&state).list(plan.sort, plan.keys.clone(), fits_part, fits);
    let sifted = (!plan.rest.is_empty()).then(|| plan.sifted(&state, &listing));
    let total = sifted.as_ref().map_or_else(|| listing.len(), |records| records.len() as u64);
    let (start, end) = bounds(shop.options().past_the_end, &criteria, size, total);
    // A descending list is the ascending one from its end.
    let (from, to) = if plan.descending { (total - end, total - start) } else { (start, end) };
    let mut records = match sifted {
        Some(records) => {
            let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            records.into_iter().skip(place(from)).take(place(to - from)).collect()
        }
        None => state.slice(&listing, from, to - from),
    };
    if plan.descending {
        records.reverse();
    }
    let items: Vec<Value> = records.iter().map(|record| record.body(shop, &state)).collect();
    let body = json!({ "items": items, "search_criteria": criteria.echo(), "total_count": total });
    let listed = records.iter().map(R::id).collect();
    Ok(Answer::json(200, &Fields::read(query).cut(body)).with_listed(R::TARGET, listed))
}

/// The filters name columns, or the shop refuses them (recorded: `customers_filter_unknown_field`).
fn check_fields<R: Listed>(state: &State, criteria: &Criteria) -> Result<(), Refusal> {
    let all = R::book(state).list(Sort::Id, ALL_KEYS, |_, _| true, |_| true);
    let some = state.slice(&all, 0, 1).into_iter().next();
    let is_unknown = |filter: &&Filter| some.as_ref().is_some_and(|record: &R| record.column(&filter.field).is_none());
    match criteria.groups.iter().flatten().find(is_unknown) {
        Some(filter) => Err(Refusal::no_attribute(&filter.field)),
        None => Ok(()),
    }
}

/// `None` for every row: no size, or 0 (recorded: `customers_page_size_0`).
fn page_size(shop: &Shop, criteria: &Criteria) -> Result<Option<u64>, Refusal> {
    match (criteria.page_size, shop.options().largest_page) {
        (Some(size), Some(largest)) if size > largest => Err(Refusal::page_too_large(largest)),
        (None, Some(_)) => Ok(Some(LIMITED_DEFAULT)),
        (size, _) => Ok(size.filter(|size| *size > 0)),
    }
}

/// From which to which record the page reaches. Page 0 is page 1 (recorded: `customers_page_0`).
fn bounds(past_the_end: PastTheEnd, criteria: &Criteria, size: Option<u64>, total: u64) -> (u64, u64) {
    let Some(size) = size else { return (0, total) };
    let mut start = (criteria.current_page.unwrap_or(1).max(1) - 1).saturating_mul(size);
    if start >= total && past_the_end == PastTheEnd::LastPage {
        start = total.saturating_sub(1) / size * size;
    }
    let start = start.min(total);
    (start, start.saturating_add(size).min(total))
}
