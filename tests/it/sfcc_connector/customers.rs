//! Profiles: windows of time, what the search knows, what is read when.

use assent::connectors::{Checkpoint, Connector, ConnectorError, Pass, PeoplePage, Total};
use assent::domain::people::{StoreId, Stream};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::store::{Dates, Open, SEARCH, ids, profile, read, search, watermark};

fn start() -> DateTime<Utc> {
    "2019-05-01T00:00:00Z".parse().unwrap()
}

/// Profiles one after the other, so many seconds apart.
fn rows(count: usize, seconds: i64) -> Vec<Value> {
    let after = |number: usize| TimeDelta::seconds(seconds * i64::try_from(number).unwrap());
    (0..count).map(|number| profile(number, start() + after(number))).collect()
}

async fn store(rows: Vec<Value>, dates: Dates) -> Open {
    Open::with(move |asked| search(&rows, dates, asked)).await
}

fn names(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["customerId"].as_str().unwrap().to_owned()).collect()
}

async fn full(open: &Open) -> Result<Vec<PeoplePage>, ConnectorError> {
    read(&*open.connector, Stream::Customers, Pass::Full, None).await
}

async fn since(open: &Open, pages: &[PeoplePage]) -> Vec<PeoplePage> {
    read(&*open.connector, Stream::Customers, Pass::Since(watermark(pages)), None).await.unwrap()
}

fn codes(connector: &dyn Connector) -> Vec<String> {
    connector.notices().into_iter().map(|notice| notice.code).collect()
}

#[tokio::test]
async fn a_list_beyond_the_cap_is_read_in_halved_windows_and_nobody_is_left_out() {
    let rows = rows(25_000, 1000);
    let open = store(rows.clone(), Dates::Known).await;
    let pages = full(&open).await.unwrap();
    let mut found = ids(&pages);
    found.sort();
    assert_eq!(found, names(&rows));
    assert_eq!(pages[0].total, Some(Total::Exact(25_000)));
    let requests = open.asked_at(SEARCH).len();
    assert!(requests <= 160, "125 pages took {requests} requests");
}

#[tokio::test]
async fn a_crowd_in_an_hour_is_found_by_halving_on() {
    let mut rows = rows(12_000, 0);
    for (number, row) in rows.iter_mut().enumerate() {
        *row = profile(number, start() + TimeDelta::milliseconds(300 * i64::try_from(number).unwrap()));
    }
    let open = store(rows.clone(), Dates::Known).await;
    let mut found = ids(&full(&open).await.unwrap());
    found.sort();
    assert_eq!(found, names(&rows));
}

#[tokio::test]
async fn more_profiles_of_one_moment_than_the_store_shows_are_an_error_and_no_end() {
    let open = store(rows(10_500, 0), Dates::Known).await;
    let error = full(&open).await.unwrap_err();
    assert!(matches!(error, ConnectorError::ListTooLong { .. }), "{error}");
    assert_eq!(error.code(), "STORE_LIST_TOO_LONG");
}

#[tokio::test]
async fn a_list_that_no_date_divides_is_read_up_to_the_cap_and_refused_beyond() {
    for dates in [Dates::Unknown, Dates::Unsortable, Dates::Ignored, Dates::Patchy] {
        let rows = rows(10_000, 1000);
        let open = store(rows.clone(), dates).await;
        assert_eq!(ids(&full(&open).await.unwrap()), names(&rows), "{dates:?}");
        assert!(codes(&*open.connector).contains(&"CUSTOMER_CHANGES_NOT_SEARCHABLE".to_owned()), "{dates:?}");
    }
    let open = store(rows(10_001, 1000), Dates::Unknown).await;
    let error = full(&open).await.unwrap_err();
    assert!(error.to_string().contains("knows no date"), "{error}");
}

#[tokio::test]
async fn changes_are_asked_for_by_the_date_that_was_found() {
    let open = store(rows(3, 1000), Dates::Known).await;
    let pages = full(&open).await.unwrap();
    assert!(!codes(&*open.connector).contains(&"CUSTOMER_CHANGES_NOT_SEARCHABLE".to_owned()));
    let before = open.asked_at(SEARCH).len();
    open.clock.advance(TimeDelta::minutes(10));
    assert_eq!(ids(&since(&open, &pages).await), [""; 0]);
    let asked = open.asked_at(SEARCH);
    assert_eq!(asked.len(), before + 1, "an unchanged list costs one request");
    let range = &asked.last().unwrap().json()["query"]["filteredQuery"]["filter"]["rangeFilter"];
    assert_eq!(*range, json!({"field": "lastModified", "from": "2026-04-04T11:55:00.000Z"}));
}

#[tokio::test]
async fn without_a_date_everybody_is_read_once_a_day_and_nothing_in_between() {
    let rows = rows(3, 1000);
    let open = store(rows.clone(), Dates::Unknown).await;
    let pages = full(&open).await.unwrap();
    let before = open.asked_at(SEARCH).len();
    open.clock.advance(TimeDelta::hours(23));
    let idle = since(&open, &pages).await;
    assert_eq!((ids(&idle).len(), open.asked_at(SEARCH).len()), (0, before));
    open.clock.advance(TimeDelta::hours(1));
    let daily = since(&open, &idle).await;
    assert_eq!(ids(&daily), names(&rows));
    assert_eq!(ids(&since(&open, &daily).await).len(), 0, "the day begins anew");
}

#[tokio::test]
async fn everybody_is_read_once_a_day_even_where_changes_can_be_searched() {
    let rows = rows(3, 1000);
    let open = store(rows.clone(), Dates::Known).await;
    let pages = full(&open).await.unwrap();
    open.clock.advance(TimeDelta::hours(24));
    assert_eq!(ids(&since(&open, &pages).await), names(&rows));
}

#[tokio::test]
async fn a_date_that_is_no_longer_known_is_looked_for_anew() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static IS_KNOWN: AtomicBool = AtomicBool::new(true);
    let rows = rows(3, 1000);
    let shown = rows.clone();
    let open = Open::with(move |asked| {
        let dates = if IS_KNOWN.load(Ordering::Relaxed) { Dates::Known } else { Dates::Unknown };
        search(&shown, dates, asked)
    })
    .await;
    let pages = full(&open).await.unwrap();
    IS_KNOWN.store(false, Ordering::Relaxed);
    assert_eq!(ids(&since(&open, &pages).await), names(&rows));
    assert!(codes(&*open.connector).contains(&"CUSTOMER_CHANGES_NOT_SEARCHABLE".to_owned()));
}

#[tokio::test]
async fn an_interrupted_pass_goes_on_where_it_was() {
    let rows = rows(12_000, 1000);
    let open = store(rows.clone(), Dates::Known).await;
    let (mut found, mut resume) = (Vec::new(), None::<Checkpoint>);
    for _ in 0..1000 {
        let mut pages = open.connector.pages(Stream::Customers, Pass::Full, resume.clone());
        let page = pages.next().await.expect("a pass ends with a watermark").unwrap();
        found.extend(ids(std::slice::from_ref(&page)));
        resume = Some(page.resume_from);
        if page.watermark.is_some() {
            break;
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(found, names(&rows));
}

#[tokio::test]
async fn nobody_is_a_subscriber_without_the_attribute_and_the_integration_says_so() {
    let mut opted_in = rows(2, 1000);
    opted_in[1]["c_acceptsMarketing"] = json!(true);
    for (attribute, rows, expected) in [
        (Value::Null, opted_in.clone(), vec!["ACCEPTS_MARKETING_NOT_SET"]),
        (json!("newsletter"), opted_in.clone(), vec!["ACCEPTS_MARKETING_NOT_FOUND"]),
        (json!("acceptsMarketing"), opted_in, vec![]),
        (json!("acceptsMarketing"), rows(0, 0), vec![]),
    ] {
        let settings = json!({"acceptsMarketingAttribute": attribute});
        let open = Open::with_settings(&settings, move |asked| search(&rows, Dates::Known, asked)).await;
        let pages = full(&open).await.unwrap();
        assert_eq!(codes(&*open.connector), expected, "{attribute}");
        // Another process knows it from the watermark.
        let again = Open::with_settings(&settings, |asked| search(&[], Dates::Known, asked)).await;
        since(&again, &pages).await;
        assert_eq!(codes(&*again.connector), expected, "{attribute}");
    }
}

#[tokio::test]
async fn one_profile_is_read_again_by_its_customer_id() {
    let open = store(rows(300, 1000), Dates::Known).await;
    let known = StoreId::new("ab00000250");
    let found = open.connector.record(Stream::Customers, &known).await.unwrap();
    assert_eq!(found.as_ref().map(super::store::id_of).as_deref(), Some("ab00000250"));
    let gone = open.connector.record(Stream::Customers, &StoreId::new("abNobody")).await.unwrap();
    assert!(gone.is_none());
}
