//! A walk over a list that changes meanwhile: always the first page of what comes after the last record read.
//!
//! Pages by number lie: rows that are deleted or changed move the later ones, and past the end older releases repeat
//! the last page for ever while newer ones give none (`vendors/magento.md` section 3, `customers_page4_beyond_end`).
//! So no page but the first is ever asked for. What has been read is excluded by a filter on the sort keys, and the
//! walk is over when the store counts no more than it gave.
//!
//! **Invariant:** a record that is in the list all the time is given out; one that changes meanwhile only moves
//! towards the end of a walk by change, hence is given out again.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::search::{Search, time};
use crate::connectors::ConnectorError;

/// In which order a list is walked, and behind which record the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "by")]
pub(super) enum Walk {
    /// By id, which never changes: everything.
    Ids {
        /// Highest id read.
        after: u64,
    },
    /// By the time of the last change, then by id, since times are whole seconds and shared.
    Changes {
        /// Time of the last record read, or from when on.
        at: DateTime<Utc>,
        /// Its id; 0 before the first record.
        after: u64,
    },
}

/// The two sort keys of one row, `None` where they can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keys {
    /// The store's id.
    pub(super) id: Option<u64>,
    /// When the row last changed.
    pub(super) changed: Option<DateTime<Utc>>,
}

/// The names of the two sort keys in filters.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyNames {
    /// The id.
    pub(super) id: &'static str,
    /// The time of the last change.
    pub(super) changed: &'static str,
}

/// One page as the store answered it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// How many records were asked for.
    pub(super) size: u64,
    /// The keys in the order of the answer.
    pub(super) keys: &'a [Keys],
    /// How many records the store counts behind the place where the page begins.
    pub(super) total: Option<u64>,
}

/// What a page brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Which rows of the page are new.
    pub(super) fresh: Vec<usize>,
    /// Whether the walk is over.
    pub(super) done: bool,
}

impl Walk {
    /// Everything, from the first id on.
    pub(super) const fn over_everything() -> Self {
        Self::Ids { after: 0 }
    }

    /// All that changed at a time or later.
    pub(super) const fn over_changes_from(at: DateTime<Utc>) -> Self {
        Self::Changes { at, after: 0 }
    }

    /// What to ask for next.
    pub(super) fn search(&self, names: KeyNames) -> Search {
        match *self {
            Self::Ids { after: 0 } => Search::default().sorted_by(names.id, "ASC"),
            Self::Ids { after } => {
                Search::default().any_of(&[(names.id, "gt", after.to_string())]).sorted_by(names.id, "ASC")
            }
            Self::Changes { at, after } => {
                let mut search = Search::default().any_of(&[(names.changed, "gteq", time(at))]);
                if after > 0 {
                    search = search.any_of(&[(names.changed, "gt", time(at)), (names.id, "gt", after.to_string())]);
                }
                search.sorted_by(names.changed, "ASC").sorted_by(names.id, "ASC")
            }
        }
    }

    /// Takes in the page that was asked for and moves behind it.
    ///
    /// # Errors
    /// The rows are not in the order asked for, or nothing new came although the store counts more: then filters or
    /// sort orders were ignored, and going on would leave out records or never end.
    pub(super) fn take(&mut self, window: Window<'_>) -> Result<Turn, ConnectorError> {
        let places: Vec<Option<(DateTime<Utc>, u64)>> = window.keys.iter().map(|keys| self.place(keys)).collect();
        // A join of some module may show a row twice, wherever it stands the second time.
        let mut known = HashSet::new();
        let is_first: Vec<bool> = places.iter().map(|place| place.is_none_or(|place| known.insert(place))).collect();
        let once = || places.iter().zip(&is_first).filter(|(_, first)| **first).map(|(place, _)| place);
        if !once().flatten().is_sorted() {
            return Err(ConnectorError::BadAnswer { what: "records in the order asked for" });
        }
        let here = self.here();
        let is_fresh = |index: &usize| is_first[*index] && places[*index].is_none_or(|place| place > here);
        let fresh: Vec<usize> = (0..places.len()).filter(is_fresh).collect();
        let done = is_last(window);
        let furthest = places.iter().flatten().max().filter(|place| **place > here);
        if furthest.is_none() && !done {
            return Err(ConnectorError::BadAnswer { what: "as many records as the store counts" });
        }
        if let Some((changed, id)) = furthest {
            *self = match self {
                Self::Ids { .. } => Self::Ids { after: *id },
                Self::Changes { .. } => Self::Changes { at: *changed, after: *id },
            };
        }
        Ok(Turn { fresh, done })
    }

    /// A row's place in the order of the walk.
    fn place(&self, keys: &Keys) -> Option<(DateTime<Utc>, u64)> {
        match self {
            Self::Ids { .. } => Some((DateTime::UNIX_EPOCH, keys.id?)),
            Self::Changes { .. } => Some((keys.changed?, keys.id?)),
        }
    }

    /// Highest id of a walk by id, else the last record's.
    pub(super) const fn last_id(&self) -> u64 {
        match *self {
            Self::Ids { after } | Self::Changes { after, .. } => after,
        }
    }

    const fn here(&self) -> (DateTime<Utc>, u64) {
        match *self {
            Self::Ids { after } => (DateTime::UNIX_EPOCH, after),
            Self::Changes { at, after } => (at, after),
        }
    }
}

/// A page that is not full is the last one if the store counts no more than it gave; a full one only if it counts
/// exactly that, since a count that is too low must not end a walk.
fn is_last(window: Window<'_>) -> bool {
    let given = window.keys.len() as u64;
    if given < window.size { window.total.is_none_or(|total| total <= given) } else { window.total == Some(given) }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
