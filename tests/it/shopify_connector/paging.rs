//! How lists are walked: sizes, cursors, windows, repetition, pace.

use std::time::{Duration, Instant};

use assent::connectors::{Pass, PeoplePage};
use assent::domain::people::Stream;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::shop::{Answer, Asked, Shop, customer, example, lines, page, since};

const DAY: &str = "2026-10-01T00:00:00Z";

fn ids(pages: &[PeoplePage]) -> Vec<String> {
    lines(pages).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn unknown_cursor() -> Answer {
    Answer::json(&json!({"errors": [{"message": "Invalid cursor for current pagination sort."}]}))
}

#[tokio::test]
async fn a_page_that_costs_too_much_is_halved_until_it_does_not() {
    let refusal = example("errors-graphql")["cases"][1]["response"].clone();
    let shop = Shop::open(move |asked| {
        if number(asked.variable("first")) > 100 { Answer::example(&refusal) } else { page("customers", &[], None) }
    })
    .await;
    shop.read(Stream::Customers, since(DAY)).await.unwrap();
    let sizes: Vec<u64> = shop.asked().iter().map(|asked| number(asked.variable("first"))).collect();
    assert_eq!(sizes, [250, 125, 62]);
}

#[tokio::test]
async fn a_record_that_is_read_twice_unchanged_is_given_once() {
    let (first, moved) = (customer(1, DAY), customer(2, "2026-10-01T00:00:01Z"));
    let shop = Shop::scripted(vec![
        page("customers", &[first, moved.clone()], Some("a")),
        page("customers", &[moved, customer(1, "2026-10-01T00:00:09Z")], None),
    ])
    .await;
    let pages = shop.read(Stream::Customers, since(DAY)).await.unwrap();
    assert_eq!(ids(&pages), ["1", "2", "1"], "1 has changed since, 2 has not");
}

#[tokio::test]
async fn what_changed_long_before_the_watermark_is_left_out() {
    let nodes = [customer(1, "2026-09-30T08:59:59Z"), customer(2, "2026-09-30T09:00:00Z")];
    let shop = Shop::scripted(vec![page("customers", &nodes, None)]).await;
    let pages = shop.read(Stream::Customers, since(DAY)).await.unwrap();
    assert_eq!(ids(&pages), ["2"], "the overlap on customers is 15 hours");
}

#[tokio::test]
async fn an_interrupted_pass_goes_on_after_its_last_page() {
    let shop = Shop::open(|asked| match asked.variable("after").as_str() {
        None => page("customers", &[customer(1, DAY)], Some("a")),
        Some(_) => page("customers", &[customer(2, DAY)], None),
    })
    .await;
    let first = shop.connector.pages(Stream::Customers, since(DAY), None).next().await.unwrap().unwrap();
    let rest = shop.connector.pages(Stream::Customers, since(DAY), Some(first.resume_from));
    let rest: Vec<PeoplePage> = rest.try_collect().await.unwrap();
    assert_eq!((ids(&rest), shop.asked().len()), (vec!["2".to_owned()], 2));
}

#[tokio::test]
async fn a_cursor_that_is_no_longer_good_costs_nothing_but_ties() {
    let shop = Shop::open(|asked| match (asked.variable("after").as_str(), asked.variable("query").as_str()) {
        (Some(_), _) => unknown_cursor(),
        (None, Some("updated_at:>='2026-10-01T00:00:00Z'")) => {
            page("customers", &[customer(1, DAY), customer(2, "2026-10-01T00:00:02Z")], None)
        }
        (None, _) => page("customers", &[customer(1, DAY)], Some("a")),
    })
    .await;
    let pages = shop.read(Stream::Customers, since(DAY)).await.unwrap();
    assert_eq!(ids(&pages), ["1", "2"]);
}

#[tokio::test]
async fn a_full_pass_survives_cursors_that_never_work() {
    let shop = Shop::open(|asked| match asked.operation() {
        "Customers" if asked.variable("after").is_null() => {
            let above = above(asked);
            page("customers", &[customer(above + 1, DAY)], (above < 4).then_some("a"))
        }
        _ => unknown_cursor(),
    })
    .await;
    let pages = shop.read(Stream::Customers, Pass::Full).await.unwrap();
    assert_eq!(ids(&pages), ["1", "2", "3", "4", "5"]);
}

/// The id that the query's window is above.
fn above(asked: &Asked) -> u64 {
    let query = asked.variable("query").as_str().unwrap_or("id:>0");
    query.strip_prefix("id:>").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_full_pass_reads_more_than_a_list_gives() {
    const CUSTOMERS: u64 = 26_000;
    const LIMIT: u64 = 25_000;
    let shop = Shop::open(|asked| {
        if asked.operation() != "Customers" {
            return unknown_cursor();
        }
        let offset = asked.variable("after").as_str().map_or(0, |cursor| cursor.parse::<u64>().unwrap());
        let first = number(asked.variable("first"));
        if offset + first > LIMIT {
            return Answer::json(&json!({"errors": [{"message": "too far"}]}));
        }
        let begin = above(asked) + offset;
        let nodes: Vec<Value> = (begin + 1..=CUSTOMERS.min(begin + first)).map(|id| customer(id, DAY)).collect();
        let next = (begin + first < CUSTOMERS).then(|| (offset + first).to_string());
        page("customers", &nodes, next.as_deref())
    })
    .await;
    let pages = shop.read(Stream::Customers, Pass::Full).await.unwrap();
    let read: Vec<u64> = ids(&pages).iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(read, (1..=CUSTOMERS).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_waits_until_the_budget_allows_it() {
    let cost = json!({"requestedQueryCost": 502, "actualQueryCost": 502, "throttleStatus":
        {"maximumAvailable": 2000, "currentlyAvailable": 202, "restoreRate": 1000}});
    let shop = Shop::open(move |asked| {
        let next = asked.variable("after").is_null().then_some("a");
        let page_info = json!({"hasNextPage": next.is_some(), "endCursor": next});
        let data = json!({"customers": {"nodes": [], "pageInfo": page_info}});
        Answer::json(&json!({"data": data, "extensions": {"cost": cost}}))
    })
    .await;
    let began = Instant::now();
    shop.read(Stream::Customers, since(DAY)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(250), "300 missing points come back in 300 ms");
}

#[tokio::test]
async fn a_change_during_a_full_pass_is_read_again_by_the_next_pass() {
    let shop = Shop::open(|asked| match asked.operation() {
        "Customers" => page("customers", &[customer(1, DAY), customer(2, "2026-10-05T11:59:59Z")], None)
            .header("Date", "Mon, 05 Oct 2026 11:00:00 GMT"),
        _ => unknown_cursor(),
    })
    .await;
    let pages = shop.read(Stream::Customers, Pass::Full).await.unwrap();
    let watermark = pages.last().unwrap().watermark.clone().unwrap();
    assert_eq!(watermark.0, json!({"updatedAt": "2026-10-05T11:00:00Z"}), "the store's clock when the pass began");
}
