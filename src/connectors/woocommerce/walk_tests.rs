use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A list as a store keeps it, and how the store answers.
struct List {
    ids: Vec<u64>,
    hidden: Vec<u64>,
    tells_total: bool,
    cap: usize,
    short: Short,
}

impl List {
    fn of(ids: impl IntoIterator<Item = u64>) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            hidden: Vec::new(),
            tells_total: true,
            cap: usize::MAX,
            short: Short::Borne,
        }
    }

    fn window(&self, offset: u64, size: u64) -> (Vec<Option<u64>>, Option<u64>) {
        let from = usize::try_from(offset).unwrap().min(self.ids.len());
        let size = usize::try_from(size).unwrap().min(self.cap);
        let rows = self.ids[from..].iter().take(size).filter(|id| !self.hidden.contains(id));
        (rows.map(|id| Some(*id)).collect(), self.tells_total.then_some(self.ids.len() as u64))
    }
}

/// Walks to the end; `change` is called before each window with its number.
fn walk(list: &mut List, mut change: impl FnMut(usize, &mut List)) -> Result<Vec<u64>, ConnectorError> {
    const SIZE: u64 = 20;
    let mut walk = Walk::new(Cursor::default(), list.short);
    let mut given = Vec::new();
    for request in 0..500 {
        change(request, list);
        let (ids, total) = list.window(walk.cursor().offset, SIZE);
        let turn = walk.take(Window { size: SIZE, ids: &ids, total })?;
        given.extend(turn.fresh.iter().map(|index| ids[*index].unwrap()));
        if turn.done {
            return Ok(given);
        }
    }
    panic!("the walk does not come to an end");
}

#[test]
fn a_list_that_holds_still_is_given_out_once() {
    for length in [0, 1, 5, 19, 20, 21, 100] {
        for tells_total in [true, false] {
            let mut list = List { tells_total, ..List::of(1..=length) };
            assert_eq!(walk(&mut list, |_, _| ()), Ok((1..=length).collect()), "{length} {tells_total}");
        }
    }
}

#[test]
fn a_store_that_gives_less_than_asked_for_is_read_to_the_end() {
    let mut list = List { cap: 8, ..List::of(1..=50) };
    assert_eq!(walk(&mut list, |_, _| ()), Ok((1..=50).collect()));
    let mut list = List { cap: 8, tells_total: false, ..List::of(1..=50) };
    assert_eq!(walk(&mut list, |_, _| ()), Ok((1..=50).collect()));
}

#[test]
fn deletions_that_move_a_page_hide_nobody() {
    let mut list = List::of(1..=100);
    let given = walk(&mut list, |request, list| {
        if request == 2 {
            list.ids.retain(|id| *id > 30);
        }
    });
    assert_eq!(given, Ok((1..=100).collect()));
}

#[test]
fn hidden_records_do_not_end_a_walk() {
    let mut list = List { hidden: (40..=48).collect(), ..List::of(1..=100) };
    let given = walk(&mut list, |_, _| ()).unwrap();
    assert_eq!(given, (1..40).chain(49..=100).collect::<Vec<_>>());
}

#[test]
fn a_store_that_hides_most_of_a_list_is_not_believed() {
    for hidden in [1..=3, 1..=100, 21..=100] {
        let mut list = List { hidden: hidden.clone().collect(), ..List::of(1..=*hidden.end()) };
        let wrong = ConnectorError::BadAnswer { what: "as many records as the store counts" };
        assert_eq!(walk(&mut list, |_, _| ()), Err(wrong), "{hidden:?}");
    }
}

#[test]
fn a_list_that_may_lack_nobody_is_read_whole_or_not_believed() {
    let wrong = ConnectorError::BadAnswer { what: "as many records as the store counts" };
    let mut list = List { hidden: vec![44], short: Short::Refused, ..List::of(1..=100) };
    assert_eq!(walk(&mut list, |_, _| ()), Err(wrong));
    assert_eq!(walk(&mut List { hidden: Vec::new(), ..list }, |_, _| ()), Ok((1..=100).collect()));
}

#[test]
fn a_list_that_shrinks_ends_where_it_is() {
    let mut list = List { short: Short::Refused, ..List::of(1..=100) };
    let given = walk(&mut list, |request, list| {
        if request == 2 {
            list.ids.retain(|id| *id < 80);
        }
    });
    assert_eq!(given, Ok((1..80).collect()), "it was seen to shrink");
}

#[test]
fn a_cache_that_always_gives_the_first_page_is_not_believed() {
    let mut walk = Walk::new(Cursor::default(), Short::Borne);
    let ids: Vec<Option<u64>> = (1..=20).map(Some).collect();
    let turns = (0..20).map(|_| walk.take(Window { size: 20, ids: &ids, total: Some(100) }));
    assert!(turns.into_iter().any(|turn| turn.is_err()));
}

#[test]
fn an_unsorted_answer_is_not_believed() {
    let mut walk = Walk::new(Cursor::default(), Short::Borne);
    let answer = walk.take(Window { size: 20, ids: &[Some(7), Some(3)], total: None });
    assert_eq!(answer, Err(ConnectorError::BadAnswer { what: "records in the order of their ids" }));
}

#[test]
fn records_without_a_readable_id_are_given_out_once() {
    let mut walk = Walk::new(Cursor::default(), Short::Borne);
    let first: Vec<Option<u64>> = (1..=20).map(|id| (id % 7 != 0).then_some(id)).collect();
    assert_eq!(walk.take(Window { size: 20, ids: &first, total: Some(22) }).unwrap().fresh.len(), 20);
    assert_eq!(walk.cursor().offset, 15);
    let second = [Some(16), Some(17), Some(18), None, Some(20), Some(21), None];
    assert_eq!(
        walk.take(Window { size: 20, ids: &second, total: Some(22) }),
        Ok(Turn { fresh: vec![5, 6], done: true })
    );
}

#[test]
fn a_walk_goes_on_from_its_cursor() {
    let list = List::of(1..=40);
    let mut first = Walk::new(Cursor::default(), Short::Borne);
    let (ids, total) = list.window(0, 20);
    first.take(Window { size: 20, ids: &ids, total }).unwrap();
    let stored = serde_json::to_value(first.cursor()).unwrap();
    let mut second = Walk::new(serde_json::from_value(stored).unwrap(), Short::Borne);
    let (ids, total) = list.window(second.cursor().offset, 20);
    let turn = second.take(Window { size: 20, ids: &ids, total }).unwrap();
    assert_eq!(ids[turn.fresh[0]], Some(21));
}

proptest! {
    #[test]
    fn whoever_stays_is_given_out_exactly_once(
        length in 0..150u64,
        tells_total in any::<bool>(),
        changes in proptest::collection::vec((0..20usize, 0..150u64, 0..40u64, any::<bool>()), 0..6),
    ) {
        // Odd ids are there from the start; even ones may come late, as an account does that changes its role.
        let mut list = List { tells_total, ..List::of((0..length).map(|place| 2 * place + 1)) };
        let mut stays: BTreeMap<u64, usize> = list.ids.iter().map(|id| (*id, 0)).collect();
        let given = walk(&mut list, |request, list| {
            for (_, from, count, delete) in changes.iter().filter(|(when, ..)| *when == request) {
                let touched = 2 * from..2 * (from + count);
                if *delete {
                    list.ids.retain(|id| !touched.contains(id));
                    stays.retain(|id, _| !touched.contains(id));
                } else {
                    list.ids.extend(touched.filter(|id| id % 2 == 0 && *id > 0));
                    list.ids.sort_unstable();
                    list.ids.dedup();
                }
            }
        });
        let Ok(given) = given else { return Ok(()) };
        for id in &given {
            stays.entry(*id).and_modify(|times| *times += 1);
        }
        prop_assert!(stays.values().all(|times| *times == 1));
        let mut distinct = given.clone();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), given.len());
    }
}
