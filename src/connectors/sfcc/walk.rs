//! A walk over a list that is read by offset, while the store changes under it.
//!
//! A record that is deleted, or that moves to the end because it changed, moves all later ones forward, past the
//! offset. Every page therefore begins with the last record of the one before. If a page shows any record that we
//! know, nothing can have slipped through before it; if not, the walk steps back until it does.
//!
//! **Invariant:** a record that is in the list all the time is given out, whatever else comes and goes. That is what
//! lets a full pass say who is gone.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connectors::ConnectorError;

/// Most records that a search shows, however it is paged: offset and limit together (`vendors/sfcc.md` section 4).
pub(super) const CAP: u64 = 10_000;
/// Requests in a row that may get no further before a list is taken to be broken; a list of [`CAP`] takes 50.
const MAX_IDLE_REQUESTS: u32 = 500;

/// Where a walk stands, as a checkpoint keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// Where the next page begins.
    pub(super) offset: u64,
    /// Mark of the last record read.
    pub(super) last: Option<u64>,
}

/// The walk over one list.
#[derive(Debug)]
pub(super) struct Walk {
    cursor: Cursor,
    /// Marks of everything read; at most [`CAP`] and what changed meanwhile.
    known: HashSet<u64>,
    /// How many pages the next step back takes.
    stride: u64,
    /// The furthest that the walk got, and how many requests ago.
    furthest: u64,
    idle: u32,
}

impl Walk {
    /// Begins, or goes on.
    pub(super) fn new(cursor: Cursor) -> Self {
        Self { cursor, known: cursor.last.into_iter().collect(), stride: 1, furthest: 0, idle: 0 }
    }

    /// Where it stands.
    pub(super) const fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// How many records may be asked for at the cursor, at most `size`; too few to get on at the end of what is shown.
    pub(super) fn limit(&self, size: u64) -> u64 {
        size.min(CAP.saturating_sub(self.cursor.offset))
    }

    /// Takes in a page: which of its records are new, or `None` if it has to be asked again, further forward.
    ///
    /// # Errors
    /// The list comes to no end.
    pub(super) fn take(&mut self, marks: &[u64], size: u64) -> Result<Option<Vec<usize>>, ConnectorError> {
        self.idle += 1;
        if self.idle > MAX_IDLE_REQUESTS {
            return Err(ConnectorError::BadAnswer { what: "a list that comes to an end" });
        }
        let is_known = |mark: &u64| self.known.contains(mark);
        if self.cursor.offset > 0 && !marks.iter().any(is_known) {
            self.cursor.offset = self.cursor.offset.saturating_sub(self.stride * size);
            self.stride *= 2;
            return Ok(None);
        }
        let fresh = (0..marks.len()).filter(|index| !is_known(&marks[*index])).collect();
        self.stride = 1;
        self.known.extend(marks);
        let reached = self.cursor.offset + marks.len() as u64;
        self.cursor = Cursor { offset: reached.saturating_sub(1), last: marks.last().copied().or(self.cursor.last) };
        if self.cursor.offset > self.furthest {
            (self.furthest, self.idle) = (self.cursor.offset, 0);
        }
        Ok(Some(fresh))
    }
}

/// What tells a record, as it is now, from all others: its identity and its last change, else all that it holds.
pub(super) fn mark(row: &Value, id_field: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    match row.get(id_field).and_then(Value::as_str) {
        Some(id) => (id, row.get("lastModified").and_then(Value::as_str)).hash(&mut hasher),
        None => row.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 4;

    /// Walks a list that `change` changes before each request; what was given out.
    fn walked(mut list: Vec<u64>, mut change: impl FnMut(usize, &mut Vec<u64>)) -> Vec<u64> {
        let mut walk = Walk::new(Cursor::default());
        let mut given = Vec::new();
        for request in 0..200 {
            change(request, &mut list);
            let start = usize::try_from(walk.cursor().offset).unwrap().min(list.len());
            let end = (start + usize::try_from(SIZE).unwrap()).min(list.len());
            let page = list[start..end].to_vec();
            let Some(fresh) = walk.take(&page, SIZE).unwrap() else { continue };
            given.extend(fresh.into_iter().map(|index| page[index]));
            if end == list.len() {
                return given;
            }
        }
        panic!("the walk does not end");
    }

    #[test]
    fn a_list_that_stays_is_given_out_once() {
        for length in 0..20 {
            let list: Vec<u64> = (0..length).collect();
            assert_eq!(walked(list.clone(), |_, _| {}), list);
        }
    }

    #[test]
    fn whatever_is_deleted_while_we_read_nobody_else_is_left_out() {
        for first in 0..12 {
            for count in 1..12 {
                for at in 1..4 {
                    let list: Vec<u64> = (0..20).collect();
                    let given = walked(list.clone(), |request, list| {
                        if request == at {
                            list.retain(|id| !(first..first + count).contains(id));
                        }
                    });
                    let left_out: Vec<&u64> =
                        list.iter().filter(|id| !(first..first + count).contains(*id) && !given.contains(id)).collect();
                    assert!(left_out.is_empty(), "{left_out:?}: {count} from {first} on at {at}");
                }
            }
        }
    }

    #[test]
    fn a_record_that_moves_to_the_end_takes_nobody_with_it() {
        for moved in 0..20 {
            for at in 1..4 {
                let list: Vec<u64> = (0..20).collect();
                let given = walked(list.clone(), |request, list| {
                    if request == at {
                        list.retain(|id| *id != moved);
                        list.push(100 + moved);
                    }
                });
                let is_given = |id: &u64| given.contains(id) || (*id == moved && given.contains(&(100 + moved)));
                assert!(list.iter().all(is_given), "{moved} at {at}: {given:?}");
            }
        }
    }

    #[test]
    fn a_walk_that_was_interrupted_goes_on_or_begins_anew() {
        let list: Vec<u64> = (0..12).collect();
        let mut walk = Walk::new(Cursor { offset: 3, last: Some(3) });
        assert_eq!(walk.take(&list[3..7], SIZE).unwrap(), Some(vec![1, 2, 3]));
        // The last record is gone: all pages before it are unknown, the first one is taken in any case.
        let mut walk = Walk::new(Cursor { offset: 3, last: Some(99) });
        assert_eq!(walk.take(&list[3..7], SIZE).unwrap(), None);
        assert_eq!(walk.cursor().offset, 0);
        assert_eq!(walk.take(&list[0..4], SIZE).unwrap(), Some(vec![0, 1, 2, 3]));
    }

    #[test]
    fn a_list_in_which_nothing_stays_is_given_up() {
        let mut walk = Walk::new(Cursor::default());
        let mut requests = 0..10_000;
        let outcome = requests.find_map(|number| walk.take(&[2 * number, 2 * number + 1], SIZE).err());
        assert_eq!(outcome, Some(ConnectorError::BadAnswer { what: "a list that comes to an end" }));
    }

    #[test]
    fn no_page_reaches_beyond_what_the_store_shows() {
        assert_eq!(Walk::new(Cursor { offset: 9_900, last: None }).limit(200), 100);
        assert_eq!(Walk::new(Cursor { offset: CAP, last: None }).limit(200), 0);
    }

    #[test]
    fn a_changed_record_has_another_mark() {
        let row = serde_json::json!({"customerId": "a", "lastModified": "2026-03-02T08:00:01.120Z"});
        let mut changed = row.clone();
        changed["lastModified"] = "2026-03-02T08:00:01.121Z".into();
        assert_ne!(mark(&row, "customerId"), mark(&changed, "customerId"));
        assert_eq!(mark(&row, "customerId"), mark(&row.clone(), "customerId"));
        assert_ne!(mark(&serde_json::json!({"email": "x"}), "customerId"), mark(&serde_json::json!({}), "customerId"));
    }
}
