//! Orders: the only place where guests are.

use std::sync::Arc;

use assent::connectors::{ConnectorError, Pass, PeoplePage};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::store::{ORDERS, Open, SEARCH, ids, problem, profile, read, watermark};
use crate::support::answering::{Asked, Reply};

fn at(seconds: usize) -> DateTime<Utc> {
    "2024-05-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(i64::try_from(seconds).unwrap())
}

fn order(number: usize, created: DateTime<Utc>, customer: &Value) -> Value {
    let date = created.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    json!({"orderNo": format!("{number:08}"), "status": "new", "creationDate": date, "lastModified": date,
        "customerInfo": customer})
}

fn guest(number: usize) -> Value {
    json!({"email": format!("g{number}@example.com"), "guest": true})
}

/// The orders of a site, oldest first, as the platform pages them.
fn listed(orders: &[Value], asked: &Asked) -> Reply {
    let (limit, offset) = (asked.number_of("limit").unwrap(), asked.number_of("offset").unwrap());
    assert!((1..=200).contains(&limit) && offset + limit <= 10_000, "{:?}", asked.query);
    let (field, from) = match asked.get("sortBy") {
        Some("last_modified_date") => ("lastModified", asked.get("lastModifiedDateFrom")),
        _ => ("creationDate", asked.get("creationDateFrom")),
    };
    let found = orders.iter().filter(|order| from.is_none_or(|from| order[field].as_str().unwrap() >= from));
    let data: Vec<&Value> = found.skip(offset).take(limit).collect();
    Reply::json(&json!({"data": data}))
}

async fn store(orders: Vec<Value>) -> Open {
    Open::with(move |asked| listed(&orders, asked)).await
}

async fn full(open: &Open) -> Result<Vec<PeoplePage>, ConnectorError> {
    read(&*open.connector, Stream::Orders, Pass::Full, None).await
}

#[tokio::test]
async fn more_orders_than_a_list_shows_are_read_from_where_it_ended() {
    let orders: Vec<Value> = (0..25_000).map(|number| order(number, at(number / 3), &guest(number))).collect();
    let expected: Vec<String> = (0..25_000).map(|number| format!("RefArch/{number:08}")).collect();
    let open = store(orders).await;
    let mut found = ids(&full(&open).await.unwrap());
    found.sort();
    found.dedup();
    assert_eq!(found, expected);
    let requests = open.asked_at(ORDERS).len();
    assert!(requests <= 140, "125 pages took {requests} requests");
}

#[tokio::test]
async fn a_page_that_is_exactly_full_is_not_the_last() {
    for count in [0, 1, 199, 200, 201, 399, 400] {
        let orders: Vec<Value> = (0..count).map(|number| order(number, at(number), &guest(number))).collect();
        let open = store(orders).await;
        assert_eq!(ids(&full(&open).await.unwrap()).len(), count);
    }
}

#[tokio::test]
async fn more_orders_of_one_moment_than_a_list_shows_are_an_error_and_no_end() {
    let orders: Vec<Value> = (0..10_300).map(|number| order(number, at(0), &guest(number))).collect();
    let error = full(&store(orders).await).await.unwrap_err();
    assert!(matches!(error, ConnectorError::ListTooLong { .. }), "{error}");
}

#[tokio::test]
async fn a_list_that_comes_newest_first_in_spite_of_being_asked_is_not_cut() {
    let orders: Vec<Value> = (0..10_300).map(|number| order(number, at(20_000 - number), &guest(number))).collect();
    let error = full(&store(orders).await).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "orders with dates, oldest first" });
}

#[tokio::test]
async fn everything_is_read_by_creation_and_changes_by_the_last_change() {
    let open = store(vec![order(1, at(0), &guest(1))]).await;
    let pages = full(&open).await.unwrap();
    open.clock.advance(TimeDelta::minutes(10));
    let next = read(&*open.connector, Stream::Orders, Pass::Since(watermark(&pages)), None).await.unwrap();
    assert_eq!(ids(&next), [""; 0]);
    let [all, changed] = <[Asked; 2]>::try_from(open.asked_at(ORDERS)).unwrap();
    assert_eq!((all.get("sortBy"), all.get("sortOrder")), (Some("creation_date"), Some("asc")));
    assert_eq!(all.get("creationDateFrom"), None);
    assert_eq!(changed.get("sortBy"), Some("last_modified_date"));
    assert_eq!(changed.get("lastModifiedDateFrom"), Some("2026-04-04T11:55:00.000Z"));
    assert_eq!((changed.get("siteId"), changed.get("limit")), (Some("RefArch"), Some("200")));
}

#[tokio::test]
async fn every_site_is_read_and_its_orders_are_its_own() {
    let settings = json!({"siteIds": ["Here", "There"]});
    let open = Open::with_settings(&settings, |asked| {
        let number = if asked.get("siteId") == Some("Here") { 1 } else { 2 };
        listed(&[order(number, at(number), &guest(number)), order(3, at(3), &guest(3))], asked)
    })
    .await;
    let pages = full(&open).await.unwrap();
    assert_eq!(ids(&pages), ["Here/00000001", "Here/00000003", "There/00000002", "There/00000003"]);
    // The first page is good for going on after it.
    let rest = read(&*open.connector, Stream::Orders, Pass::Full, Some(pages[0].resume_from.clone())).await.unwrap();
    assert_eq!(ids(&rest), ["There/00000002", "There/00000003"]);
}

#[tokio::test]
async fn an_order_that_hides_whether_a_guest_placed_it_is_settled_by_the_customer_list() {
    let customer = |number: &str| json!({"email": "x@example.com", "customerNo": number});
    let orders =
        vec![order(1, at(1), &customer("00000007")), order(2, at(2), &customer("99")), order(3, at(3), &guest(3))];
    let open = Open::with(move |asked| {
        if asked.path != SEARCH {
            return listed(&orders, asked);
        }
        let values = asked.json()["query"]["termQuery"]["values"].clone();
        assert_eq!(values.as_array().unwrap().len(), 2, "{values}");
        Reply::json(&json!({"hits": [{"data": profile(7, at(0)), "relevance": 1.0}], "total": 1}))
    })
    .await;
    let pages = full(&open).await.unwrap();
    let guests: Vec<bool> =
        pages.iter().flat_map(|page| &page.records).map(|record| matches!(record, StoreRecord::Person(_))).collect();
    assert_eq!(guests, [false, true, true]);
    assert_eq!(open.asked_at(SEARCH).len(), 1, "one search settles a page");
}

#[tokio::test]
async fn one_order_is_read_again_by_its_site_and_number() {
    let open = Open::with(|asked| match asked.path.rsplit('/').next() {
        Some("00000007") => Reply::json(&order(7, at(0), &guest(7))),
        _ => problem(404, "order-not-found"),
    })
    .await;
    let record = async |id: &str| open.connector.record(Stream::Orders, &StoreId::new(id)).await.unwrap();
    assert!(matches!(record("RefArch/00000007").await, Some(StoreRecord::Person(_))));
    assert!(record("RefArch/8").await.is_none());
    assert!(record("Elsewhere/00000007").await.is_none(), "no site of ours");
    assert!(record("nonsense").await.is_none());
    assert_eq!(open.asked_at(&format!("{ORDERS}/00000007")).len(), 1);
}

#[tokio::test]
async fn an_order_of_a_site_that_is_gone_is_not_taken_for_deleted() {
    let open = Open::with(|_| problem(404, "site-not-found")).await;
    let id = StoreId::new("RefArch/1");
    let error = open.connector.record(Stream::Orders, &id).await.unwrap_err();
    assert!(matches!(error, ConnectorError::NotThere { .. }), "{error}");
}

#[tokio::test]
async fn orders_that_move_while_we_read_take_nobody_with_them() {
    let orders: Vec<Value> = (0..450).map(|number| order(number, at(number), &guest(number))).collect();
    let shared = Arc::new(orders);
    let open = Open::with(move |asked| {
        // After the token and the first page the ten oldest are deleted.
        let gone = if asked.number < 2 { 0 } else { 10 };
        listed(&shared[gone..], asked)
    })
    .await;
    let found = ids(&full(&open).await.unwrap());
    let missing: Vec<usize> = (0..450).filter(|number| !found.contains(&format!("RefArch/{number:08}"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
