//! Whoever reads is never kept waiting by who writes, and nobody is told that the database is busy.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::time::Duration;

use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::StoreOptions;
use assent::store::begin;
use assent::sync::worker;
use axum::http::StatusCode;
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;

use crate::support::api::{Api, consent};
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    lists_are_read_while_a_transaction_writes,
    lists_are_read_while_many_wait_to_write,
    nobody_hears_of_a_busy_database,
);

/// Time for one step, far above what any takes, and below the time for which a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(25);
/// What everybody may list.
const LISTS: [&str; 6] =
    ["/v1/connectors", "/v1/integrations", "/v1/lists", "/v1/contacts", "/v1/consents", "/v1/integrations?limit=1"];

async fn lists_are_read_while_a_transaction_writes(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    api.submit("ann@example.com", &[&list]).await;
    let store = api.make_integration("Shop").await;
    let tx = begin(&api.test.app.db).await.unwrap();
    tx.execute_unprepared("UPDATE contact SET first_name = 'Anna'").await.unwrap();
    tx.execute_unprepared("UPDATE integration SET name = 'Renamed'").await.unwrap();
    let of_one = [format!("/v1/lists/{list}/contacts"), format!("/v1/integrations/{store}/syncs")];
    for path in LISTS.iter().map(ToString::to_string).chain(of_one) {
        let read = tokio::time::timeout(PATIENCE, api.get(&path)).await;
        assert_eq!(read.expect("it does not wait for the writer").status, StatusCode::OK, "{path}");
    }
    tx.rollback().await.unwrap();
}

async fn lists_are_read_while_many_wait_to_write(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let app = &api.test.app;
    let tx = begin(&app.db).await.unwrap();
    tx.execute_unprepared("UPDATE ledger_head SET account_id = account_id").await.unwrap();
    let writers =
        futures::future::join_all(
            (0..12).map(|writer: usize| {
                let (api, list) = (&api, list.as_str());
                async move {
                    api.post("/v1/consents", consent(&format!("person{writer}@example.com"), &[list])).await.status
                }
            }),
        );
    let readers = async {
        for path in LISTS.iter().cycle().take(30) {
            let read = tokio::time::timeout(PATIENCE, api.get(path)).await;
            assert_eq!(read.expect("it does not wait for writers").status, StatusCode::OK, "{path}");
        }
        tx.rollback().await.unwrap();
    };
    let (written, ()) = tokio::join!(writers, readers);
    assert_eq!(written, [StatusCode::CREATED; 12]);
}

async fn nobody_hears_of_a_busy_database(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let app = &api.test.app;
    let shop =
        Shop::open(&api.test, Platform::WooCommerce, StoreOptions { people: 400, ..StoreOptions::default() }).await;
    let shutdown = CancellationToken::new();
    let worker = tokio::spawn(worker::run(app.clone(), shutdown.clone()));
    let run = assent::service::syncs::start(app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let readers = futures::future::join_all((0..8).map(|reader: usize| {
        let api = &api;
        async move {
            for turn in 0..25 {
                let path = LISTS[(reader + turn) % LISTS.len()];
                assert_eq!(api.get(path).await.status, StatusCode::OK, "{path}");
            }
        }
    }));
    let writers = futures::future::join_all((0..4).map(|writer: usize| {
        let (api, list) = (&api, list.as_str());
        async move {
            for turn in 0..10 {
                let said = consent(&format!("person{writer}.{turn}@example.com"), &[list]);
                let answer = api.post("/v1/consents", said).await;
                assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
            }
        }
    }));
    tokio::join!(readers, writers);
    let ended = async {
        while shop.run(run).await.finished_at.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ended).await.expect("the run ends in time");
    let ended = shop.run(run).await;
    assert_eq!((ended.status.as_str(), ended.error_code), ("succeeded", None));
    shutdown.cancel();
    worker.await.unwrap();
}
