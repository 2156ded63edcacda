//! What can go wrong with a store, switched on by tests and by hand.
//!
//! **Invariant:** every fault has a limit, so that a run which retries comes to an end.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A fault of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// 429 with `Retry-After`; on Shopify alternating with THROTTLED under HTTP 200.
    Throttled,
    /// 500; on Shopify alternating with `INTERNAL_SERVER_ERROR` under HTTP 200.
    ServerError,
    /// No answer until the store stops, at most [`super::HANG`].
    TimeOut,
    /// The body ends before the promised length and the connection is cut.
    TruncatedBody,
    /// The body is whole, but not JSON.
    MalformedJson,
    /// An HTML page with status 200: security plugins, maintenance.
    Html,
    /// After this page a person who is on it is deleted, so that everybody after them moves up.
    ShiftedPage,
    /// The credentials are refused, once per count.
    RejectedCredentials,
    /// The first record of the page comes twice.
    DuplicateRows,
    /// One record of the page has a number where its address should be.
    MalformedRecord,
    /// Shopify: `MAX_COST_EXCEEDED`; elsewhere nothing happens.
    MaxCost,
}

/// Which requests a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Every request.
    #[default]
    Any,
    /// Requests for customers.
    Customers,
    /// Requests for orders.
    Orders,
    /// Requests for newsletter rows.
    Subscribers,
}

/// One fault, and when and how often it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultPlan {
    /// What goes wrong.
    pub fault: Fault,
    /// How often, at least 1.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching requests go well before.
    #[serde(default)]
    pub after: u32,
    /// Which requests.
    #[serde(default)]
    pub on: Target,
}

const fn once() -> u32 {
    1
}

impl FaultPlan {
    /// A fault that strikes the next request, once.
    #[must_use]
    pub const fn once(fault: Fault) -> Self {
        Self { fault, times: 1, after: 0, on: Target::Any }
    }
}

/// What is planned and what has happened.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    plans: Vec<FaultPlan>,
    struck: BTreeMap<Fault, u64>,
}

/// The faults as the control API shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultReport {
    /// What is still to come.
    pub planned: Vec<FaultPlan>,
    /// How often each has struck.
    pub struck: BTreeMap<Fault, u64>,
}

/// Most plans at a time.
pub(crate) const MAX_PLANS: usize = 100;

impl Faults {
    /// Plans one more fault; `false` if there are [`MAX_PLANS`] already or it would never strike.
    pub(crate) fn plan(&self, plan: FaultPlan) -> bool {
        let mut book = self.lock();
        let fits = book.plans.len() < MAX_PLANS && plan.times > 0;
        if fits {
            book.plans.push(plan);
        }
        fits
    }

    /// Forgets what is planned; the counts stay.
    pub(crate) fn clear(&self) {
        self.lock().plans.clear();
    }

    pub(crate) fn report(&self) -> FaultReport {
        let book = self.lock();
        FaultReport { planned: book.plans.clone(), struck: book.struck.clone() }
    }

    /// The fault that strikes this request, counted; the plan made first goes first.
    pub(crate) fn strike(&self, request: Target) -> Option<Fault> {
        let mut book = self.lock();
        let index = book.plans.iter_mut().position(|plan| {
            let concerns = plan.on == Target::Any || plan.on == request;
            let waits = concerns && plan.after > 0;
            if waits {
                plan.after -= 1;
            }
            concerns && !waits
        })?;
        let fault = book.plans[index].fault;
        book.plans[index].times -= 1;
        if book.plans[index].times == 0 {
            book.plans.remove(index);
        }
        *book.struck.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// How often a fault has struck.
    pub(crate) fn struck(&self, fault: Fault) -> u64 {
        self.lock().struck.get(&fault).copied().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_requests_as_often_as_planned() {
        let faults = Faults::default();
        assert!(faults.plan(FaultPlan { fault: Fault::Html, times: 2, after: 1, on: Target::Orders }));
        let struck: Vec<_> = [Target::Orders, Target::Customers, Target::Orders, Target::Orders, Target::Orders]
            .map(|request| faults.strike(request).is_some())
            .to_vec();
        assert_eq!(struck, [false, false, true, true, false]);
        assert_eq!(faults.struck(Fault::Html), 2);
    }

    #[test]
    fn a_fault_without_a_limit_can_not_be_planned() {
        assert!(!Faults::default().plan(FaultPlan { times: 0, ..FaultPlan::once(Fault::Html) }));
    }
}
