//! One store's records, as they are now.

use std::collections::BTreeMap;

use super::book::{Book, Fate, Listing, Place};
use super::names::normalized;
use super::nature::{self, Nature};
use super::population::{CHANGED_FROM, Population};
use super::records::{Account, Order, Record, Row, Second};

/// One store's records.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) population: Population,
    pub(crate) accounts: Book<Account>,
    pub(crate) orders: Book<Order>,
    pub(crate) rows: Book<Row>,
    /// When somebody last said no, by address: outlives the record that said it.
    pub(crate) noes: BTreeMap<String, Second>,
    /// Second of the newest change.
    pub(crate) changed_at: Second,
}

/// Records of all kinds.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) accounts: Vec<Account>,
    pub(crate) orders: Vec<Order>,
    pub(crate) rows: Vec<Row>,
}

/// A kind of record that a store keeps.
pub(crate) trait Kept: Record {
    fn book(state: &State) -> &Book<Self>;
    fn build(state: &State, place: Place) -> Self;
}

impl Kept for Account {
    fn book(state: &State) -> &Book<Self> {
        &state.accounts
    }
    fn build(state: &State, place: Place) -> Self {
        state.population.account(place)
    }
}

impl Kept for Order {
    fn book(state: &State) -> &Book<Self> {
        &state.orders
    }
    fn build(state: &State, place: Place) -> Self {
        let account = state.population.part(place.person).account_of(place.part);
        let account = state.accounts.laid_out_of(place.person).nth(account);
        state.population.order(place, account.map(|account| account.id))
    }
}

impl Kept for Row {
    fn book(state: &State) -> &Book<Self> {
        &state.rows
    }
    fn build(state: &State, place: Place) -> Self {
        state.population.row(place)
    }
}

impl State {
    pub(crate) fn new(population: Population) -> Self {
        let people = population.people;
        let first = nature::of(population.platform).first_ids;
        let part = |person| population.part(person);
        Self {
            population,
            accounts: Book::new(people, first.account, CHANGED_FROM, |person| part(person).accounts.len()),
            orders: Book::new(people, first.order, CHANGED_FROM, |person| part(person).orders.len()),
            rows: Book::new(people, first.row, CHANGED_FROM, |person| part(person).rows.len()),
            noes: BTreeMap::new(),
            changed_at: CHANGED_FROM,
        }
    }

    /// What sets this store's platform apart.
    pub(crate) fn nature(&self) -> &'static Nature {
        nature::of(self.population.platform)
    }

    /// The record with this number, if it is there.
    pub(crate) fn find<R: Kept>(&self, id: u64) -> Option<R> {
        match R::book(self).fate(id) {
            Fate::Changed(record) => Some(record.clone()),
            Fate::Gone => None,
            Fate::Untouched => R::book(self).laid_out(id).map(|place| R::build(self, place)),
        }
    }

    /// The records of a slice of a listing.
    pub(crate) fn slice<R: Kept>(&self, listing: &Listing<'_, R>, offset: u64, limit: u64) -> Vec<R> {
        let entries = listing.slice(offset, limit).into_iter();
        entries.map(|entry| entry.or_build(|place| R::build(self, place))).collect()
    }

    /// The live records laid out for a person, whatever their address is now.
    pub(crate) fn records_of(&self, person: u64) -> Records {
        Records { accounts: self.all_of(person), orders: self.all_of(person), rows: self.all_of(person) }
    }

    fn all_of<R: Kept>(&self, person: u64) -> Vec<R> {
        R::book(self).laid_out_of(person).filter_map(|place| self.find(place.id)).collect()
    }

    /// The live records that carry an address, given normalised.
    pub(crate) fn records_with(&self, address: &str) -> Records {
        let owner = self.population.owner(address).filter(|person| self.population.owns(*person, address));
        Records {
            accounts: self.all_with(owner, address),
            orders: self.all_with(owner, address),
            rows: self.all_with(owner, address),
        }
    }

    fn all_with<R: Kept>(&self, owner: Option<u64>, address: &str) -> Vec<R> {
        let mut records: Vec<R> = owner.map(|person| self.all_of(person)).unwrap_or_default();
        records.retain(|record| record.email().and_then(normalized).as_deref() == Some(address));
        records.extend(R::book(self).changed_with(address).cloned());
        records.sort_by_key(Record::id);
        records.dedup_by_key(|record| record.id());
        records
    }
}
