//! A run stays what it was when it began, whatever happens around it.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::atomic::Ordering;
use std::time::Duration;

use ::entity::{integration, sync_page, sync_run};
use assent::domain::Audience;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::service::integrations::{self, IntegrationChange, NewIntegration};
use assent::service::leave_limits::LimitChange;
use assent::service::schedules::ScheduleChange;
use assent::service::syncs;
use assent::store::begin;
use assent::sync::worker;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
    Statement,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{CUSTOMERS, Refusing, Scheduled};
use crate::support::databases::{Engine, TestDatabase, both_databases, run};
use crate::support::shop::never;

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_secs(30);

both_databases!(
    a_pass_over_changes_never_turns_into_one_over_everything,
    a_full_pass_never_goes_on_where_changes_were_read,
    a_changed_integration_is_read_anew_by_the_worker_that_takes_over,
    a_pass_counts_whatever_else_of_the_integration_was_changed,
    a_failed_run_is_gone_on_with_whatever_else_was_changed,
    a_failed_run_is_gone_on_with_though_one_was_cancelled,
    a_checkpoint_that_is_given_up_leaves_nothing,
    who_asks_for_less_does_not_change_lanes,
    a_run_that_waits_is_cancelled_by_a_pause,
    runs_behind_others_take_nobody_s_place,
);

impl Scheduled<Refusing> {
    /// Has a worker take the run up, write what the store shows and fall silent while it waits for more.
    pub(super) async fn die_waiting_at(&self, run: SyncRunId, offset: usize) {
        self.shop.is_silent.store(true, Ordering::SeqCst);
        self.refuse_from(offset);
        let app = self.test.app.clone();
        let before = self.shop.run(run).await.attempts;
        let dying = tokio::spawn(async move { worker::run_one(&app, run, &CancellationToken::new()).await });
        let waits = async {
            let is_there =
                |row: sync_run::Model| row.attempts > before && row.read_count >= i64::try_from(offset).unwrap();
            while !is_there(self.shop.run(run).await) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waits).await.expect("it gets there in time");
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        self.shop.is_silent.store(false, Ordering::SeqCst);
        self.refuse_from(usize::MAX);
        self.test.clock.advance(TimeDelta::minutes(1));
    }

    pub(super) async fn change_settings(&self) {
        let settings = json!({"optInMetaKeys": ["another_key"]}).as_object().unwrap().clone();
        let change = IntegrationChange { settings, ..IntegrationChange::default() };
        integrations::update(&self.test.app, &self.shop.caller, self.shop.integration, change).await.unwrap();
    }

    pub(super) async fn carried(&self, run: SyncRunId) -> sync_run::Model {
        worker::run_one(&self.test.app, run, &CancellationToken::new()).await;
        self.shop.run(run).await
    }

    pub(super) async fn start(&self, mode: RunMode) -> SyncRunId {
        syncs::start(&self.test.app, &self.shop.caller, self.shop.integration, mode).await.unwrap()
    }
}

async fn a_pass_over_changes_never_turns_into_one_over_everything(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.due_run().await;
    it.test.clock.advance(TimeDelta::hours(1));
    let run = it.start(RunMode::Incremental).await;
    it.die_waiting_at(run, 150).await;
    // From now on the store counts as one that was never read.
    it.change_settings().await;
    it.test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(it.carried(run).await.status, "succeeded");
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS), "nobody was taken for gone");
}

async fn a_full_pass_never_goes_on_where_changes_were_read(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.due_run().await;
    it.test.clock.advance(TimeDelta::hours(1));
    let changes = it.start(RunMode::Incremental).await;
    // As one that was queued before the first pass had ended.
    sync_run::Entity::update_many()
        .col_expr(sync_run::Column::Lane, Expr::value("whole"))
        .filter(sync_run::Column::Id.eq(changes.0))
        .exec(&it.test.app.db)
        .await
        .unwrap();
    it.refuse_from(150);
    let changes = it.carried(changes).await;
    assert_eq!((changes.status.as_str(), changes.is_resumable, changes.lane.as_str()), ("failed", true, "changes"));
    it.refuse_from(usize::MAX);
    let whole = it.shop.sync(RunMode::Full).await;
    assert_eq!((whole.continues, whole.read_count), (None, i64::from(CUSTOMERS)));
    assert_eq!(it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS));
}

async fn a_changed_integration_is_read_anew_by_the_worker_that_takes_over(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    let run = it.start(RunMode::Full).await;
    it.die_waiting_at(run, 150).await;
    let before = it.shop.run(run).await;
    it.change_settings().await;
    it.test.clock.advance(TimeDelta::minutes(1));
    let anew = it.carried(run).await;
    assert_eq!(anew.status, "succeeded");
    assert_eq!(anew.read_count, before.read_count + i64::from(CUSTOMERS));
    let row = integration::Entity::find_by_id(it.shop.integration.0).one(&it.test.app.db).await.unwrap().unwrap();
    assert!(row.full_synced_at.is_some(), "all of it was read with the new settings");
}

/// Changes everything of the integration that does not matter to what its runs read.
async fn change_the_rest(it: &Scheduled<Refusing>) {
    let before = integrations::get(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    let change = IntegrationChange {
        name: Some("Renamed".to_owned()),
        schedule: ScheduleChange { interval_seconds: Some(600), ..ScheduleChange::default() },
        leave_limit: LimitChange { percent: Some(30), at_least: None },
        ..IntegrationChange::default()
    };
    integrations::update(&it.test.app, &it.shop.caller, it.shop.integration, change).await.unwrap();
    integrations::pause(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    let after = integrations::resume(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert!(after.updated_at > before.updated_at, "it was changed, and says so");
    it.test.clock.advance(TimeDelta::minutes(1));
}

async fn a_pass_counts_whatever_else_of_the_integration_was_changed(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    let run = it.start(RunMode::Full).await;
    it.die_waiting_at(run, 150).await;
    change_the_rest(&it).await;
    let ended = it.carried(run).await;
    assert_eq!((ended.status.as_str(), ended.read_count), ("succeeded", i64::from(CUSTOMERS)), "nobody is read twice");
    let row = integration::Entity::find_by_id(it.shop.integration.0).one(&it.test.app.db).await.unwrap().unwrap();
    assert!(row.full_synced_at.is_some(), "it counts as a good full pass");
    it.plan(it.now()).await;
    assert_eq!(it.due_run().await.lane, "changes");
}

async fn a_failed_run_is_gone_on_with_whatever_else_was_changed(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.refuse_from(150);
    let failed = it.due_run().await;
    it.refuse_from(usize::MAX);
    it.test.clock.advance(TimeDelta::seconds(1));
    change_the_rest(&it).await;
    let next = it.due_run().await;
    assert_eq!((next.status.as_str(), next.continues), ("succeeded", Some(failed.id)));
    assert_eq!(next.read_before + next.read_count, i64::from(CUSTOMERS));
}

async fn a_failed_run_is_gone_on_with_though_one_was_cancelled(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.refuse_from(150);
    let failed = it.due_run().await;
    it.refuse_from(usize::MAX);
    it.test.clock.advance(TimeDelta::seconds(1));
    let dropped = it.start(RunMode::Full).await;
    syncs::cancel(&it.test.app, &it.shop.caller, dropped).await.unwrap();
    it.test.clock.advance(TimeDelta::seconds(1));
    assert_eq!(it.shop.sync(RunMode::Full).await.continues, Some(failed.id));
    assert_eq!(sync_page::Entity::find().count(&it.test.app.db).await.unwrap(), 0);
}

async fn a_checkpoint_that_is_given_up_leaves_nothing(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.refuse_from(150);
    it.due_run().await;
    it.test.clock.advance(TimeDelta::minutes(1));
    assert!(it.due_run().await.continues.is_some());
    assert_eq!(sync_page::Entity::find().count(&it.test.app.db).await.unwrap(), 0);
}

/// The queue's name of the lane in which a run has a job; on SQLite there are no jobs.
async fn job_of(it: &Scheduled, run: SyncRunId) -> Option<String> {
    let db = &it.test.app.db;
    if db.get_database_backend() != sea_orm::DbBackend::Postgres {
        return None;
    }
    let sql = format!("SELECT task_identifier FROM assent_jobs.jobs WHERE key = '{run}'");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    row.map(|row| row.try_get_by_index(0).unwrap())
}

async fn who_asks_for_less_does_not_change_lanes(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    it.due_run().await;
    let (app, caller, store) = (&it.test.app, &it.shop.caller, it.shop.integration);
    let run = syncs::start(app, caller, store, RunMode::Full).await.unwrap();
    let job = job_of(&it, run).await;
    assert_eq!(syncs::start(app, caller, store, RunMode::Incremental).await.unwrap(), run);
    let queued = it.shop.run(run).await;
    assert_eq!((queued.mode.as_str(), queued.lane.as_str()), ("full", "whole"));
    assert_eq!(job_of(&it, run).await, job, "its job waits where it waited");
}

async fn a_run_that_waits_is_cancelled_by_a_pause(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    assert_eq!(it.tick().await, 1);
    integrations::pause(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(it.newest().await.status, "cancelled");
    it.test.clock.advance(TimeDelta::seconds(1));
    integrations::resume(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(it.due_run().await.status, "succeeded");
}

async fn runs_behind_others_take_nobody_s_place(db: TestDatabase) {
    let it = Scheduled::new(db, 5).await;
    let at = it.planned().await.next_run_at;
    it.plan(never()).await;
    for number in 0..5 {
        let new = NewIntegration {
            platform: assent::domain::Platform::WooCommerce,
            name: format!("Busy {number}"),
            settings: it.shop.store.settings().as_object().unwrap().clone(),
            mappings: std::collections::BTreeMap::new(),
            schedule: ScheduleChange::default(),
        };
        let store = integrations::create(&it.test.app, &it.shop.caller, new).await.unwrap().id;
        let first = syncs::start(&it.test.app, &it.shop.caller, store, RunMode::Full).await.unwrap();
        sync_run::Entity::update_many()
            .col_expr(sync_run::Column::Status, Expr::value("running"))
            .filter(sync_run::Column::Id.eq(first.0))
            .exec(&it.test.app.db)
            .await
            .unwrap();
        syncs::start(&it.test.app, &it.shop.caller, store, RunMode::Full).await.unwrap();
    }
    it.plan(at).await;
    assert_eq!(it.tick().await, 1, "those that wait need no worker yet");
    assert_eq!(it.newest().await.integration_id, it.shop.integration.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_is_changing_holds_up_no_tick() {
    run(Engine::Postgres, changed_meanwhile).await;
}

async fn changed_meanwhile(db: TestDatabase) {
    let it = Scheduled::new(db, 5).await;
    let tx = begin(&it.test.app.db).await.unwrap();
    let row = integration::Entity::find_by_id(it.shop.integration.0).lock_exclusive().one(&tx).await.unwrap();
    assert!(row.is_some());
    let ticked = tokio::time::timeout(PATIENCE, it.tick()).await;
    assert_eq!(ticked.expect("it does not wait, least of all with the schedule locked"), 0);
    tx.rollback().await.unwrap();
    assert_eq!(it.tick().await, 1);
}
