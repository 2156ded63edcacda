//! Who ought to be on which audience, read plainly off the article "Commerce flow contact types".
//!
//! Kept apart from the service's rules on purpose, so that tests can hold one against the other:
//! - Customers are account holders and guest buyers; on Magento guest buyers are an audience of their own.
//! - Subscribers are those whose newest word is a yes: on the account (Magento, SFCC, Shopify, WooCommerce), on an
//!   order (SFCC, WooCommerce, Shopify where the address has no customer, BigCommerce where it has no subscriber
//!   record), or on a newsletter row (BigCommerce, Shopware in the chosen sales channels, Magento where the merchant's
//!   endpoint shows them).
//! - A no never takes anybody off the customers, and a yes counts only if it is newer than every no.

mod all;

use serde::Serialize;

use super::ids;
use super::names::normalized;
use super::nature::OrdersSpeak;
use super::population::ERASED;
use super::records::{Account, OUTSIDE, Order, Row, Says, Second};
use super::state::{Records, State};
use crate::domain::Audience;

/// The truth about one address, or about one person without a usable one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Truth {
    /// The address in the form that identifies a person; `None` where there is none.
    pub address: Option<String>,
    /// The audiences it ought to be on.
    pub audiences: Vec<Audience>,
    /// The newest word: `true` for a yes, `false` for a no, `None` if nothing was said.
    pub opted_in: Option<bool>,
    /// When that was said, seconds since 1970; before 2026 unless a change said it.
    pub said_at: Option<i64>,
    /// No record carries the address any more.
    pub deleted: bool,
    /// Why the person is nobody for a mailing list.
    pub problem: Option<Problem>,
    /// The store's records.
    pub records: Vec<TrueRecord>,
}

/// Why a person can't be on any list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Problem {
    /// An account or order without address.
    NoEmail,
    /// Something that is no address.
    InvalidEmail,
    /// A value of the wrong type stands in the address's place.
    Malformed,
    /// Erased in the store.
    Erased,
}

/// One of the store's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrueRecord {
    /// `customers`, `orders` or `subscribers`.
    pub stream: &'static str,
    /// The store's number of it.
    pub id: u64,
    /// Its id as the vendor's API writes it.
    pub store_id: String,
    /// Whether it makes somebody a customer, a guest buyer included.
    pub counts: bool,
}

/// How many people a store has, and how many ought to be where. Addresses are counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// People and addresses known, gone ones included.
    pub people: u64,
    /// Addresses that some audience has.
    pub contacts: u64,
    /// Addresses of subscribers.
    pub subscribers: u64,
    /// Addresses of customers.
    pub customers: u64,
    /// Addresses of guests, where they are an audience of their own.
    pub guests: u64,
    /// People without a usable address.
    pub unusable: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, truth: &Truth, times: u64) {
        let on = |audience| u64::from(truth.audiences.contains(&audience)) * times;
        self.people += times;
        self.contacts += u64::from(!truth.audiences.is_empty()) * times;
        self.subscribers += on(Audience::Subscribers);
        self.customers += on(Audience::Customers);
        self.guests += on(Audience::Guests);
        self.unusable += u64::from(truth.problem.is_some()) * times;
    }
}

impl State {
    /// The truth about an address, given normalised.
    pub(crate) fn truth(&self, address: &str) -> Truth {
        let found = self.seen(self.records_with(address));
        let newest = self
            .words(&found)
            .into_iter()
            .chain(self.noes.get(address).map(|at| (*at, false)))
            // At one and the same second the no wins.
            .max_by_key(|(at, yes)| (*at, !yes));
        let records = self.told(&found);
        let mut audiences = Vec::new();
        let deleted = records.is_empty();
        // A word alone makes nobody known to a store: there must be a live record to state it.
        if newest.is_some_and(|(_, yes)| yes) && !deleted {
            audiences.push(Audience::Subscribers);
        }
        let guests = self.nature().guests.audience;
        let is_guest = found.orders.iter().any(|order| self.order_counts(order));
        if found.accounts.iter().any(|account| self.account_counts(account))
            || (is_guest && guests == Audience::Customers)
        {
            audiences.push(Audience::Customers);
        }
        if is_guest && guests == Audience::Guests {
            audiences.push(Audience::Guests);
        }
        Truth {
            address: Some(address.to_owned()),
            audiences,
            opted_in: newest.map(|(_, yes)| yes),
            said_at: newest.map(|(at, _)| at),
            deleted,
            problem: None,
            records,
        }
    }

    /// Without what the store's set-up hides.
    fn seen(&self, mut records: Records) -> Records {
        if !self.population.sight.rows {
            records.rows.clear();
        }
        records
    }

    fn told(&self, found: &Records) -> Vec<TrueRecord> {
        let accounts =
            found.accounts.iter().map(|account| self.record("customers", account.id, self.account_counts(account)));
        let orders = found.orders.iter().map(|order| self.record("orders", order.id, self.order_counts(order)));
        let rows = found.rows.iter().map(|row| self.record("subscribers", row.id, false));
        accounts.chain(orders).chain(rows).collect()
    }

    fn record(&self, stream: &'static str, id: u64, counts: bool) -> TrueRecord {
        TrueRecord { stream, id, store_id: ids::shown(self.nature(), stream, id), counts }
    }

    /// Every dated yes or no of the records of one address.
    fn words(&self, found: &Records) -> Vec<(Second, bool)> {
        let accounts = found.accounts.iter().filter_map(|account| self.word_of_account(account));
        let rows = found.rows.iter().filter_map(word_of_row);
        let orders = found.orders.iter().filter_map(|order| self.word_of_order(order, found));
        accounts.chain(rows).chain(orders).collect()
    }

    fn word_of_account(&self, account: &Account) -> Option<(Second, bool)> {
        let counts = self.account_counts(account) && self.population.sight.words_of_accounts;
        let yes = match account.says {
            Says::Yes => true,
            Says::No => false,
            _ => return None,
        };
        (counts && !account.flag_is_stale).then_some((account.said_at, yes))
    }

    fn word_of_order(&self, order: &Order, beside: &Records) -> Option<(Second, bool)> {
        if !self.is_visible(order) || !self.population.sight.words_of_orders {
            return None;
        }
        let word = match order.says {
            Says::Yes | Says::YesProtected => Some(true),
            Says::No => Some(false),
            _ => None,
        };
        let yes = match self.nature().orders_speak {
            OrdersSpeak::Never => None,
            OrdersSpeak::WithoutRow => word.filter(|yes| *yes && order.account.is_none() && beside.rows.is_empty()),
            OrdersSpeak::WithoutAccount => {
                let has_account = beside.accounts.iter().any(|account| self.account_counts(account));
                (order.account.is_none() && !has_account).then_some(order.says == Says::Yes)
            }
            // The order of an account speaks for the account's address as long as that is the one it was placed with.
            OrdersSpeak::Always => word.filter(|_| {
                order.account.is_none_or(|id| {
                    self.find::<Account>(id)
                        .is_some_and(|account| folded(account.email.as_ref()) == folded(order.email.as_ref()))
                })
            }),
        };
        Some((order.created, yes?))
    }

    /// Whether an account is one that the store lists and makes a customer.
    fn account_counts(&self, account: &Account) -> bool {
        (self.nature().holds)(account) && !account.malformed
    }

    /// Whether an order was placed for real and can be seen.
    fn is_visible(&self, order: &Order) -> bool {
        let placed = !self.nature().unplaced.contains(&order.status);
        placed && !order.test && !order.malformed && order.email.as_deref() != Some(ERASED)
    }

    fn order_counts(&self, order: &Order) -> bool {
        order.account.is_none() && self.is_visible(order)
    }
}

fn word_of_row(row: &Row) -> Option<(Second, bool)> {
    let yes = match row.says {
        Says::Yes => true,
        Says::No => false,
        _ => return None,
    };
    (row.channel != OUTSIDE && !row.malformed).then_some((row.said_at, yes))
}

fn folded(email: Option<&String>) -> Option<String> {
    email.and_then(|email| normalized(email))
}

#[cfg(test)]
mod tests;
