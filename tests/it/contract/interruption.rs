//! A run that is interrupted goes on where it stopped.

use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::service;
use tokio_util::sync::CancellationToken;

use super::{assert_good, every_platform, open};
use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;

every_platform!(a_run_given_back_after_every_page_ends_where_an_undisturbed_one_does);

/// Far above the pages of any run here.
const MOST_PAGES: usize = 200;

async fn a_run_given_back_after_every_page_ends_where_an_undisturbed_one_does(db: TestDatabase, platform: Platform) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let quiet = TestApp::new(other).await;
    let calm = open(&quiet, platform, 430).await;
    let undisturbed = calm.sync(RunMode::Full).await;
    assert_good(&undisturbed);

    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 430).await;
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let mut pages = 0;
    for _ in 0..MOST_PAGES {
        assent::sync::worker::run_one(&shop.app, run, &shutdown).await;
        let row = shop.run(run).await;
        if row.page_count == pages {
            break;
        }
        pages = row.page_count;
    }
    // All is read; what is gone is looked for at one go.
    assent::sync::worker::run_one(&shop.app, run, &CancellationToken::new()).await;
    let row = shop.run(run).await;
    assert_good(&row);
    assert!(row.attempts > 2, "several workers took it up");
    let counts = |row: &::entity::sync_run::Model| {
        (row.created_count, row.skipped_count, row.quarantined_count, row.joined_count, row.left_count)
    };
    assert_eq!(counts(&row), counts(&undisturbed));
    assert_eq!(shop.members().await, calm.members().await);
    assert_eq!(shop.story().await, calm.story().await);
    shop.assert_true().await;
}
