//! A store whose budget of requests is used up by a pass over all of it, while somebody opts out.

use std::time::Duration;

use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{BigCommerceOptions, Change, ShopifyOptions, StoreOptions};
use assent::service::syncs;
use assent::sync::{hints, worker};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::post::Connected;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(an_opt_out_goes_ahead_where_points_are_used_up, an_opt_out_waits_for_no_pass_whose_requests_are_spread,);

const ANNA: &str = "anna@example.com";
/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// Far more than can be read while the test lasts.
const PEOPLE: u64 = 4_000;

async fn an_opt_out_goes_ahead_where_points_are_used_up(db: TestDatabase) {
    // A page costs several hundred points, a single record a few.
    let shopify = ShopifyOptions { bucket: 1_000.0, restore_per_second: 2.0, ..ShopifyOptions::default() };
    let options = StoreOptions { people: PEOPLE, shopify, ..StoreOptions::default() };
    opted_out_during_a_pass(Connected::with(Platform::Shopify, db, options).await).await;
}

async fn an_opt_out_waits_for_no_pass_whose_requests_are_spread(db: TestDatabase) {
    // One request in half a second.
    let bigcommerce = BigCommerceOptions { quota: 60, window: Duration::from_secs(30) };
    let options = StoreOptions { people: PEOPLE, bigcommerce, ..StoreOptions::default() };
    opted_out_during_a_pass(Connected::with(Platform::BigCommerce, db, options).await).await;
}

async fn opted_out_during_a_pass(mut it: Connected) {
    it.test.app = App { sync_slots: 1, ..it.test.app };
    it.happens(&Change::NewCustomer { email: ANNA.to_owned(), opt_in: Some(true) }).await;
    assert!(it.shop.on(Audience::Subscribers).await.contains(ANNA));
    let until = CancellationToken::new();
    let worker = tokio::spawn(worker::run(it.test.app.clone(), until.clone()));
    let run = syncs::start(&it.test.app, &it.shop.caller, it.shop.integration, RunMode::Full).await.unwrap();
    let pages = async {
        while it.shop.run(run).await.page_count == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, pages).await.expect("the pass begins in time");

    it.test.clock.advance(TimeDelta::minutes(1));
    it.shop.store.change(&Change::OptOut { email: ANNA.to_owned() }).expect("she can opt out");
    it.shop.store.delivered().await;
    let read = tokio::time::timeout(PATIENCE, hints::run_due(&it.test.app)).await;
    assert!(read.expect("her record is read in time") > 0);
    assert!(!it.shop.on(Audience::Subscribers).await.contains(ANNA), "she is off the list");
    let pass = it.shop.run(run).await;
    assert_eq!(pass.status, "running", "the pass is far from its end: {pass:?}");
    assert!(pass.read_count < i64::try_from(PEOPLE).unwrap() / 2, "{pass:?}");
    until.cancel();
    worker.await.expect("it ends well");
}
