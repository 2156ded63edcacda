//! A run that is given back, cancelled or asked for twice. What a store does to a run: `contract::faults`.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use ::entity::quarantined_record;
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::StoreOptions;
use assent::service;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(a_shutdown_gives_the_run_back_and_another_worker_goes_on, a_cancelled_run_stops_and_says_so,);

async fn open(test: &TestApp, platform: Platform, people: u64) -> Shop {
    Shop::open(test, platform, StoreOptions { people, ..StoreOptions::default() }).await
}

async fn a_shutdown_gives_the_run_back_and_another_worker_goes_on(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, Platform::WooCommerce, 400).await;
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    assent::sync::worker::run_one(&shop.app, run, &shutdown).await;
    let row = shop.run(run).await;
    assert_eq!((row.status.as_str(), row.page_count), ("running", 1), "it finished its page");
    assent::sync::worker::run_one(&shop.app, run, &CancellationToken::new()).await;
    let row = shop.run(run).await;
    assert_eq!((row.status.as_str(), row.attempts), ("succeeded", 2));
    shop.assert_true().await;
}

async fn a_cancelled_run_stops_and_says_so(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, Platform::WooCommerce, 50).await;
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    service::syncs::cancel(&shop.app, &shop.caller, run).await.unwrap();
    assert_eq!(shop.run(run).await.status, "cancelled");
    let next = shop.sync(RunMode::Full).await;
    assert_eq!(next.status, "succeeded", "the integration is free again");
    let members = shop.members().await.len();
    assert!(members > 0);
    assert_eq!(
        quarantined_record::Entity::find()
            .filter(quarantined_record::Column::RunId.eq(run.0))
            .count(&shop.app.db)
            .await
            .unwrap(),
        0
    );
}
