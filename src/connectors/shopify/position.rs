//! Where a pass stands: which window of the list, and how far into it.
//!
//! Shopify stops paging after 25,000 objects (`vendors/shopify.md` section 3), so a list is read in windows, each
//! beginning where the one before got to.
//!
//! - An incremental pass sorts by change. A record that changes meanwhile moves to the end and is read again: never a
//!   gap. Its window moves along `updated_at`.
//! - A full pass sorts by id, so that its window moves along `id` and nothing can stand still.
//! - Where changes crowd so that the window along `updated_at` can't move (one bulk edit; a filter that
//!   matches whole days), an incremental pass goes on by id, too.
//!
//! **Invariant:** a pass ends. A window holds a bounded number of pages, and the next one is further along or the
//! pass fails.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::{Page, Row};
use crate::connectors::{Checkpoint, ConnectorError, Pass, Watermark};

/// Rows of one window: below the 25,000 at which paging is documented to stop, with room for records that move in.
pub(super) const WINDOW_ROWS: u64 = 20_000;
/// Records of the first page. The largest page that Shopify gives; at 3 points a record it stays under the 1000
/// points that one query may cost (`vendors/shopify.md` section 7).
pub(super) const FIRST_PAGE: u32 = 250;
/// How far a store's clock is believed to be ahead of ours. A change from the far future must not blind later passes.
const MAX_AHEAD: TimeDelta = TimeDelta::hours(1);

/// Place in a pass over one stream; the content of a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    window: Window,
    /// Cursor of the last page of the window.
    after: Option<String>,
    /// Rows read in the window; a page counts as one at least.
    rows: u64,
    /// Records asked for at once.
    first: u32,
    /// Newest change seen in the pass, or where it began.
    newest: Option<DateTime<Utc>>,
    /// Oldest change on the last page. In the order of change everything before it has been read. The oldest,
    /// because a search index may lag: a record at the place of its old change then already shows the new one.
    floor: Option<DateTime<Utc>>,
    /// Records in all, if the store told.
    pub(super) total: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "by")]
enum Window {
    /// Sorted by change.
    #[serde(rename_all = "camelCase")]
    Change {
        /// Watermark that the pass began with.
        since: DateTime<Utc>,
        /// Lower bound of the window.
        from: DateTime<Utc>,
    },
    /// Sorted by id.
    #[serde(rename_all = "camelCase")]
    Id {
        /// Lower bound of changes; none in a full pass.
        from: Option<DateTime<Utc>>,
        /// Lower bound of ids, exclusive.
        above: u64,
        /// Greatest id read.
        reached: u64,
        /// Time of the store when the reading by id began: what changes later may already have been passed.
        began: Option<DateTime<Utc>>,
        /// Watermark that holds until the last page.
        held: Option<DateTime<Utc>>,
    },
}

/// What comes after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Another one of the window.
    Page,
    /// The first one of a new window.
    Window,
    /// Nothing.
    End,
}

/// Content of a [`Watermark`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    updated_at: DateTime<Utc>,
}

impl Position {
    /// Where a pass begins, or goes on. A watermark or checkpoint that can't be read means: from the beginning.
    pub(super) fn begin(pass: &Pass, resume: Option<Checkpoint>, overlap: TimeDelta) -> Self {
        let resumed = resume.and_then(|checkpoint| serde_json::from_value::<Self>(checkpoint.0).ok());
        if let Some(position) = resumed.filter(|position| (1..=FIRST_PAGE).contains(&position.first)) {
            return position;
        }
        let since = pass.watermark().and_then(|watermark| serde_json::from_value::<Mark>(watermark.0.clone()).ok());
        let window = match since {
            Some(Mark { updated_at: since }) => {
                Window::Change { since, from: since.checked_sub_signed(overlap).unwrap_or(DateTime::UNIX_EPOCH) }
            }
            None => Window::Id { from: None, above: 0, reached: 0, began: None, held: None },
        };
        let newest = match &window {
            Window::Change { since, .. } => Some(*since),
            Window::Id { .. } => None,
        };
        Self { window, after: None, rows: 0, first: FIRST_PAGE, newest, floor: None, total: None }
    }

    /// Lower bound of the changes that the window shows; `None` where it shows any.
    pub(super) const fn changed_from(&self) -> Option<DateTime<Utc>> {
        match &self.window {
            Window::Change { from, .. } => Some(*from),
            Window::Id { .. } => None,
        }
    }

    /// Whether a cursor is in use.
    pub(super) const fn has_cursor(&self) -> bool {
        self.after.is_some()
    }

    /// Records that the next query asks for.
    pub(super) const fn first(&self) -> u32 {
        self.first
    }

    /// Asks for half as many records from now on; `false` if there is nothing to halve.
    pub(super) const fn halve(&mut self) -> bool {
        let can_halve = self.first > 1;
        self.first = if can_halve { self.first / 2 } else { 1 };
        can_halve
    }

    /// Variables of the next query.
    pub(super) fn variables(&self) -> Value {
        let (sort_key, filter) = match &self.window {
            Window::Change { from, .. } => ("UPDATED_AT", Some(changed_from_term(*from))),
            Window::Id { from, above, .. } => {
                let terms: Vec<String> = [from.map(changed_from_term), (*above > 0).then(|| format!("id:>{above}"))]
                    .into_iter()
                    .flatten()
                    .collect();
                // An empty filter is an internal error of the store; null is none (`vendors/shopify.md` section 3).
                ("ID", (!terms.is_empty()).then(|| terms.join(" AND ")))
            }
        };
        json!({ "first": self.first, "after": self.after, "query": filter, "sortKey": sort_key })
    }

    /// Whether a row belongs to the window. The store's filters are not exact, so we look ourselves; what has no
    /// readable place belongs.
    pub(super) fn covers(&self, row: &Row) -> bool {
        let changed_since = |from: DateTime<Utc>| row.updated_at.is_none_or(|updated_at| updated_at >= from);
        match &self.window {
            Window::Change { from, .. } => changed_since(*from),
            Window::Id { from, above, .. } => from.is_none_or(changed_since) && row.id.is_none_or(|id| id > *above),
        }
    }

    /// Takes a page into account. `store_time` is the store's clock, `now` ours.
    pub(super) fn note(&mut self, rows: &[Row], store_time: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let believable = now + MAX_AHEAD;
        let changes = || rows.iter().filter_map(|row| row.updated_at).map(|at| at.min(believable));
        self.newest = changes().chain(self.newest).max();
        self.floor = changes().min().or(self.floor);
        self.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX).max(1);
        if let Window::Id { reached, began, .. } = &mut self.window {
            *reached = rows.iter().filter_map(|row| row.id).fold(*reached, u64::max);
            began.get_or_insert_with(|| store_time.map_or(now, |time| time.min(now)));
        }
    }

    /// Moves on after a page.
    pub(super) fn advance(&mut self, page: &Page<'_>) -> Result<Step, ConnectorError> {
        let cursor = page.end_cursor.map(str::to_owned);
        if !page.has_next {
            self.after = cursor.or(self.after.take());
            return Ok(Step::End);
        }
        let is_new_cursor = cursor.is_some() && cursor != self.after;
        if self.rows < WINDOW_ROWS && is_new_cursor {
            self.after = cursor;
            Ok(Step::Page)
        } else {
            self.next_window().map(|()| Step::Window)
        }
    }

    /// Begins a new window where this one got to: it is full, or its cursor is no longer good.
    pub(super) fn next_window(&mut self) -> Result<(), ConnectorError> {
        let floor = self.floor;
        let held = self.mark(false);
        match &mut self.window {
            Window::Change { from, .. } => match floor.filter(|floor| *floor > *from) {
                Some(floor) => *from = floor,
                None => {
                    self.window = Window::Id { from: Some(*from), above: 0, reached: 0, began: None, held };
                }
            },
            Window::Id { above, reached, .. } if *reached > *above => *above = *reached,
            Window::Id { .. } => return Err(ConnectorError::BadAnswer { what: "pages that advance" }),
        }
        self.after = None;
        self.rows = 0;
        Ok(())
    }

    /// From where the next incremental pass would begin.
    ///
    /// In the order of change: from what has been read; after the last page, from the newest change. In the order of
    /// ids: not known before the last page, and then no later than the reading began.
    pub(super) fn watermark(&self, is_last: bool) -> Option<Watermark> {
        watermark_at(self.mark(is_last)?)
    }

    fn mark(&self, is_last: bool) -> Option<DateTime<Utc>> {
        match (&self.window, is_last) {
            (Window::Change { .. }, true) => self.newest,
            (Window::Change { since, .. }, false) => Some(self.floor.map_or(*since, |floor| floor.max(*since))),
            (Window::Id { began, held, .. }, true) => {
                let read_until = self.newest.into_iter().chain(*began).min();
                read_until.into_iter().chain(*held).max()
            }
            (Window::Id { held, .. }, false) => *held,
        }
    }

    /// As the engine keeps it.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint(serde_json::to_value(self).expect("a position has a JSON form"))
    }
}

/// The watermark from which on changes are still to be read.
pub(super) fn watermark_at(updated_at: DateTime<Utc>) -> Option<Watermark> {
    serde_json::to_value(Mark { updated_at }).ok().map(Watermark)
}

/// Full, quoted, in UTC with `Z`: other forms are ignored or break the term (`vendors/shopify.md` section 3).
fn changed_from_term(time: DateTime<Utc>) -> String {
    format!("updated_at:>='{}'", time.format("%Y-%m-%dT%H:%M:%SZ"))
}

#[cfg(test)]
#[path = "position_tests.rs"]
mod tests;
