//! What becomes of a run that fails, stalls, takes too long or kills its worker.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::atomic::Ordering;
use std::time::Duration;

use ::entity::sync_page;
use assent::app::{App, RunLimits};
use assent::domain::Audience;
use assent::domain::health::Health;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::sandbox::{Fault, FaultPlan};
use assent::service::integrations::{self, IntegrationChange};
use assent::sync::worker;
use chrono::TimeDelta;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{CUSTOMERS, Scheduled};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_run_that_failed_is_tried_again_ever_later,
    rejected_credentials_stop_the_schedule_until_resumed,
    a_failed_run_is_gone_on_with_from_its_checkpoint,
    a_checkpoint_that_leads_nowhere_is_given_up,
    a_changed_integration_is_read_from_the_start,
    a_store_that_says_nothing_stalls_the_run,
    a_run_that_takes_too_long_is_continued_by_the_next,
    a_run_that_kills_its_worker_is_parked,
    a_worker_that_got_further_is_no_killer,
);

async fn a_run_that_failed_is_tried_again_ever_later(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.due_run().await;
    let mut waits = Vec::new();
    it.refuse_from(0);
    for failures in 1..=3 {
        it.plan(it.now()).await;
        let run = it.due_run().await;
        assert_eq!(run.status, "failed");
        let planned = it.planned().await;
        assert_eq!(planned.failures, failures);
        waits.push((planned.next_run_at - it.now()).num_seconds());
        assert_eq!(it.health().await, Health::Failing);
    }
    assert!(
        (15..=30).contains(&waits[0]) && (30..=60).contains(&waits[1]) && (60..=120).contains(&waits[2]),
        "{waits:?}"
    );
    it.refuse_from(usize::MAX);
    it.plan(it.now()).await;
    assert_eq!(it.due_run().await.status, "succeeded");
    assert_eq!((it.planned().await.failures, it.health().await), (0, Health::Healthy));
}

async fn rejected_credentials_stop_the_schedule_until_resumed(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    assert!(it.shop.store.plan_fault(FaultPlan::once(Fault::RejectedCredentials)));
    assert_eq!(it.due_run().await.error_code.as_deref(), Some("STORE_CREDENTIALS_REJECTED"));
    assert_eq!(it.health().await, Health::NeedsAttention);
    it.test.clock.advance(TimeDelta::hours(2));
    assert_eq!(it.tick().await, 0);
    integrations::resume(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(it.due_run().await.status, "succeeded");
}

async fn a_failed_run_is_gone_on_with_from_its_checkpoint(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.refuse_from(150);
    let failed = it.due_run().await;
    assert_eq!((failed.status.as_str(), failed.is_resumable), ("failed", true));
    assert!(failed.read_count >= 100);
    assert_eq!(i64::try_from(it.shop.on(Audience::Customers).await.len()).unwrap(), failed.read_count);
    it.refuse_from(usize::MAX);
    it.test.clock.advance(TimeDelta::minutes(1));
    let next = it.due_run().await;
    assert_eq!((next.status.as_str(), next.continues), ("succeeded", Some(failed.id)));
    assert_eq!((next.read_before, next.began_at), (failed.read_count, failed.began_at));
    assert_eq!(next.read_count + next.read_before, i64::from(CUSTOMERS), "nobody is read twice");
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS), "nor taken for gone");
    assert!(!it.shop.run(failed.id.into()).await.is_resumable, "nobody goes on with it again");
}

async fn a_checkpoint_that_leads_nowhere_is_given_up(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.refuse_from(150);
    it.due_run().await;
    it.test.clock.advance(TimeDelta::minutes(1));
    let stuck = it.due_run().await;
    assert!(stuck.continues.is_some());
    assert_eq!((stuck.status.as_str(), stuck.read_count, stuck.is_resumable), ("failed", 0, false));
    it.refuse_from(usize::MAX);
    it.test.clock.advance(TimeDelta::minutes(2));
    let anew = it.due_run().await;
    assert_eq!((anew.status.as_str(), anew.continues, anew.read_count), ("succeeded", None, i64::from(CUSTOMERS)));
}

async fn a_changed_integration_is_read_from_the_start(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.refuse_from(150);
    it.due_run().await;
    it.test.clock.advance(TimeDelta::minutes(1));
    let settings = json!({"optInMetaKeys": ["another_key"]}).as_object().unwrap().clone();
    let change = IntegrationChange { settings, ..IntegrationChange::default() };
    integrations::update(&it.test.app, &it.shop.caller, it.shop.integration, change).await.unwrap();
    it.refuse_from(usize::MAX);
    let anew = it.due_run().await;
    assert_eq!((anew.continues, anew.read_count), (None, i64::from(CUSTOMERS)));
    let left = sync_page::Entity::find().count(&it.test.app.db).await.unwrap();
    assert_eq!(left, 0, "what the former run saw is forgotten");
}

async fn a_store_that_says_nothing_stalls_the_run(db: TestDatabase) {
    let mut it = Scheduled::new(db, 20).await;
    let limits = RunLimits { without_progress: Duration::from_secs(1), whole: Duration::from_mins(1) };
    it.test.app = App { run_limits: limits, ..it.test.app };
    it.shop.store.set_latency(Duration::from_secs(4));
    let run = it.due_run().await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("failed", Some("RUN_STALLED")));
    it.shop.store.set_latency(Duration::ZERO);
    it.test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(it.due_run().await.status, "succeeded");
}

async fn a_run_that_takes_too_long_is_continued_by_the_next(db: TestDatabase) {
    let mut it = Scheduled::refusing(db).await;
    let limits = RunLimits { without_progress: Duration::from_mins(1), whole: Duration::from_secs(3) };
    it.test.app = App { run_limits: limits, ..it.test.app };
    it.shop.is_silent.store(true, Ordering::SeqCst);
    it.refuse_from(150);
    let run = it.due_run().await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("failed", Some("RUN_TIME_IS_UP")));
    assert_eq!(it.health().await, Health::Healthy, "taking long is no failure");
    it.refuse_from(usize::MAX);
    let next = it.due_run().await;
    assert_eq!((next.status.as_str(), next.continues), ("succeeded", Some(run.id)));
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS));
}

/// Has a worker take the run up and die at its next request to the store.
async fn die(it: &Scheduled, run: SyncRunId) {
    let (app, never) = (it.test.app.clone(), CancellationToken::new());
    let before = it.shop.run(run).await.attempts;
    let dying = tokio::spawn(async move { worker::run_one(&app, run, &never).await });
    let taken_up = async {
        while it.shop.run(run).await.attempts == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken_up).await.expect("it is taken up in time");
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    it.test.clock.advance(TimeDelta::minutes(1));
}

async fn a_run_that_kills_its_worker_is_parked(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    it.shop.store.set_latency(Duration::from_secs(2));
    assert_eq!(it.tick().await, 1);
    let run = it.newest().await.id.into();
    for _ in 0..3 {
        die(&it, run).await;
    }
    worker::run_one(&it.test.app, run, &CancellationToken::new()).await;
    let parked = it.shop.run(run).await;
    assert_eq!((parked.status.as_str(), parked.error_code.as_deref()), ("failed", Some("RUN_KILLS_WORKER")));
    assert_eq!(it.planned().await.held_code.as_deref(), Some("RUN_KILLS_WORKER"));
    assert_eq!(it.health().await, Health::NeedsAttention);
    it.test.clock.advance(TimeDelta::days(1));
    assert_eq!(it.tick().await, 0, "not retried for ever");
    it.shop.store.set_latency(Duration::ZERO);
    integrations::resume(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(it.due_run().await.status, "succeeded");
    assert_eq!(it.health().await, Health::Healthy);
}

async fn a_worker_that_got_further_is_no_killer(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    let run = it.start(RunMode::Full).await;
    for offset in [50, 150, 150] {
        it.die_waiting_at(run, offset).await;
    }
    let ended = it.carried(run).await;
    assert_eq!((ended.status.as_str(), ended.attempts), ("succeeded", 4), "it died three times, but not at one place");
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS));
}
