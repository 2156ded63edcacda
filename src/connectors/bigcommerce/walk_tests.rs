//! The walk over lists that change between two requests.

use proptest::prelude::*;

use super::*;

/// What happens to a list before a request.
#[derive(Debug, Clone)]
enum Event {
    Nothing,
    /// A stretch of the list is deleted: where it begins, in thousandths, and how long it is.
    Delete(usize, usize),
    Append(u64),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Nothing),
        2 => (0..1000usize, 1..40usize).prop_map(|(place, length)| Event::Delete(place, length)),
        1 => (1..30u64).prop_map(Event::Append),
    ]
}

fn happen(list: &mut Vec<u64>, next_id: &mut u64, event: &Event) {
    match event {
        Event::Nothing => {}
        Event::Delete(place, length) => {
            let start = list.len() * place / 1000;
            list.drain(start..(start + length).min(list.len()));
        }
        Event::Append(count) => {
            list.extend(*next_id..*next_id + count);
            *next_id += count;
        }
    }
}

fn window(list: &[u64], asked: Request) -> Vec<Option<u64>> {
    let offset = usize::try_from(asked.offset()).unwrap();
    list.iter().skip(offset).take(usize::try_from(asked.limit).unwrap()).map(|id| Some(*id)).collect()
}

proptest! {
    #[test]
    fn whoever_stays_is_given_out(
        length in 0..900u64,
        size in 20..120u64,
        events in proptest::collection::vec(any_event(), 0..40),
        tells_total in any::<bool>(),
        resumed in any::<bool>(),
    ) {
        let mut list: Vec<u64> = (1..=length).collect();
        let (before, mut next_id) = (list.clone(), length + 1);
        let (mut walk, mut given, mut requests) = (Walk::new(Cursor::default()), Vec::new(), 0);
        loop {
            happen(&mut list, &mut next_id, events.get(requests).unwrap_or(&Event::Nothing));
            requests += 1;
            prop_assert!(requests < 500, "the walk does not end");
            let asked = Request::at(walk.cursor().offset, size);
            let ids = window(&list, asked);
            let turn = walk.take(asked, &ids, tells_total.then_some(list.len() as u64));
            given.extend(ids[turn.fresh_from..].iter().flatten().copied());
            if turn.done {
                break;
            }
            if resumed {
                let kept = serde_json::to_value(walk.cursor()).unwrap();
                walk = Walk::new(serde_json::from_value(kept).unwrap());
            }
        }
        for id in before.iter().filter(|id| list.contains(id)) {
            prop_assert!(given.contains(id), "{id} slipped through");
        }
    }

    #[test]
    fn a_page_begins_where_it_must_and_reaches_far(offset in 0..5_000_000u64, size in 50..=250u64) {
        let asked = Request::at(offset, size);
        prop_assert!(asked.offset() <= offset && asked.limit <= size && asked.page >= 1);
        prop_assert!(asked.offset() + asked.limit >= offset + size / 2);
    }
}

#[test]
fn an_unchanged_list_costs_little_more_than_its_pages() {
    let list: Vec<u64> = (1..=100_000).collect();
    let (mut walk, mut given, mut requests) = (Walk::new(Cursor::default()), 0, 0);
    loop {
        requests += 1;
        let asked = Request::at(walk.cursor().offset, 250);
        let ids = window(&list, asked);
        let turn = walk.take(asked, &ids, Some(100_000));
        given += ids.len() - turn.fresh_from;
        if turn.done {
            break;
        }
    }
    assert_eq!(given, 100_000, "each once");
    assert!(requests < 480, "400 pages would hold them all: {requests}");
}
