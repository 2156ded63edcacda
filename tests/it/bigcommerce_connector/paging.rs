//! Lists that change while they are read, resume, and what the next pass begins from.

use std::sync::{Arc, Mutex};

use assent::connectors::{Checkpoint, ConnectorError, Pass, Total, Watermark};
use assent::domain::people::{StoreId, Stream};
use serde_json::{Value, json};

use super::shop::{all_records, connector, customer, ids, numbered, order, pass, subscriber};
use crate::support::answering::{AnsweringStore, Asked, Reply};

const TIME: &str = "2026-02-03T04:05:06Z";
const ORDER_TIME: &str = "Tue, 03 Feb 2026 04:05:06 +0000";

fn id_of(row: &Value) -> u64 {
    row["id"].as_u64().unwrap()
}

/// A page by number, as V3 gives it.
fn page_of(rows: &[Value], asked: &Asked) -> Reply {
    let (limit, page) = (asked.number_of("limit").unwrap(), asked.number_of("page").unwrap_or(1));
    let shown: Vec<Value> = rows.iter().skip((page - 1) * limit).take(limit).cloned().collect();
    numbered(&shown, rows.len(), limit, page)
}

/// A page behind a cursor that holds an id; the first one has both blocks.
fn page_behind(rows: &[Value], asked: &Asked) -> Reply {
    let limit = asked.number_of("limit").unwrap();
    let after = asked.number_of("after").unwrap_or(0) as u64;
    let rest: Vec<&Value> = rows.iter().filter(|row| id_of(row) > after).collect();
    let shown: Vec<&Value> = rest.iter().take(limit).copied().collect();
    let mut block = json!({"count": shown.len(), "per_page": limit, "links": {}});
    if let Some(last) = shown.last() {
        block["end_cursor"] = json!(id_of(last).to_string());
    }
    if rest.len() > limit {
        block["links"]["next"] = json!("?after=x");
    }
    let mut meta = json!({"cursor_pagination": block});
    if asked.get("after").is_none() {
        meta["pagination"] = json!({"total": rows.len(), "count": shown.len(), "per_page": limit, "current_page": 1});
    }
    Reply::json(&json!({"data": shown, "meta": meta}))
}

/// Orders above an id, as V2 gives them: bare, and 204 past the end.
fn orders_from(rows: &[Value], asked: &Asked) -> Reply {
    assert_eq!(asked.get("sort"), Some("id:asc"));
    let from = asked.number_of("min_id").unwrap_or(0) as u64;
    let shown: Vec<&Value> =
        rows.iter().filter(|row| id_of(row) >= from).take(asked.number_of("limit").unwrap()).collect();
    if shown.is_empty() { Reply::text(204, "") } else { Reply::json(&json!(shown)) }
}

#[tokio::test]
async fn customers_are_read_behind_a_cursor_with_the_filter_on_every_page() {
    let rows: Vec<Value> = (1..=600).map(|id| customer(id, TIME)).collect();
    let store = AnsweringStore::start(move |asked| page_behind(&rows, asked)).await;
    let since = Pass::Since(Watermark(json!({"modified": TIME})));
    let pages = pass(&*connector(&store), Stream::Customers, since, None).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [250, 250, 100]);
    assert!(pages.iter().all(|page| page.total == Some(Total::Exact(600))));
    let asked = store.asked();
    assert_eq!(asked.iter().map(|asked| asked.get("after")).collect::<Vec<_>>(), [None, Some("250"), Some("500")]);
    for asked in asked {
        assert_eq!(asked.path, "/stores/abc123fixt/v3/customers");
        assert_eq!(asked.get("date_modified:min"), Some("2026-02-03T04:00:06Z"));
        assert!(asked.get("date_modified").is_none() && asked.get("sort").is_none() && asked.get("page").is_none());
    }
}

#[tokio::test]
async fn without_a_cursor_customers_are_read_by_page_numbers() {
    let rows: Vec<Value> = (1..=600).map(|id| customer(id, TIME)).collect();
    let store = AnsweringStore::start(move |asked| page_of(&rows, asked)).await;
    let records = all_records(&*connector(&store), Stream::Customers, Pass::Full).await;
    assert_eq!(ids(&records), (1..=600).collect::<Vec<_>>());
    assert!(store.asked().len() <= 4, "{}", store.asked().len());
}

#[tokio::test]
async fn a_cursor_that_the_store_forgot_begins_from_the_start() {
    let rows: Vec<Value> = (1..=300).map(|id| customer(id, TIME)).collect();
    let store = AnsweringStore::start(move |asked| match asked.get("after") {
        Some(_) => Reply::text(422, r#"{"status":422,"title":"Invalid field(s): after"}"#),
        None => page_behind(&rows, asked),
    })
    .await;
    let connector = connector(&store);
    let resume = Checkpoint(json!({"since": null, "began": null, "newest": null, "seen": 250, "total": 300,
        "place": {"after": "250"}, "isDone": false}));
    // By page numbers, which the same answers serve.
    let error = pass(&*connector, Stream::Customers, Pass::Full, Some(resume)).await;
    let asked = store.asked();
    assert_eq!((asked[0].get("after"), asked[1].get("page")), (Some("250"), Some("1")), "{error:?}");
}

#[tokio::test]
async fn subscribers_deleted_while_reading_hide_nobody() {
    let rows = Mutex::new((1..=900).map(|id| subscriber(id, TIME)).collect::<Vec<_>>());
    let store = AnsweringStore::start(move |asked| {
        let mut rows = rows.lock().unwrap();
        if asked.number == 1 {
            rows.retain(|row| id_of(row) > 60);
        }
        if asked.number == 2 {
            rows.retain(|row| id_of(row) != 300);
            rows.push(subscriber(901, TIME));
        }
        page_of(&rows, asked)
    })
    .await;
    let records = all_records(&*connector(&store), Stream::Subscribers, Pass::Full).await;
    let read = ids(&records);
    let missing: Vec<u64> = (1..=901).filter(|id| *id != 300 && !read.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Pages of a list, without some of its rows, as a store gives them that counts what it does not show.
async fn short_of(stream: Stream, is_missing: impl Fn(&Asked, u64) -> bool + Send + Sync + 'static) -> AnsweringStore {
    let row = if stream == Stream::Customers { customer } else { subscriber };
    let rows: Vec<Value> = (1..=2_600).map(|id| row(id, TIME)).collect();
    AnsweringStore::start(move |asked| {
        let whole = if stream == Stream::Customers { page_behind(&rows, asked) } else { page_of(&rows, asked) };
        let Reply::Text { body, .. } = whole else { unreachable!("pages are texts") };
        let mut body: Value = serde_json::from_str(&body).unwrap();
        body["data"].as_array_mut().unwrap().retain(|row| !is_missing(asked, id_of(row)));
        Reply::json(&body)
    })
    .await
}

#[tokio::test]
async fn a_short_page_does_not_end_a_list() {
    let is_missing = |asked: &Asked, id: u64| {
        let end = (asked.number_of("limit").unwrap() * asked.number_of("page").unwrap()) as u64;
        (2_000..2_500).contains(&end) && id > end - 10
    };
    let store = short_of(Stream::Subscribers, is_missing).await;
    let records = all_records(&*connector(&store), Stream::Subscribers, Pass::Full).await;
    assert_eq!(ids(&records), (1..=2_600).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_list_with_a_gap_does_not_pass_for_complete() {
    for stream in [Stream::Customers, Stream::Subscribers] {
        let store = short_of(stream, |_, id| id == 2_300).await;
        let changed = Pass::Since(Watermark(json!({"modified": "2026-01-01T00:00:00Z"})));
        let error = pass(&*connector(&store), stream, changed, None).await.unwrap_err();
        assert_eq!(error, ConnectorError::BadAnswer { what: "as many records as the store counts" }, "{stream}");
        // A full one tells the count, by which the gap is found.
        let pages = pass(&*connector(&store), stream, Pass::Full, None).await.unwrap();
        assert_eq!(pages.last().unwrap().total, Some(Total::Exact(2_600)), "{stream}");
        assert_eq!(pages.iter().map(|page| page.records.len()).sum::<usize>(), 2_599, "{stream}");
    }
}

#[tokio::test]
async fn a_list_may_be_shorter_by_what_was_deleted_while_it_was_read() {
    let rows = Mutex::new((1..=600).map(|id| customer(id, TIME)).collect::<Vec<_>>());
    let store = AnsweringStore::start(move |asked| {
        let mut rows = rows.lock().unwrap();
        if asked.number == 1 {
            rows.retain(|row| id_of(row) <= 550);
        }
        page_behind(&rows, asked)
    })
    .await;
    let records = all_records(&*connector(&store), Stream::Customers, Pass::Full).await;
    assert_eq!(ids(&records), (1..=550).collect::<Vec<_>>());
    let asked = store.asked();
    assert_eq!(asked.last().unwrap().get("limit"), Some("1"), "the length is asked for again");
}

#[tokio::test]
async fn a_store_that_gives_smaller_pages_is_read_whole() {
    let rows: Vec<Value> = (1..=180).map(|id| subscriber(id, TIME)).collect();
    let store = AnsweringStore::start(move |asked| {
        let mut asked = asked.clone();
        let limit = asked.number_of("limit").unwrap().min(50).to_string();
        asked.query.retain(|(name, _)| name != "limit");
        asked.query.push(("limit".to_owned(), limit));
        page_of(&rows, &asked)
    })
    .await;
    let records = all_records(&*connector(&store), Stream::Subscribers, Pass::Full).await;
    let mut read = ids(&records);
    read.dedup();
    assert_eq!(read, (1..=180).collect::<Vec<_>>());
}

#[tokio::test]
async fn orders_are_read_above_ids_until_the_store_answers_204() {
    let rows = Mutex::new((1..=500).map(|id| order(id, ORDER_TIME)).collect::<Vec<_>>());
    let store = AnsweringStore::start(move |asked| {
        let mut rows = rows.lock().unwrap();
        if asked.number == 1 {
            rows.retain(|row| id_of(row) > 200);
        }
        orders_from(&rows, asked)
    })
    .await;
    let pages = pass(&*connector(&store), Stream::Orders, Pass::Full, None).await.unwrap();
    let (last, before) = pages.split_last().unwrap();
    assert!(before.iter().all(|page| page.watermark.is_none()), "held back until the last page");
    assert_eq!(last.watermark.clone().unwrap().0, json!({"modified": TIME}));
    let records: Vec<_> = pages.into_iter().flat_map(|page| page.records).collect();
    assert_eq!(ids(&records), (1..=500).collect::<Vec<_>>(), "each once");
    assert!(store.asked().iter().all(|asked| asked.path == "/stores/abc123fixt/v2/orders"));
}

#[tokio::test]
async fn orders_out_of_order_do_not_pass_for_complete() {
    let rows = json!([order(2, ORDER_TIME), order(1, ORDER_TIME)]);
    let store = AnsweringStore::start(move |_| Reply::json(&rows)).await;
    let error = pass(&*connector(&store), Stream::Orders, Pass::Full, None).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "orders in the order of their ids" });
}

#[tokio::test]
async fn a_store_that_ignores_the_filter_is_not_believed() {
    let rows =
        vec![subscriber(1, "2026-01-01T00:00:00Z"), subscriber(2, "2026-02-03T04:04:00+00:00"), subscriber(3, "")];
    let store = AnsweringStore::start(move |asked| page_of(&rows, asked)).await;
    let since = Pass::Since(Watermark(json!({"modified": TIME})));
    let records = all_records(&*connector(&store), Stream::Subscribers, since).await;
    assert_eq!(ids(&records), [2, 3], "what has no time that can be read is given out");
}

#[tokio::test]
async fn a_change_stamped_before_all_time_does_no_harm() {
    let store = AnsweringStore::start(|asked| page_of(&[subscriber(1, TIME)], asked)).await;
    let since = Pass::Since(Watermark(json!({"modified": chrono::DateTime::<chrono::Utc>::MIN_UTC})));
    assert_eq!(ids(&all_records(&*connector(&store), Stream::Subscribers, since).await), [1]);
}

#[tokio::test]
async fn what_changes_behind_the_reader_is_in_the_next_pass() {
    let rows: Arc<Mutex<Vec<Value>>> = Arc::new(Mutex::new((1..=300).map(|id| order(id, ORDER_TIME)).collect()));
    let shared = Arc::clone(&rows);
    let store = AnsweringStore::start(move |asked| {
        let mut rows = shared.lock().unwrap();
        // Order 1 changes when it has been passed; order 300 later still, before it is read.
        if asked.number == 1 {
            rows[0] = order(1, "Tue, 03 Feb 2026 05:00:00 +0000");
            rows[299] = order(300, "Tue, 03 Feb 2026 09:00:00 +0000");
        }
        orders_from(&rows, asked).header("Date", &"Tue, 03 Feb 2026 04:30:00 GMT")
    })
    .await;
    let pages = pass(&*connector(&store), Stream::Orders, Pass::Full, None).await.unwrap();
    let watermark = pages.last().unwrap().watermark.clone().unwrap();
    assert_eq!(watermark.0, json!({"modified": "2026-02-03T04:30:00Z"}), "no later than the pass began");
}

#[tokio::test]
async fn an_unchanged_store_keeps_its_watermark_and_an_empty_one_is_an_empty_page() {
    let store =
        AnsweringStore::start(
            |asked| {
                if asked.path.ends_with("orders") { Reply::text(204, "") } else { page_of(&[], asked) }
            },
        )
        .await;
    let connector = connector(&store);
    for stream in super::shop::STREAMS {
        let before = Watermark(json!({"modified": TIME}));
        let pages = pass(&*connector, stream, Pass::Since(before.clone()), None).await.unwrap();
        assert_eq!((pages.len(), pages[0].records.len(), pages[0].watermark.clone()), (1, 0, Some(before)));
        let pages = pass(&*connector, stream, Pass::Full, None).await.unwrap();
        assert!(pages[0].watermark.is_some(), "the next pass need not be a full one");
    }
}

#[tokio::test]
async fn an_interrupted_pass_goes_on_where_it_was() {
    for stream in super::shop::STREAMS {
        let customers: Vec<Value> = (1..=600).map(|id| customer(id, TIME)).collect();
        let subscribers: Vec<Value> = (1..=600).map(|id| subscriber(id, TIME)).collect();
        let orders: Vec<Value> = (1..=600).map(|id| order(id, ORDER_TIME)).collect();
        let store = AnsweringStore::start(move |asked| match (asked.number, stream) {
            (1, _) => Reply::text(502, "<html>"),
            (_, Stream::Customers) => page_behind(&customers, asked),
            (_, Stream::Subscribers) => page_of(&subscribers, asked),
            (_, Stream::Orders) => orders_from(&orders, asked),
        })
        .await;
        let connector = connector(&store);
        let mut pages = connector.pages(stream, Pass::Full, None);
        let first = futures::StreamExt::next(&mut pages).await.unwrap().unwrap();
        let error = futures::StreamExt::next(&mut pages).await.unwrap().unwrap_err();
        assert_eq!(error, ConnectorError::StoreFailed { status: 502, after: None });
        assert!(futures::StreamExt::next(&mut pages).await.is_none(), "a stream ends after an error");
        let rest = pass(&*connector, stream, Pass::Full, Some(first.resume_from)).await.unwrap();
        let mut read = ids(&first.records);
        read.extend(rest.iter().flat_map(|page| ids(&page.records)));
        assert_eq!(read, (1..=600).collect::<Vec<_>>(), "{stream}");
        assert!(rest.last().unwrap().watermark.is_some());
    }
}

#[tokio::test]
async fn a_foreign_checkpoint_begins_from_the_start() {
    let store = AnsweringStore::start(|asked| page_of(&[subscriber(1, TIME)], asked)).await;
    let foreign = Checkpoint(json!({"cursor": "x"}));
    let pages = pass(&*connector(&store), Stream::Subscribers, Pass::Full, Some(foreign)).await.unwrap();
    assert_eq!(ids(&pages[0].records), [1]);
}

#[tokio::test]
async fn a_list_far_shorter_than_its_count_does_not_pass_for_complete() {
    let store = AnsweringStore::start(|_| numbered(&[subscriber(1, TIME)], 250, 250, 1)).await;
    let error = pass(&*connector(&store), Stream::Subscribers, Pass::Full, None).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "as many records as the store counts" });
    assert_eq!(store.asked().len(), 2, "the same answer twice is enough");
}

#[tokio::test]
async fn too_large_a_page_is_asked_for_smaller() {
    let rows: Vec<Value> = (1..=120).map(|id| order(id, ORDER_TIME)).collect();
    let store = AnsweringStore::start(move |asked| match asked.number_of("limit") {
        Some(limit) if limit > 70 => Reply::text(413, r#"[{"status":413,"message":"too large"}]"#),
        _ => orders_from(&rows, asked),
    })
    .await;
    let records = all_records(&*connector(&store), Stream::Orders, Pass::Full).await;
    assert_eq!(records.len(), 120);
    let limits: Vec<String> = store.asked().iter().map(|asked| asked.get("limit").unwrap().to_owned()).collect();
    assert_eq!(limits[..3], ["250", "125", "62"]);
}

#[tokio::test]
async fn a_record_is_read_again_by_its_id() {
    let store = AnsweringStore::start(|asked| match (asked.path.as_str(), asked.get("id:in")) {
        ("/stores/abc123fixt/v3/customers", Some("7")) => numbered(&[customer(7, TIME)], 1, 50, 1),
        ("/stores/abc123fixt/v3/customers", _) => numbered(&[], 0, 50, 1),
        ("/stores/abc123fixt/v3/customers/subscribers/7", _) => {
            Reply::json(&json!({"data": subscriber(7, TIME), "meta": {}}))
        }
        ("/stores/abc123fixt/v2/orders/7", _) => Reply::json(&order(7, ORDER_TIME)),
        ("/stores/abc123fixt/v2/orders/8", _) => Reply::text(404, r#"[{"status":404,"message":"Not found"}]"#),
        ("/stores/abc123fixt/v3/customers/subscribers/8", _) => {
            Reply::text(404, r#"{"status":404,"title":"Not found"}"#)
        }
        _ => Reply::text(404, "<html>no such page</html>"),
    })
    .await;
    let connector = connector(&store);
    for stream in super::shop::STREAMS {
        assert_eq!(ids(&[connector.record(stream, &StoreId::new("7")).await.unwrap().unwrap()]), [7]);
        assert!(connector.record(stream, &StoreId::new("8")).await.unwrap().is_none(), "{stream}: gone");
        assert!(connector.record(stream, &StoreId::new("../7")).await.unwrap().is_none(), "{stream}: no id");
    }
    let missing = ConnectorError::NotThere { what: "BigCommerce API" };
    assert_eq!(connector.record(Stream::Orders, &StoreId::new("9")).await.unwrap_err(), missing, "a proxy's 404");
}
