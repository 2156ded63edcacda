//! Whose records are read first: several stores side by side, one of them busy, failing or slow.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::entity::pending_hint;
use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::service::syncs;
use assent::sync::{hints, worker};
use axum::http::StatusCode;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::post::{another_process, post_signed};
use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

both_databases!(
    a_store_that_fails_holds_up_no_other,
    a_store_with_many_records_lets_others_take_their_turn,
    an_opt_out_finds_a_place_while_other_stores_are_slow,
    a_record_that_the_store_chokes_on_holds_up_no_other,
    a_record_that_is_named_again_is_read_at_once,
    a_change_that_shows_no_flag_goes_first_where_there_was_a_yes,
    an_opt_out_never_waits_for_a_pass_over_the_whole_store,
);

const SECRET: &str = "made by hand";
/// What several stores were asked for, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// A store with a customer for each number, which can fail, or wait.
struct Store {
    name: &'static str,
    shop: Installed,
    log: Log,
    status: Arc<AtomicU16>,
    _server: AnsweringStore,
}

impl Store {
    async fn new(test: &TestApp, name: &'static str, log: &Log, gate: Option<Arc<Semaphore>>) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let (asked_for, fails) = (Arc::clone(log), Arc::clone(&status));
        let server = AnsweringStore::start(move |asked: &Asked| {
            let id = asked.number_of("include").unwrap_or_default();
            asked_for.lock().unwrap().push(format!("{name}{id}"));
            let status = fails.load(Ordering::SeqCst);
            if status != 200 && (status != 502 || id == 1) {
                return Reply::text(503, "");
            }
            let row = json!({"id": id, "email": format!("{name}{id}@example.com"), "first_name": "", "last_name": "",
                "date_created_gmt": "2025-01-01T00:00:00",
                "meta_data": [{"key": "assent_marketing_opt_in", "value": "yes"}]});
            let reply = Reply::json(&json!([row])).header("X-WP-Total", &1);
            match &gate {
                Some(gate) => reply.held(gate),
                None => reply,
            }
        })
        .await;
        let settings = json!({"storeUrl": server.url, "consumerKey": "ck_test", "consumerSecret": "cs_test",
            "webhookSecret": SECRET});
        let shop = Installed::new(&test.app, Platform::WooCommerce, settings).await;
        Self { name, shop, log: Arc::clone(log), status, _server: server }
    }

    async fn named(&self, topic: &str, ids: impl Iterator<Item = usize>) {
        for id in ids {
            let body = json!({"id": id}).to_string();
            let delivery = uuid::Uuid::new_v4().to_string();
            let answer = post_signed(&self.shop.app, self.shop.integration, SECRET, (topic, &delivery), &body).await;
            assert_eq!(answer, StatusCode::OK);
        }
    }

    /// How often it was asked.
    fn asked(&self) -> usize {
        self.log.lock().unwrap().iter().filter(|asked| asked.starts_with(self.name)).count()
    }

    async fn waiting(&self) -> u64 {
        let of_store = pending_hint::Column::IntegrationId.eq(self.shop.integration.0);
        pending_hint::Entity::find().filter(of_store).count(&self.shop.app.db).await.unwrap()
    }
}

async fn a_store_that_fails_holds_up_no_other(db: TestDatabase) {
    let (test, log) = (TestApp::new(db).await, Log::default());
    let (failing, well) = (Store::new(&test, "a", &log, None).await, Store::new(&test, "b", &log, None).await);
    failing.status.store(503, Ordering::SeqCst);
    failing.named("customer.deleted", 1..=25).await;
    test.clock.advance(TimeDelta::seconds(1));
    well.named("customer.deleted", 1..=1).await;
    hints::run_due(&test.app).await;
    assert_eq!((failing.asked(), well.waiting().await), (1, 0), "the store as a whole waits, and alone");
    let mut waits = Vec::new();
    for tries in 2..6 {
        let mut waited = 0;
        while failing.asked() < tries {
            test.clock.advance(TimeDelta::milliseconds(250));
            waited += 1;
            hints::run_due(&test.app).await;
        }
        waits.push(waited);
    }
    // Half of each wait is by chance.
    assert!(waits[3] > waits[0], "ever longer: {waits:?}");
    failing.status.store(200, Ordering::SeqCst);
    test.clock.advance(TimeDelta::minutes(10));
    hints::run_due(&test.app).await;
    assert_eq!(failing.waiting().await, 0);
}

async fn a_store_with_many_records_lets_others_take_their_turn(db: TestDatabase) {
    let (test, log) = (TestApp::new(db).await, Log::default());
    let (busy, quiet) = (Store::new(&test, "a", &log, None).await, Store::new(&test, "b", &log, None).await);
    busy.named("customer.updated", 1..=25).await;
    test.clock.advance(TimeDelta::seconds(1));
    quiet.named("customer.updated", 1..=1).await;
    test.clock.advance(TimeDelta::seconds(1));
    hints::run_due(&test.app).await;
    let place = log.lock().unwrap().iter().position(|asked| asked == "b1").unwrap();
    assert!(place <= 10, "it waited for {place} records of the other store");
    assert_eq!((busy.waiting().await, busy.asked()), (0, 25));
}

async fn an_opt_out_finds_a_place_while_other_stores_are_slow(db: TestDatabase) {
    let (test, log, gate) = (TestApp::new(db).await, Log::default(), Arc::new(Semaphore::new(0)));
    let mut slow = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let store = Store::new(&test, name, &log, Some(Arc::clone(&gate))).await;
        store.named("customer.updated", 1..=12).await;
        slow.push(store);
    }
    let quick = Store::new(&test, "e", &log, None).await;
    let until = CancellationToken::new();
    let working = tokio::spawn(hints::run(another_process(&test.app), until.clone()));
    let asked = || slow.iter().map(Store::asked).collect::<Vec<_>>();
    while asked().iter().sum::<usize>() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    quick.named("customer.deleted", 1..=1).await;
    let handled = async {
        while quick.waiting().await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), handled).await.expect("the opt-out does not wait for the others");
    let mut asked = asked();
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 1, 1], "one batch of a store at a time, and a place left");
    gate.add_permits(10_000);
    until.cancel();
    working.await.unwrap();
}

async fn a_record_that_the_store_chokes_on_holds_up_no_other(db: TestDatabase) {
    let (test, log) = (TestApp::new(db).await, Log::default());
    let store = Store::new(&test, "a", &log, None).await;
    // For the first customer only.
    store.status.store(502, Ordering::SeqCst);
    store.named("customer.updated", 1..=12).await;
    hints::run_due(&test.app).await;
    test.clock.advance(TimeDelta::seconds(2));
    hints::run_due(&test.app).await;
    assert_eq!((store.waiting().await, store.shop.on(Audience::Subscribers).await.len()), (1, 11));
}

async fn a_record_that_is_named_again_is_read_at_once(db: TestDatabase) {
    let (test, log) = (TestApp::new(db).await, Log::default());
    let store = Store::new(&test, "a", &log, None).await;
    store.status.store(502, Ordering::SeqCst);
    store.named("customer.updated", 1..=1).await;
    for _ in 0..8 {
        test.clock.advance(TimeDelta::minutes(10));
        hints::run_due(&test.app).await;
    }
    let hint = || async { pending_hint::Entity::find().one(&test.app.db).await.unwrap().unwrap() };
    assert_eq!(hint().await.attempts, 8);
    store.named("customer.updated", 1..=1).await;
    let again = hint().await;
    assert_eq!((again.attempts, again.failing_since), (0, None));
    assert!(again.not_before <= test.app.clock.now());
}

async fn a_change_that_shows_no_flag_goes_first_where_there_was_a_yes(db: TestDatabase) {
    let (test, log) = (TestApp::new(db).await, Log::default());
    let store = Store::new(&test, "a", &log, None).await;
    store.named("customer.updated", 1..=1).await;
    hints::run_due(&test.app).await;
    store.named("customer.updated", 1..=2).await;
    let hints = pending_hint::Entity::find().all(&test.app.db).await.unwrap();
    let urgent: Vec<_> = hints.iter().filter(|hint| hint.urgent).map(|hint| hint.store_id.as_str()).collect();
    assert_eq!((hints.len(), urgent), (2, vec!["1"]));
}

/// A store that shows a subscriber when asked for her, and nothing of its long lists before the gate is opened.
async fn slow_in_bulk(
    test: &TestApp,
    gate: &Arc<Semaphore>,
    says: &Arc<Mutex<&'static str>>,
) -> (Installed, AnsweringStore) {
    let (held, says) = (Arc::clone(gate), Arc::clone(says));
    let server = AnsweringStore::start(move |asked: &Asked| {
        let says = *says.lock().unwrap();
        let row = json!({"id": 1, "email": "ann@example.com", "first_name": "", "last_name": "",
            "date_created_gmt": "2025-01-01T00:00:00",
            "meta_data": [{"key": "assent_marketing_opt_in", "value": says}]});
        match asked.get("include") {
            Some(_) => Reply::json(&json!([row])).header("X-WP-Total", &1),
            None => Reply::json(&json!([])).header("X-WP-Total", &0).held(&held),
        }
    })
    .await;
    let settings = json!({"storeUrl": server.url, "consumerKey": "ck_test", "consumerSecret": "cs_test",
        "webhookSecret": SECRET});
    (Installed::new(&test.app, Platform::WooCommerce, settings).await, server)
}

async fn an_opt_out_never_waits_for_a_pass_over_the_whole_store(db: TestDatabase) {
    let mut test = TestApp::new(db).await;
    test.app = App { sync_slots: 1, ..test.app };
    let (gate, says) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new("yes")));
    let (shop, server) = slow_in_bulk(&test, &gate, &says).await;
    let shutdown = CancellationToken::new();
    let worker = tokio::spawn(worker::run(test.app.clone(), shutdown.clone()));
    let whole = syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    while server.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for (word, is_on) in [("yes", true), ("no", false)] {
        *says.lock().unwrap() = word;
        test.clock.advance(TimeDelta::seconds(1));
        let body = json!({"id": 1}).to_string();
        let delivery = uuid::Uuid::new_v4().to_string();
        let topic = ("customer.updated", delivery.as_str());
        assert_eq!(post_signed(&shop.app, shop.integration, SECRET, topic, &body).await, StatusCode::OK);
        hints::run_due(&shop.app).await;
        assert_eq!(shop.on(Audience::Subscribers).await.contains("ann@example.com"), is_on, "the store said {word}");
    }
    assert_eq!(shop.run(whole).await.status, "running", "the only place for whole passes is taken all the time");
    gate.add_permits(Semaphore::MAX_PERMITS);
    shutdown.cancel();
    worker.await.unwrap();
}
