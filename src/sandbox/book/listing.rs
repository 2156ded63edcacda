//! A sorted view of a book, of which a page costs the same anywhere.

use std::ops::Range;

use super::super::cast::ROUND;
use super::super::records::Record;
use super::{Book, Key, Place, Sort, key};

/// A sorted view of a book.
pub(crate) struct Listing<'a, R> {
    pub(super) book: &'a Book<R>,
    pub(super) sort: Sort,
    /// Slots of a full round that fit, in order.
    pub(super) slots: Vec<usize>,
    /// The same for the last round, which may be cut short.
    pub(super) last: Vec<usize>,
    /// Computed records within the keys.
    pub(super) ranks: Range<u64>,
    /// Ranks of computed records that the overlay replaces.
    pub(super) removed: Vec<u64>,
    /// Records of the overlay that belong here.
    pub(super) added: Vec<&'a R>,
}

/// A record of a listing.
pub(crate) enum Entry<'a, R> {
    /// Nobody touched it.
    LaidOut(Place),
    /// Changed or new.
    Changed(&'a R),
}

impl<'a, R: Record> Listing<'a, R> {
    /// How many records there are.
    pub(crate) fn len(&self) -> u64 {
        self.ranks.end - self.ranks.start - self.removed.len() as u64 + self.added.len() as u64
    }

    /// How many records come before or at a key.
    pub(crate) fn up_to(&self, key: Key) -> u64 {
        let rank = self.rank(self.ranks.clone(), (key.0, key.1.saturating_add(1)));
        let added = self.added.partition_point(|record| self.key_of(record) <= key);
        self.before(rank) + added as u64
    }

    /// The key of a record here, for a cursor.
    pub(crate) fn key_of(&self, record: &R) -> Key {
        key(record, self.sort)
    }

    /// At most `limit` records from number `offset` on.
    pub(crate) fn slice(&self, offset: u64, limit: u64) -> Vec<Entry<'a, R>> {
        let merged_before = |rank: u64| {
            let added = if rank == self.ranks.end { 0 } else { self.added_before(self.key_at(rank)) };
            self.before(rank) + added as u64
        };
        // The last rank that does not start after the offset; from there both sides are merged.
        let starts_after = partition(self.ranks.clone(), |rank| merged_before(rank) <= offset);
        let (mut rank, mut added) = if starts_after == self.ranks.start {
            // Some of the overlay may come before all ranks.
            (starts_after, 0)
        } else {
            (starts_after - 1, self.added_before(self.key_at(starts_after - 1)))
        };
        let mut number = self.before(rank) + added as u64;
        let mut entries = Vec::new();
        let end = offset.saturating_add(limit).min(self.len());
        while number < end {
            let laid_out = (rank < self.ranks.end).then(|| self.place_at(rank));
            let changed = self.added.get(added).copied();
            let entry = match (laid_out, changed) {
                (Some(_), _) if self.removed.binary_search(&rank).is_ok() => {
                    rank += 1;
                    continue;
                }
                (Some(_), Some(record)) if self.key_of(record) < self.key_at(rank) => {
                    added += 1;
                    Entry::Changed(record)
                }
                (Some(place), _) => {
                    rank += 1;
                    Entry::LaidOut(place)
                }
                (None, Some(record)) => {
                    added += 1;
                    Entry::Changed(record)
                }
                (None, None) => break,
            };
            if number >= offset {
                entries.push(entry);
            }
            number += 1;
        }
        entries
    }

    pub(super) fn ranked(&self) -> u64 {
        self.book.people / ROUND * self.slots.len() as u64 + self.last.len() as u64
    }

    fn place_at(&self, rank: u64) -> Place {
        let (full, slots) = (self.book.people / ROUND, self.slots.len() as u64);
        let (round, slots, within) = if rank < full * slots {
            (rank / slots, &self.slots, rank % slots)
        } else {
            (full, &self.last, rank - full * slots)
        };
        self.book.place(round, slots[usize::try_from(within).unwrap_or_default()])
    }

    fn key_at(&self, rank: u64) -> Key {
        self.key_of_place(self.place_at(rank))
    }

    fn key_of_place(&self, place: Place) -> Key {
        match self.sort {
            Sort::Id => (0, place.id),
            Sort::Modified => (self.book.modified_from + place.modified_after, place.id),
        }
    }

    /// The first rank whose key is not below `key`.
    pub(super) fn rank(&self, ranks: Range<u64>, key: Key) -> u64 {
        partition(ranks, |rank| self.key_at(rank) < key)
    }

    pub(super) fn rank_of(&self, id: u64) -> Option<u64> {
        let place = self.book.laid_out(id)?;
        let rank = self.rank(self.ranks.clone(), self.key_of_place(place));
        (rank < self.ranks.end && self.place_at(rank).id == id).then_some(rank)
    }

    /// Computed records of this listing before a rank that are still there.
    fn before(&self, rank: u64) -> u64 {
        rank - self.ranks.start - self.removed.partition_point(|removed| *removed < rank) as u64
    }

    fn added_before(&self, key: Key) -> usize {
        self.added.partition_point(|record| self.key_of(record) < key)
    }
}

impl<R: Clone> Entry<'_, R> {
    /// The record itself.
    pub(crate) fn or_build(self, build: impl FnOnce(Place) -> R) -> R {
        match self {
            Self::LaidOut(place) => build(place),
            Self::Changed(record) => record.clone(),
        }
    }
}

/// The first number of the range for which `goes_before` no longer holds.
fn partition(range: Range<u64>, goes_before: impl Fn(u64) -> bool) -> u64 {
    let Range { mut start, mut end } = range;
    while start < end {
        let middle = start + (end - start) / 2;
        if goes_before(middle) { start = middle + 1 } else { end = middle }
    }
    start
}
