//! How long nobody works on a run whose process stopped or died, among three real programs on one PostgreSQL. The times are
//! told, for the documentation, and nothing is asserted of them.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::time::{Duration, Instant};

use assent::domain::Platform;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::sandbox::{SandboxStore, StoreOptions};
use assent::service::syncs;

use crate::support::announce;
use crate::support::app::configuration;
use crate::support::databases::{Engine, TestDatabase, run};
use crate::support::program::{Program, Serving};
use crate::support::shop::Shop;

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a page takes the store.
const PAGE: Duration = Duration::from_millis(100);
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_elsewhere_after_sigterm() {
    run(Engine::Postgres, async |db: TestDatabase| rounds(&db, End::Terminated, "30").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_elsewhere_after_kill_9() {
    run(Engine::Postgres, async |db: TestDatabase| rounds(&db, End::Killed, "3").await).await;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Terminated,
    Killed,
}

impl End {
    async fn of(self, program: Serving) {
        match self {
            Self::Terminated => assert!(program.terminate().await.success()),
            Self::Killed => program.kill().await,
        }
    }
}

async fn rounds(db: &TestDatabase, end: End, lease_seconds: &str) {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let options = StoreOptions { people: 6_000, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    let shop = Shop::over(&app, store).await;
    let program = || Program::beside(db.url()).with("ASSENT_LEASE_SECONDS", lease_seconds).serve();
    for _ in 0..ROUNDS {
        shop.store.set_latency(PAGE);
        let holder = program().await;
        let run = syncs::start(&app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
        pages_over(&shop, run, 2, 1).await;
        let others = [program().await, program().await];
        let (taken_up, went_on) = after(&shop, run, end, holder).await;
        announce(&format!(
            "{end:?} (lease {lease_seconds} s, {} ms a page): taken up after {} ms, next page written after {} ms",
            PAGE.as_millis(),
            taken_up.as_millis(),
            went_on.as_millis()
        ));
        shop.store.set_latency(Duration::ZERO);
        let ended = async {
            while shop.run(run).await.status == "running" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("the run ends in time");
        let ended = shop.run(run).await;
        assert_eq!((ended.status.as_str(), ended.attempts), ("succeeded", 2));
        shop.assert_true().await;
        for other in others {
            other.kill().await;
        }
    }
}

/// Ends the process that has the run; tells when another one took it up and when that one had written a page, from the signal on.
async fn after(shop: &Shop, run: SyncRunId, end: End, holder: Serving) -> (Duration, Duration) {
    let begin = Instant::now();
    let goes_on = async {
        let at = pages_over(shop, run, 0, 2).await;
        let taken_up = begin.elapsed();
        pages_over(shop, run, at + 1, 2).await;
        (taken_up, begin.elapsed())
    };
    let ((), times) = tokio::join!(end.of(holder), goes_on);
    times
}

/// Waits until so many workers have had the run and so many pages are written; tells how many that then are.
async fn pages_over(shop: &Shop, run: SyncRunId, pages: i32, attempts: i32) -> i32 {
    let reached = async {
        loop {
            let row = shop.run(run).await;
            if row.page_count >= pages && row.attempts >= attempts {
                return row.page_count;
            }
            assert!(row.finished_at.is_none(), "the run has ended: {row:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the run gets on")
}
