//! What a store's bad hours, a person's changes and other runs mean for a pass that is half done.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::entity::schedule;
use assent::app::{App, RunLimits};
use assent::domain::health::Health;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::service::integrations::{self, IntegrationChange};
use assent::service::schedules::ScheduleChange;
use assent::service::{decisions, syncs};
use assent::sync::worker;
use chrono::TimeDelta;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{CUSTOMERS, Scheduled, customer};
use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::app::{TestApp, TestClock};
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

both_databases!(
    a_pass_over_the_whole_store_waits_while_changes_are_read,
    an_outage_does_not_cost_the_pass,
    a_store_that_says_how_long_to_wait_is_waited_for,
    a_look_for_changes_that_fails_leaves_the_pass_alone,
    a_look_for_changes_that_takes_long_is_taken_in_parts,
    what_changed_is_read_in_time_while_passes_over_the_whole_store_fail,
    keys_that_were_changed_meanwhile_stop_nothing,
    who_ends_an_ended_run_puts_nothing_off,
    a_full_pass_that_was_called_off_is_not_made_up_for_before_the_next_day,
);

async fn a_pass_over_the_whole_store_waits_while_changes_are_read(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.due_run().await;
    it.test.clock.advance(TimeDelta::hours(1));
    it.refuse_from(150);
    let failed = it.start(RunMode::Full).await;
    let failed = it.carried(failed).await;
    assert_eq!((failed.status.as_str(), failed.is_resumable), ("failed", true));
    let again = it.planned().await.next_full_pass_at.unwrap() - it.now();
    assert!(again <= TimeDelta::seconds(30), "it goes on soon, not the next day: {again}");
    it.refuse_from(usize::MAX);
    it.test.clock.advance(TimeDelta::seconds(1));
    let changes = it.shop.sync(RunMode::Incremental).await;
    assert_eq!((changes.status.as_str(), changes.continues), ("succeeded", None));
    it.test.clock.advance(TimeDelta::minutes(10));
    let next = it.due_run().await;
    assert_eq!((next.status.as_str(), next.continues), ("succeeded", Some(failed.id)));
    assert_eq!(next.read_count + next.read_before, i64::from(CUSTOMERS), "nobody is read twice");
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS), "nor taken for gone");
}

async fn an_outage_does_not_cost_the_pass(db: TestDatabase) {
    let mut it = Scheduled::refusing(db).await;
    let limits = RunLimits { without_progress: Duration::from_secs(2), whole: Duration::from_mins(1) };
    it.test.app = App { run_limits: limits, ..it.test.app };
    it.shop.is_silent.store(true, Ordering::SeqCst);
    it.refuse_from(150);
    let first = it.due_run().await;
    assert_eq!(first.error_code.as_deref(), Some("RUN_STALLED"));
    for _ in 0..2 {
        it.test.clock.advance(TimeDelta::minutes(5));
        let stalled = it.due_run().await;
        assert_eq!((stalled.error_code.as_deref(), stalled.read_count), (Some("RUN_STALLED"), 0));
        assert!(stalled.is_resumable, "its checkpoint is as good as ever");
    }
    it.refuse_from(usize::MAX);
    it.test.clock.advance(TimeDelta::minutes(5));
    let next = it.due_run().await;
    assert_eq!((next.status.as_str(), next.began_at), ("succeeded", first.began_at));
    assert_eq!(next.read_count + next.read_before, i64::from(CUSTOMERS));
}

/// A service with a store that answers this.
pub(super) async fn answered(
    db: TestDatabase,
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> Scheduled<Answered> {
    let test = TestApp::new(db).await;
    let store = AnsweringStore::start(answer).await;
    let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
    let installed = Installed::new(&test.app, Platform::WooCommerce, settings).await;
    let it = Scheduled { test, shop: Answered { installed, store } };
    it.plan(it.now()).await;
    it
}

pub(super) struct Answered {
    installed: Installed,
    pub(super) store: AnsweringStore,
}

impl std::ops::Deref for Answered {
    type Target = Installed;

    fn deref(&self) -> &Installed {
        &self.installed
    }
}

fn nobody() -> Reply {
    Reply::json(&Value::Array(Vec::new())).header("X-WP-Total", &0)
}

/// Order of a guest of her own.
fn order(number: usize) -> Value {
    json!({"id": number + 1, "customer_id": 0, "billing": {"email": format!("guest{number}@example.com")}, "meta_data": [],
        "date_created_gmt": "2025-01-01T00:00:00", "date_modified_gmt": "2025-01-01T00:00:00"})
}

fn is_look(asked: &Asked) -> bool {
    asked.get("modified_after").is_some()
}

async fn a_store_that_says_how_long_to_wait_is_waited_for(db: TestDatabase) {
    let slow_down = || Reply::text(429, "{}").header("Retry-After", &3);
    let mut it = answered(db, move |asked| if asked.number == 0 { slow_down() } else { nobody() }).await;
    let limits = RunLimits { without_progress: Duration::from_secs(1), whole: Duration::from_mins(1) };
    it.test.app = App { run_limits: limits, ..it.test.app };
    let run = it.due_run().await;
    assert_eq!((run.status.as_str(), run.error_code), ("succeeded", None));
}

async fn a_look_for_changes_that_fails_leaves_the_pass_alone(db: TestDatabase) {
    let it = answered(db, |asked| {
        if is_look(asked) {
            return Reply::text(404, "{}");
        }
        let is_first = asked.path.ends_with("/orders") && asked.number_of("offset").unwrap_or(0) == 0;
        let shown = if is_first { vec![order(0)] } else { Vec::new() };
        Reply::json(&Value::Array(shown)).header("X-WP-Total", &u8::from(asked.path.ends_with("/orders")))
    })
    .await;
    assert_eq!(it.due_run().await.status, "succeeded");
    it.test.clock.advance(TimeDelta::hours(1));
    let looks = || it.shop.store.asked().iter().filter(|asked| is_look(asked)).count();
    assert_eq!(looks(), 0);
    assert_eq!(it.shop.sync(RunMode::Full).await.status, "succeeded");
    assert!(looks() > 0, "it was due");
    let changes = it.shop.sync(RunMode::Incremental).await;
    assert_eq!(changes.error_code.as_deref(), Some("STORE_NOT_THERE"), "here it is what the run is for");
}

async fn a_look_for_changes_that_takes_long_is_taken_in_parts(db: TestDatabase) {
    let clock = Arc::new(OnceLock::<Arc<TestClock>>::new());
    let goes_on = Arc::clone(&clock);
    let it = answered(db, move |asked| {
        let is_order = asked.path.ends_with("/orders");
        let minutes = match (is_look(asked), is_order) {
            (true, _) => 4,
            (false, true) => 0,
            (false, false) => 40,
        };
        if let Some(clock) = goes_on.get() {
            clock.advance(TimeDelta::minutes(minutes));
        }
        let (offset, size) = (asked.number_of("offset").unwrap_or(0), asked.number_of("per_page").unwrap_or(10));
        let numbers = offset..usize::from(CUSTOMERS).min(offset + size);
        let shown = numbers.map(|number| if is_order { order(number) } else { customer(number) }).collect();
        Reply::json(&Value::Array(shown)).header("X-WP-Total", &CUSTOMERS)
    })
    .await;
    assert_eq!(it.due_run().await.status, "succeeded");
    it.test.clock.advance(TimeDelta::hours(1));
    let before = it.shop.store.asked().len();
    clock.set(it.test.clock.clone()).expect("nobody set it before");
    assert_eq!(it.shop.sync(RunMode::Full).await.status, "succeeded");
    let asked = it.shop.store.asked().split_off(before);
    let parts: Vec<&[Asked]> = asked.split(|asked| !is_look(asked)).filter(|part| !part.is_empty()).collect();
    let offsets = |part: &[Asked]| part.iter().map(|asked| asked.number_of("offset").unwrap()).collect::<Vec<_>>();
    assert_eq!(
        offsets(parts[0]),
        [0, 95],
        "it ends five minutes after it began, when the next window was already asked for"
    );
    assert_eq!(offsets(parts[1])[0], 95, "after a page of the pass it goes on where it was");
}

async fn what_changed_is_read_in_time_while_passes_over_the_whole_store_fail(db: TestDatabase) {
    let is_broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&is_broken);
    let it = answered(db, move |asked| {
        let is_order = asked.path.ends_with("/orders");
        let is_whole = is_order && !is_look(asked) && asked.get("offset").is_some();
        if is_whole && breaks.load(Ordering::SeqCst) {
            return Reply::text(404, "{}");
        }
        let shown = if is_order { order(0) } else { customer(0) };
        let shown = if asked.number_of("offset").unwrap_or(0) == 0 { vec![shown] } else { Vec::new() };
        Reply::json(&Value::Array(shown)).header("X-WP-Total", &1)
    })
    .await;
    assert_eq!(it.due_run().await.status, "succeeded");
    it.test.clock.advance(TimeDelta::hours(24));
    is_broken.store(true, Ordering::SeqCst);
    for interval in [300, 7200] {
        let schedule = ScheduleChange { interval_seconds: Some(interval), ..ScheduleChange::default() };
        let change = IntegrationChange { schedule, ..IntegrationChange::default() };
        integrations::update(&it.test.app, &it.shop.caller, it.shop.integration, change).await.unwrap();
        let mut has_failed = Vec::new();
        for _ in 0..14 {
            it.test.clock.advance((it.planned().await.next_run_at - it.now()).max(TimeDelta::zero()));
            let run = it.due_run().await;
            has_failed.push(match (run.mode.as_str(), run.status.as_str()) {
                ("full", "failed") => true,
                ("incremental", "succeeded") => false,
                other => panic!("{other:?}"),
            });
        }
        assert!(has_failed.iter().filter(|failed| **failed).count() > 3, "passes are tried again: {has_failed:?}");
        assert!(
            !has_failed.windows(2).any(|two| two == [true, true]),
            "behind each, what changed is read: {has_failed:?}"
        );
    }
    assert_eq!(it.health().await, Health::Failing, "however well the rest goes");
    is_broken.store(false, Ordering::SeqCst);
    it.test.clock.advance(TimeDelta::hours(3));
    let mended = it.due_run().await;
    assert_eq!((mended.mode.as_str(), mended.status.as_str()), ("full", "succeeded"));
    assert_eq!(it.health().await, Health::Healthy);
}

async fn keys_that_were_changed_meanwhile_stop_nothing(db: TestDatabase) {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let it = answered(db, move |_| Reply::text(401, "{}").held(&held)).await;
    assert_eq!(it.tick().await, 1);
    let (app, run) = (it.test.app.clone(), it.newest().await.id.into());
    let carried = tokio::spawn(async move { worker::run_one(&app, run, &CancellationToken::new()).await });
    let asked = async {
        while it.shop.store.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("it is asked in time");
    it.test.clock.advance(TimeDelta::seconds(1));
    let settings = json!({"consumerSecret": "cs_other"}).as_object().unwrap().clone();
    let change = IntegrationChange { settings, ..IntegrationChange::default() };
    integrations::update(&it.test.app, &it.shop.caller, it.shop.integration, change).await.unwrap();
    gate.add_permits(Semaphore::MAX_PERMITS);
    carried.await.unwrap();
    assert_eq!(it.newest().await.error_code.as_deref(), Some("STORE_CREDENTIALS_REJECTED"));
    assert_ne!(it.health().await, Health::NeedsAttention, "nobody has tried the new keys yet");
    it.test.clock.advance(TimeDelta::seconds(1));
    assert_eq!(it.due_run().await.error_code.as_deref(), Some("STORE_CREDENTIALS_REJECTED"));
    assert_eq!(it.health().await, Health::NeedsAttention, "now somebody has");
}

async fn who_ends_an_ended_run_puts_nothing_off(db: TestDatabase) {
    let it = Scheduled::new(db, 5).await;
    let ended = it.due_run().await;
    it.test.clock.advance(TimeDelta::minutes(3));
    let before = it.planned().await;
    syncs::cancel(&it.test.app, &it.shop.caller, ended.id.into()).await.unwrap();
    assert_eq!(it.planned().await, before);
}

async fn a_full_pass_that_was_called_off_is_not_made_up_for_before_the_next_day(db: TestDatabase) {
    let it = Scheduled::new(db, 5).await;
    it.due_run().await;
    it.test.clock.advance(TimeDelta::hours(24));
    assert_eq!(it.tick().await, 1);
    let daily = it.newest().await;
    assert_eq!(daily.mode, "full");
    let failing = schedule::Entity::update_many()
        .col_expr(schedule::Column::FullPassFailures, Expr::value(2))
        .col_expr(schedule::Column::FailingSince, Expr::value(it.now()));
    failing.exec(&it.test.app.db).await.unwrap();
    assert_eq!(it.health().await, Health::Failing);
    syncs::cancel(&it.test.app, &it.shop.caller, daily.id.into()).await.unwrap();
    let planned = it.planned().await;
    assert!(planned.next_full_pass_at.unwrap() - it.now() > TimeDelta::hours(22));
    assert_eq!((it.health().await, planned.failing_since), (Health::Healthy, None), "nothing is tried again");
    it.test.clock.advance(TimeDelta::minutes(10));
    assert_eq!(it.due_run().await.mode, "incremental");
    assert!(decisions::confirm(&it.test.app, &it.shop.caller, daily.id.into()).await.is_err());
}
