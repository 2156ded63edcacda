//! Connections: rows in order, cursors, the end at 25,000.

use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use apollo_compiler::response::serde_json_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::resolve::INTERNAL;
use super::search::Search;
use crate::sandbox::book::{ALL_KEYS, Key, Listing, Sort};
use crate::sandbox::records::{Account, Order, Record};

/// Most rows a page (`vendors/shopify.md` section 3).
const MAX_FIRST: u64 = 250;

/// The arguments of a connection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Arguments {
    first: Option<u64>,
    last: Option<u64>,
    after: Option<String>,
    before: Option<String>,
    pub(super) query: Option<String>,
    reverse: Option<bool>,
    sort_key: Option<String>,
}

impl Arguments {
    pub(super) fn sort(&self) -> Sort {
        match self.sort_key.as_deref() {
            Some("UPDATED_AT") => Sort::Modified,
            _ => Sort::Id,
        }
    }

    /// The keys that a search admits, as far as they are the ones sorted by.
    pub(super) fn keys(&self, search: &Search) -> std::ops::Range<Key> {
        let (start, end) = match self.sort() {
            Sort::Modified => ((search.updated.start, 0), (search.updated.end, 0)),
            Sort::Id => ((0, search.ids.start), (0, search.ids.end)),
        };
        start.max(ALL_KEYS.start)..end.max(start)
    }
}

/// A position: the row, and how many rows of this query come up to it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Cursor {
    last_id: u64,
    last_value: i64,
    seen: u64,
}

impl Cursor {
    fn text(self) -> String {
        STANDARD.encode(serde_json::to_vec(&self).expect("three numbers have a JSON form"))
    }

    fn read(text: &str) -> Result<Self, String> {
        let cursor = STANDARD.decode(text).ok().and_then(|json| serde_json::from_slice(&json).ok());
        cursor.ok_or_else(|| "Invalid cursor for current pagination sort.".to_owned())
    }

    const fn key(self) -> Key {
        (self.last_value, self.last_id)
    }
}

/// Sorted rows: found by rank, or gathered where a search needs every row looked at.
pub(super) enum Rows<'a, R> {
    Ranked(Listing<'a, R>),
    Gathered(Vec<R>, Sort),
}

impl<R: Record> Rows<'_, R> {
    fn len(&self) -> u64 {
        match self {
            Self::Ranked(listing) => listing.len(),
            Self::Gathered(rows, _) => rows.len() as u64,
        }
    }

    fn up_to(&self, key: Key) -> u64 {
        match self {
            Self::Ranked(listing) => listing.up_to(key),
            Self::Gathered(rows, sort) => rows.partition_point(|row| key_of(row, *sort) <= key) as u64,
        }
    }

    fn before(&self, key: Key) -> u64 {
        self.up_to((key.0, key.1.saturating_sub(1)))
    }
}

/// How much of a connection is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// A page, as its arguments say, of no more objects in all than this.
    Page { ceiling: Option<u64> },
    /// Some rows, whatever its arguments say: a bulk operation needs no `first` and is read part by part
    /// (`vendors/shopify.md` section 8).
    Part { from: u64, count: u64 },
}

/// One page of a connection.
#[derive(Debug)]
pub(super) struct Page<R> {
    pub(super) rows: Vec<R>,
    sort: Sort,
    /// Rows of the query before this page.
    seen: u64,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
}

impl<R: Record> Page<R> {
    /// Cuts a page out of the rows; `build` makes the rows of a ranked listing.
    pub(super) fn cut(
        rows: &Rows<'_, R>,
        arguments: &Arguments,
        extent: Extent,
        build: impl Fn(&Listing<'_, R>, u64, u64) -> Vec<R>,
    ) -> Result<Self, String> {
        let after = arguments.after.as_deref().map(Cursor::read).transpose()?;
        let before = arguments.before.as_deref().map(Cursor::read).transpose()?;
        let reverse = arguments.reverse == Some(true);
        let (low, high) = if reverse { (before, after) } else { (after, before) };
        let low = match extent {
            Extent::Part { from, .. } => from.min(rows.len()),
            Extent::Page { .. } => low.map_or(0, |cursor| rows.up_to(cursor.key())),
        };
        let high = high.map_or(rows.len(), |cursor| rows.before(cursor.key())).max(low);
        let seen = after.map_or(0, |cursor| cursor.seen);
        let (size, from_start, ceiling) = match (arguments.first, arguments.last, extent) {
            (_, _, Extent::Part { count, .. }) => (count, true, None),
            (Some(first), None, Extent::Page { ceiling }) => (first, !reverse, ceiling),
            (None, Some(last), Extent::Page { ceiling }) => (last, reverse, ceiling),
            _ => return Err("you must provide one of first or last".to_owned()),
        };
        if size > MAX_FIRST && matches!(extent, Extent::Page { .. }) {
            return Err(format!("first and last must be at most {MAX_FIRST}"));
        }
        let size = size.min(ceiling.map_or(u64::MAX, |ceiling| ceiling.saturating_sub(seen))).min(high - low);
        let (start, end) = if from_start { (low, low + size) } else { (high - size, high) };
        let mut page = match rows {
            Rows::Ranked(listing) => build(listing, start, end - start),
            Rows::Gathered(rows, _) => rows.get(position(start)..position(end)).unwrap_or_default().to_vec(),
        };
        if reverse {
            page.reverse();
        }
        let is_full = ceiling.is_some_and(|ceiling| seen + size >= ceiling);
        let (earlier, later) = (start > 0, end < rows.len());
        let (has_previous, has_next) = if reverse { (later, earlier) } else { (earlier, later) };
        Ok(Self { rows: page, sort: arguments.sort(), seen, has_next: has_next && !is_full, has_previous })
    }

    /// The cursor of a row of this page.
    pub(super) fn cursor(&self, index: usize) -> Option<String> {
        let (value, id) = key_of(self.rows.get(index)?, self.sort);
        Some(Cursor { last_id: id, last_value: value, seen: self.seen + index as u64 + 1 }.text())
    }
}

fn position(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn key_of<R: Record>(row: &R, sort: Sort) -> Key {
    match sort {
        Sort::Id => (0, row.id()),
        Sort::Modified => (row.modified(), row.id()),
    }
}

/// What a search asks beyond the keys that rows are sorted by.
pub(super) trait Searched: Record {
    fn created(&self) -> i64;
    fn address(&self) -> Option<&str>;

    fn fits(&self, search: &Search) -> bool {
        let email =
            |part: &String| self.address().is_some_and(|address| address.to_lowercase().contains(part.as_str()));
        search.updated.contains(&self.modified())
            && search.created.contains(&self.created())
            && search.ids.contains(&self.id())
            && search.email.as_ref().is_none_or(email)
    }
}

impl Searched for Account {
    fn created(&self) -> i64 {
        self.created
    }
    fn address(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

impl Searched for Order {
    fn created(&self) -> i64 {
        self.created
    }
    fn address(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

/// Whether the keys alone tell which rows fit.
pub(super) fn keys_suffice(search: &Search, sort: Sort) -> bool {
    let other = match sort {
        Sort::Modified => search.ids == Search::ALL.ids,
        Sort::Id => search.updated == Search::ALL.updated,
    };
    other && search.created == Search::ALL.created && search.email.is_none()
}

/// The rows themselves where keys do not tell which fit.
pub(super) fn gathered<'a, R: Searched>(
    listing: Listing<'a, R>,
    arguments: &Arguments,
    search: &Search,
    all: impl Fn(&Listing<'a, R>) -> Vec<R>,
) -> Rows<'a, R> {
    if keys_suffice(search, arguments.sort()) {
        return Rows::Ranked(listing);
    }
    let mut rows = all(&listing);
    rows.retain(|row| row.fits(search));
    Rows::Gathered(rows, arguments.sort())
}

/// The arguments of the connection being resolved.
pub(super) fn arguments(info: &ResolveInfo<'_>) -> Result<Arguments, FieldError> {
    let arguments = serde_json_bytes::Value::Object(info.arguments().clone());
    serde_json_bytes::from_value(arguments).map_err(|_| error("first and last must not be negative"))
}

/// The search being asked for.
pub(super) fn searched(arguments: &Arguments, whole_days: bool) -> Result<Search, FieldError> {
    let query = arguments.query.as_deref().unwrap_or_default();
    Search::parse(query, whole_days).map_err(|_| error(INTERNAL))
}

/// A field error with these words.
pub(super) fn error(message: impl Into<String>) -> FieldError {
    FieldError { message: message.into() }
}
