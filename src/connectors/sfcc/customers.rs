//! Profiles of the customer list as pages.
//!
//! A search shows no more than its first 10,000 records (`vendors/sfcc.md` section 4). So a list is read in windows of
//! time, and a window that is too full is halved; its first page tells, no count is asked for. Windows go from the oldest
//! to the newest, and the last one is open at its end: a profile that changes while we read moves to where we still
//! come.
//!
//! **Everybody** is read by the date of creation, which never moves, else by that of the last change. Where a search
//! knows neither, a list of up to 10,000 is read as it is, and a longer one is an error: words of names or addresses do not
//! divide a list completely, so that somebody would be left out.
//!
//! **An incremental pass** reads what changed since the pass before, less [`OVERLAP`], because a search index lags. Once
//! a day it reads everybody instead. Where changes can't be searched, it reads nothing in between.

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Sfcc;
use super::client;
use super::fields::{self, DateField};
use super::findings::Found;
use super::walk::{CAP, Cursor, Walk, mark};
use super::wire;
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Total, Watermark};
use crate::domain::people::StoreRecord;

/// How far before the last pass an incremental one begins: search indexes lag (`vendors/sfcc.md` section 4).
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// How often everybody is read in any case (`vendors/sfcc.md` section 4).
const WALK_EVERY: TimeDelta = TimeDelta::hours(24);
/// Records of a window from which it is halved: below [`CAP`], with room for those that move in.
const FULL: u64 = 9_800;
/// Where halving takes a list to begin whose window has no lower bound. Older profiles are in the first window.
const EARLIEST: DateTime<Utc> = DateTime::from_timestamp(946_684_800, 0).expect("the year 2000 is a time");
/// Where halving takes a window to end that begins in the future.
const FUTURE: TimeDelta = TimeDelta::days(36_500);

/// What a list is sorted by where no date is known; documented as searchable (`vendors/sfcc.md` section 4).
const NUMBER: &str = "customerNo";
/// What is too long about a list that can't be divided.
pub(super) const NO_DATE: &str =
    "customers: there are more than 10,000, and its customer search knows no date to divide them by";
const ONE_MOMENT: &str = "customers: more than 9,800 share one moment of creation or change";

/// Content of a [`Watermark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    /// The date by which changes can be searched.
    changes: Option<DateField>,
    /// Everything that changed before is read; by the platform's clock, if that is behind ours.
    read_until: DateTime<Utc>,
    /// When everybody was last read.
    walked_at: DateTime<Utc>,
    /// Whether any profile carries the attribute; unknown while there is no profile.
    attribute_is_used: Option<bool>,
}

impl Mark {
    const fn found(&self) -> Found {
        Found { searches_changes: Some(self.changes.is_some()), attribute_is_used: self.attribute_is_used }
    }
}

/// Part of the list: `from` belongs to it, `to` does not; open where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl Window {
    /// The older half; `None` if it is not shorter.
    fn halved(self, now: DateTime<Utc>) -> Option<Self> {
        let from = self.from.unwrap_or(EARLIEST);
        let to = self.to.unwrap_or(if from < now { now } else { from + FUTURE });
        let half = TimeDelta::milliseconds((to - from).num_milliseconds() / 2);
        (half > TimeDelta::zero()).then(|| Self { from: self.from, to: Some(from + half) })
    }

    /// The next one; `None` if this one is open. Longer than this one if that one was rather empty.
    fn next(self, total: u64, now: DateTime<Utc>) -> Option<Self> {
        let from = self.to?;
        let growth = match total {
            total if total < FULL / 4 => 4,
            total if total < FULL / 2 => 2,
            _ => 1,
        };
        let length = (from - self.from.unwrap_or(EARLIEST)).checked_mul(growth);
        let to = length.and_then(|length| from.checked_add_signed(length)).filter(|to| *to < now);
        Some(Self { from: Some(from), to })
    }

    /// As a `RangeFilter`; `None` for everybody, since a range needs a bound.
    fn range(self, field: DateField) -> Option<Value> {
        let mut range = json!({ "field": field.name() });
        if let Some(from) = self.from {
            range["from"] = fields::text(from).into();
        }
        if let Some(to) = self.to {
            range["to"] = fields::text(to).into();
            // Both ends belong to a range by default.
            range["toInclusive"] = false.into();
        }
        (self != Self::default()).then_some(range)
    }
}

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// What the list is sorted by and divided by; `None` where the search knows no date.
    by: Option<DateField>,
    window: Window,
    cursor: Cursor,
    /// How many profiles there are, in a pass over everybody.
    total: Option<u64>,
    /// What the watermark will be.
    mark: Mark,
}

/// Pages of the customer list, see [`Connector::pages`](crate::connectors::Connector::pages).
///
/// A checkpoint or watermark that is not ours begins from the start, which repeats and never leaves out.
pub(super) fn pages(
    store: &Sfcc,
    pass: Pass,
    resume: Option<Checkpoint>,
) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
    let resume: Option<Position> = resume.and_then(|checkpoint| serde_json::from_value(checkpoint.0).ok());
    let state = State::Beginning(pass, resume);
    stream::try_unfold(state, move |state| async move {
        let mut reader = match state {
            State::Ended => return Ok(None),
            State::Reading(reader) => reader,
            State::Beginning(_, Some(position)) => Reader::new(store, position),
            State::Beginning(pass, None) => match begin(store, &pass).await? {
                Begun::At(position) => Reader::new(store, position),
                Begun::NothingToDo(mark) => {
                    store.findings.set(mark.found());
                    return Ok(Some((nothing_new(mark), State::Ended)));
                }
            },
        };
        let page = reader.next().await?;
        let next = if page.watermark.is_some() { State::Ended } else { State::Reading(reader) };
        Ok(Some((page, next)))
    })
    .boxed()
}

enum State<'a> {
    Beginning(Pass, Option<Position>),
    Reading(Reader<'a>),
    Ended,
}

enum Begun {
    At(Position),
    NothingToDo(Mark),
}

async fn begin(store: &Sfcc, pass: &Pass) -> Result<Begun, ConnectorError> {
    let now = store.client.now();
    let before = pass.watermark().and_then(|watermark| serde_json::from_value::<Mark>(watermark.0.clone()).ok());
    // Beside a pass over everybody nobody needs another one.
    let is_beside = matches!(pass, Pass::Beside(_));
    let Some(mark) = before.filter(|mark| is_beside || now < mark.walked_at + WALK_EVERY) else {
        return begin_with_everybody(store, now).await.map(Begun::At);
    };
    let Some(field) = mark.changes else { return Ok(Begun::NothingToDo(mark)) };
    let window = Window { from: mark.read_until.checked_sub_signed(OVERLAP), to: None };
    let mark = Mark { read_until: now, ..mark };
    Ok(Begun::At(Position { by: Some(field), window, cursor: Cursor::default(), total: None, mark }))
}

async fn begin_with_everybody(store: &Sfcc, now: DateTime<Utc>) -> Result<Position, ConnectorError> {
    let searchable = fields::probe(&store.client).await?;
    let mark = Mark { changes: searchable.change, read_until: now, walked_at: now, attribute_is_used: None };
    Ok(Position {
        by: searchable.creation.or(searchable.change),
        window: Window::default(),
        cursor: Cursor::default(),
        total: Some(searchable.profiles),
        mark,
    })
}

/// The page of a pass that has nothing to do: changes can't be searched, and everybody was read not long ago.
fn nothing_new(mark: Mark) -> PeoplePage {
    let content = as_json(&mark);
    PeoplePage {
        records: Vec::new(),
        resume_from: Checkpoint(content.clone()),
        watermark: Some(Watermark(content)),
        total: None,
        as_of: None,
        hides_some: false,
    }
}

struct Reader<'a> {
    store: &'a Sfcc,
    position: Position,
    walk: Walk,
}

impl<'a> Reader<'a> {
    fn new(store: &'a Sfcc, position: Position) -> Self {
        Self { store, position, walk: Walk::new(position.cursor) }
    }

    /// The next page; the last one of the pass has a watermark.
    async fn next(&mut self) -> Result<PeoplePage, ConnectorError> {
        loop {
            let size = self.walk.limit(self.store.client.page_size());
            let found = self.fetch(size).await?;
            let is_divisible = self.position.by.is_some();
            if found.total > if is_divisible { FULL } else { CAP } {
                self.divide()?;
                continue;
            }
            let marks: Vec<u64> = found.rows.iter().map(|row| mark(row, "customerId")).collect();
            let reached = self.walk.cursor().offset + marks.len() as u64;
            let Some(fresh) = self.walk.take(&marks, size)? else { continue };
            let is_window_read = reached >= found.total;
            self.note(&found);
            let records = self.records(&found.rows, &fresh);
            let is_last = is_window_read && !self.next_window(found.total);
            if records.is_empty() && !is_last {
                continue;
            }
            return Ok(self.page(records, is_last));
        }
    }

    async fn fetch(&mut self, size: u64) -> Result<client::Found, ConnectorError> {
        let Position { by, window, total, .. } = self.position;
        let offset = self.walk.cursor().offset;
        let range = by.and_then(|field| window.range(field));
        let sort = by.map_or(NUMBER, DateField::name);
        let result = self.store.client.search(&fields::search(Some(sort), range, offset, size)).await;
        match (result, by, total) {
            // Nothing can be sorted by here: the search's own order has to do.
            (Err(ConnectorError::Refused { status: 400 }), None, _) => {
                self.store.client.search(&fields::search(None, None, offset, size)).await
            }
            // The search knew this date in an earlier pass and no longer does: find out anew, and read everybody.
            (Err(ConnectorError::Refused { status: 400 }), Some(_), None) => {
                self.position = begin_with_everybody(self.store, self.store.client.now()).await?;
                self.walk = Walk::new(Cursor::default());
                let sort = self.position.by.map(DateField::name);
                self.store.client.search(&fields::search(sort, None, 0, size)).await
            }
            (result, _, _) => result,
        }
    }

    /// Takes over what a page tells beside its records.
    fn note(&mut self, found: &client::Found) {
        let mark = &mut self.position.mark;
        mark.read_until = found.sent_at.map_or(mark.read_until, |sent_at| sent_at.min(mark.read_until));
        if !found.rows.is_empty() {
            let attribute = self.store.findings.attribute.as_deref();
            let is_carried = found.rows.iter().any(|row| wire::carries(row, attribute));
            mark.attribute_is_used = Some(is_carried || mark.attribute_is_used.unwrap_or_default());
        }
    }

    fn records(&self, rows: &[Value], fresh: &[usize]) -> Vec<StoreRecord> {
        let attribute = self.store.findings.attribute.as_deref();
        fresh.iter().filter_map(|index| rows.get(*index)).map(|row| wire::customer(row, attribute)).collect()
    }

    /// Halves the window and begins it anew.
    fn divide(&mut self) -> Result<(), ConnectorError> {
        if self.position.by.is_none() {
            return Err(ConnectorError::ListTooLong { what: NO_DATE });
        }
        let half = self.position.window.halved(self.store.client.now());
        self.position.window = half.ok_or(ConnectorError::ListTooLong { what: ONE_MOMENT })?;
        self.walk = Walk::new(Cursor::default());
        Ok(())
    }

    /// Goes on to the next window; `false` if this one was the last.
    fn next_window(&mut self, total: u64) -> bool {
        let Some(next) = self.position.window.next(total, self.store.client.now()) else { return false };
        self.position.window = next;
        self.walk = Walk::new(Cursor::default());
        true
    }

    fn page(&mut self, records: Vec<StoreRecord>, is_last: bool) -> PeoplePage {
        self.position.cursor = self.walk.cursor();
        let mark = self.position.mark;
        if is_last {
            self.store.findings.set(mark.found());
        }
        PeoplePage {
            records,
            resume_from: Checkpoint(as_json(&self.position)),
            watermark: is_last.then(|| Watermark(as_json(&mark))),
            total: self.position.total.map(Total::Exact),
            as_of: None,
            hides_some: false,
        }
    }
}

fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("numbers, words and times have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        EARLIEST + TimeDelta::days(day)
    }

    #[test]
    fn halved_and_following_windows_leave_no_gap() {
        let now = at(10_000);
        let mut window = Window::default();
        let mut from = None;
        for step in 0..1000 {
            assert_eq!(window.from, from, "every window begins where the one before ended");
            // Every third window is too full at first.
            let total = if step % 3 == 0 { FULL } else { 10 };
            if step % 3 == 0 {
                window = window.halved(now).unwrap();
            }
            let Some(next) = window.next(total, now) else {
                assert_eq!(window.to, None);
                return;
            };
            from = window.to;
            window = next;
        }
        panic!("the windows come to no end");
    }

    #[test]
    fn a_window_is_halved_until_it_is_one_millisecond() {
        let mut window = Window { from: Some(at(0)), to: Some(at(1)) };
        let mut halvings = 0;
        while let Some(half) = window.halved(at(2)) {
            assert!(half.to < window.to);
            window = half;
            halvings += 1;
        }
        assert_eq!(halvings, 26);
        assert_eq!(window.to.unwrap() - window.from.unwrap(), TimeDelta::milliseconds(1));
    }

    #[test]
    fn a_window_from_the_future_can_be_halved_too() {
        let half = Window { from: Some(at(20)), to: None }.halved(at(10)).unwrap();
        assert!(half.to > half.from);
    }

    #[test]
    fn a_range_has_a_bound_and_its_end_is_not_in_it() {
        assert_eq!(Window::default().range(DateField::Creation), None);
        let window = Window { from: Some(at(0)), to: Some(at(1)) };
        let range = json!({ "field": "creationDate", "from": "2000-01-01T00:00:00.000Z",
            "to": "2000-01-02T00:00:00.000Z", "toInclusive": false });
        assert_eq!(window.range(DateField::Creation), Some(range));
    }
}
