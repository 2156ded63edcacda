use std::collections::BTreeSet;

use super::*;

const SIZE: u64 = 10;
/// More requests than any walk here takes.
const MAX_REQUESTS: usize = 500;

fn place(second: i64, number: u32) -> Place {
    let created = DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap();
    Place { created, id: format!("{number:032x}") }
}

/// Walks over a list that `change` alters before each request, and gives what came out.
fn walk(mut list: Vec<Place>, mut change: impl FnMut(usize, &mut Vec<Place>)) -> Vec<Place> {
    let mut walk = ByTime::default();
    let mut given = Vec::new();
    for request in 0..MAX_REQUESTS {
        change(request, &mut list);
        list.sort();
        let window: Vec<_> = list.iter().filter(|place| walk.from.is_none_or(|from| place.created >= from)).collect();
        let (page, limit) = walk.slice(SIZE);
        let skip = usize::try_from((page - 1) * limit).unwrap();
        let shown: Vec<Option<Place>> = window
            .iter()
            .skip(skip)
            .take(usize::try_from(limit).unwrap())
            .map(|place| Some((*place).clone()))
            .collect();
        let turn = walk.take(&shown, (page, limit), window.len() as u64).unwrap();
        given.extend(turn.fresh.iter().map(|index| shown[*index].clone().unwrap()));
        if turn.done {
            return given;
        }
    }
    panic!("the walk does not end");
}

#[test]
fn every_row_is_given_once_whether_times_differ_or_not() {
    for (rows, per_second) in [(0, 1), (1, 1), (10, 1), (95, 1), (95, 4), (95, 10), (95, 11), (95, 95), (21, 20)] {
        let list: Vec<Place> = (0..rows).map(|number| place(i64::from(number / per_second), number)).collect();
        assert_eq!(walk(list.clone(), |_, _| {}), list, "{rows} rows, {per_second} a second");
    }
}

#[test]
fn rows_that_are_deleted_meanwhile_hide_nobody() {
    for per_second in [1, 7, 60] {
        let list: Vec<Place> = (0..60).map(|number| place(i64::from(number / per_second), number)).collect();
        let given = walk(list.clone(), |request, list| {
            if request > 0 && request < 30 && list.len() > 3 {
                list.remove(0);
            }
        });
        let given: BTreeSet<Place> = given.into_iter().collect();
        let stayed: Vec<&Place> = list.iter().skip(29).collect();
        assert!(stayed.iter().all(|place| given.contains(place)), "{per_second} a second");
    }
}

#[test]
fn rows_that_come_meanwhile_are_read_too() {
    let list: Vec<Place> = (0..25).map(|number| place(i64::from(number), number)).collect();
    let given = walk(list, |request, list| {
        if request == 1 {
            list.push(place(100, 100));
        }
    });
    assert_eq!(given.len(), 26);
}

#[test]
fn a_walk_goes_on_from_what_was_stored() {
    let list: Vec<Option<Place>> = (0..30).map(|number| Some(place(0, number))).collect();
    let mut walk = ByTime::default();
    walk.take(&list[..10], (1, 10), 30).unwrap();
    walk.take(&list[..10], walk.slice(SIZE), 30).unwrap();
    let stored = serde_json::to_value(&walk).unwrap();
    assert_eq!(serde_json::from_value::<ByTime>(stored).unwrap(), walk);
    let (page, limit) = walk.slice(SIZE);
    assert_eq!((page, limit), (2, 9), "the second page of nine begins with a row that is known");
    assert_eq!(walk.take(&list[9..18], (2, 9), 30).unwrap().fresh, (1..9).collect::<Vec<_>>());
}

#[test]
fn what_is_out_of_order_cut_short_or_stuck_is_a_bad_answer() {
    let rows = [Some(place(2, 1)), Some(place(1, 2))];
    assert_eq!(ByTime::default().take(&rows, (1, 10), 2), Err(UNSORTED));
    assert_eq!(ByTime::default().take(&[], (1, 10), 7), Err(CUT_SHORT));
    assert_eq!(ByTime::default().take(&[None, None], (1, 2), 5), Err(STUCK));
    assert_eq!(ByNumber::default().take(&[Some(2), Some(1)], 10, 2), Err(UNSORTED));
    assert_eq!(ByNumber { after: 5 }.take(&[Some(5)], 10, 1), Err(UNSORTED), "the filter was ignored");
    assert_eq!(ByNumber::default().take(&[], 10, 7), Err(CUT_SHORT));
    assert_eq!(ByNumber::default().take(&[None, None], 2, 5), Err(STUCK));
}

#[test]
fn a_short_page_is_the_last_only_if_the_store_counts_no_more() {
    let mut walk = ByNumber::default();
    assert!(!walk.take(&[Some(1), None], 10, 9).unwrap().done);
    assert!(walk.take(&[Some(7)], 10, 1).unwrap().done);
    assert_eq!(walk.after, 7);
}
