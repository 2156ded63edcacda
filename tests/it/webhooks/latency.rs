//! How long an opt-out takes that a webhook tells of.

use std::time::Duration;

use assent::domain::Platform;
use assent::sandbox::Change;
use assent::service;
use assent::sync::hints;
use chrono::TimeDelta;

use super::post::{Connected, on_each_sender};
use crate::support::databases::TestDatabase;

on_each_sender!(an_opt_out_that_a_webhook_tells_is_timed_from_when_the_store_dates_it);

async fn an_opt_out_that_a_webhook_tells_is_timed_from_when_the_store_dates_it(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    let buys = |opt_in| Change::GuestOrder { email: "anna@example.com".to_owned(), opt_in: Some(opt_in) };
    it.happens(&buys(true)).await;
    it.test.clock.advance(TimeDelta::minutes(1));
    it.shop.store.change(&buys(false)).unwrap();
    it.shop.store.delivered().await;
    it.test.clock.advance(TimeDelta::milliseconds(4_200));
    assert_eq!(hints::run_due(&it.shop.app).await, 1);
    let id = it.shop.integration;
    let found = service::statistics::opt_out_latencies(&it.shop.app, &it.shop.caller, &[id]).await.unwrap();
    let latency = found.get(&id).expect("one opt-out was timed");
    let took = Duration::from_millis(4_200);
    assert_eq!((latency.count, latency.p50, latency.p99), (1, took, took));
}
