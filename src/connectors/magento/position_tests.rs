use serde_json::json;

use super::super::walk::Keys;
use super::*;

const PAGE: u64 = 300;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn since(mark: serde_json::Value) -> Position {
    Position::since(&Pass::Since(Watermark(mark))).unwrap()
}

/// Reads an incremental pass over a shop with accounts `1..=accounts` of which none has changed. Gives the ids that
/// were read, and the watermark.
fn pass(watermark: Watermark, accounts: u64) -> (Vec<u64>, Watermark) {
    let mut position = Position::since(&Pass::Since(watermark)).unwrap();
    let mut ids = Vec::new();
    for _ in 0..1000 {
        let Some((walk, most)) = position.walk() else {
            return (ids, position.watermark().unwrap());
        };
        let shown: Vec<u64> = match walk {
            Walk::Changes { .. } => Vec::new(),
            Walk::Ids { after } => (after + 1..=accounts).collect(),
        };
        let size = PAGE.min(most);
        let total = Some(shown.len() as u64);
        let keys: Vec<Keys> = shown
            .into_iter()
            .take(usize::try_from(size).unwrap())
            .map(|id| Keys { id: Some(id), changed: Some(at(0)) })
            .collect();
        ids.extend(keys.iter().filter_map(|keys| keys.id));
        position.take(Stream::Customers, Window { size, keys: &keys, total }, at(9)).unwrap();
        position = Position::resumed(Some(position.checkpoint())).unwrap();
    }
    panic!("the pass does not come to an end");
}

#[test]
fn a_small_shop_is_swept_whole_every_time() {
    let mut watermark = Watermark(json!({"changed": at(0)}));
    for _ in 0..3 {
        let ids;
        (ids, watermark) = pass(watermark, 700);
        assert_eq!(ids, (1..=700).collect::<Vec<_>>());
    }
}

#[test]
fn every_account_is_read_again_within_the_promised_number_of_passes() {
    for accounts in [1501, 5000, 30_000] {
        let mut watermark = Watermark(json!({"changed": at(0), "sweptTo": 700, "accounts": accounts}));
        let mut read = std::collections::BTreeSet::new();
        for _ in 0..SWEEP_PASSES {
            let ids;
            (ids, watermark) = pass(watermark, accounts);
            assert!(ids.len() as u64 <= accounts.div_ceil(SWEEP_PASSES).max(SWEEP_AT_LEAST) + PAGE, "{}", ids.len());
            read.extend(ids);
        }
        assert_eq!(read.len() as u64, accounts);
    }
}

#[test]
fn a_shop_that_grows_is_swept_by_its_new_size() {
    let mut watermark = Watermark(json!({"changed": at(0), "sweptTo": 0, "accounts": 10}));
    (_, watermark) = pass(watermark, 60_000);
    let (ids, _) = pass(watermark, 60_000);
    assert_eq!(ids.len(), 5000);
}

#[test]
fn orders_are_not_swept() {
    let mut position = since(json!({"changed": at(0)}));
    position.take(Stream::Orders, Window { size: 5, keys: &[], total: Some(0) }, at(9)).unwrap();
    assert_eq!(position.walk(), None);
}

#[test]
fn the_next_pass_begins_at_the_newest_change_but_not_in_the_future() {
    let mut position = since(json!({"changed": at(0)}));
    let (walk, _) = position.walk().unwrap();
    assert_eq!(*walk, Walk::over_changes_from(at(-300)));
    let keys = [Keys { id: Some(1), changed: Some(at(5)) }, Keys { id: Some(2), changed: Some(at(500)) }];
    position.take(Stream::Orders, Window { size: 5, keys: &keys, total: Some(2) }, at(9)).unwrap();
    assert_eq!(position.watermark().unwrap().0["changed"], json!(at(9)));
    let mut unchanged = since(json!({"changed": at(7)}));
    unchanged.take(Stream::Orders, Window { size: 5, keys: &keys[..1], total: Some(1) }, at(9)).unwrap();
    assert_eq!(unchanged.watermark().unwrap().0["changed"], json!(at(7)));
}

#[test]
fn a_full_pass_has_a_watermark_only_at_its_end() {
    let mut position = Position::everything(Some(at(3)));
    let keys: Vec<Keys> = (1..=5).map(|id| Keys { id: Some(id), changed: Some(at(4)) }).collect();
    position.take(Stream::Customers, Window { size: 5, keys: &keys, total: Some(6) }, at(9)).unwrap();
    assert_eq!((position.watermark(), position.total()), (None, Some(Total::Exact(6))));
    let last = [Keys { id: Some(6), changed: Some(at(4)) }];
    position.take(Stream::Customers, Window { size: 5, keys: &last, total: Some(1) }, at(9)).unwrap();
    assert_eq!(position.walk(), None);
    assert_eq!(position.watermark().unwrap().0, json!({"changed": at(3), "sweptTo": 0, "accounts": 6}));
}

#[test]
fn what_is_not_ours_begins_from_the_start() {
    assert_eq!(Position::resumed(Some(Checkpoint(json!({"page": 7})))), None);
    assert_eq!(Position::since(&Pass::Since(Watermark(json!({"modified": "x"})))), None);
}
