//! Workers that die, that come late, and that work side by side.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::entity::{membership_event, pending_hint, source_record, webhook_endpoint};
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, StoreOptions};
use assent::service;
use assent::service::integrations::IntegrationChange;
use assent::sync::hints;
use axum::http::StatusCode;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QuerySelect as _, Statement,
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::post::{Connected, another_process, post_signed, signed};
use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::{TestApp, configuration};
use crate::support::databases::{Engine, TestDatabase, both_databases};
use crate::support::program::Program;
use crate::support::shop::Installed;

both_databases!(
    what_was_received_is_carried_out_by_whoever_comes_next,
    a_program_that_is_killed_loses_nothing_that_it_received,
    a_worker_that_comes_late_writes_nothing,
    a_record_that_is_named_again_meanwhile_is_read_again,
    two_workers_do_nothing_twice,
    what_was_asked_for_before_a_pause_is_not_written,
    what_was_asked_for_with_former_settings_is_asked_for_again,
    who_receives_and_who_handles_never_wait_for_each_other,
    a_record_that_can_not_be_written_harms_no_other,
);

const SECRET: &str = "made by hand";
const BODY: &str = r#"{"id":7}"#;
/// Time for a process to take up what another left, far above what it takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A shop with one customer, whose record can be held back.
struct Delayed {
    test: TestApp,
    store: AnsweringStore,
    shop: Installed,
    gate: Arc<Semaphore>,
    is_slow: Arc<AtomicBool>,
}

impl Delayed {
    async fn new(db: TestDatabase) -> Self {
        let test = TestApp::new(db).await;
        let (gate, is_slow) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(true)));
        let (held, slow) = (Arc::clone(&gate), Arc::clone(&is_slow));
        let store = AnsweringStore::start(move |asked| {
            let row = json!({"id": 7, "email": "anna@example.com", "first_name": "", "last_name": "",
                "date_created_gmt": "2025-01-01T00:00:00",
                "meta_data": [{"key": "assent_marketing_opt_in", "value": "yes"}]});
            let reply = Reply::json(&json!([row])).header("X-WP-Total", &1);
            let is_held = asked.path.ends_with("/customers") && slow.load(Ordering::SeqCst);
            if is_held { reply.held(&held) } else { reply }
        })
        .await;
        let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test",
            "webhookSecret": SECRET});
        let shop = Installed::new(&test.app, Platform::WooCommerce, settings).await;
        Self { test, store, shop, gate, is_slow }
    }

    async fn named(&self, delivery: &str) {
        let topic = ("customer.updated", delivery);
        let answer = post_signed(&self.shop.app, self.shop.integration, SECRET, topic, BODY).await;
        assert_eq!(answer, StatusCode::OK);
    }

    /// How often the customer was asked for.
    fn times_asked(&self) -> usize {
        self.store.asked().iter().filter(|asked| asked.path.ends_with("/customers")).count()
    }

    async fn asked(&self, times: usize) {
        let asked = async {
            while self.times_asked() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("the store is asked");
    }

    async fn events(&self) -> u64 {
        membership_event::Entity::find().count(&self.shop.app.db).await.unwrap()
    }

    async fn waiting(&self) -> u64 {
        pending_hint::Entity::find().count(&self.shop.app.db).await.unwrap()
    }
}

async fn what_was_received_is_carried_out_by_whoever_comes_next(db: TestDatabase) {
    let url = db.url().to_owned();
    let it = Delayed::new(db).await;
    it.named("1").await;
    // A worker takes it up and dies while it waits for the store.
    let dying = another_process(&it.shop.app);
    let died = tokio::spawn(async move { hints::run_due(&dying).await });
    it.asked(1).await;
    died.abort();
    assert!(died.await.unwrap_err().is_cancelled());
    it.is_slow.store(false, Ordering::SeqCst);
    let next = assent::app::build(&configuration(&url)).await.unwrap();
    let next = assent::app::App { clock: it.test.clock.clone(), ..next };
    assert_eq!(hints::run_due(&next).await, 0, "its lease has to run out first");
    it.test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(hints::run_due(&next).await, 1);
    assert_eq!(it.shop.on(Audience::Subscribers).await.len(), 1);
    assert_eq!(it.waiting().await, 0);
}

async fn a_program_that_is_killed_loses_nothing_that_it_received(db: TestDatabase) {
    let database = db.url().to_owned();
    let it = Delayed::new(db).await;
    let received = Program::beside(&database).serve().await;
    let address = format!("{}/hooks/{}", received.url, it.shop.integration);
    let mut delivery = reqwest::Client::builder().build().unwrap().post(address).body(BODY);
    for (name, value) in signed(SECRET, ("customer.updated", "1"), BODY) {
        delivery = delivery.header(name, value);
    }
    assert_eq!(delivery.send().await.unwrap().status(), StatusCode::OK);
    it.asked(1).await;
    received.kill().await;
    assert_eq!((it.waiting().await, it.events().await), (1, 0));
    it.is_slow.store(false, Ordering::SeqCst);
    let next = Program::beside(&database).serve().await;
    let carried_out = async {
        while it.waiting().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, carried_out).await.expect("another process carries it out");
    next.kill().await;
    assert_eq!(it.shop.on(Audience::Subscribers).await.len(), 1);
}

async fn a_worker_that_comes_late_writes_nothing(db: TestDatabase) {
    let it = Delayed::new(db).await;
    it.named("1").await;
    let late = another_process(&it.shop.app);
    let late = tokio::spawn(async move { hints::run_due(&late).await });
    it.asked(1).await;
    it.test.clock.advance(TimeDelta::minutes(1));
    it.is_slow.store(false, Ordering::SeqCst);
    assert_eq!(hints::run_due(&another_process(&it.shop.app)).await, 1);
    let (events, members) = (it.events().await, it.shop.members().await);
    it.gate.add_permits(1_000);
    late.await.unwrap();
    assert_eq!((it.events().await, it.shop.members().await, it.waiting().await), (events, members, 0));
}

async fn a_record_that_is_named_again_meanwhile_is_read_again(db: TestDatabase) {
    let it = Delayed::new(db).await;
    it.named("1").await;
    let app = it.shop.app.clone();
    let handling = tokio::spawn(async move { hints::run_due(&app).await });
    it.asked(1).await;
    it.named("2").await;
    assert_eq!(it.waiting().await, 1, "one row a record");
    it.gate.add_permits(1_000);
    assert_eq!(handling.await.unwrap(), 2);
    assert_eq!((it.times_asked(), it.waiting().await), (2, 0));
    assert_eq!(it.shop.on(Audience::Subscribers).await.len(), 1);
}

async fn two_workers_do_nothing_twice(db: TestDatabase) {
    let it = Connected::new(db, StoreOptions { people: 0, ..StoreOptions::default() }).await;
    for n in 0..40 {
        let email = format!("new{n}@example.com");
        it.shop.store.change(&Change::NewCustomer { email, opt_in: Some(true) }).unwrap();
    }
    it.shop.store.delivered().await;
    let (one, other) = (another_process(&it.shop.app), another_process(&it.shop.app));
    let (first, second) = tokio::join!(hints::run_due(&one), hints::run_due(&other));
    assert!(first + second >= 4, "{first} and {second} batches");
    hints::run_due(&one).await;
    it.shop.assert_true().await;
    assert_eq!(pending_hint::Entity::find().count(&it.shop.app.db).await.unwrap(), 0);
    let story = it.shop.story().await;
    let unique: BTreeSet<&String> = story.iter().collect();
    assert_eq!(story.len(), unique.len(), "{story:#?}");
}

async fn what_was_asked_for_before_a_pause_is_not_written(db: TestDatabase) {
    let it = Delayed::new(db).await;
    it.named("1").await;
    let app = it.shop.app.clone();
    let handling = tokio::spawn(async move { hints::run_due(&app).await });
    it.asked(1).await;
    service::integrations::pause(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    it.gate.add_permits(1_000);
    assert_eq!(handling.await.unwrap(), 1);
    assert_eq!((it.events().await, it.waiting().await), (0, 1), "it waits");
    service::integrations::resume(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(hints::run_due(&it.shop.app).await, 1);
    assert_eq!((it.shop.on(Audience::Subscribers).await.len(), it.waiting().await), (1, 0));
}

async fn what_was_asked_for_with_former_settings_is_asked_for_again(db: TestDatabase) {
    let it = Delayed::new(db).await;
    it.named("1").await;
    let app = it.shop.app.clone();
    let handling = tokio::spawn(async move { hints::run_due(&app).await });
    it.asked(1).await;
    let settings = json!({"optInMetaKeys": ["another"]});
    let change = IntegrationChange { settings: settings.as_object().unwrap().clone(), ..IntegrationChange::default() };
    service::integrations::update(&it.shop.app, &it.shop.caller, it.shop.integration, change).await.unwrap();
    it.gate.add_permits(1_000);
    assert_eq!(handling.await.unwrap(), 2);
    assert_eq!((it.store.asked().len(), it.waiting().await), (2, 0));
    assert!(it.shop.on(Audience::Subscribers).await.is_empty(), "the flag that was read first is none any more");
}

async fn who_receives_and_who_handles_never_wait_for_each_other(db: TestDatabase) {
    if db.engine() == Engine::Sqlite {
        // It has one writer: nobody ever waits for somebody who waits.
        return;
    }
    let it = Delayed::new(db).await;
    it.named("1").await;
    // As a worker does: the hint first.
    let handling = assent::store::begin(&it.shop.app.db).await.unwrap();
    pending_hint::Entity::find().lock_exclusive().all(&handling).await.unwrap();
    let (app, id) = (it.shop.app.clone(), it.shop.integration);
    let receiving =
        tokio::spawn(async move { post_signed(&app, id, SECRET, ("customer.updated", "2"), r#"{"id":7}"#).await });
    let waiting =
        "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = Statement::from_string(DbBackend::Postgres, waiting);
    while it.shop.app.db.query_one_raw(waiting.clone()).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    // And the endpoint last.
    let touched = webhook_endpoint::Entity::update_many()
        .col_expr(webhook_endpoint::Column::HandledCount, Expr::value(1))
        .exec(&handling)
        .await;
    assert_eq!(touched.expect("whoever receives does not hold it").rows_affected, 1);
    handling.commit().await.unwrap();
    assert_eq!(receiving.await.unwrap(), StatusCode::OK);
}

async fn a_record_that_can_not_be_written_harms_no_other(db: TestDatabase) {
    let it = Connected::empty(Platform::WooCommerce, db).await;
    let happens = async |change: fn(String) -> Change| {
        it.test.clock.advance(TimeDelta::minutes(1));
        for n in 0..4 {
            it.shop.store.change(&change(format!("new{n}@example.com"))).unwrap();
        }
        it.carry_out().await;
    };
    happens(|email| Change::NewCustomer { email, opt_in: Some(true) }).await;
    assert_eq!(it.shop.on(Audience::Subscribers).await.len(), 4);
    let broken = source_record::Entity::find().one(&it.shop.app.db).await.unwrap().unwrap();
    source_record::Entity::update_many()
        .col_expr(source_record::Column::Shown, Expr::value("no word of ours"))
        .filter(source_record::Column::Id.eq(broken.id))
        .exec(&it.shop.app.db)
        .await
        .unwrap();
    happens(|email| Change::Delete { email }).await;
    assert_eq!(it.shop.on(Audience::Subscribers).await.len(), 1, "the others are done");
    for _ in 0..10 {
        it.test.clock.advance(TimeDelta::minutes(2));
        it.carry_out().await;
    }
    let webhooks = service::webhooks::get(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!((webhooks.pending, webhooks.last_given_up.len()), (0, 1), "{webhooks:?}");
    assert_eq!(webhooks.last_given_up[0].code, "RECORD_NOT_WRITTEN");
}
