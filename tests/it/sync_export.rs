//! A large shop that is exported in bulk, from its first sync on.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, ExportOptions, SandboxStore, ShopifyOptions, StoreOptions};
use assent::service;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Installed, Shop};

both_databases!(
    an_exported_shop_is_where_a_paged_one_is,
    a_sync_that_is_stopped_after_every_page_of_an_export_loses_and_doubles_nothing,
);

const PEOPLE: u64 = 2_200;
/// How often the sync is stopped: in the middle of the customers and in the middle of the orders.
const STOPS: i32 = 12;

async fn store(test: &TestApp, exports: ExportOptions) -> SandboxStore {
    let shopify = ShopifyOptions { exports, ..StoreOptions::generous().shopify };
    let options = StoreOptions { people: PEOPLE, shopify, clock: test.clock.clone(), ..StoreOptions::default() };
    SandboxStore::start(Platform::Shopify, options).await.expect("a simulated store starts")
}

async fn exported(test: &TestApp, store: &SandboxStore) -> Installed {
    let mut settings = store.settings();
    settings["exportFrom"] = "100".into();
    Installed::new(&test.app, Platform::Shopify, settings).await
}

async fn an_exported_shop_is_where_a_paged_one_is(db: TestDatabase) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let (test, calm) = (TestApp::new(db).await, TestApp::new(other).await);
    let store = store(&test, ExportOptions::default()).await;
    let shop = exported(&test, &store).await;
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    assert_eq!(run.total, Some(run.read_count), "the shop tells how many there are");
    let options = StoreOptions { people: PEOPLE, ..StoreOptions::generous() };
    let paged = Shop::open(&calm, Platform::Shopify, options).await;
    paged.sync(RunMode::Full).await;
    paged.assert_true().await;
    assert_eq!(shop.members().await, paged.members().await);
    assert_eq!(shop.story().await, paged.story().await);

    let email = shop
        .on(Audience::Subscribers)
        .await
        .into_iter()
        .find(|email| store.change(&Change::OptOut { email: email.clone() }).is_ok());
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Incremental).await;
    assert!(!shop.on(Audience::Subscribers).await.contains(&email.expect("somebody is subscribed")));
}

async fn a_sync_that_is_stopped_after_every_page_of_an_export_loses_and_doubles_nothing(db: TestDatabase) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let (test, calm) = (TestApp::new(db).await, TestApp::new(other).await);
    let store_of_calm = store(&calm, ExportOptions::default()).await;
    let undisturbed = exported(&calm, &store_of_calm).await;
    undisturbed.sync(RunMode::Full).await;

    let store = store(&test, ExportOptions { ranges: false, ..ExportOptions::default() }).await;
    let shop = exported(&test, &store).await;
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let stopped = CancellationToken::new();
    stopped.cancel();
    for _ in 0..STOPS {
        // A stopped worker finishes one page; while the export is prepared it writes none.
        assent::sync::worker::run_one(&shop.app, run, &stopped).await;
        test.clock.advance(TimeDelta::seconds(1));
    }
    let halfway = shop.run(run).await;
    assert_eq!((halfway.status.as_str(), halfway.attempts), ("running", STOPS));
    assert!(halfway.read_count > 1_000, "{} records", halfway.read_count);
    assent::sync::worker::run_one(&shop.app, run, &CancellationToken::new()).await;
    let ended = shop.run(run).await;
    assert_eq!((ended.status.as_str(), ended.error_code.as_deref()), ("succeeded", None));
    assert_eq!(ended.total, Some(ended.read_count));
    assert_eq!(shop.members().await, undisturbed.members().await);
    assert_eq!(shop.story().await, undisturbed.story().await);
}
