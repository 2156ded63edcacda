//! Sync runs: queued, carried out page by page under a lease ([`super::leases`]), ended.

use std::collections::BTreeMap;

use ::entity::sync_page;
use ::entity::sync_run::{ActiveModel, Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, PaginatorTrait as _, QueryFilter, QuerySelect,
    Set,
};
use uuid::Uuid;

use super::leases::Lease;
use super::progress::{Progress, StreamProgress};
use super::scope::in_account;
use super::words::{bad_row, word};
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::shrink::Tally;
use crate::domain::sync::{Counts, Lane, RunCause, RunMode, RunStatus};

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: SyncRunId,
    pub(crate) account_id: AccountId,
    pub(crate) integration_id: IntegrationId,
    pub(crate) mode: RunMode,
    pub(crate) counts: Counts,
    pub(crate) progress: Progress,
    /// What it did to lists so far.
    pub(crate) lists: Tally,
    /// Whether somebody has said that it may take off whom it will.
    pub(crate) is_confirmed: bool,
    pub(crate) pages: i32,
    pub(crate) lane: Lane,
    /// When a worker first took it up.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// When the pass began: before `started_at` where it goes on from another run's checkpoint.
    pub(crate) began_at: Option<DateTime<Utc>>,
    /// Whether no page of it was written yet, and it goes on from no other run's.
    pub(crate) is_new: bool,
    pub(crate) is_cancel_requested: bool,
}

/// Whether a run has a place to go on from.
pub(super) const fn has_begun(row: &Model) -> bool {
    row.page_count > 0 || row.continues.is_some()
}

pub(crate) fn from_row(row: &Model) -> Result<Run, DbErr> {
    Ok(Run {
        id: row.id.into(),
        account_id: row.account_id.into(),
        integration_id: row.integration_id.into(),
        mode: word("mode", &row.mode)?,
        counts: counts_of(row),
        progress: progress_of(row)?,
        lists: lists_of(row)?,
        is_confirmed: row.confirmed,
        pages: row.page_count,
        lane: word("lane", &row.lane)?,
        started_at: row.started_at,
        began_at: row.began_at,
        is_new: !has_begun(row),
        is_cancel_requested: row.cancel_requested,
    })
}

/// How far the run of a row is in each stream.
pub(crate) fn progress_of(row: &Model) -> Result<Progress, DbErr> {
    serde_json::from_value(row.progress.clone()).map_err(|_| bad_row("progress"))
}

/// What the run of a row did to lists.
pub(super) fn lists_of(row: &Model) -> Result<Tally, DbErr> {
    row.lists.clone().map_or(Ok(Tally::new()), serde_json::from_value).map_err(|_| bad_row("lists"))
}

/// The counts of a row.
pub(crate) fn counts_of(row: &Model) -> Counts {
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    Counts {
        read: count(row.read_count),
        created: count(row.created_count),
        updated: count(row.updated_count),
        unchanged: count(row.unchanged_count),
        skipped: count(row.skipped_count),
        quarantined: count(row.quarantined_count),
        joined: count(row.joined_count),
        left: count(row.left_count),
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What each run that an account has waiting or under way in a lane counts for, as if the next one had been asked for so much later.
/// So somebody who starts hundreds of runs at once keeps no other account waiting, and still has all of them carried out.
const TURN: TimeDelta = TimeDelta::minutes(10);

/// How often a run is queued again that was taken up at the same moment.
const QUEUE_TRIES: usize = 5;

/// A run to be queued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRun {
    pub(crate) account: AccountId,
    pub(crate) integration: IntegrationId,
    pub(crate) mode: RunMode,
    pub(crate) lane: Lane,
    pub(crate) cause: RunCause,
}

/// Queues a run, behind the one that is under way. Where one is queued already, that one is answered; it then reads as much
/// as the two together would have. Also tells in which lane it waits.
///
/// # Errors
/// A foreign key fails if the integration is gone.
pub(crate) async fn queue(
    tx: &impl ConnectionTrait,
    new: NewRun,
    at: DateTime<Utc>,
) -> Result<(SyncRunId, Lane), DbErr> {
    for _ in 0..QUEUE_TRIES {
        let id = insert_unless_queued(tx, new, at).await?;
        // Taken up meanwhile: then another one may wait behind it.
        let Some((queued, lane)) = queued_of(tx, new.account, new.integration).await? else { continue };
        let reads_enough = new.mode != RunMode::Full && (lane == new.lane || lane == Lane::Whole);
        if queued == id || reads_enough {
            return Ok((queued, lane));
        }
        let widened = Entity::update_many()
            .col_expr(Column::Mode, if_full(new.mode))
            .col_expr(Column::Lane, Expr::value(new.lane.as_str()))
            .filter(Column::AccountId.eq(new.account.0))
            .filter(Column::Id.eq(queued.0))
            .filter(Column::Status.eq(RunStatus::Queued.as_str()))
            .exec(tx)
            .await?;
        if widened.rows_affected == 1 {
            return Ok((queued, new.lane));
        }
    }
    Err(DbErr::RecordNotFound("the run that was queued".to_owned()))
}

/// Full, where that is asked for; else as it stands.
fn if_full(mode: RunMode) -> SimpleExpr {
    match mode {
        RunMode::Full => Expr::value(RunMode::Full.as_str()),
        RunMode::Incremental => Expr::col(Column::Mode),
    }
}

async fn insert_unless_queued(tx: &impl ConnectionTrait, new: NewRun, at: DateTime<Utc>) -> Result<SyncRunId, DbErr> {
    let id = SyncRunId::at(at);
    let unfinished: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::AccountId)
        .filter(in_account(tx, Column::AccountId, new.account))
        .filter(Column::Lane.eq(new.lane.as_str()))
        .filter(Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]))
        .into_tuple()
        .all(tx)
        .await?;
    let before = unfinished.iter().filter(|account| **account == new.account.0).count();
    let zero = || Set(0);
    let row = ActiveModel {
        id: Set(id.0),
        account_id: Set(new.account.0),
        integration_id: Set(new.integration.0),
        mode: Set(new.mode.as_str().to_owned()),
        status: Set(RunStatus::Queued.as_str().to_owned()),
        lane: Set(new.lane.as_str().to_owned()),
        cause: Set(new.cause.as_str().to_owned()),
        continues: Set(None),
        began_at: Set(None),
        read_before: zero(),
        is_resumable: Set(false),
        deaths: Set(0),
        read_count: zero(),
        created_count: zero(),
        updated_count: zero(),
        unchanged_count: zero(),
        skipped_count: zero(),
        quarantined_count: zero(),
        joined_count: zero(),
        left_count: zero(),
        total: Set(None),
        progress: Set(serde_json::json!({})),
        lists: Set(None),
        confirmed: Set(false),
        page_count: Set(0),
        attempts: Set(0),
        cancel_requested: Set(false),
        error_code: Set(None),
        error_detail: Set(None),
        lease_token: Set(None),
        lease_until: Set(None),
        queued_at: Set(at),
        turn_at: Set(at + TURN * i32::try_from(before).unwrap_or(i32::MAX)),
        started_at: Set(None),
        finished_at: Set(None),
    };
    let unless_queued = OnConflict::new().do_nothing().to_owned();
    Entity::insert_many([row]).on_conflict(unless_queued).exec_without_returning(tx).await?;
    Ok(id)
}

fn is_running() -> SimpleExpr {
    Column::Status.eq(RunStatus::Running.as_str())
}

/// Queued, and behind no other run of its integration.
pub(super) fn in_turn() -> SimpleExpr {
    let running = Query::select().column(Column::IntegrationId).from(Entity).and_where(is_running()).to_owned();
    Column::Status.eq(RunStatus::Queued.as_str()).and(Column::IntegrationId.not_in_subquery(running))
}

/// The run of an integration that waits behind the one that is under way.
pub(crate) async fn queued_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
) -> Result<Option<(SyncRunId, Lane)>, DbErr> {
    let row = Entity::find()
        .filter(in_account(tx, Column::AccountId, account))
        .filter(Column::IntegrationId.eq(integration.0))
        .filter(Column::Status.eq(RunStatus::Queued.as_str()))
        .one(tx)
        .await?;
    row.map(|row| Ok((row.id.into(), word("lane", &row.lane)?))).transpose()
}

/// How many runs of a lane wait for a worker by the schedule, and how many are under way by account, whoever's they are. One that waits
/// behind another run of its integration is none of either: a free worker is no use to it. What somebody starts by hand waits
/// beside: else hundreds of such runs would keep the schedule of every account.
pub(crate) async fn load(db: &impl ConnectionTrait, lane: Lane) -> Result<(usize, BTreeMap<AccountId, usize>), DbErr> {
    let rows: Vec<(Uuid, String, String, i64)> = Entity::find()
        .select_only()
        .columns([Column::AccountId, Column::Status, Column::Cause])
        .column_as(Column::Id.count(), "runs")
        .filter(Column::Lane.eq(lane.as_str()))
        .filter(is_running().or(in_turn()))
        .group_by(Column::AccountId)
        .group_by(Column::Status)
        .group_by(Column::Cause)
        .into_tuple()
        .all(db)
        .await?;
    let mut queued = 0;
    let mut by_account = BTreeMap::new();
    for (account, status, cause, runs) in rows {
        let runs = usize::try_from(runs).unwrap_or_default();
        *by_account.entry(account.into()).or_default() += runs;
        if status == RunStatus::Queued.as_str() && cause == RunCause::Schedule.as_str() {
            queued += runs;
        }
    }
    Ok((queued, by_account))
}

/// Finds a run by identity, whoever's it is: for the worker, which serves all accounts.
pub(crate) async fn find(db: &impl ConnectionTrait, id: SyncRunId) -> Result<Option<Run>, DbErr> {
    Entity::find_by_id(id.0).one(db).await?.map(|row| from_row(&row)).transpose()
}

/// Finds a run of an account.
pub(crate) async fn find_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: SyncRunId,
) -> Result<Option<Run>, DbErr> {
    let row = Entity::find_by_id(id.0).filter(Column::AccountId.eq(account.0)).one(db).await?;
    row.map(|row| from_row(&row)).transpose()
}

/// Whether an integration has a run that has not ended, and so may have asked for pages that are not written yet.
pub(crate) async fn is_any_unfinished(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
) -> Result<bool, DbErr> {
    let unfinished = Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]);
    let of_store = in_account(tx, Column::AccountId, account).add(Column::IntegrationId.eq(integration.0));
    Ok(Entity::find().filter(of_store).filter(unfinished).count(tx).await? > 0)
}

/// Writes how far a run is. `false`: the lease is lost, and the caller must roll back.
pub(crate) async fn save_progress(
    tx: &impl ConnectionTrait,
    lease: Lease,
    run: &Run,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let total = run.progress.values().map(StreamProgress::to_read).try_fold(0, |sum, total| Some(sum + total?));
    let progress = serde_json::to_value(&run.progress).map_err(|_| bad_row("progress"))?;
    let lists = serde_json::to_value(&run.lists).map_err(|_| bad_row("lists"))?;
    let counts = run.counts;
    let kept = Entity::update_many()
        .col_expr(Column::ReadCount, Expr::value(signed(counts.read)))
        .col_expr(Column::CreatedCount, Expr::value(signed(counts.created)))
        .col_expr(Column::UpdatedCount, Expr::value(signed(counts.updated)))
        .col_expr(Column::UnchangedCount, Expr::value(signed(counts.unchanged)))
        .col_expr(Column::SkippedCount, Expr::value(signed(counts.skipped)))
        .col_expr(Column::QuarantinedCount, Expr::value(signed(counts.quarantined)))
        .col_expr(Column::JoinedCount, Expr::value(signed(counts.joined)))
        .col_expr(Column::LeftCount, Expr::value(signed(counts.left)))
        .col_expr(Column::Total, Expr::value(total.map(signed)))
        .col_expr(Column::Progress, Expr::value(progress))
        .col_expr(Column::Lists, Expr::value(lists))
        .col_expr(Column::PageCount, Expr::value(run.pages))
        // It gets on, so it does not kill its workers.
        .col_expr(Column::Deaths, Expr::value(0))
        .col_expr(Column::LeaseUntil, Expr::value(now + lease.length))
        .filter(lease.held())
        .exec(tx)
        .await?;
    Ok(kept.rows_affected == 1)
}

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) status: RunStatus,
    /// Stable code and sentence of a failure.
    pub(crate) error: Option<(&'static str, String)>,
    /// Whether the next run may go on from its checkpoint.
    pub(crate) is_resumable: bool,
}

/// Ends a run. `false`: the lease is lost.
pub(crate) async fn finish(
    tx: &impl ConnectionTrait,
    lease: Lease,
    ending: &Ending,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let (code, detail) = ending.error.clone().unzip();
    let kept = Entity::update_many()
        .col_expr(Column::Status, Expr::value(ending.status.as_str()))
        .col_expr(Column::ErrorCode, Expr::value(code))
        .col_expr(Column::ErrorDetail, Expr::value(detail))
        .col_expr(Column::IsResumable, Expr::value(ending.is_resumable))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(lease.held())
        .exec(tx)
        .await?;
    let resumable = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::AccountId.eq(lease.account_id.0))
        .and_where(Column::Id.eq(lease.run_id.0))
        .and_where(Column::IsResumable.eq(true))
        .to_owned();
    sync_page::Entity::delete_many()
        .filter(sync_page::Column::RunId.eq(lease.run_id.0))
        .filter(sync_page::Column::RunId.not_in_subquery(resumable))
        .exec(tx)
        .await?;
    Ok(kept.rows_affected == 1)
}
