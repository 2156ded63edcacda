//! A page of a list: sorted by creation or by the last change, within a range of either, forwards or backwards.

use std::ops::Range;

use crate::sandbox::book::{ALL_KEYS, Listing, Sort};
use crate::sandbox::records::{Account, Order, Second};
use crate::sandbox::state::{Kept, State};

/// Most records that a list shows, however it is paged: offset and limit together (`vendors/sfcc.md` section 4).
pub(super) const CAP: u64 = 10_000;
/// Most records that a request gives (`vendors/sfcc.md` sections 4 and 5).
pub(super) const LARGEST: u64 = 200;

/// A date of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Date {
    Created,
    Modified,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Ranges of seconds in which records must lie, by date.
    pub(super) within: Vec<(Date, Range<Second>)>,
    /// What they are sorted by; in the order of their numbers, which is that of their creation, if by nothing.
    pub(super) sort: Date,
    pub(super) descending: bool,
    pub(super) offset: u64,
    pub(super) limit: u64,
}

/// A record that says when it was made.
pub(super) trait Made: Kept {
    fn created(&self) -> Second;
}

impl Made for Account {
    fn created(&self) -> Second {
        self.created
    }
}

impl Made for Order {
    fn created(&self) -> Second {
        self.created
    }
}

/// Milliseconds in a range become the seconds in it: records keep whole seconds.
pub(super) fn seconds(from: Option<i64>, to: Option<i64>) -> Range<Second> {
    let up = |millis: i64| millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0);
    let from = from.map_or(i64::MIN, up);
    from..to.map_or(i64::MAX, up).max(from)
}

impl Wanted {
    /// The records of the page, and how many there are in all.
    pub(super) fn cut<R: Made>(&self, state: &State) -> (Vec<R>, u64) {
        let sort = match self.sort {
            Date::Created => Sort::Id,
            Date::Modified => Sort::Modified,
        };
        let of = |date: Date| self.within.iter().filter(move |(of, _)| *of == date).map(|(_, range)| range);
        let mut keys = ALL_KEYS;
        if sort == Sort::Modified {
            for range in of(Date::Modified) {
                keys = keys.start.max((range.start, 0))..keys.end.min((range.end, 0));
            }
        }
        let keys = keys.start..keys.end.max(keys.start);
        let listing = R::book(state).list(sort, keys, |_, _| true, |_| true);
        let is_told_by_keys = self.within.iter().all(|(date, _)| *date == self.sort);
        if !is_told_by_keys {
            return self.cut_all(state.slice(&listing, 0, u64::MAX));
        }
        let numbers = match sort {
            Sort::Id => of(Date::Created).fold(0..listing.len(), |numbers, range| {
                let from = first(state, &listing, numbers.clone(), range.start);
                from..first(state, &listing, from..numbers.end, range.end)
            }),
            Sort::Modified => 0..listing.len(),
        };
        (self.slice(state, &listing, &numbers), numbers.end - numbers.start)
    }

    fn slice<R: Made>(&self, state: &State, listing: &Listing<'_, R>, numbers: &Range<u64>) -> Vec<R> {
        let total = numbers.end - numbers.start;
        let (start, end) = (self.offset.min(total), self.offset.saturating_add(self.limit).min(total));
        if !self.descending {
            return state.slice(listing, numbers.start + start, end - start);
        }
        let mut records = state.slice(listing, numbers.end - end, end - start);
        records.reverse();
        records
    }

    /// The same by looking at every record.
    fn cut_all<R: Made>(&self, mut records: Vec<R>) -> (Vec<R>, u64) {
        let date = |record: &R, date| if date == Date::Created { record.created() } else { record.modified() };
        records.retain(|record| self.within.iter().all(|(of, range)| range.contains(&date(record, *of))));
        records.sort_by_key(|record| (date(record, self.sort), record.id()));
        if self.descending {
            records.reverse();
        }
        let total = records.len() as u64;
        let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        (records.into_iter().skip(window(self.offset)).take(window(self.limit)).collect(), total)
    }
}

/// The first of some numbers of a listing whose record was not made before a second. Records are made in the order of
/// their numbers.
fn first<R: Made>(state: &State, listing: &Listing<'_, R>, numbers: Range<u64>, second: Second) -> u64 {
    let Range { mut start, mut end } = numbers;
    while start < end {
        let middle = start + (end - start) / 2;
        let is_before = state.slice(listing, middle, 1).first().is_some_and(|record| record.created() < second);
        if is_before { start = middle + 1 } else { end = middle }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_milliseconds_holds_the_seconds_in_it() {
        assert_eq!(seconds(Some(1000), Some(3000)), 1..3);
        assert_eq!(seconds(Some(1001), Some(3001)), 2..4);
        assert_eq!(seconds(None, Some(-1)), i64::MIN..0);
        assert_eq!(seconds(Some(5000), Some(1000)), 5..5);
    }
}
