//! How many members a run may take off a list before it asks, as somebody sets it.

use crate::domain::shrink::{Limit, MAX_AT_LEAST};
use crate::error::Error;

/// A change of how many a run may take off a list before it asks. What is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitChange {
    /// See [`Limit::percent`].
    pub percent: Option<u32>,
    /// See [`Limit::at_least`].
    pub at_least: Option<u32>,
}

impl LimitChange {
    /// The limit after the change; `None` if nothing changes.
    ///
    /// # Errors
    /// A number outside its bounds.
    pub(super) fn over(self, Limit { percent, at_least }: Limit) -> Result<Option<Limit>, Error> {
        if self.percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
            return Err(Error::invalid("leaveLimit.percent", "must be a whole number from 1 to 100"));
        }
        if self.at_least.is_some_and(|at_least| !(1..=MAX_AT_LEAST).contains(&at_least)) {
            let problem = format!("must be a whole number from 1 to {MAX_AT_LEAST}");
            return Err(Error::invalid("leaveLimit.atLeast", problem));
        }
        let is_change = self.percent.is_some() || self.at_least.is_some();
        let after = Limit { percent: self.percent.unwrap_or(percent), at_least: self.at_least.unwrap_or(at_least) };
        Ok(is_change.then_some(after))
    }
}
