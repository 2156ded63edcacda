//! What happens beside a run: it is stopped, its settings change, its store shows what nobody can tell.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::entity::integration;
use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Fault, FaultPlan, StoreOptions, Target};
use assent::service;
use assent::service::integrations::IntegrationChange;
use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Installed, Shop};

both_databases!(
    a_run_that_waits_for_its_store_can_be_cancelled,
    new_settings_make_the_next_run_read_everything,
    a_record_without_identity_lets_nobody_be_gone,
);

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn a_run_that_waits_for_its_store_can_be_cancelled(db: TestDatabase) {
    let mut test = TestApp::new(db).await;
    test.app = App { lease: Duration::from_millis(300), ..test.app };
    let shop = Shop::open(&test, Platform::WooCommerce, StoreOptions { people: 30, ..StoreOptions::default() }).await;
    let throttled = FaultPlan { fault: Fault::Throttled, times: 1_000, after: 0, on: Target::Any };
    assert!(shop.store.plan_fault(throttled));
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let never = CancellationToken::new();
    let carried = assent::sync::worker::run_one(&shop.app, run, &never);
    let cancelled = async {
        while shop.store.struck(Fault::Throttled) == 0 {
            tokio::task::yield_now().await;
        }
        service::syncs::cancel(&shop.app, &shop.caller, run).await.unwrap();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(carried, cancelled) }).await.expect("it stops in time");
    assert_eq!(shop.run(run).await.status, "cancelled");
}

async fn new_settings_make_the_next_run_read_everything(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = Shop::open(&test, Platform::WooCommerce, StoreOptions { people: 60, ..StoreOptions::default() }).await;
    let whole = shop.sync(RunMode::Full).await.read_count;
    test.clock.advance(TimeDelta::days(1));
    assert!(shop.sync(RunMode::Incremental).await.read_count < whole, "an order of yesterday is not read again");
    let rename = IntegrationChange { name: Some("Renamed".to_owned()), ..IntegrationChange::default() };
    service::integrations::update(&shop.app, &shop.caller, shop.integration, rename).await.unwrap();
    assert!(shop.sync(RunMode::Incremental).await.read_count < whole, "a name changes nothing");
    let keys = json!({"optInMetaKeys": ["another_key"]}).as_object().unwrap().clone();
    let change = IntegrationChange { settings: keys, ..IntegrationChange::default() };
    service::integrations::update(&shop.app, &shop.caller, shop.integration, change).await.unwrap();
    assert_eq!(shop.sync(RunMode::Incremental).await.read_count, whole, "every order is looked at for the other key");
    let row = integration::Entity::find_by_id(shop.integration.0).one(&shop.app.db).await.unwrap().unwrap();
    assert!(row.watermarks.get("orders").is_some(), "and the next run goes on from there");
}

async fn a_record_without_identity_lets_nobody_be_gone(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let store = AnsweringStore::start(move |asked| {
        let second = if broken.load(Ordering::SeqCst) { json!("?") } else { json!(2) };
        let all = if asked.path.ends_with("/customers") {
            vec![customer(&json!(1), "anna@example.com"), customer(&second, "bert@example.com")]
        } else {
            Vec::new()
        };
        let shown = all.iter().skip(asked.number_of("offset").unwrap_or(0)).cloned().collect();
        Reply::json(&Value::Array(shown)).header("X-WP-Total", &all.len())
    })
    .await;
    let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
    let shop = Installed::new(&test.app, Platform::WooCommerce, settings).await;
    assert_eq!(shop.sync(RunMode::Full).await.error_code, None);
    assert_eq!(shop.on(Audience::Customers).await.len(), 2);
    is_broken.store(true, Ordering::SeqCst);
    test.clock.advance(TimeDelta::minutes(1));
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.quarantined_count, run.left_count), ("succeeded", 1, 0));
    assert_eq!(shop.on(Audience::Customers).await.len(), 2);
}

fn customer(id: &Value, email: &str) -> Value {
    json!({"id": id, "email": email, "first_name": "", "last_name": "", "meta_data": [],
        "date_created_gmt": "2025-01-01T00:00:00"})
}
