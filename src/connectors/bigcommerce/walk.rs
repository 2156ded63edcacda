//! A walk by page numbers over a list that changes meanwhile.
//!
//! A record that is deleted moves all later ones forward, past the next page. So each window begins a few records
//! before the end of the one before it, and goes on behind the last record that both have. If they have none in common,
//! the walk steps back until they have.
//!
//! There are only pages, no offsets. But a page number is an offset in steps of the page's size, and the size is ours:
//! [`Request::at`] finds the size that begins closely before the wanted record and reaches farthest, on the average
//! nine tenths of the largest.
//!
//! **Invariant:** a record that stays in the list, in a stable order, is given out at least once, whatever else comes
//! and goes.

use serde::{Deserialize, Serialize};

/// By how many records two windows overlap. Fewer deletions than that cost no extra request.
const OVERLAP: u64 = 5;
/// How many of the last records are remembered.
const REMEMBERED: usize = 20;

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// Where the next window has to begin at the latest.
    pub(super) offset: u64,
    /// Ids of the last records given out, in their order.
    pub(super) tail: Vec<u64>,
}

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// Counts from 1.
    pub(super) page: u64,
    pub(super) limit: u64,
}

impl Request {
    /// The page of at most `size` records that begins at `offset` or before and reaches farthest.
    pub(super) fn at(offset: u64, size: u64) -> Self {
        let size = size.max(2);
        let farthest = (size / 2..=size).max_by_key(|limit| (offset / limit + 1) * limit).unwrap_or(size);
        Self { page: offset / farthest + 1, limit: farthest }
    }

    /// Where it begins.
    pub(super) const fn offset(self) -> u64 {
        (self.page - 1) * self.limit
    }
}

/// What a window brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// From which record of the window on they are new; its length if none is.
    pub(super) fresh_from: usize,
    /// Whether the list is at its end.
    pub(super) done: bool,
}

/// The walk.
#[derive(Debug)]
pub(super) struct Walk {
    cursor: Cursor,
    /// How many windows the next step back takes.
    stride: u64,
}

impl Walk {
    /// Begins, or goes on.
    pub(super) const fn new(cursor: Cursor) -> Self {
        Self { cursor, stride: 1 }
    }

    /// Where it stands.
    pub(super) fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }

    /// Takes in the window that was asked for: the ids in the order of the answer, `None` where there is none to read,
    /// and the length of the list if the store tells.
    pub(super) fn take(&mut self, asked: Request, ids: &[Option<u64>], total: Option<u64>) -> Turn {
        let known = ids.iter().rposition(|id| id.is_some_and(|id| self.cursor.tail.contains(&id)));
        let fresh_from = match known {
            Some(index) => index + 1,
            None if asked.offset() == 0 => 0,
            None => {
                self.cursor.offset = asked.offset().saturating_sub(self.stride.saturating_mul(asked.limit));
                self.stride = self.stride.saturating_mul(2);
                return Turn { fresh_from: ids.len(), done: false };
            }
        };
        self.stride = 1;
        let given = ids.len() as u64;
        let reached = asked.offset() + given;
        // A short page is the end only where the store does not tell how long the list is.
        let done = total.map_or(given < asked.limit, |total| reached >= total);
        self.cursor.offset = reached.saturating_sub(OVERLAP);
        let fresh = ids[fresh_from..].iter().flatten().copied();
        self.cursor.tail.extend(fresh);
        let surplus = self.cursor.tail.len().saturating_sub(REMEMBERED);
        self.cursor.tail.drain(..surplus);
        Turn { fresh_from, done }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
