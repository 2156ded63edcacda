//! Walks over lists that change while they are read.
//!
//! Both walks ask for what comes after the last row that was read, by a key that does not change, so that nothing can
//! slip through when rows before it are deleted (`vendors/shopware.md` section 2).
//!
//! - Customers and orders have `autoIncrement`: unique, and a filter on it reads on exactly.
//! - Newsletter rows have none. They are sorted by `createdAt` and `id`, and a window begins at the time that was
//!   reached. Rows of one and the same time, as an import leaves them, can fill a window: then it is read on by page,
//!   with an overlap that shows whether rows moved up meanwhile.
//!
//! **Invariant:** a row that is in the list all the time is given out, whatever else comes and goes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::connectors::ConnectorError;

/// Rows that are not in the order that was asked for.
const UNSORTED: ConnectorError = ConnectorError::BadAnswer { what: "rows in the order that was asked for" };
/// A page that leads no further.
const STUCK: ConnectorError = ConnectorError::BadAnswer { what: "pages that advance" };
/// Nothing, where the store says that there is more.
const CUT_SHORT: ConnectorError = ConnectorError::BadAnswer { what: "as many rows as the store counts" };

/// What a page brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Which rows of the page are new.
    pub(super) fresh: Vec<usize>,
    /// Whether the list is at its end.
    pub(super) done: bool,
}

/// Whether a page is the last: it has fewer rows than asked for, and the store counts no more.
fn is_last(rows: u64, limit: u64, total_from_here: u64) -> Result<bool, ConnectorError> {
    match (rows, total_from_here) {
        (0, 1..) => Err(CUT_SHORT),
        _ => Ok(rows < limit && rows >= total_from_here),
    }
}

/// A walk by a number that is unique and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ByNumber {
    /// The last number read; they begin with 1.
    pub(super) after: u64,
}

impl ByNumber {
    /// Takes in a page of what is above the last number. `None` among the numbers: there is none to read.
    ///
    /// # Errors
    /// Not sorted, cut short, or a full page without any number.
    pub(super) fn take(&mut self, numbers: &[Option<u64>], limit: u64, total: u64) -> Result<Turn, ConnectorError> {
        let known: Vec<u64> = numbers.iter().flatten().copied().collect();
        if !known.is_sorted_by(|one, next| one < next) || known.first().is_some_and(|first| *first <= self.after) {
            return Err(UNSORTED);
        }
        let done = is_last(numbers.len() as u64, limit, total)?;
        match known.last() {
            Some(last) => self.after = *last,
            None if done => {}
            None => return Err(STUCK),
        }
        Ok(Turn { fresh: (0..numbers.len()).collect(), done })
    }
}

/// Where a newsletter row stands: in the order of time, then of id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    /// `createdAt`.
    pub(super) created: DateTime<Utc>,
    /// `id`; hexadecimal digits sort as the bytes they stand for.
    pub(super) id: String,
}

/// A walk by time and id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ByTime {
    /// Where the present window begins; none before the first row.
    pub(super) from: Option<DateTime<Utc>>,
    /// How many rows of the window were read.
    read: u64,
    /// The last row.
    last: Option<Place>,
}

impl ByTime {
    /// Page and limit of the next request, for a shop that gives `size` rows at once: the next page of the window,
    /// begun at least one row too early.
    pub(super) fn slice(&self, size: u64) -> (u64, u64) {
        let Some(until) = self.read.checked_sub(1) else { return (1, size) };
        let least = until.div_ceil(size).max(1);
        // The split with the smallest remainder overlaps least.
        let pages = (least..=2 * least).min_by_key(|pages| until % pages).unwrap_or(least);
        (pages + 1, (until / pages).max(1))
    }

    /// Takes in the page at [`Self::slice`]. `None` among the places: there is none to read.
    ///
    /// # Errors
    /// Not sorted, cut short, or a full page without any place.
    pub(super) fn take(
        &mut self,
        places: &[Option<Place>],
        (page, limit): (u64, u64),
        total: u64,
    ) -> Result<Turn, ConnectorError> {
        if !places.iter().flatten().is_sorted() {
            return Err(UNSORTED);
        }
        let offset = (page - 1) * limit;
        let is_new = |place: &Place| self.last.as_ref().is_none_or(|last| place > last);
        let first = places.iter().flatten().next();
        // The overlap is not where it was: rows before it are gone, and some moved up past it.
        if offset > 0 && first.is_none_or(is_new) {
            self.read = 0;
            return Ok(Turn { fresh: Vec::new(), done: false });
        }
        let done = is_last(places.len() as u64, limit, total.saturating_sub(offset))?;
        let is_fresh = |place: &Option<Place>| place.as_ref().is_none_or(is_new);
        let fresh = places.iter().enumerate().filter(|(_, place)| is_fresh(place)).map(|(index, _)| index).collect();
        match places.iter().flatten().last() {
            Some(last) if self.from == Some(last.created) => self.read = offset + places.len() as u64,
            Some(last) => (self.from, self.read) = (Some(last.created), 0),
            None if done => {}
            None => return Err(STUCK),
        }
        self.last = places.iter().flatten().last().cloned().max(self.last.take());
        Ok(Turn { fresh, done })
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
