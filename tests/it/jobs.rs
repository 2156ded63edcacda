//! What both job engines promise, with the real worker over stores that answer as they are told.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::entity::{schedule, sync_run};
use assent::app::App;
use assent::connectors::Http;
use assent::connectors::http::HostPolicy;
use assent::domain::Platform;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::sandbox::{SandboxStore, StoreOptions};
use assent::service::integrations::{self, NewIntegration};
use assent::service::schedules::ScheduleChange;
use assent::service::syncs;
use assent::sync::worker;
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    Statement,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::TestApp;
use crate::support::databases::{Engine, TestDatabase, both_databases, run};
use crate::support::shop::{Installed, Shop, install};

both_databases!(
    a_queued_run_is_carried_out,
    what_is_rolled_back_is_never_carried_out,
    changes_never_wait_behind_passes_over_whole_stores,
    who_starts_many_runs_keeps_nobody_waiting,
    a_run_whose_worker_died_is_taken_over,
    a_worker_that_is_stopped_hands_on_at_once,
);

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_got_lost_is_found_again() {
    run(Engine::Postgres, job_lost).await;
}

/// A worker of one process.
struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    fn begin(app: &App) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker::run(app.clone(), stop.clone()));
        Self { stop, task }
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends in time").expect("it ends well");
    }

    async fn die(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// A store that says nothing before its gate is opened.
struct Held {
    installed: Installed,
    gate: Arc<Semaphore>,
    store: AnsweringStore,
}

impl Held {
    async fn new(app: &App) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let store =
            AnsweringStore::start(move |_| Reply::json(&Value::Array(Vec::new())).header("X-WP-Total", &0).held(&held))
                .await;
        let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
        Self { installed: Installed::new(app, Platform::WooCommerce, settings).await, gate, store }
    }

    fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    /// Waits until somebody asks it.
    async fn asked(&self, times: usize) {
        let asked = async {
            while self.store.asked().len() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("it is asked in time");
    }
}

/// A service with one place in either lane, that waits long for stores.
async fn narrow(db: TestDatabase, lease: Duration) -> TestApp {
    let mut test = TestApp::new(db).await;
    let http = Http::new(HostPolicy::AllowPrivate, Some(Duration::from_mins(10))).expect("a client can be built");
    test.app = App { sync_slots: 1, lease, http, ..test.app };
    test
}

async fn shop(test: &TestApp) -> Shop {
    Shop::open(test, Platform::WooCommerce, StoreOptions { people: 20, ..StoreOptions::default() }).await
}

async fn start(of: &Installed, mode: RunMode) -> SyncRunId {
    syncs::start(&of.app, &of.caller, of.integration, mode).await.expect("a run can be queued")
}

/// How many jobs wait or are worked on; the table of runs is queue enough on SQLite.
async fn jobs(app: &App) -> i64 {
    if app.db.get_database_backend() != DbBackend::Postgres {
        return 0;
    }
    let count = Statement::from_string(DbBackend::Postgres, "SELECT COUNT(*) FROM assent_jobs.jobs");
    let row = app.db.query_one_raw(count).await.expect("jobs can be read").expect("there is a count");
    row.try_get_by_index(0).expect("it is a number")
}

async fn a_queued_run_is_carried_out(db: TestDatabase) {
    let test = narrow(db, Duration::from_secs(30)).await;
    let shop = shop(&test).await;
    let worker = Working::begin(&test.app);
    for mode in [RunMode::Full, RunMode::Incremental] {
        let run = start(&shop, mode).await;
        assert_eq!(shop.reached(run, "succeeded").await.attempts, 1);
    }
    shop.assert_true().await;
    worker.end().await;
    assert_eq!(jobs(&test.app).await, 0);
}

async fn what_is_rolled_back_is_never_carried_out(db: TestDatabase) {
    let test = narrow(db, Duration::from_secs(30)).await;
    let shop = shop(&test).await;
    let new = || NewIntegration {
        platform: Platform::WooCommerce,
        name: "Taken".to_owned(),
        settings: shop.store.settings().as_object().unwrap().clone(),
        mappings: BTreeMap::new(),
        schedule: ScheduleChange::default(),
    };
    integrations::create(&test.app, &shop.caller, new()).await.unwrap();
    let before = schedule::Entity::find().count(&test.app.db).await.unwrap();
    assert!(integrations::create(&test.app, &shop.caller, new()).await.is_err());
    integrations::pause(&test.app, &shop.caller, shop.integration).await.unwrap();
    assert!(syncs::start(&test.app, &shop.caller, shop.integration, RunMode::Full).await.is_err());
    let after = schedule::Entity::find().count(&test.app.db).await.unwrap();
    let runs = sync_run::Entity::find().count(&test.app.db).await.unwrap();
    assert_eq!((after, runs, jobs(&test.app).await), (before, 0, 0));
}

async fn changes_never_wait_behind_passes_over_whole_stores(db: TestDatabase) {
    let test = narrow(db, Duration::from_secs(30)).await;
    let (held, other, quick) = (Held::new(&test.app).await, shop(&test).await, shop(&test).await);
    assert_eq!(quick.sync(RunMode::Full).await.status, "succeeded");
    let worker = Working::begin(&test.app);
    let whole = start(&held.installed, RunMode::Full).await;
    held.asked(1).await;
    let second = start(&other, RunMode::Full).await;
    for _ in 0..3 {
        let changes = start(&quick, RunMode::Incremental).await;
        quick.reached(changes, "succeeded").await;
    }
    assert_eq!(held.installed.run(whole).await.status, "running");
    let waits = other.run(second).await;
    assert_eq!((waits.status.as_str(), waits.attempts), ("queued", 0), "one whole pass at a time");
    held.open();
    held.installed.reached(whole, "succeeded").await;
    other.reached(second, "succeeded").await;
    worker.end().await;
}

async fn who_starts_many_runs_keeps_nobody_waiting(db: TestDatabase) {
    let test = narrow(db, Duration::from_secs(30)).await;
    let (busy, other) = (Held::new(&test.app).await, Held::new(&test.app).await);
    let options = || StoreOptions { people: 1, ..StoreOptions::default() };
    let worker = Working::begin(&test.app);
    start(&busy.installed, RunMode::Full).await;
    busy.asked(1).await;
    let mut behind = Vec::new();
    for _ in 0..5 {
        let store = SandboxStore::start(Platform::WooCommerce, options()).await.expect("a simulated store starts");
        let (settings, lists) = (store.settings(), &busy.installed.lists);
        let id = install(&test.app, &busy.installed.caller, Platform::WooCommerce, settings, lists).await;
        syncs::start(&test.app, &busy.installed.caller, id, RunMode::Full).await.expect("a run can be queued");
        behind.push((store, id));
    }
    start(&other.installed, RunMode::Full).await;
    busy.open();
    other.asked(1).await;
    let began = sync_run::Entity::find()
        .filter(sync_run::Column::AccountId.eq(busy.installed.caller.account_id.0))
        .filter(sync_run::Column::Attempts.gt(0))
        .count(&test.app.db);
    assert_eq!(began.await.unwrap(), 1, "of the six runs of the busy account the first only");
    other.open();
    worker.end().await;
}

async fn a_run_whose_worker_died_is_taken_over(db: TestDatabase) {
    let test = narrow(db, Duration::from_secs(30)).await;
    let held = Held::new(&test.app).await;
    let dying = Working::begin(&test.app);
    let run = start(&held.installed, RunMode::Full).await;
    held.asked(1).await;
    dying.die().await;
    test.clock.advance(TimeDelta::minutes(1));
    let worker = Working::begin(&test.app);
    held.asked(2).await;
    assert_eq!(held.installed.run(run).await.deaths, 1);
    held.open();
    assert_eq!(held.installed.reached(run, "succeeded").await.attempts, 2);
    worker.end().await;
}

async fn a_worker_that_is_stopped_hands_on_at_once(db: TestDatabase) {
    let test = narrow(db, Duration::from_mins(1)).await;
    let held = Held::new(&test.app).await;
    let first = Working::begin(&test.app);
    let run = start(&held.installed, RunMode::Full).await;
    held.asked(1).await;
    // Its store says nothing for ten minutes, and its lease lasts one.
    first.end().await;
    let second = Working::begin(&test.app);
    held.asked(2).await;
    held.open();
    let ended = held.installed.reached(run, "succeeded").await;
    assert_eq!((ended.attempts, ended.deaths), (2, 0));
    second.end().await;
}

async fn job_lost(db: TestDatabase) {
    let test = narrow(db, Duration::from_secs(30)).await;
    let shop = shop(&test).await;
    let run = start(&shop, RunMode::Full).await;
    assert_eq!(jobs(&test.app).await, 1);
    let lose = "DELETE FROM assent_jobs._private_jobs";
    test.app.db.execute_unprepared(lose).await.unwrap();
    assert_eq!(jobs(&test.app).await, 0);
    test.clock.advance(TimeDelta::seconds(31));
    let worker = Working::begin(&test.app);
    shop.reached(run, "succeeded").await;
    worker.end().await;
}
