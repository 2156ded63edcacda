//! The records of one kind, in order: computed ones that nobody touched, and the changed ones over them.
//!
//! A round of the cast has a fixed number of places. The place in the book gives a record its id and its date of
//! creation; a fixed scatter of the places of a round gives it its date of modification, three to a second, so that
//! ids and modifications run in different orders and ties are everywhere. So a record is found by rank without
//! looking at those before it, and a page costs the same at the start and at the end of a million.
//!
//! **Invariant:** a record is either in the layout or in the overlay, never shown twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::cast::ROUND;
use super::names::normalized;
use super::population::PERIOD;
use super::records::{Record, Second};

mod listing;

pub(crate) use listing::Listing;

/// Records that share a second of modification.
const TIED: usize = 3;

/// Where a computed record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: u64,
    pub(crate) person: u64,
    /// Which of the person's records of this kind.
    pub(crate) part: usize,
    /// Seconds since the start of the period of creations.
    pub(crate) created_after: Second,
    /// Seconds since the start of the period of modifications.
    pub(crate) modified_after: Second,
}

/// How records are sorted, ascending; ties go by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Id,
    Modified,
}

/// What records are sorted by: the value, then the id.
pub(crate) type Key = (i64, u64);

/// A place of a round: the person in it, and which of their records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    person: u64,
    part: usize,
    tie_group: u64,
}

/// The records of one kind.
#[derive(Debug)]
pub(crate) struct Book<R> {
    people: u64,
    first_id: u64,
    /// Added to every `modified_after` to give the sort value.
    modified_from: Second,
    slots: Vec<Slot>,
    tie_groups: u64,
    overlay: BTreeMap<u64, Option<R>>,
    /// Normalised address and id of the changed records that are still there.
    addresses: BTreeSet<(String, u64)>,
    next_id: u64,
    /// What happened since it was last asked for, in order.
    happened: Vec<(u64, Happened)>,
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Created,
    Updated,
    Deleted,
}

impl<R: Record> Book<R> {
    /// Lays out a round; `parts` tells how many records of this kind a person of the round has.
    pub(crate) fn new(people: u64, first_id: u64, modified_from: Second, parts: impl Fn(u64) -> usize) -> Self {
        let places = || (0..ROUND).flat_map(|person| (0..parts(person)).map(move |part| (person, part)));
        let count = places().count();
        let step = [37, 41, 43, 47].into_iter().find(|step| !count.is_multiple_of(*step)).unwrap_or(1);
        let slots: Vec<_> = places()
            .enumerate()
            .map(|(slot, (person, part))| Slot { person, part, tie_group: ((slot * step + 11) % count / TIED) as u64 })
            .collect();
        let tie_groups = slots.iter().map(|slot| slot.tie_group + 1).max().unwrap_or(1);
        let rounds = people.div_ceil(ROUND);
        let next_id = first_id + rounds * slots.len() as u64;
        Self {
            people,
            first_id,
            modified_from,
            slots,
            tie_groups,
            overlay: BTreeMap::new(),
            addresses: BTreeSet::new(),
            next_id,
            happened: Vec::new(),
        }
    }

    fn place(&self, round: u64, slot: usize) -> Place {
        let Slot { person, part, tie_group } = self.slots[slot];
        let rounds = self.people.div_ceil(ROUND).max(1);
        let number = round * self.slots.len() as u64 + slot as u64;
        Place {
            id: self.first_id + number,
            person: round * ROUND + person,
            part,
            created_after: spread(number, rounds * self.slots.len() as u64),
            modified_after: spread(round * self.tie_groups + tie_group, rounds * self.tie_groups),
        }
    }

    /// The computed record of an id, changed or not.
    pub(crate) fn laid_out(&self, id: u64) -> Option<Place> {
        let number = id.checked_sub(self.first_id)?;
        let slots = self.slots.len() as u64;
        let place = self.place(number.checked_div(slots)?, usize::try_from(number % slots).ok()?);
        (place.person < self.people).then_some(place)
    }

    /// The computed records of a person, changed or not.
    pub(crate) fn laid_out_of(&self, person: u64) -> impl Iterator<Item = Place> + '_ {
        let round = person / ROUND;
        let slots = self.slots.iter().enumerate().filter(move |(_, slot)| slot.person == person % ROUND);
        slots.filter(move |_| person < self.people).map(move |(index, _)| self.place(round, index))
    }

    /// What became of the record of an id.
    pub(crate) fn fate(&self, id: u64) -> Fate<'_, R> {
        match self.overlay.get(&id) {
            None => Fate::Untouched,
            Some(None) => Fate::Gone,
            Some(Some(record)) => Fate::Changed(record),
        }
    }

    /// Every changed record that is still there.
    pub(crate) fn changed_live(&self) -> impl Iterator<Item = &R> {
        self.overlay.values().flatten()
    }

    /// Changed records that are still there and carry an address, given normalised.
    pub(crate) fn changed_with(&self, address: &str) -> impl Iterator<Item = &R> {
        let ids = (address.to_owned(), 0)..=(address.to_owned(), u64::MAX);
        self.addresses.range(ids).filter_map(|(_, id)| self.overlay.get(id)?.as_ref())
    }

    /// Ids of everything that was changed, added or taken out.
    pub(crate) fn changed_ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.overlay.keys().copied()
    }

    /// Puts a record in, new or changed.
    pub(crate) fn put(&mut self, record: R) {
        let id = record.id();
        let is_new = !matches!(self.overlay.get(&id), Some(Some(_))) && self.laid_out(id).is_none();
        self.happened.push((id, if is_new { Happened::Created } else { Happened::Updated }));
        self.lay_over(id, Some(record));
    }

    /// Takes a record out.
    pub(crate) fn remove(&mut self, id: u64) {
        self.happened.push((id, Happened::Deleted));
        self.lay_over(id, None);
    }

    fn lay_over(&mut self, id: u64, record: Option<R>) {
        let address = |record: &R| Some((normalized(record.email()?)?, id));
        let after = record.as_ref().and_then(address);
        let before = self.overlay.insert(id, record).flatten().as_ref().and_then(address);
        if let Some(before) = before {
            self.addresses.remove(&before);
        }
        self.addresses.extend(after);
    }

    /// What happened since this was last asked.
    pub(crate) fn take_happened(&mut self) -> Vec<(u64, Happened)> {
        std::mem::take(&mut self.happened)
    }

    /// An id for a new record.
    pub(crate) fn issue_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// The records that fit, sorted and within a range of keys.
    ///
    /// `fits_part` judges computed records by (person in the round, part), `fits` changed ones; they must agree.
    pub(crate) fn list(
        &self,
        sort: Sort,
        keys: Range<Key>,
        fits_part: impl Fn(u64, usize) -> bool,
        fits: impl Fn(&R) -> bool,
    ) -> Listing<'_, R> {
        let mut slots: Vec<usize> = (0..self.slots.len())
            .filter(|index| fits_part(self.slots[*index].person, self.slots[*index].part))
            .collect();
        if sort == Sort::Modified {
            slots.sort_by_key(|index| (self.slots[*index].tie_group, *index));
        }
        let rest = self.people % ROUND;
        let last = slots.iter().copied().filter(|index| self.slots[*index].person < rest).collect();
        let mut listing = Listing {
            book: self,
            sort,
            slots,
            last,
            ranks: 0..0,
            removed: Vec::new(),
            added: self.changed_live().filter(|record| fits(record)).collect(),
        };
        let whole = 0..listing.ranked();
        listing.ranks = listing.rank(whole.clone(), keys.start)..listing.rank(whole, keys.end);
        listing.added.retain(|record| keys.contains(&key(*record, sort)));
        listing.added.sort_by_key(|record| key(*record, sort));
        listing.removed = self.overlay.keys().filter_map(|id| listing.rank_of(*id)).collect();
        listing.removed.sort_unstable();
        listing
    }
}

/// Position `number` of `count` in a period.
fn spread(number: u64, count: u64) -> Second {
    let step = (PERIOD.unsigned_abs() / count.max(1)).max(1);
    Second::try_from(number * step).unwrap_or(PERIOD).min(PERIOD)
}

fn key<R: Record>(record: &R, sort: Sort) -> Key {
    match sort {
        Sort::Id => (0, record.id()),
        Sort::Modified => (record.modified(), record.id()),
    }
}

/// What became of a record.
pub(crate) enum Fate<'a, R> {
    /// As it was laid out, if it ever was.
    Untouched,
    /// Taken out.
    Gone,
    /// Changed or new.
    Changed(&'a R),
}

impl<R> Fate<'_, R> {
    pub(crate) const fn is_touched(&self) -> bool {
        !matches!(self, Self::Untouched)
    }
}

/// Every key.
pub(crate) const ALL_KEYS: Range<Key> = (i64::MIN, 0)..(i64::MAX, u64::MAX);

#[cfg(test)]
mod tests;
