//! Who ought to be on which audience, read plainly off the article "Commerce flow contact types".
//!
//! Kept apart from the service's rules on purpose, so that tests can hold one against the other:
//! - WooCommerce: customers are account holders and guest buyers; subscribers are those whose newest word, on the
//!   account or at a checkout, is a yes.
//! - Shopify: customers are all who gave an address, guests too; subscribers are those whom the store shows as
//!   subscribed, or whose newest order without customer accepts marketing.
//! - A no never takes anybody off the customers, and a yes counts only if it is newer than every no.

use std::collections::BTreeSet;

use serde::Serialize;

use super::names::normalized;
use super::population::ERASED;
use super::records::{Account, Order, OrderStatus, Says, Second, Standing};
use super::state::State;
use crate::domain::{Audience, Platform};

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
    /// `customers` or `orders`.
    pub stream: &'static str,
    /// The store's number of it.
    pub id: u64,
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
        self.unusable += u64::from(truth.problem.is_some()) * times;
    }
}

impl State {
    /// The truth about an address, given normalised.
    pub(crate) fn truth(&self, address: &str) -> Truth {
        let (accounts, orders) = self.records_with(address);
        let platform = self.population.platform;
        let newest = accounts
            .iter()
            .filter_map(|account| word_of_account(platform, account))
            .chain(orders.iter().filter_map(|order| self.word_of_order(order)))
            .chain(self.noes.get(address).map(|at| (*at, false)))
            // At one and the same second the no wins.
            .max_by_key(|(at, yes)| (*at, !yes));
        let mut records: Vec<_> =
            accounts.iter().map(|account| record("customers", account.id, account_counts(platform, account))).collect();
        records.extend(orders.iter().map(|order| record("orders", order.id, order_counts(platform, order))));
        let mut audiences = Vec::new();
        let deleted = records.is_empty();
        // A word alone makes nobody known to a store: there must be a live record to state it.
        if newest.is_some_and(|(_, yes)| yes) && !deleted {
            audiences.push(Audience::Subscribers);
        }
        if records.iter().any(|record| record.counts) {
            audiences.push(Audience::Customers);
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

    fn word_of_order(&self, order: &Order) -> Option<(Second, bool)> {
        let platform = self.population.platform;
        if !is_visible(platform, order) {
            return None;
        }
        if platform == Platform::Shopify {
            return order.account.is_none().then_some((order.created, order.says == Says::Yes));
        }
        // The order of an account speaks for the account's address as long as that is the one it was placed with.
        let speaks = order.account.is_none_or(|id| {
            self.account(id).is_some_and(|account| folded(account.email.as_ref()) == folded(order.email.as_ref()))
        });
        let yes = match order.says {
            Says::Yes | Says::YesProtected => true,
            Says::No => false,
            _ => return None,
        };
        speaks.then_some((order.created, yes))
    }

    /// The truth about a person of the population: one entry per address, or one that says what is wrong.
    pub(crate) fn truths_of(&self, person: u64) -> Vec<Truth> {
        let (accounts, orders) = self.records_of(person);
        let mut addresses = BTreeSet::new();
        let mut problems = Vec::new();
        let emails = accounts
            .iter()
            .map(|account| (&account.email, account.malformed, record("customers", account.id, false)))
            .chain(orders.iter().map(|order| (&order.email, order.malformed, record("orders", order.id, false))));
        for (email, malformed, record) in emails {
            match problem(email.as_deref(), malformed) {
                Ok(address) => _ = addresses.insert(address),
                Err(problem) => problems.push(unusable(problem, record)),
            }
        }
        addresses.extend(self.former_addresses(person));
        // Somebody else's address is told with that somebody.
        addresses.retain(|address| {
            self.population.owner(address).is_none_or(|owner| owner == person || !self.population.owns(owner, address))
        });
        problems.extend(addresses.iter().map(|address| self.truth(address)));
        problems
    }

    /// Addresses that a person's records had before somebody changed them.
    fn former_addresses(&self, person: u64) -> Vec<String> {
        let accounts = self.accounts.laid_out_of(person).filter(|place| self.accounts.fate(place.id).is_touched());
        let orders = self.orders.laid_out_of(person).filter(|place| self.orders.fate(place.id).is_touched());
        let former = accounts.map(|place| self.population.account(place).email);
        let former = former.chain(orders.map(|place| self.population.order(place, None).email));
        former.flatten().filter(|email| email != ERASED).filter_map(|email| normalized(&email)).collect()
    }

    /// Addresses that came up by changes and belong to nobody of the population.
    pub(crate) fn added_addresses(&self) -> Vec<String> {
        let nobodys = |address: &String| {
            !self.population.owner(address).is_some_and(|person| self.population.owns(person, address))
        };
        let new_account = self.accounts.changed_live().filter(|account| self.accounts.laid_out(account.id).is_none());
        let new_order = self.orders.changed_live().filter(|order| self.orders.laid_out(order.id).is_none());
        let emails = new_account.map(|account| &account.email).chain(new_order.map(|order| &order.email));
        let mut addresses: BTreeSet<_> = emails.flatten().filter_map(|email| normalized(email)).collect();
        addresses.extend(self.noes.keys().cloned());
        addresses.into_iter().filter(nobodys).collect()
    }

    /// How many ought to be where. Costs as much as the changes, however many people there are.
    pub(crate) fn totals(&self) -> Totals {
        let touched = self.touched_people();
        let mut totals = Totals::default();
        let people = self.population.people;
        let untouched = State::new(self.population);
        for person in 0..people.min(super::cast::ROUND) {
            // Everybody with one part has one truth; only the names differ.
            let alike = (people - person).div_ceil(super::cast::ROUND);
            let touched = touched.iter().filter(|touched| *touched % super::cast::ROUND == person).count() as u64;
            for truth in untouched.truths_of(person) {
                totals.add(&truth, alike - touched);
            }
        }
        for person in &touched {
            self.truths_of(*person).iter().for_each(|truth| totals.add(truth, 1));
        }
        for address in self.added_addresses() {
            totals.add(&self.truth(&address), 1);
        }
        totals
    }

    fn touched_people(&self) -> BTreeSet<u64> {
        let emails = self.accounts.changed_live().map(|account| &account.email);
        let emails = emails.chain(self.orders.changed_live().map(|order| &order.email)).flatten();
        let mut touched: BTreeSet<_> = emails
            .filter_map(|email| normalized(email))
            .chain(self.noes.keys().cloned())
            .filter_map(|address| {
                self.population.owner(&address).filter(|person| self.population.owns(*person, &address))
            })
            .collect();
        touched.extend(self.accounts.changed_ids().filter_map(|id| Some(self.accounts.laid_out(id)?.person)));
        touched.extend(self.orders.changed_ids().filter_map(|id| Some(self.orders.laid_out(id)?.person)));
        touched
    }
}

fn folded(email: Option<&String>) -> Option<String> {
    email.and_then(|email| normalized(email))
}

fn record(stream: &'static str, id: u64, counts: bool) -> TrueRecord {
    TrueRecord { stream, id, counts }
}

fn unusable(problem: Problem, record: TrueRecord) -> Truth {
    Truth {
        address: None,
        audiences: Vec::new(),
        opted_in: None,
        said_at: None,
        deleted: false,
        problem: Some(problem),
        records: vec![record],
    }
}

/// The normalised address of a record, or what is wrong with it.
fn problem(email: Option<&str>, malformed: bool) -> Result<String, Problem> {
    match email {
        _ if malformed => Err(Problem::Malformed),
        None => Err(Problem::NoEmail),
        Some(ERASED) => Err(Problem::Erased),
        Some(email) => normalized(email).ok_or(Problem::InvalidEmail),
    }
}

/// Whether an account is one that the store lists and makes a customer.
fn account_counts(platform: Platform, account: &Account) -> bool {
    let holder = platform == Platform::Shopify
        || matches!(account.standing, Standing::Customer | Standing::SubscriberAndCustomer);
    holder && !account.malformed
}

fn word_of_account(platform: Platform, account: &Account) -> Option<(Second, bool)> {
    let yes = match account.says {
        Says::Yes => true,
        Says::No => false,
        _ => return None,
    };
    (account_counts(platform, account) && !account.flag_is_stale).then_some((account.said_at, yes))
}

/// Whether an order was placed for real and can be seen.
fn is_visible(platform: Platform, order: &Order) -> bool {
    let placed = platform == Platform::Shopify || !matches!(order.status, OrderStatus::Draft | OrderStatus::Trash);
    placed && !order.test && !order.malformed && order.email.as_deref() != Some(ERASED)
}

fn order_counts(platform: Platform, order: &Order) -> bool {
    order.account.is_none() && is_visible(platform, order)
}
