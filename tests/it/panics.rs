//! A fault of ours in the middle of the work: what panicked is carried on, nothing else suffers, and no value is told.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::entity::schedule;
use assent::app::App;
use assent::domain::health::Health;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Clock, Platform};
use assent::sandbox::StoreOptions;
use assent::service::{integrations, syncs};
use assent::sync::{worker, workers};
use assent::telemetry;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use tokio::task::{self, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::{TestApp, TestClock, configuration};
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Installed, Shop};

both_databases!(
    a_run_that_panics_is_continued_from_its_checkpoint,
    a_run_that_panics_thrice_at_one_place_is_parked,
    workers_that_panic_begin_again,
);

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the message of a panic may hold.
const SECRET: &str = "ann@example.com";
const CUSTOMERS: u16 = 250;

/// The clock of the tests; it panics instead of telling the time while it is armed. All that works asks it, and it can be handed
/// in: so a fault of ours can be had in the middle of everything.
#[derive(Debug)]
struct Fragile {
    time: Arc<TestClock>,
    /// How often it still panics.
    armed: AtomicUsize,
    struck: AtomicUsize,
    /// Tasks that are told the time all the same.
    spared: Mutex<Vec<task::Id>>,
}

impl Clock for Fragile {
    fn now(&self) -> DateTime<Utc> {
        let is_spared = task::try_id().is_none_or(|id| self.spared.lock().unwrap().contains(&id));
        let strikes = |left: usize| left.checked_sub(1);
        if !is_spared && self.armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, strikes).is_ok() {
            self.struck.fetch_add(1, Ordering::SeqCst);
            panic!("{}", SECRET.to_owned());
        }
        self.time.now()
    }
}

/// A service with one place in either lane and such a clock, and a store that arms it when it is asked for a certain page.
struct Faulty {
    test: TestApp,
    clock: Arc<Fragile>,
    deadly_from: Arc<AtomicUsize>,
    shop: Installed,
    _store: AnsweringStore,
}

impl Faulty {
    async fn new(db: TestDatabase) -> Self {
        let mut test = TestApp::new(db).await;
        let clock = Arc::new(Fragile {
            time: test.clock.clone(),
            armed: AtomicUsize::new(0),
            struck: AtomicUsize::new(0),
            spared: Mutex::default(),
        });
        test.app = App { clock: clock.clone(), sync_slots: 1, ..test.app };
        let deadly_from = Arc::new(AtomicUsize::new(usize::MAX));
        let (arms, deadly) = (clock.clone(), deadly_from.clone());
        let store = AnsweringStore::start(move |asked| {
            let is_customers = asked.path.ends_with("/customers");
            let (offset, size) = (asked.number_of("offset").unwrap_or(0), asked.number_of("per_page").unwrap_or(10));
            if is_customers && offset >= deadly.load(Ordering::SeqCst) {
                arms.armed.store(1, Ordering::SeqCst);
            }
            let all = if is_customers { CUSTOMERS } else { 0 };
            let shown: Vec<Value> = (offset..usize::from(all).min(offset + size)).map(customer).collect();
            Reply::json(&Value::Array(shown)).header("X-WP-Total", &all)
        })
        .await;
        let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
        let shop = Installed::new(&test.app, Platform::WooCommerce, settings).await;
        Self { test, clock, deadly_from, shop, _store: store }
    }

    /// Has it panic when the page from here on is asked for.
    fn panics_at(&self, offset: usize) {
        self.deadly_from.store(offset, Ordering::SeqCst);
    }

    /// A worker, of which the loop that finds runs is spared.
    fn work(&self, until: &CancellationToken) -> JoinHandle<()> {
        let worker = tokio::spawn(worker::run(self.test.app.clone(), until.clone()));
        self.clock.spared.lock().unwrap().push(worker.id());
        worker
    }

    async fn struck(&self, times: usize) {
        let struck = async {
            while self.clock.struck.load(Ordering::SeqCst) < times {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, struck).await.expect("it panics in time");
    }
}

fn customer(number: usize) -> Value {
    json!({"id": number + 1, "email": format!("person{number}@example.com"), "first_name": "", "last_name": "",
        "meta_data": [], "date_created_gmt": "2025-01-01T00:00:00"})
}

async fn start(of: &Installed) -> SyncRunId {
    syncs::start(&of.app, &of.caller, of.integration, RunMode::Full).await.expect("a run can be queued")
}

async fn a_run_that_panics_is_continued_from_its_checkpoint(db: TestDatabase) {
    let it = Faulty::new(db).await;
    let options = StoreOptions { people: 20, ..StoreOptions::default() };
    let other = Shop::open(&it.test, Platform::WooCommerce, options).await;
    let until = CancellationToken::new();
    let worker = it.work(&until);
    // When the third page is asked for, the first one is written: pages have 100 people and overlap.
    it.panics_at(150);
    let run = start(&it.shop).await;
    it.struck(1).await;
    it.panics_at(usize::MAX);
    let left = it.shop.run(run).await;
    assert!(left.status == "running" && left.page_count > 0, "{left:?}");
    other.reached(start(&other).await, "succeeded").await;
    other.assert_true().await;

    it.test.clock.advance(TimeDelta::minutes(1));
    let ended = it.shop.reached(run, "succeeded").await;
    assert_eq!((ended.attempts, ended.deaths), (2, 0), "it got on");
    assert_eq!(ended.read_count, i64::from(CUSTOMERS), "what was written is not read again");
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS));
    until.cancel();
    worker.await.expect("the worker itself is well");
}

async fn a_run_that_panics_thrice_at_one_place_is_parked(db: TestDatabase) {
    let it = Faulty::new(db).await;
    let until = CancellationToken::new();
    let worker = it.work(&until);
    it.panics_at(0);
    let run = start(&it.shop).await;
    for times in 1..=3 {
        it.struck(times).await;
        it.test.clock.advance(TimeDelta::minutes(1));
    }
    let parked = it.shop.reached(run, "failed").await;
    assert_eq!((parked.error_code.as_deref(), parked.attempts), (Some("RUN_KILLS_WORKER"), 4));
    let sentence = parked.error_detail.expect("it says why");
    assert!(sentence.contains("start a sync by hand") && !sentence.contains(SECRET), "{sentence}");
    let shown = integrations::get(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!((shown.health, shown.planned.held.map(|held| held.run)), (Health::NeedsAttention, Some(run)));

    it.panics_at(usize::MAX);
    let again = start(&it.shop).await;
    assert_eq!(it.shop.reached(again, "succeeded").await.read_count, i64::from(CUSTOMERS));
    assert_eq!(it.clock.struck.load(Ordering::SeqCst), 3);
    until.cancel();
    worker.await.expect("the worker itself is well");
}

async fn workers_that_panic_begin_again(db: TestDatabase) {
    let it = Faulty::new(db).await;
    let until = CancellationToken::new();
    let all = {
        let (app, until) = (it.test.app.clone(), until.clone());
        tokio::spawn(async move { workers::run(&app, &until).await })
    };
    // Whoever asks for the time: the scheduler, the worker of the runs, that of the webhooks, and so on.
    it.clock.armed.store(12, Ordering::SeqCst);
    it.struck(12).await;
    schedule::Entity::update_many()
        .col_expr(schedule::Column::NextRunAt, Expr::value(it.test.clock.now()))
        .filter(schedule::Column::IntegrationId.eq(it.shop.integration.0))
        .exec(&it.test.app.db)
        .await
        .unwrap();
    let synced = async {
        while it.shop.on(Audience::Customers).await.len() < usize::from(CUSTOMERS) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, synced).await.expect("the store is synced by itself all the same");
    until.cancel();
    tokio::time::timeout(PATIENCE, all).await.expect("they end in time").expect("they end well");
}

/// Marks the process that panics aloud.
const ALOUD: &str = "ASSENT_TEST_PANICS_ALOUD";
const LITERAL: &str = "this stands in the source";

#[test]
fn a_panic_tells_its_place_and_no_value() {
    if std::env::var_os(ALOUD).is_some() {
        return panic_aloud();
    }
    let me = std::env::current_exe().expect("this program has a file");
    let test = "panics::a_panic_tells_its_place_and_no_value";
    let ended = Command::new(me).args(["--exact", test, "--nocapture"]).env(ALOUD, "1").output();
    let ended = ended.expect("this program can be run");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned() + &String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{told}");
    assert_eq!(told.matches("a fault of the service: it panicked").count(), 2, "{told}");
    assert!(told.contains("tests/it/panics.rs:") && told.contains(LITERAL), "{told}");
    assert!(told.contains("it may hold values") && !told.contains(SECRET), "{told}");
}

/// In a process of its own: what is told of panics is the same for all of it.
fn panic_aloud() {
    let config = assent::config::Config { log: "error".to_owned(), ..configuration("sqlite::memory:") };
    drop(telemetry::init(&config).expect("nobody else has set it up"));
    telemetry::report_panics();
    let faults: [fn(); 2] = [|| panic!("{}", SECRET.to_owned()), || panic!("this stands in the source")];
    for fault in faults {
        assert!(std::thread::spawn(fault).join().is_err());
    }
}
