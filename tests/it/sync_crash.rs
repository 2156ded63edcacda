//! The real program, killed in the middle of a sync and started again.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::time::Duration;

use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{SandboxStore, StoreOptions};
use assent::service;

use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::program::Program;
use crate::support::shop::Shop;

both_databases!(a_killed_sync_ends_where_an_undisturbed_one_does);

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pages after which the program is killed, each time anew.
const KILLS: [i32; 4] = [2, 4, 7, 9];

async fn a_killed_sync_ends_where_an_undisturbed_one_does(db: TestDatabase) {
    let undisturbed = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let calm = shop(&undisturbed).await;
    let run = calm.sync(RunMode::Full).await;
    assert_eq!(run.status, "succeeded");

    let shop = shop(&db).await;
    shop.store.set_latency(Duration::from_millis(60));
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    for pages in KILLS {
        let program = Program::beside(db.url()).serve().await;
        wait_until(&shop, run, |row| row.page_count >= pages || row.finished_at.is_some()).await;
        program.kill().await;
    }
    let killed = shop.run(run).await;
    assert_eq!(killed.status, "running", "it was killed before its end");
    let program = Program::beside(db.url()).serve().await;
    wait_until(&shop, run, |row| row.finished_at.is_some()).await;
    program.kill().await;
    let ended = shop.run(run).await;
    assert_eq!((ended.status.as_str(), ended.error_code.as_deref()), ("succeeded", None));
    assert!(ended.attempts > 2, "several workers took it up");
    let parts = ended.created_count
        + ended.updated_count
        + ended.unchanged_count
        + ended.skipped_count
        + ended.quarantined_count;
    assert_eq!(ended.read_count, parts);

    assert_eq!(shop.members().await, calm.members().await);
    assert_eq!(shop.story().await, calm.story().await);
    shop.assert_true().await;
}

async fn shop(db: &TestDatabase) -> Shop {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let options = StoreOptions { people: 1_500, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    Shop::over(&app, store).await
}

async fn wait_until(
    shop: &Shop,
    run: assent::domain::ids::SyncRunId,
    is_reached: impl Fn(&::entity::sync_run::Model) -> bool,
) {
    let reached = async {
        while !is_reached(&shop.run(run).await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the run gets there in time");
}
