//! Relay connections: arguments to a window, a slice to edges.
//!
//! Cursors are REST's: opaque keys of the list's order, good for ever, also when their item is gone. Edges stand in
//! the list's order, whichever end they were read from.

use async_graphql::OutputType;
use async_graphql::connection::{Connection, CursorType, Edge};
use std::convert::Infallible;

use crate::api::page::{Key, decode, encode};
use crate::domain::page::{DEFAULT_SIZE, End, Slice, Window};
use crate::error::Error;

/// Largest page. Half of REST's: here each item may bring pages of its own.
pub(super) const MAX_PAGE: i32 = 100;

/// Page size of a relation when the caller names none; it is multiplied by the page around it.
pub(super) const RELATION_PAGE: u64 = 10;

/// An opaque place in a list.
pub(super) struct Cursor(String);

impl CursorType for Cursor {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        Ok(Self(text.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        self.0.clone()
    }
}

/// A page of `N`.
pub(super) type Page<N> = Connection<Cursor, N>;

/// Which page is asked for, as Relay writes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
}

impl Arguments {
    /// The window that is meant; the first `default` items if nothing is.
    ///
    /// # Errors
    /// A negative or too large size, both ends at once, or a cursor that is not one of this list.
    pub(super) fn window<K: Key>(self, default: u64) -> Result<Window<K>, Error> {
        let Self { first, after, last, before } = self;
        let (size, end) = match (first, last) {
            (Some(_), Some(_)) => return Err(Error::invalid("last", "must not be given together with first")),
            (None, None) => (default, End::First),
            (Some(size), None) => (checked("first", size)?, End::First),
            (None, Some(size)) => (checked("last", size)?, End::Last),
        };
        Ok(Window { after: place("after", after)?, before: place("before", before)?, size, end })
    }
}

fn checked(name: &str, size: i32) -> Result<u64, Error> {
    let fits = (0..=MAX_PAGE).contains(&size);
    let size = u64::try_from(size).ok().filter(|_| fits);
    size.ok_or_else(|| Error::invalid(name, format!("must be 0 to {MAX_PAGE}")))
}

fn place<K: Key>(name: &str, cursor: Option<String>) -> Result<Option<K>, Error> {
    let wrong = || Error::invalid(name, "is not a cursor of this list");
    cursor.map(|cursor| decode(&cursor).ok_or_else(wrong)).transpose()
}

/// What a page adds to a document's complexity: its items, each with what is asked of it.
pub(super) fn cost(first: Option<i32>, last: Option<i32>, item: usize) -> usize {
    cost_of(first.or(last), DEFAULT_SIZE, item)
}

/// The same for a relation.
pub(super) fn relation_cost(first: Option<i32>, last: Option<i32>, item: usize) -> usize {
    cost_of(first.or(last), RELATION_PAGE, item)
}

fn cost_of(size: Option<i32>, default: u64, item: usize) -> usize {
    let size = size.and_then(|size| u64::try_from(size.clamp(1, MAX_PAGE)).ok()).unwrap_or(default);
    usize::try_from(size).unwrap_or(usize::MAX).saturating_mul(item).saturating_add(1)
}

/// Makes a page. Beyond the end that was read from, there is more if one more row was found; beyond the other end,
/// if a cursor says that something was there.
pub(super) fn page<D, N, K>(window: &Window<K>, slice: Slice<D>, key: impl Fn(&D) -> K) -> Page<N>
where
    D: Into<N>,
    N: OutputType,
    K: Key,
{
    let (has_previous, has_next) = match window.end {
        End::First => (window.after.is_some(), slice.has_more),
        End::Last => (slice.has_more, window.before.is_some()),
    };
    let mut page = Connection::new(has_previous, has_next);
    let edge = |item: D| Edge::new(Cursor(encode(&key(&item))), item.into());
    page.edges.extend(slice.items.into_iter().map(edge));
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn window(first: Option<i32>, last: Option<i32>, after: Option<&str>) -> Result<Window<Uuid>, String> {
        let arguments = Arguments { first, last, after: after.map(str::to_owned), before: None };
        arguments.window(DEFAULT_SIZE).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_asked_for_from_one_end_and_within_bounds() {
        let default = window(None, None, None).unwrap();
        assert_eq!((default.size, default.end), (50, End::First));
        let last = window(None, Some(100), None).unwrap();
        assert_eq!((last.size, last.end), (100, End::Last));
        assert_eq!(window(Some(101), None, None).unwrap_err(), "first must be 0 to 100");
        assert_eq!(window(None, Some(-1), None).unwrap_err(), "last must be 0 to 100");
        assert_eq!(window(Some(1), Some(1), None).unwrap_err(), "last must not be given together with first");
        assert_eq!(window(Some(1), None, Some("x")).unwrap_err(), "after is not a cursor of this list");
    }

    #[test]
    fn a_page_costs_its_size_times_its_items() {
        assert_eq!(cost(Some(10), None, 5), 51);
        assert_eq!(cost(None, Some(10), 5), 51);
        assert_eq!(cost(None, None, 5), 251);
        assert_eq!(relation_cost(None, None, 5), 51);
        assert_eq!(cost(Some(i32::MAX), None, usize::MAX), usize::MAX);
        assert_eq!(cost(Some(-7), None, 5), 6);
    }
}
