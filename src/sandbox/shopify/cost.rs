//! What a query costs, and the bucket it is paid from.
//!
//! The rule is the sheet's (`vendors/shopify.md` section 7): scalars 0, an object 1, a connection as many nodes as
//! `first` or `last` says.

use std::sync::{Mutex, PoisonError};

use apollo_compiler::ast::Value as Literal;
use apollo_compiler::executable::{ExecutableDocument, Field, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use serde_json::{Value, json};
use std::time::Instant;

/// Deepest selection looked at; documents are validated to be finite before.
const MAX_DEPTH: u32 = 32;

/// What a mutation costs, whatever it gives back.
const MUTATION: u32 = 10;

/// What an operation may cost at most.
pub(super) fn requested(document: &ExecutableDocument, selections: &SelectionSet, variables: &JsonMap) -> u32 {
    Walk { document, variables }.set(selections, MAX_DEPTH)
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
}

impl Walk<'_> {
    fn set(&self, set: &SelectionSet, depth: u32) -> u32 {
        let Some(depth) = depth.checked_sub(1) else { return 0 };
        let costs = set.selections.iter().map(|selection| match selection {
            Selection::Field(field) => self.field(field, depth),
            Selection::InlineFragment(fragment) => self.set(&fragment.selection_set, depth),
            Selection::FragmentSpread(spread) => {
                self.document.fragments.get(&spread.fragment_name).map_or(0, |it| self.set(&it.selection_set, depth))
            }
        });
        costs.fold(0, u32::saturating_add)
    }

    fn field(&self, field: &Field, depth: u32) -> u32 {
        if field.selection_set.is_empty() {
            return 0;
        }
        let kind = field.definition.ty.inner_named_type().as_str();
        let within = self.set(&field.selection_set, depth);
        if kind.ends_with("Connection") {
            // Rows are `nodes` or the `node` of an edge; the connection's own page info is an object as well.
            let size = ["first", "last"].into_iter().find_map(|name| self.number(field, name)).unwrap_or(0);
            return within.saturating_mul(size.max(1));
        }
        if kind.ends_with("Payload") {
            return MUTATION;
        }
        if kind.ends_with("Edge") || kind == "PageInfo" { within } else { within.saturating_add(1) }
    }

    fn number(&self, field: &Field, name: &str) -> Option<u32> {
        let argument = field.arguments.iter().find(|argument| argument.name == name)?;
        match argument.value.as_ref() {
            Literal::Int(number) => number.as_str().parse().ok(),
            Literal::Variable(variable) => self.variables.get(variable.as_str())?.as_u64()?.try_into().ok(),
            _ => None,
        }
    }
}

/// The leaky bucket of one app and shop.
#[derive(Debug)]
pub(super) struct Bucket {
    maximum: f64,
    restore_per_second: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(maximum: f64, restore_per_second: f64) -> Self {
        Self { maximum, restore_per_second, level: Mutex::new((maximum, Instant::now())) }
    }

    /// Takes the requested cost; `false` if it is not there.
    pub(super) fn take(&self, cost: u32) -> bool {
        let mut level = self.lock();
        let fits = level.0 >= f64::from(cost);
        if fits {
            level.0 -= f64::from(cost);
        }
        fits
    }

    /// Gives back what was requested and not used.
    pub(super) fn refund(&self, requested: u32, actual: u32) {
        let mut level = self.lock();
        level.0 = (level.0 + f64::from(requested.saturating_sub(actual))).min(self.maximum);
    }

    /// `throttleStatus`.
    pub(super) fn status(&self) -> Value {
        let available = self.lock().0.floor();
        json!({ "maximumAvailable": self.maximum, "currentlyAvailable": available,
            "restoreRate": self.restore_per_second })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (f64, Instant)> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let restored = now.duration_since(level.1).as_secs_f64() * self.restore_per_second;
        *level = ((level.0 + restored).min(self.maximum), now);
        level
    }
}
