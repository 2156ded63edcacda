//! A store that misbehaves, a run that is interrupted: nothing is lost and nothing is doubled.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use ::entity::{integration, quarantined_record};
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{Fault, FaultPlan, StoreOptions, Target};
use assent::service;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    passing_faults_lose_and_double_nobody_on_woocommerce,
    passing_faults_lose_and_double_nobody_on_shopify,
    rejected_credentials_pause_the_integration_and_say_so,
    a_failed_full_pass_removes_nobody,
    bad_records_are_quarantined_with_their_reason,
    a_shutdown_gives_the_run_back_and_another_worker_goes_on,
    a_cancelled_run_stops_and_says_so,
    a_second_run_of_an_integration_is_refused,
);

async fn open(test: &TestApp, platform: Platform, people: u64) -> Shop {
    Shop::open(test, platform, StoreOptions { people, ..StoreOptions::default() }).await
}

async fn passing_faults_lose_and_double_nobody_on_woocommerce(db: TestDatabase) {
    passing_faults(db, Platform::WooCommerce).await;
}

async fn passing_faults_lose_and_double_nobody_on_shopify(db: TestDatabase) {
    passing_faults(db, Platform::Shopify).await;
}

async fn passing_faults(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 600).await;
    let faults = [
        (Fault::ServerError, 0),
        (Fault::TruncatedBody, 1),
        (Fault::MalformedJson, 2),
        (Fault::Html, 3),
        (Fault::ShiftedPage, 1),
    ];
    for (fault, after) in faults {
        assert!(shop.store.plan_fault(FaultPlan { fault, times: 1, after, on: Target::Any }), "{fault:?}");
    }
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    for (fault, _) in faults {
        assert!(shop.store.struck(fault) > 0, "{fault:?} has struck");
    }
    test.clock.advance(TimeDelta::minutes(10));
    shop.sync(RunMode::Full).await;
    shop.assert_true().await;
}

async fn rejected_credentials_pause_the_integration_and_say_so(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, Platform::WooCommerce, 50).await;
    assert!(shop.store.plan_fault(FaultPlan {
        fault: Fault::RejectedCredentials,
        times: 20,
        after: 0,
        on: Target::Any
    }));
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("failed", Some("STORE_CREDENTIALS_REJECTED")));
    let row = integration::Entity::find_by_id(shop.integration.0).one(&shop.app.db).await.unwrap().unwrap();
    assert_eq!(row.state, "needs_attention");
    assert!(row.state_detail.is_some_and(|detail| detail.contains("create new ones")));
    let refused = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await;
    assert!(refused.is_err());
}

async fn a_failed_full_pass_removes_nobody(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, Platform::WooCommerce, 250).await;
    shop.sync(RunMode::Full).await;
    let members = shop.members().await;
    test.clock.advance(TimeDelta::minutes(5));
    assert!(shop.store.plan_fault(FaultPlan {
        fault: Fault::RejectedCredentials,
        times: 20,
        after: 1,
        on: Target::Any
    }));
    let run = shop.sync(RunMode::Full).await;
    assert_eq!(run.status, "failed");
    assert_eq!(shop.members().await, members);
}

async fn bad_records_are_quarantined_with_their_reason(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, Platform::WooCommerce, 300).await;
    let run = shop.sync(RunMode::Full).await;
    assert!(run.quarantined_count > 0);
    let rows = quarantined_record::Entity::find()
        .filter(quarantined_record::Column::RunId.eq(run.id))
        .all(&shop.app.db)
        .await
        .unwrap();
    assert_eq!(rows.len(), usize::try_from(run.quarantined_count).unwrap());
    for reason in ["no_email", "invalid_email", "malformed"] {
        assert!(rows.iter().any(|row| row.reason == reason), "{reason}");
    }
    assert!(rows.iter().all(|row| !row.detail.contains('@')), "a reason never quotes the record");
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

async fn a_second_run_of_an_integration_is_refused(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, Platform::WooCommerce, 10).await;
    service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let second = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await;
    assert_eq!(second.unwrap_err().code().as_str(), "CONFLICT");
}
