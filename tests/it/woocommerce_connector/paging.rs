//! Lists that change while they are read, resume, and what the next pass begins from.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assent::connectors::{Connector, ConnectorError, Pass, Total, Watermark};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use serde_json::{Value, json};

use super::shop::{all_records, connector, connector_for, id_of, open, pass};
use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::recorded::{CONSUMER_KEY, CONSUMER_SECRET};

const SECOND: &str = "2026-02-03T04:05:06";

fn customer(id: u64) -> Value {
    json!({"id": id, "email": format!("c{id}@example.com"), "first_name": "", "last_name": "", "meta_data": []})
}

fn order(id: u64, modified: &str) -> Value {
    json!({"id": id, "status": "completed", "customer_id": 0, "date_created_gmt": modified, "date_modified_gmt": modified,
        "billing": {"email": format!("g{id}@example.com"), "first_name": "", "last_name": ""}, "meta_data": []})
}

/// The window of a list that was asked for, in the order of the ids, as WooCommerce gives it.
fn window(rows: &[Value], asked: &Asked) -> Reply {
    let after = asked.get("modified_after").unwrap_or_default();
    let changed = |row: &&Value| row["date_modified_gmt"].as_str().is_none_or(|modified| modified > after);
    let mut rows: Vec<&Value> = rows.iter().filter(changed).collect();
    if asked.get("order") == Some("desc") {
        rows.sort_by_key(|row| row["date_modified_gmt"].as_str().map(str::to_owned));
        rows.reverse();
    }
    let shown: Vec<&Value> = rows
        .iter()
        .skip(asked.number_of("offset").unwrap_or(0))
        .take(asked.number_of("per_page").unwrap())
        .copied()
        .collect();
    Reply::json(&json!(shown)).header("X-WP-Total", &rows.len())
}

fn ids(records: &[StoreRecord]) -> Vec<u64> {
    records.iter().map(|record| id_of(record).unwrap().as_str().parse().unwrap()).collect()
}

#[tokio::test]
async fn accounts_deleted_while_reading_hide_nobody() {
    let rows = Mutex::new((1..=350).map(customer).collect::<Vec<_>>());
    let store = AnsweringStore::start(move |asked| {
        let mut rows = rows.lock().unwrap();
        if asked.number == 2 {
            rows.retain(|row| row["id"].as_u64().unwrap() > 120);
        }
        window(&rows, asked)
    })
    .await;
    let records = all_records(&*connector(&store), Stream::Customers, Pass::Full).await;
    assert_eq!(ids(&records), (1..=350).collect::<Vec<_>>(), "each once, and nobody slipped through");
}

#[tokio::test]
async fn users_of_every_chosen_role_are_read_one_role_after_the_other() {
    let of_role = |asked: &Asked| match asked.get("role").unwrap() {
        "wholesale" => (1..=250).map(customer).collect::<Vec<_>>(),
        "customer" => (200..=420).map(customer).collect(),
        other => panic!("{other} was not chosen"),
    };
    let store = AnsweringStore::start(move |asked| {
        let mut rows = of_role(asked);
        if let Some(id) = asked.number_of("include") {
            rows.retain(|row| row["id"] == id);
        }
        window(&rows, asked)
    })
    .await;
    let connector = connector_for(&store, &["wholesale", "customer"]);
    let pages = pass(&*connector, Stream::Customers, Pass::Full, None).await.unwrap();
    let (last, before) = pages.split_last().unwrap();
    assert!(last.watermark.is_some() && before.iter().all(|page| page.watermark.is_none()), "held back to the end");
    assert!(pages.iter().all(|page| page.total.is_none()), "nobody knows how many have both roles");
    let all: Vec<u64> = pages.iter().flat_map(|page| ids(&page.records)).collect();
    assert_eq!(all, (1..=250).chain(200..=420).collect::<Vec<_>>());
    // Interrupted in the first role, it goes on there and reads the second one.
    let resumed = pass(&*connector, Stream::Customers, Pass::Full, Some(pages[0].resume_from.clone())).await.unwrap();
    assert_eq!(resumed.iter().map(|page| page.records.len()).sum::<usize>(), all.len() - pages[0].records.len());
    for (id, is_there) in [("7", true), ("400", true), ("421", false)] {
        assert_eq!(connector.record(Stream::Customers, &StoreId::new(id)).await.unwrap().is_some(), is_there, "{id}");
    }
}

#[tokio::test]
async fn nobody_may_be_missing_from_a_list_that_is_compared_with_no_count() {
    // A cache leaves user 44 out, whom the shop counts.
    let store = AnsweringStore::start(|asked| {
        let rows: Vec<Value> = (1..=90).map(customer).collect();
        let from = asked.number_of("offset").unwrap_or(0);
        let shown: Vec<&Value> = rows[from.min(90)..].iter().filter(|row| row["id"] != 44).collect();
        Reply::json(&json!(shown)).header("X-WP-Total", &rows.len())
    })
    .await;
    let missing = Err(ConnectorError::BadAnswer { what: "as many records as the store counts" });
    let read = async |roles: &[&str], how: Pass| {
        let pages = pass(&*connector_for(&store, roles), Stream::Customers, how, None).await;
        pages.map(|pages| pages.into_iter().flat_map(|page| page.records).count())
    };
    let since = || Pass::Since(Watermark(json!({})));
    assert_eq!(read(&["customer"], Pass::Full).await, Ok(89), "the engine looks for him by the count");
    assert_eq!(read(&["customer"], since()).await, Ok(89), "the next pass shows him, or a full one tells of him");
    assert_eq!(read(&["customer", "wholesale"], Pass::Full).await, missing, "he would pass for gone");
    assert_eq!(read(&["customer", "wholesale"], since()).await, missing);
}

#[tokio::test]
async fn an_order_stamped_before_all_time_does_no_harm() {
    let store = AnsweringStore::start(|asked| window(&[order(1, SECOND)], asked)).await;
    let since = Pass::Since(Watermark(json!({"modified": chrono::DateTime::<chrono::Utc>::MIN_UTC})));
    assert_eq!(all_records(&*connector(&store), Stream::Orders, since).await.len(), 1);
}

#[tokio::test]
async fn more_orders_of_one_second_than_a_page_holds_are_all_read() {
    let rows: Vec<Value> = (1..=450).map(|id| order(id, SECOND)).collect();
    let store = AnsweringStore::start(move |asked| window(&rows, asked)).await;
    let connector = connector(&store);
    let full = pass(&*connector, Stream::Orders, Pass::Full, None).await.unwrap();
    assert_eq!(full.iter().map(|page| page.records.len()).sum::<usize>(), 450);
    let since = Pass::Since(full.last().unwrap().watermark.clone().unwrap());
    let again = all_records(&*connector, Stream::Orders, since).await;
    assert_eq!(ids(&again), (1..=450).collect::<Vec<_>>(), "the second of the watermark is read again");
}

#[tokio::test]
async fn an_order_changed_behind_the_reader_is_in_the_next_pass() {
    let rows: Arc<Mutex<Vec<Value>>> = Arc::new(Mutex::new((1..=300).map(|id| order(id, SECOND)).collect()));
    let shared = Arc::clone(&rows);
    let store = AnsweringStore::start(move |asked| {
        let mut rows = shared.lock().unwrap();
        // Order 1 changes when it has been passed; order 300 later still, before it is read.
        if asked.number == 2 {
            rows[0] = order(1, "2026-02-03T04:15:00");
            rows[299] = order(300, "2026-02-03T05:00:00");
        }
        window(&rows, asked)
    })
    .await;
    let connector = connector(&store);
    let pages = pass(&*connector, Stream::Orders, Pass::Full, None).await.unwrap();
    let (last, before) = pages.split_last().unwrap();
    assert!(before.iter().all(|page| page.watermark.is_none()), "held back until the last page");
    let next = all_records(&*connector, Stream::Orders, Pass::Since(last.watermark.clone().unwrap())).await;
    assert!(ids(&next).contains(&1) && ids(&next).contains(&300));
}

#[tokio::test]
async fn an_order_stamped_in_the_future_does_not_hide_later_ones() {
    let rows = vec![order(1, SECOND), order(2, "2099-01-01T00:00:00")];
    let store = AnsweringStore::start(move |asked| window(&rows, asked)).await;
    let pages = pass(&*connector(&store), Stream::Orders, Pass::Full, None).await.unwrap();
    let watermark = pages.last().unwrap().watermark.clone().unwrap().0;
    assert!(watermark["modified"].as_str().unwrap() < "2098", "{watermark}");
}

#[tokio::test]
async fn an_interrupted_pass_goes_on_where_it_was() {
    let rows: Vec<Value> = (1..=350).map(|id| order(id, SECOND)).collect();
    let store = AnsweringStore::start(move |asked| match asked.number {
        3 => Reply::text(500, "{}"),
        _ => window(&rows, asked),
    })
    .await;
    let connector = connector(&store);
    let (read, resume) = until_error(&*connector, Stream::Orders).await;
    assert_eq!(read.len(), 195);
    let rest = pass(&*connector, Stream::Orders, Pass::Full, Some(resume)).await.unwrap();
    assert!(rest.last().unwrap().watermark.is_some());
    let rest: Vec<StoreRecord> = rest.into_iter().flat_map(|page| page.records).collect();
    assert_eq!(ids(&rest), (196..=350).collect::<Vec<_>>());
}

async fn until_error(connector: &dyn Connector, stream: Stream) -> (Vec<StoreRecord>, assent::connectors::Checkpoint) {
    use futures::StreamExt as _;
    let mut pages = connector.pages(stream, Pass::Full, None);
    let (mut records, mut resume) = (Vec::new(), None);
    while let Some(Ok(page)) = pages.next().await {
        records.extend(page.records);
        resume = Some(page.resume_from);
    }
    assert!(pages.next().await.is_none(), "a stream ends after an error");
    (records, resume.expect("a page came before the error"))
}

#[tokio::test]
async fn a_checkpoint_that_is_not_ours_begins_from_the_start() {
    let store = AnsweringStore::start(|asked| window(&[customer(1)], asked)).await;
    let foreign = assent::connectors::Checkpoint(json!({"cursor": "x"}));
    let pages = pass(&*connector(&store), Stream::Customers, Pass::Full, Some(foreign)).await.unwrap();
    assert_eq!(pages[0].records.len(), 1);
}

#[tokio::test]
async fn a_shop_that_does_not_answer_in_time_is_asked_for_less() {
    let rows: Vec<Value> = (1..=60).map(customer).collect();
    let store = AnsweringStore::start(move |asked| match asked.number_of("per_page") {
        Some(size) if size > 25 => Reply::Silence,
        _ => window(&rows, asked),
    })
    .await;
    let settings = json!({"storeUrl": store.url, "consumerKey": CONSUMER_KEY, "consumerSecret": CONSUMER_SECRET});
    let connector = open(&settings, Some(Duration::from_millis(200)));
    for size in ["100", "50"] {
        let error = pass(&*connector, Stream::Customers, Pass::Full, None).await.unwrap_err();
        assert_eq!(error, ConnectorError::TimedOut, "{size}");
        assert_eq!(store.asked().last().unwrap().get("per_page"), Some(size));
    }
    assert_eq!(all_records(&*connector, Stream::Customers, Pass::Full).await.len(), 60);
}

#[tokio::test]
async fn an_empty_shop_is_an_empty_page() {
    let store = AnsweringStore::start(|asked| window(&[], asked)).await;
    // Orders may be counted that are not shown.
    for (stream, total) in [(Stream::Customers, Total::Exact(0)), (Stream::Orders, Total::About(0))] {
        let pages = pass(&*connector(&store), stream, Pass::Full, None).await.unwrap();
        assert_eq!((pages.len(), pages[0].records.len(), pages[0].total), (1, 0, Some(total)));
    }
}

#[tokio::test]
async fn newsletter_rows_are_no_stream_of_this_platform() {
    let store = AnsweringStore::start(|_| Reply::text(500, "")).await;
    assert!(pass(&*connector(&store), Stream::Subscribers, Pass::Full, None).await.unwrap().is_empty());
    assert!(store.asked().is_empty());
}
