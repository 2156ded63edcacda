//! A walk over a list that is sorted by id and read by offset, while the store changes under it.
//!
//! A record that is deleted moves all later ones forward, past the offset. Every window therefore begins a few
//! records before the end of the one before it. If its first record is one that we know, nothing can have slipped
//! through; if not, the walk steps back until it is. Records with an id that was passed are not given out again.
//!
//! **Invariant:** a record that is in the list all the time is given out, whatever else comes and goes. That is
//! what lets a full pass say who is gone.

use serde::{Deserialize, Serialize};

use crate::connectors::ConnectorError;

/// By how many records two windows overlap. Fewer deletions than that cost no extra request.
pub(super) const OVERLAP: u64 = 5;
/// One record in so many may be missing at the end of a list of which that is borne. More, and something in between answers
/// from a cache.
const TOLERATED_SHARE: u64 = 10;

/// What becomes of a list that shows fewer records than it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// It is not believed: whom it left out would pass for gone.
    Refused,
    /// A few may be missing: they are hidden from the key's user, or looked for afterwards by the count.
    Borne,
}

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// Where the next window begins.
    pub(super) offset: u64,
    /// Highest id given out; WordPress counts from 1.
    pub(super) last_id: u64,
    /// How many records were given out.
    pub(super) seen: u64,
    /// The fewest that the list had, if the store told: it shrinks while accounts are deleted or change their role.
    pub(super) least: Option<u64>,
}

/// One window as the store answered it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// How many records were asked for; more than twice [`OVERLAP`].
    pub(super) size: u64,
    /// The ids in the order of the answer, `None` where there is none to read.
    pub(super) ids: &'a [Option<u64>],
    /// Length of the list, if the store tells.
    pub(super) total: Option<u64>,
}

/// What a window brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Which records of the window are new.
    pub(super) fresh: Vec<usize>,
    /// Whether the list is at its end.
    pub(super) done: bool,
}

impl Turn {
    const AGAIN: Self = Self { fresh: Vec::new(), done: false };
}

/// The walk.
#[derive(Debug)]
pub(super) struct Walk {
    cursor: Cursor,
    short: Short,
    /// The id before which something seemed to be missing, and how long the list was; nothing new was seen since.
    gap: Option<(u64, u64)>,
    /// How many windows the next step back takes.
    stride: u64,
    /// An offset at which there was nothing.
    end: Option<u64>,
}

impl Walk {
    /// Begins, or goes on.
    pub(super) const fn new(cursor: Cursor, short: Short) -> Self {
        Self { cursor, short, gap: None, stride: 1, end: None }
    }

    /// Where it stands.
    pub(super) const fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Takes in the window at the cursor's offset.
    ///
    /// # Errors
    /// The window is not sorted by id, or the list ended with fewer records than it says it has and may have.
    pub(super) fn take(&mut self, window: Window<'_>) -> Result<Turn, ConnectorError> {
        let offset = self.cursor.offset;
        let reached = offset + window.ids.len() as u64;
        if window.ids.is_empty() {
            // Past its end a list of orders says that it has none: `vendors/woocommerce.md` section 2.
            return self.take_empty(window.size, window.total.filter(|total| *total >= offset));
        }
        if !window.ids.iter().flatten().is_sorted_by(|one, next| one < next) {
            return Err(ConnectorError::BadAnswer { what: "records in the order of their ids" });
        }
        self.note(window.total);
        let first = window.ids.iter().flatten().next().copied();
        let unknown = offset > 0 && first.is_some_and(|id| id > self.cursor.last_id);
        let gap = first.zip(window.total);
        // The same gap again after a step back, in a list as long as before, is none: the store hides what was there.
        if unknown && (gap.is_none() || self.gap != gap) {
            self.gap = gap;
            self.end = None;
            self.step_back(window.size);
            return Ok(Turn::AGAIN);
        }
        self.stride = 1;
        let fresh = self.fresh(window.ids);
        if !fresh.is_empty() {
            self.gap = None;
        }
        let is_new = |id: &u64| *id > self.cursor.last_id;
        let highest = window.ids.iter().flatten().copied().filter(is_new).max();
        self.cursor.last_id = highest.unwrap_or(self.cursor.last_id);
        self.cursor.seen += fresh.len() as u64;
        let length = reached - offset;
        // By what was given, not by what was asked for: some shops give less.
        self.cursor.offset = offset + if length > OVERLAP { length } else { window.size } - OVERLAP;
        let done = match (window.total, self.end) {
            (Some(total), _) if fresh.is_empty() => self.cursor.offset >= total || reached == total,
            (Some(total), _) => reached == total,
            (None, Some(end)) => fresh.is_empty() && length < window.size && self.cursor.offset >= end,
            (None, None) => false,
        };
        if done {
            self.finish()?;
        }
        Ok(Turn { fresh, done })
    }

    fn note(&mut self, total: Option<u64>) {
        if let Some(total) = total {
            self.cursor.least = Some(self.cursor.least.map_or(total, |least| least.min(total)));
        }
    }

    fn take_empty(&mut self, size: u64, total: Option<u64>) -> Result<Turn, ConnectorError> {
        let offset = self.cursor.offset;
        self.note(total);
        if total.is_some_and(|total| total > offset) {
            // Everything in this window is hidden from the key's user; there is more behind it.
            self.cursor.offset += size - OVERLAP;
        }
        if offset == 0 || self.cursor.offset > offset {
            let done = total.is_none_or(|total| self.cursor.offset >= total);
            if done {
                self.finish()?;
            }
            return Ok(Turn { fresh: Vec::new(), done });
        }
        self.end = Some(offset);
        self.step_back(size);
        Ok(Turn::AGAIN)
    }

    fn step_back(&mut self, size: u64) {
        self.cursor.offset = self.cursor.offset.saturating_sub(self.stride.saturating_mul(size - OVERLAP));
        self.stride = self.stride.saturating_mul(2);
    }

    /// A record without a readable id is new where a window does not overlap the one before it.
    fn fresh(&self, ids: &[Option<u64>]) -> Vec<usize> {
        let is_fresh = |(index, id): (usize, &Option<u64>)| {
            let new = id.map_or(self.cursor.offset == 0 || index as u64 >= OVERLAP, |id| id > self.cursor.last_id);
            new.then_some(index)
        };
        ids.iter().enumerate().filter_map(is_fresh).collect()
    }

    fn finish(&self) -> Result<(), ConnectorError> {
        let total = self.cursor.least.unwrap_or_default();
        let borne = match self.short {
            Short::Refused => 0,
            Short::Borne => total / TOLERATED_SHARE,
        };
        if self.cursor.seen + borne < total {
            return Err(ConnectorError::BadAnswer { what: "as many records as the store counts" });
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
