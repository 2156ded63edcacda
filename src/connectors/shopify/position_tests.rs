use super::*;
use crate::domain::people::{SkipReason, StoreId, StoreRecord};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn row(id: u64, second: i64) -> Row {
    let record = StoreRecord::Skipped { store_id: StoreId::new(id.to_string()), reason: SkipReason::TestOrder };
    Row { id: Some(id), updated_at: Some(at(second)), record }
}

fn incremental(since: i64, overlap: i64) -> Position {
    let watermark = Watermark(json!({ "updatedAt": at(since) }));
    Position::begin(&Pass::Since(watermark), None, TimeDelta::seconds(overlap))
}

fn full() -> Position {
    Position::begin(&Pass::Full, None, TimeDelta::zero())
}

fn filter(position: &Position) -> Value {
    position.variables()["query"].clone()
}

fn read(position: &mut Position, rows: &[Row], cursor: &str) -> Result<Step, ConnectorError> {
    position.note(rows, Some(at(900)), at(1000));
    position.advance(&Page { nodes: &[], has_next: true, end_cursor: Some(cursor) })
}

fn end(position: &mut Position) -> DateTime<Utc> {
    position.advance(&Page { nodes: &[], has_next: false, end_cursor: None }).unwrap();
    position.mark(true).unwrap()
}

#[test]
fn an_incremental_pass_asks_from_before_the_watermark_in_quoted_utc() {
    let position = incremental(3600, 3600);
    assert_eq!(filter(&position), json!("updated_at:>='2026-09-21T14:13:20Z'"));
    assert_eq!(position.variables()["sortKey"], "UPDATED_AT");
}

#[test]
fn a_full_pass_begins_without_any_filter() {
    assert_eq!(full().variables(), json!({"first": 250, "after": null, "query": null, "sortKey": "ID"}));
}

#[test]
fn a_full_window_gives_way_to_one_above_the_last_id() {
    let mut position = full();
    let rows: Vec<Row> = (1..=WINDOW_ROWS).map(|id| row(id, 0)).collect();
    assert_eq!(read(&mut position, &rows, "c").unwrap(), Step::Window);
    assert_eq!(filter(&position), json!("id:>20000"));
    assert!(!position.covers(&row(20_000, 5)) && position.covers(&row(20_001, 5)));
}

#[test]
fn an_incremental_window_moves_along_the_changes() {
    let mut position = incremental(0, 10);
    position.rows = WINDOW_ROWS - 2;
    assert_eq!(read(&mut position, &[row(1, 5), row(2, 6)], "c").unwrap(), Step::Window);
    assert_eq!(filter(&position), json!(changed_from_term(at(5))));
    assert!(!position.has_cursor());
}

#[test]
fn crowded_changes_are_read_by_id() {
    let mut position = incremental(0, 0);
    position.rows = WINDOW_ROWS - 1;
    assert_eq!(read(&mut position, &[row(7, 0)], "c").unwrap(), Step::Window);
    assert_eq!(position.variables()["sortKey"], "ID");
    assert_eq!(filter(&position), json!(changed_from_term(at(0))));
    position.rows = WINDOW_ROWS - 1;
    assert_eq!(read(&mut position, &[row(7, 1)], "d").unwrap(), Step::Window);
    assert_eq!(filter(&position), json!(format!("{} AND id:>7", changed_from_term(at(0)))));
}

#[test]
fn a_list_that_does_not_advance_is_a_bad_answer() {
    let mut position = full();
    assert_eq!(read(&mut position, &[row(7, 0)], "same").unwrap(), Step::Page);
    assert_eq!(read(&mut position, &[row(7, 0)], "same").unwrap(), Step::Window, "the cursor stands still");
    let problem = read(&mut position, &[row(7, 0)], "x").and_then(|_| read(&mut position, &[row(7, 0)], "x"));
    assert_eq!(problem, Err(ConnectorError::BadAnswer { what: "pages that advance" }));
}

#[test]
fn a_stale_search_index_does_not_push_the_watermark_ahead() {
    let mut position = incremental(0, 0);
    read(&mut position, &[row(1, 10), row(2, 500), row(3, 12)], "c").unwrap();
    assert_eq!(position.mark(false), Some(at(10)), "record 2 stands at the place of its old change");
}

#[test]
fn the_watermark_never_goes_back_into_the_overlap() {
    let mut position = incremental(100, 50);
    read(&mut position, &[row(1, 60)], "c").unwrap();
    assert_eq!(position.mark(false), Some(at(100)));
}

#[test]
fn after_the_last_page_the_newest_change_is_the_watermark() {
    let mut position = incremental(0, 0);
    read(&mut position, &[row(1, 10), row(2, 20)], "c").unwrap();
    assert_eq!(end(&mut position), at(20));
}

#[test]
fn a_full_pass_has_no_watermark_before_its_end() {
    let mut position = full();
    read(&mut position, &[row(1, 10)], "c").unwrap();
    assert_eq!(position.watermark(false), None);
}

#[test]
fn a_full_pass_does_not_look_past_its_own_beginning() {
    let mut position = full();
    read(&mut position, &[row(1, 10)], "c").unwrap();
    position.note(&[row(2, 950)], Some(at(960)), at(1000));
    assert_eq!(end(&mut position), at(900), "record 1 may have changed since it was read");
}

#[test]
fn a_change_in_the_far_future_is_not_believed() {
    let mut position = incremental(0, 0);
    position.note(&[row(1, 9_999_999)], None, at(1000));
    assert_eq!(end(&mut position), at(1000) + MAX_AHEAD);
}

#[test]
fn a_checkpoint_goes_on_where_it_was_taken() {
    let mut position = full();
    read(&mut position, &[row(1, 10)], "c").unwrap();
    assert!(position.halve());
    let resumed = Position::begin(&Pass::Full, Some(position.checkpoint()), TimeDelta::zero());
    assert_eq!(resumed, position);
}

#[test]
fn what_is_no_checkpoint_or_watermark_means_from_the_beginning() {
    let pass = Pass::Since(Watermark(json!("nonsense")));
    let position = Position::begin(&pass, Some(Checkpoint(json!({"rows": -1}))), TimeDelta::zero());
    assert_eq!(position, full());
}

#[test]
fn halving_ends_at_one_record() {
    let mut position = full();
    let halvings = std::iter::from_fn(|| position.halve().then_some(())).take(100).count();
    assert_eq!((halvings, position.first()), (7, 1));
}
