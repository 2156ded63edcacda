//! The rate limit of a store is one for all who talk to it.

use std::time::Duration;

use assent::connectors::http::HostPolicy;
use assent::connectors::{Http, Pass};
use assent::domain::Platform;
use assent::domain::people::Stream;
use serde_json::json;

use super::shop::{open_with, pass, settings};
use crate::support::answering::{AnsweringStore, Reply};

async fn told(left: &'static str, reset: &'static str) -> (Http, AnsweringStore) {
    let http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
    let store = AnsweringStore::start(move |_| {
        let empty = Reply::json(&json!({"data": [], "meta": {}}));
        empty.header("x-rate-limit-requests-left", &left).header("X-Rate-Limit-Time-Reset-Ms", &reset)
    })
    .await;
    (http, store)
}

#[tokio::test]
async fn requests_are_spread_over_the_window_for_all_who_ask_this_store() {
    for (left, reset, least, most) in [("30", "60000", 1_000, 2_000), ("0", "60000", 59_000, 60_000), ("2", "0", 0, 0)]
    {
        let (http, store) = told(left, reset).await;
        let connector = open_with(&http, &settings(&store.url));
        pass(&*connector, Stream::Customers, Pass::Full, None).await.unwrap();
        let other_run = http.pace(Platform::BigCommerce, &format!("{}/stores/abc123fixt", store.url));
        let delay = other_run.delay(0.0);
        assert!((Duration::from_millis(least)..=Duration::from_millis(most)).contains(&delay), "{left}: {delay:?}");
        let other_store = http.pace(Platform::BigCommerce, &format!("{}/stores/another", store.url));
        assert_eq!(other_store.delay(0.0), Duration::ZERO);
    }
}

#[tokio::test]
async fn a_store_that_tells_no_budget_is_not_waited_for() {
    let http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
    let store = AnsweringStore::start(|_| Reply::json(&json!({"data": [], "meta": {}}))).await;
    let connector = open_with(&http, &settings(&store.url));
    pass(&*connector, Stream::Customers, Pass::Full, None).await.unwrap();
    let pace = http.pace(Platform::BigCommerce, &format!("{}/stores/abc123fixt", store.url));
    assert_eq!(pace.delay(0.0), Duration::ZERO);
}
