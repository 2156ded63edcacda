//! Answers that come late: what was asked for before a record was last read anew says nothing new about it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ::entity::{contact, source_record};
use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::service;
use assent::sync::{hints, worker};
use axum::http::StatusCode;
use chrono::TimeDelta;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::post::{another_process, post_signed};
use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

both_databases!(
    a_page_that_was_asked_for_before_an_opt_out_does_not_undo_it,
    a_page_that_was_asked_for_before_a_deletion_does_not_undo_it,
    a_page_brings_nobody_in_who_was_deleted_before_anybody_here_knew_them,
    an_answer_that_was_asked_for_before_a_page_does_not_undo_it,
    an_answer_that_was_asked_for_before_a_page_without_news_is_asked_for_again,
    a_page_that_was_asked_for_after_an_opt_out_counts,
);

const SECRET: &str = "made by hand";
const ANNA: &str = "anna@example.com";

/// A shop with one customer, whose lists or whose single records can be held back as they were when asked for.
struct Anna {
    test: TestApp,
    store: AnsweringStore,
    shop: Installed,
    other: App,
    /// What the shop says now: her flag, or that she is gone.
    says: Arc<Mutex<Option<&'static str>>>,
    gate: Arc<Semaphore>,
    holds_lists: Arc<AtomicBool>,
    holds_singles: Arc<AtomicBool>,
}

fn row(flag: &str) -> Value {
    json!({"id": 7, "email": ANNA, "first_name": "", "last_name": "", "date_created_gmt": "2025-01-01T00:00:00",
        "meta_data": [{"key": "assent_marketing_opt_in", "value": flag}]})
}

impl Anna {
    /// She has opted in, and a sync has seen it.
    async fn new(db: TestDatabase) -> Self {
        let this = Self::unknown(db).await;
        assert_eq!(this.shop.sync(RunMode::Full).await.status, "succeeded");
        assert!(this.is_subscriber().await);
        this
    }

    /// She has opted in, and nobody here knows it yet.
    async fn unknown(db: TestDatabase) -> Self {
        let test = TestApp::new(db).await;
        let says = Arc::new(Mutex::new(Some("yes")));
        let gate = Arc::new(Semaphore::new(0));
        let (holds_lists, holds_singles) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (said, held, lists, singles) =
            (Arc::clone(&says), Arc::clone(&gate), Arc::clone(&holds_lists), Arc::clone(&holds_singles));
        let store = AnsweringStore::start(move |asked: &Asked| {
            let is_single = asked.get("include").is_some();
            let rows: Vec<Value> = match *said.lock().unwrap() {
                Some(flag) if asked.path.ends_with("/customers") && asked.number_of("offset").unwrap_or(0) == 0 => {
                    vec![row(flag)]
                }
                _ => Vec::new(),
            };
            let reply = Reply::json(&json!(rows)).header("X-WP-Total", &rows.len());
            let is_held = if is_single { singles.load(Ordering::SeqCst) } else { lists.load(Ordering::SeqCst) };
            if is_held && asked.path.ends_with("/customers") { reply.held(&held) } else { reply }
        })
        .await;
        let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test",
            "webhookSecret": SECRET});
        let shop = Installed::new(&test.app, Platform::WooCommerce, settings).await;
        let other = another_process(&test.app);
        Self { test, store, shop, other, says, gate, holds_lists, holds_singles }
    }

    async fn is_subscriber(&self) -> bool {
        self.shop.on(Audience::Subscribers).await.contains(ANNA)
    }

    /// Time passes and the shop says something else.
    fn says(&self, flag: Option<&'static str>) {
        self.test.clock.advance(TimeDelta::seconds(1));
        *self.says.lock().unwrap() = flag;
    }

    async fn named(&self, delivery: &str) {
        let topic = ("customer.updated", delivery);
        let answer = post_signed(&self.shop.app, self.shop.integration, SECRET, topic, r#"{"id":7}"#).await;
        assert_eq!(answer, StatusCode::OK);
    }

    /// Waits until the store has been asked for something that it now holds back.
    async fn asked_for(&self, is_single: bool, before: usize) {
        let is_it = |asked: &Asked| asked.path.ends_with("/customers") && asked.get("include").is_some() == is_single;
        while self.store.asked().iter().skip(before).filter(|asked| is_it(asked)).count() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Does something while the page of a full run is on its way.
    async fn while_a_page_is_on_its_way(&self, meanwhile: impl AsyncFnOnce()) {
        self.test.clock.advance(TimeDelta::seconds(1));
        let before = self.store.asked().len();
        self.holds_lists.store(true, Ordering::SeqCst);
        let (app, caller) = (self.shop.app.clone(), &self.shop.caller);
        let run = service::syncs::start(&app, caller, self.shop.integration, RunMode::Full).await.unwrap();
        let never = CancellationToken::new();
        let syncing = tokio::spawn(async move { worker::run_one(&app, run, &never).await });
        self.asked_for(false, before).await;
        meanwhile().await;
        self.test.clock.advance(TimeDelta::seconds(1));
        self.holds_lists.store(false, Ordering::SeqCst);
        self.gate.add_permits(1_000);
        syncing.await.unwrap();
        let ended = self.shop.run(run).await;
        assert_eq!((ended.status.as_str(), ended.read_count), ("succeeded", ended.unchanged_count));
    }

    /// Does something while the answer to a hint is on its way, and then carries out what is left.
    async fn while_an_answer_is_on_its_way(&self, meanwhile: impl AsyncFnOnce()) {
        let before = self.store.asked().len();
        self.holds_singles.store(true, Ordering::SeqCst);
        let other = self.other.clone();
        let handling = tokio::spawn(async move { hints::run_due(&other).await });
        self.asked_for(true, before).await;
        meanwhile().await;
        self.holds_singles.store(false, Ordering::SeqCst);
        self.gate.add_permits(1_000);
        assert_eq!(handling.await.unwrap(), 2, "it was asked for again");
    }
}

async fn a_page_that_was_asked_for_before_an_opt_out_does_not_undo_it(db: TestDatabase) {
    let anna = Anna::new(db).await;
    anna.while_a_page_is_on_its_way(async || {
        anna.says(Some("no"));
        anna.named("1").await;
        assert_eq!(hints::run_due(&anna.other).await, 1);
        assert!(!anna.is_subscriber().await);
    })
    .await;
    assert!(!anna.is_subscriber().await, "the page says yes, but was asked for before she said no");
}

async fn a_page_that_was_asked_for_before_a_deletion_does_not_undo_it(db: TestDatabase) {
    let anna = Anna::new(db).await;
    anna.while_a_page_is_on_its_way(async || {
        anna.says(None);
        anna.named("1").await;
        assert_eq!(hints::run_due(&anna.other).await, 1);
    })
    .await;
    assert!(!anna.is_subscriber().await);
    let record = source_record::Entity::find().one(&anna.shop.app.db).await.unwrap().unwrap();
    assert!(record.gone_at.is_some());
}

async fn a_page_brings_nobody_in_who_was_deleted_before_anybody_here_knew_them(db: TestDatabase) {
    let anna = Anna::unknown(db).await;
    anna.while_a_page_is_on_its_way(async || {
        anna.says(None);
        anna.named("1").await;
        assert_eq!(hints::run_due(&anna.other).await, 1);
    })
    .await;
    assert!(!anna.is_subscriber().await);
    assert_eq!(contact::Entity::find().count(&anna.shop.app.db).await.unwrap(), 0);
    // When she is back, she is like anybody new.
    anna.says(Some("yes"));
    anna.shop.sync(RunMode::Full).await;
    assert!(anna.is_subscriber().await);
}

async fn an_answer_that_was_asked_for_before_a_page_does_not_undo_it(db: TestDatabase) {
    let anna = Anna::new(db).await;
    anna.named("1").await;
    anna.while_an_answer_is_on_its_way(async || {
        anna.says(Some("no"));
        assert_eq!(anna.shop.sync(RunMode::Full).await.updated_count, 1);
        assert!(!anna.is_subscriber().await);
    })
    .await;
    assert!(!anna.is_subscriber().await);
}

async fn an_answer_that_was_asked_for_before_a_page_without_news_is_asked_for_again(db: TestDatabase) {
    let anna = Anna::new(db).await;
    anna.says(Some("no"));
    anna.shop.sync(RunMode::Full).await;
    // She says yes for a moment, in which her record is asked for, and then no again.
    anna.says(Some("yes"));
    anna.named("1").await;
    anna.while_an_answer_is_on_its_way(async || {
        anna.says(Some("no"));
        assert_eq!(anna.shop.sync(RunMode::Full).await.updated_count, 0);
    })
    .await;
    assert!(!anna.is_subscriber().await);
}

async fn a_page_that_was_asked_for_after_an_opt_out_counts(db: TestDatabase) {
    let anna = Anna::new(db).await;
    anna.says(Some("no"));
    anna.named("1").await;
    assert_eq!(hints::run_due(&anna.other).await, 1);
    anna.says(Some("yes"));
    anna.shop.sync(RunMode::Full).await;
    assert!(anna.is_subscriber().await);
    // Nothing new, but read anew: that time is kept, too.
    anna.test.clock.advance(TimeDelta::seconds(1));
    anna.named("2").await;
    hints::run_due(&anna.other).await;
    let record = source_record::Entity::find().one(&anna.shop.app.db).await.unwrap().unwrap();
    assert_eq!(record.read_at.unwrap() - record.changed_at, TimeDelta::seconds(1));
}
