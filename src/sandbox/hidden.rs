//! Records that a store counts and does not show, for a while or for good: what a cache, a plugin or a page that shifted
//! makes of a list.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::faults::Target;
use super::names::normalized;
use super::server::{ADDRESSES, Answer};

/// Whom a store leaves out of its lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Concealment {
    /// The address on the records.
    pub email: String,
    /// Which lists; `any` is all of them.
    #[serde(default)]
    pub on: Target,
    /// How many pages that would show them don't; absent: all.
    pub times: Option<u32>,
}

/// Those whom a store leaves out: address, lists, and on how many pages more.
#[derive(Debug, Default)]
pub(crate) struct Hidden(Mutex<BTreeMap<(String, Target), Option<u32>>>);

impl Hidden {
    /// Leaves somebody out from now on; `false` if that is no address, or no page.
    pub(crate) fn add(&self, concealment: &Concealment) -> bool {
        let Some(address) = normalized(&concealment.email).filter(|_| concealment.times != Some(0)) else {
            return false;
        };
        self.lock().insert((address, concealment.on), concealment.times);
        true
    }

    /// Shows everybody again.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The answer without the records of those who are left out of it.
    pub(crate) fn left_out(&self, request: Target, answer: Answer) -> Answer {
        let mut hidden = self.lock();
        if hidden.is_empty() {
            return answer;
        }
        answer.changed(|body| {
            let mut is_changed = false;
            hidden.retain(|(address, on), times| {
                let concerns = *on == Target::Any || *on == request;
                if !concerns || !drop_from(body, address) {
                    return true;
                }
                is_changed = true;
                let left = times.map(|times| times - 1);
                *times = left;
                left != Some(0)
            });
            is_changed
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, Target), Option<u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the records with an address out of the outermost lists; tells whether there were any.
fn drop_from(body: &mut Value, address: &str) -> bool {
    match body {
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| !carries(item, address));
            items.len() < before
        }
        // All of them, not only up to the first.
        Value::Object(fields) => {
            fields.values_mut().filter_map(|value| drop_from(value, address).then_some(())).count() > 0
        }
        _ => false,
    }
}

fn carries(item: &Value, address: &str) -> bool {
    match item {
        Value::Array(items) => items.iter().any(|item| carries(item, address)),
        Value::Object(fields) => {
            let mut found = ADDRESSES.iter().filter_map(|name| normalized(fields.get(*name)?.as_str()?));
            found.any(|found| found == address) || fields.values().any(|value| carries(value, address))
        }
        _ => false,
    }
}
