use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SIZE: u64 = 5;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

/// A list as a shop keeps it: when each id last changed.
#[derive(Debug, Clone, Default)]
struct List {
    rows: BTreeMap<u64, i64>,
    /// The shop gives out fewer rows than asked for.
    cap: Option<usize>,
    hides_total: bool,
}

impl List {
    fn of(rows: impl IntoIterator<Item = (u64, i64)>) -> Self {
        Self { rows: rows.into_iter().collect(), ..Self::default() }
    }

    /// What the shop answers to the search of a walk.
    fn answer(&self, walk: &Walk) -> (Vec<Keys>, Option<u64>) {
        let here = walk.here();
        let mut rows: Vec<(DateTime<Utc>, u64)> = self
            .rows
            .iter()
            .map(|(id, second)| if matches!(walk, Walk::Ids { .. }) { (at(0), *id) } else { (at(*second), *id) })
            .filter(|(changed, id)| match walk {
                Walk::Ids { after } => id > after,
                Walk::Changes { .. } => (*changed, *id) > here,
            })
            .collect();
        rows.sort_unstable();
        let total = rows.len() as u64;
        let size = self.cap.unwrap_or(usize::MAX).min(usize::try_from(SIZE).unwrap());
        let keys = rows.iter().take(size).map(|(_, id)| Keys { id: Some(*id), changed: Some(at(self.rows[id])) });
        (keys.collect(), (!self.hides_total).then_some(total))
    }
}

/// Walks to the end; `change` is called before each page with its number.
fn walked(
    mut walk: Walk,
    list: &mut List,
    mut change: impl FnMut(usize, &mut List),
) -> Result<Vec<u64>, ConnectorError> {
    let mut given = Vec::new();
    for request in 0..500 {
        change(request, list);
        let (keys, total) = list.answer(&walk);
        let turn = walk.take(Window { size: SIZE, keys: &keys, total })?;
        given.extend(turn.fresh.iter().map(|index| keys[*index].id.unwrap()));
        if turn.done {
            return Ok(given);
        }
    }
    panic!("the walk does not come to an end");
}

#[test]
fn a_list_that_holds_still_is_given_out_once() {
    for length in [0, 1, 4, 5, 6, 10, 23] {
        for hides_total in [false, true] {
            // Times are shared: each second has three records.
            let rows = (1..=length).map(|id| (id, i64::try_from(id / 3).unwrap()));
            let mut list = List { hides_total, ..List::of(rows) };
            for walk in [Walk::over_everything(), Walk::over_changes_from(at(0))] {
                assert_eq!(walked(walk, &mut list, |_, _| ()), Ok((1..=length).collect()), "{length} {hides_total}");
            }
        }
    }
}

#[test]
fn a_shop_that_gives_less_than_asked_for_is_read_to_the_end() {
    let mut list = List { cap: Some(2), ..List::of((1..=17).map(|id| (id, 0))) };
    assert_eq!(walked(Walk::over_everything(), &mut list, |_, _| ()), Ok((1..=17).collect()));
}

#[test]
fn a_count_that_is_too_low_does_not_end_a_walk() {
    let mut walk = Walk::over_everything();
    let keys: Vec<Keys> = (1..=SIZE).map(|id| Keys { id: Some(id), changed: None }).collect();
    assert!(!walk.take(Window { size: SIZE, keys: &keys, total: Some(1) }).unwrap().done);
}

#[test]
fn a_shop_that_ignores_the_filter_is_not_believed() {
    let wrong = Err(ConnectorError::BadAnswer { what: "as many records as the store counts" });
    let keys: Vec<Keys> = (1..=SIZE).map(|id| Keys { id: Some(id), changed: Some(at(1)) }).collect();
    let window = Window { size: SIZE, keys: &keys, total: Some(60) };
    let mut by_id = Walk::Ids { after: 9 };
    assert_eq!(by_id.take(window), wrong);
    let mut by_change = Walk::over_changes_from(at(100));
    assert_eq!(by_change.take(window), wrong);
    let mut empty = Walk::over_everything();
    assert_eq!(empty.take(Window { size: SIZE, keys: &[], total: Some(3) }), wrong);
}

#[test]
fn older_rows_than_asked_for_are_not_given_out() {
    let keys = [Keys { id: Some(1), changed: Some(at(1)) }, Keys { id: Some(2), changed: Some(at(7)) }];
    let mut walk = Walk::over_changes_from(at(5));
    let turn = walk.take(Window { size: SIZE, keys: &keys, total: Some(2) }).unwrap();
    assert_eq!(turn, Turn { fresh: vec![1], done: true });
}

#[test]
fn a_shop_that_ignores_the_sort_order_is_not_believed() {
    let keys = [Keys { id: Some(7), changed: Some(at(1)) }, Keys { id: Some(3), changed: Some(at(1)) }];
    for mut walk in [Walk::over_everything(), Walk::over_changes_from(at(0))] {
        let answer = walk.take(Window { size: SIZE, keys: &keys, total: Some(2) });
        assert_eq!(answer, Err(ConnectorError::BadAnswer { what: "records in the order asked for" }));
    }
}

#[test]
fn rows_without_readable_keys_are_given_out_with_their_page() {
    let keys = [Keys { id: None, changed: None }, Keys { id: Some(3), changed: None }];
    let mut walk = Walk::over_everything();
    let turn = walk.take(Window { size: SIZE, keys: &keys, total: Some(2) }).unwrap();
    assert_eq!((turn.fresh, walk), (vec![0, 1], Walk::Ids { after: 3 }));
}

#[test]
fn a_row_that_is_shown_twice_is_given_out_once() {
    let row = |id| Keys { id: Some(id), changed: Some(at(1)) };
    let keys = [row(1), row(2), row(2), row(3), row(1)];
    for mut walk in [Walk::over_everything(), Walk::over_changes_from(at(0))] {
        let turn = walk.take(Window { size: SIZE, keys: &keys, total: Some(5) }).unwrap();
        assert_eq!(turn, Turn { fresh: vec![0, 1, 3], done: true });
    }
}

#[test]
fn a_walk_is_kept_as_text() {
    for walk in [Walk::Ids { after: 7 }, Walk::Changes { at: at(3), after: 7 }] {
        assert_eq!(serde_json::from_value::<Walk>(serde_json::to_value(walk).unwrap()).unwrap(), walk);
    }
}

proptest! {
    #[test]
    fn whoever_stays_is_given_out(
        seconds in proptest::collection::vec(0..6i64, 0..40),
        cap in proptest::option::of(1..9usize),
        by_change in any::<bool>(),
        changes in proptest::collection::vec((0..10usize, 1..40u64, 0..3u8), 0..12),
    ) {
        let mut list = List { cap, ..List::of(seconds.iter().zip(1..).map(|(second, id)| (id, *second))) };
        let mut stays: Vec<u64> = list.rows.keys().copied().collect();
        let mut clock = 10;
        let walk = if by_change { Walk::over_changes_from(at(0)) } else { Walk::over_everything() };
        let given = walked(walk, &mut list, |request, list| {
            for (_, id, kind) in changes.iter().filter(|(when, ..)| *when == request) {
                clock += 1;
                match kind {
                    0 => {
                        list.rows.remove(id);
                        stays.retain(|other| other != id);
                    }
                    // A row that changes gets the shop's present time.
                    1 if list.rows.contains_key(id) => { list.rows.insert(*id, clock); }
                    _ => { list.rows.insert(100 + u64::try_from(clock).unwrap(), clock); }
                }
            }
        }).unwrap();
        for id in stays {
            prop_assert!(given.contains(&id), "{id} is left out of {given:?}");
        }
    }
}
