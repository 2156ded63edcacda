//! One store's records, as they are now.

use std::collections::BTreeMap;

use super::book::{Book, Fate, Listing, Place};
use super::names::normalized;
use super::population::{CHANGED_FROM, Population};
use super::records::{Account, Order, Second};
use crate::domain::Platform;

/// One store's records.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) population: Population,
    pub(crate) accounts: Book<Account>,
    pub(crate) orders: Book<Order>,
    /// When somebody last said no, by address: outlives the record that said it.
    pub(crate) noes: BTreeMap<String, Second>,
    /// Second of the newest change.
    pub(crate) changed_at: Second,
}

impl State {
    pub(crate) fn new(population: Population) -> Self {
        let people = population.people;
        // Ids as large as the vendors': Shopify's need 64 bits, WordPress's user 1 is the administrator.
        let (first_account, first_order) = match population.platform {
            Platform::Shopify => (9_000_000_000_001, 6_000_000_001_001),
            _ => (2, 1_001),
        };
        Self {
            population,
            accounts: Book::new(people, first_account, CHANGED_FROM, |person| population.part(person).accounts.len()),
            orders: Book::new(people, first_order, CHANGED_FROM, |person| population.part(person).orders.len()),
            noes: BTreeMap::new(),
            changed_at: CHANGED_FROM,
        }
    }

    pub(crate) fn account(&self, id: u64) -> Option<Account> {
        match self.accounts.fate(id) {
            Fate::Changed(record) => Some(record.clone()),
            Fate::Gone => None,
            Fate::Untouched => self.accounts.laid_out(id).map(|place| self.population.account(place)),
        }
    }

    pub(crate) fn order(&self, id: u64) -> Option<Order> {
        match self.orders.fate(id) {
            Fate::Changed(record) => Some(record.clone()),
            Fate::Gone => None,
            Fate::Untouched => self.orders.laid_out(id).map(|place| self.order_at(place)),
        }
    }

    fn order_at(&self, place: Place) -> Order {
        self.population.order(place, self.accounts.laid_out_of(place.person).next().map(|account| account.id))
    }

    /// The accounts of a slice of a listing.
    pub(crate) fn accounts_of(&self, listing: &Listing<'_, Account>, offset: u64, limit: u64) -> Vec<Account> {
        let entries = listing.slice(offset, limit).into_iter();
        entries.map(|entry| entry.or_build(|place| self.population.account(place))).collect()
    }

    /// The orders of a slice of a listing.
    pub(crate) fn orders_of(&self, listing: &Listing<'_, Order>, offset: u64, limit: u64) -> Vec<Order> {
        let entries = listing.slice(offset, limit).into_iter();
        entries.map(|entry| entry.or_build(|place| self.order_at(place))).collect()
    }

    /// The live records laid out for a person, whatever their address is now.
    pub(crate) fn records_of(&self, person: u64) -> (Vec<Account>, Vec<Order>) {
        let accounts = self.accounts.laid_out_of(person).filter_map(|place| self.account(place.id)).collect();
        let orders = self.orders.laid_out_of(person).filter_map(|place| self.order(place.id)).collect();
        (accounts, orders)
    }

    /// The live records that carry an address, given normalised.
    pub(crate) fn records_with(&self, address: &str) -> (Vec<Account>, Vec<Order>) {
        let carries = |email: Option<&String>| email.and_then(|email| normalized(email)).as_deref() == Some(address);
        let owner = self.population.owner(address).filter(|person| self.population.owns(*person, address));
        let (mut accounts, mut orders) = owner.map(|person| self.records_of(person)).unwrap_or_default();
        accounts.extend(self.accounts.changed_live().cloned());
        orders.extend(self.orders.changed_live().cloned());
        accounts.retain(|account| carries(account.email.as_ref()));
        orders.retain(|order| carries(order.email.as_ref()));
        accounts.sort_by_key(|account| account.id);
        orders.sort_by_key(|order| order.id);
        accounts.dedup_by_key(|account| account.id);
        orders.dedup_by_key(|order| order.id);
        (accounts, orders)
    }
}
