//! Lists that change while they are read, resume, and what the next pass begins from.

use std::sync::Mutex;

use assent::connectors::{Checkpoint, Pass, Total};
use assent::domain::people::Stream;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::shop::{Shop, bound, customer, customers_above, id, ids, page, pass, recipient, refusal, since};
use crate::support::answering::{Asked, Reply};

const SECOND: &str = "2026-02-03T04:05:06.000+00:00";

/// The page of newsletter rows that was asked for, in the order of time and id.
fn recipients(rows: &[Value], asked: &Asked) -> Reply {
    let criteria = asked.json();
    let from = bound(&criteria["filter"], "createdAt", "gte").and_then(Value::as_str).unwrap_or_default().to_owned();
    let window: Vec<&Value> = rows.iter().filter(|row| row["createdAt"].as_str().unwrap() >= from.as_str()).collect();
    let number = |name: &str| usize::try_from(criteria[name].as_u64().unwrap()).unwrap();
    let skip = (number("page") - 1) * number("limit");
    let shown: Vec<Value> = window.iter().skip(skip).take(number("limit")).map(|row| (*row).clone()).collect();
    page(&shown, window.len())
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<String> {
    range.map(id).collect()
}

#[tokio::test]
async fn customers_deleted_while_reading_hide_nobody() {
    let rows = Mutex::new((1..=1200).map(customer).collect::<Vec<_>>());
    let shop = Shop::open(move |asked| {
        let mut rows = rows.lock().unwrap();
        if asked.number == 2 {
            rows.retain(|row| row["autoIncrement"].as_u64() > Some(400));
        }
        customers_above(&rows, asked)
    })
    .await;
    let pages = pass(&*shop.connector(), Stream::Customers, Pass::Full, None).await.unwrap();
    assert_eq!(ids(&pages), numbers(1..=1200));
    assert_eq!(pages[0].total, Some(Total::Exact(1200)));
}

#[tokio::test]
async fn rows_of_one_and_the_same_time_are_all_read_while_others_go() {
    let rows = Mutex::new((1..=1300).map(|number| recipient(number, SECOND)).collect::<Vec<_>>());
    let shop = Shop::open(move |asked| {
        let mut rows = rows.lock().unwrap();
        if asked.number == 3 {
            rows.drain(..40);
        }
        recipients(&rows, asked)
    })
    .await;
    let pages = pass(&*shop.connector(), Stream::Subscribers, Pass::Full, None).await.unwrap();
    assert_eq!(ids(&pages), numbers(1..=1300), "each once, and nobody slipped through");
}

#[tokio::test]
async fn a_shop_that_gives_fewer_rows_is_asked_for_fewer() {
    let rows: Vec<Value> = (1..=250).map(customer).collect();
    let shop = Shop::open(move |asked| {
        let limit = asked.json()["limit"].as_u64().unwrap();
        if limit > 100 {
            let parameters = json!({"maxLimit": 100, "limit": limit});
            return refusal(400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED", "The limit must be lower", &parameters);
        }
        customers_above(&rows, asked)
    })
    .await;
    let pages = pass(&*shop.connector(), Stream::Customers, Pass::Full, None).await.unwrap();
    assert_eq!((ids(&pages).len(), pages.len(), shop.asked().len()), (250, 3, 4));
}

#[tokio::test]
async fn an_interrupted_pass_goes_on_after_its_last_page() {
    let rows: Vec<Value> = (1..=1200).map(customer).collect();
    let shop =
        Shop::open(move |asked| if asked.number == 3 { Reply::text(503, "") } else { customers_above(&rows, asked) })
            .await;
    let connector = shop.connector();
    let mut pages = connector.pages(Stream::Customers, Pass::Full, None);
    let (mut read, mut resume) = (Vec::new(), None);
    while let Some(Ok(page)) = pages.next().await {
        resume = Some(page.resume_from.clone());
        read.push(page);
    }
    assert!(pages.next().await.is_none(), "a stream ends after an error");
    drop(pages);
    assert_eq!(ids(&read), numbers(1..=1000));
    let rest = pass(&*connector, Stream::Customers, Pass::Full, resume).await.unwrap();
    assert_eq!(ids(&rest), numbers(1001..=1200));
    assert!(rest.last().unwrap().watermark.is_some());
}

#[tokio::test]
async fn a_checkpoint_or_watermark_that_is_not_ours_begins_from_the_start() {
    let rows: Vec<Value> = (1..=3).map(customer).collect();
    let shop = Shop::open(move |asked| customers_above(&rows, asked)).await;
    let foreign = Some(Checkpoint(json!({"cursor": "x"})));
    let pages = pass(&*shop.connector(), Stream::Customers, since("yesterday"), foreign).await.unwrap();
    assert_eq!(ids(&pages), numbers(1..=3));
}

#[tokio::test]
async fn the_next_pass_begins_when_this_one_began_by_the_shops_clock_or_ours() {
    for (date, expected) in [
        ("Tue, 10 Mar 2026 11:58:00 GMT", "2026-03-10T11:58:00Z"),
        ("Tue, 10 Mar 2099 11:58:00 GMT", "2026-03-10T12:00:00Z"),
        ("soon", "2026-03-10T12:00:00Z"),
    ] {
        let rows: Vec<Value> = (1..=700).map(customer).collect();
        let shop = Shop::open(move |asked| customers_above(&rows, asked).header("Date", &date)).await;
        let pages = pass(&*shop.connector(), Stream::Customers, Pass::Full, None).await.unwrap();
        assert!(pages[0].watermark.is_none(), "held back until the last page");
        assert_eq!(pages[1].watermark.as_ref().unwrap().0, json!({ "changedSince": expected }));
    }
}

#[tokio::test]
async fn an_empty_shop_is_an_empty_page_with_a_watermark() {
    let shop = Shop::open(|_| page(&[], 0)).await;
    for stream in [Stream::Customers, Stream::Subscribers, Stream::Orders] {
        let pages = pass(&*shop.connector(), stream, Pass::Full, None).await.unwrap();
        assert_eq!((pages.len(), pages[0].records.len(), pages[0].total), (1, 0, Some(Total::Exact(0))));
        assert!(pages[0].watermark.is_some());
    }
}
