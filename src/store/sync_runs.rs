//! Sync runs: claimed by one worker at a time, fenced by a lease token in every write.

use std::collections::BTreeMap;

use ::entity::sync_run::{self, ActiveModel, Column, Entity, Model};
use ::entity::{quarantined_record, sync_page};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, PaginatorTrait as _, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{bad_row, rows_per_statement, word};
use crate::connectors::{Checkpoint, Watermark};
use crate::domain::ids::{AccountId, IntegrationId, SourceRecordId, SyncRunId, new_uuid};
use crate::domain::people::{QuarantineReason, StoreId, Stream};
use crate::domain::sync::{Counts, RunMode, RunStatus};

/// How far a run is in one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamProgress {
    /// From where it goes on.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// From where the next incremental run begins once this one has ended well.
    pub(crate) watermark: Option<Watermark>,
    /// Records in all, as far as the store tells.
    pub(crate) total: Option<u64>,
    /// Whether it was read to its end.
    pub(crate) is_done: bool,
    /// Whether a record could not even be told by its identity: then nobody knows who is gone.
    #[serde(default)]
    pub(crate) has_nameless: bool,
    /// Whether the store keeps some records from us: then nobody knows either.
    #[serde(default)]
    pub(crate) hides_some: bool,
}

/// How far a run is.
pub(crate) type Progress = BTreeMap<Stream, StreamProgress>;

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: SyncRunId,
    pub(crate) account_id: AccountId,
    pub(crate) integration_id: IntegrationId,
    pub(crate) mode: RunMode,
    pub(crate) counts: Counts,
    pub(crate) progress: Progress,
    pub(crate) pages: i32,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) is_cancel_requested: bool,
}

pub(crate) fn from_row(row: &Model) -> Result<Run, DbErr> {
    Ok(Run {
        id: row.id.into(),
        account_id: row.account_id.into(),
        integration_id: row.integration_id.into(),
        mode: word("mode", &row.mode)?,
        counts: counts_of(row),
        progress: serde_json::from_value(row.progress.clone()).map_err(|_| bad_row("progress"))?,
        pages: row.page_count,
        started_at: row.started_at,
        is_cancel_requested: row.cancel_requested,
    })
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

/// Queues a run. The partial unique index refuses a second active run of an integration.
pub(crate) async fn queue(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    mode: RunMode,
    at: DateTime<Utc>,
) -> Result<SyncRunId, DbErr> {
    let id = SyncRunId::at(at);
    let zero = || Set(0);
    let row = ActiveModel {
        id: Set(id.0),
        account_id: Set(account.0),
        integration_id: Set(integration.0),
        mode: Set(mode.as_str().to_owned()),
        status: Set(RunStatus::Queued.as_str().to_owned()),
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
        page_count: Set(0),
        attempts: Set(0),
        cancel_requested: Set(false),
        error_code: Set(None),
        error_detail: Set(None),
        lease_token: Set(None),
        lease_until: Set(None),
        queued_at: Set(at),
        started_at: Set(None),
        finished_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

/// The worker that may write to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) run_id: SyncRunId,
    pub(crate) token: Uuid,
    /// How long it lasts from each sign of life.
    pub(crate) length: TimeDelta,
}

impl Lease {
    fn held(self) -> Condition {
        Condition::all()
            .add(Column::Id.eq(self.run_id.0))
            .add(Column::LeaseToken.eq(self.token))
            .add(Column::Status.eq(RunStatus::Running.as_str()))
    }
}

/// Takes up one run that waits for a worker or whose worker fell silent: `only` that one, or the oldest.
pub(crate) async fn claim(
    db: &impl ConnectionTrait,
    only: Option<SyncRunId>,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<(Run, Lease)>, DbErr> {
    let claimable = || {
        Condition::any()
            .add(Column::Status.eq(RunStatus::Queued.as_str()))
            .add(Condition::all().add(Column::Status.eq(RunStatus::Running.as_str())).add(Column::LeaseUntil.lt(now)))
    };
    let candidates: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(claimable())
        .filter(only.map_or_else(Condition::all, |id| Condition::all().add(Column::Id.eq(id.0))))
        .order_by_asc(Column::Id)
        .limit(8)
        .into_tuple()
        .all(db)
        .await?;
    for id in candidates {
        let lease = Lease { run_id: id.into(), token: Uuid::new_v4(), length };
        let won = Entity::update_many()
            .col_expr(Column::Status, Expr::value(RunStatus::Running.as_str()))
            .col_expr(Column::LeaseToken, Expr::value(lease.token))
            .col_expr(Column::LeaseUntil, Expr::value(now + length))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(
                Column::StartedAt,
                Expr::expr(sea_orm::sea_query::Func::coalesce([Expr::col(Column::StartedAt), Expr::value(now)])),
            )
            .filter(Column::Id.eq(id))
            .filter(claimable())
            .exec(db)
            .await?;
        if won.rows_affected == 1 {
            return Ok(find(db, lease.run_id).await?.map(|run| (run, lease)));
        }
    }
    Ok(None)
}

/// Finds a run by identity, whoever's it is: for the worker, which serves all accounts.
pub(crate) async fn find(db: &impl ConnectionTrait, id: SyncRunId) -> Result<Option<Run>, DbErr> {
    Entity::find_by_id(id.0).one(db).await?.map(|row| from_row(&row)).transpose()
}

/// Whether an integration has a run that has not ended, and so may have asked for pages that are not written yet.
pub(crate) async fn is_any_unfinished(tx: &impl ConnectionTrait, integration: IntegrationId) -> Result<bool, DbErr> {
    let unfinished = Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]);
    Ok(Entity::find().filter(Column::IntegrationId.eq(integration.0)).filter(unfinished).count(tx).await? > 0)
}

/// Prolongs a lease. `false`: somebody else has the run.
pub(crate) async fn prolong(db: &impl ConnectionTrait, lease: Lease, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let kept = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(now + lease.length))
        .filter(lease.held())
        .exec(db)
        .await?;
    Ok(kept.rows_affected == 1)
}

/// Gives a lease back, so that another worker can go on at once.
pub(crate) async fn release(db: &impl ConnectionTrait, lease: Lease, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(now - TimeDelta::milliseconds(1)))
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .filter(lease.held())
        .exec(db)
        .await?;
    Ok(())
}

/// Writes how far a run is. `false`: the lease is lost, and the caller must roll back.
pub(crate) async fn save_progress(
    tx: &impl ConnectionTrait,
    lease: Lease,
    run: &Run,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let total = run.progress.values().map(|stream| stream.total).try_fold(0, |sum, total| Some(sum + total?));
    let progress = serde_json::to_value(&run.progress).map_err(|_| bad_row("progress"))?;
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
        .col_expr(Column::PageCount, Expr::value(run.pages))
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
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(lease.held())
        .exec(tx)
        .await?;
    sync_page::Entity::delete_many().filter(sync_page::Column::RunId.eq(lease.run_id.0)).exec(tx).await?;
    Ok(kept.rows_affected == 1)
}

/// Remembers which source records a page of a full run showed.
pub(crate) async fn remember_seen(
    tx: &impl ConnectionTrait,
    run: SyncRunId,
    page: i32,
    seen: &[SourceRecordId],
) -> Result<(), DbErr> {
    let seen = seen.iter().flat_map(|id| id.0.into_bytes()).collect();
    let row = sync_page::ActiveModel { run_id: Set(run.0), number: Set(page), seen: Set(seen) };
    sync_page::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// All source records that a full run saw, sorted: 16 bytes each.
///
/// `read` is how many records the run has read: room for so many is made at once, since growing would take twice that.
pub(crate) async fn all_seen(
    db: &impl ConnectionTrait,
    run: SyncRunId,
    read: u64,
) -> Result<Vec<SourceRecordId>, DbErr> {
    const PAGES: u64 = 200;
    let mut seen = Vec::with_capacity(usize::try_from(read).unwrap_or_default());
    let mut last = 0;
    loop {
        let pages: Vec<sync_page::Model> = sync_page::Entity::find()
            .filter(sync_page::Column::RunId.eq(run.0))
            .filter(sync_page::Column::Number.gt(last))
            .order_by_asc(sync_page::Column::Number)
            .limit(PAGES)
            .all(db)
            .await?;
        let Some(page) = pages.last() else { break };
        last = page.number;
        for page in pages {
            let (ids, _) = page.seen.as_chunks::<16>();
            seen.extend(ids.iter().map(|bytes| SourceRecordId(Uuid::from_bytes(*bytes))));
        }
    }
    seen.sort_unstable();
    seen.dedup();
    Ok(seen)
}

/// A record that could not be used.
#[derive(Debug, Clone)]
pub(crate) struct Quarantined {
    pub(crate) stream: Stream,
    pub(crate) store_id: Option<StoreId>,
    pub(crate) reason: QuarantineReason,
    /// What is wrong; never a value.
    pub(crate) detail: String,
}

/// Writes down the records of a page that could not be used.
pub(crate) async fn quarantine(
    tx: &impl ConnectionTrait,
    run: &Run,
    records: &[Quarantined],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    for chunk in records.chunks(rows_per_statement(9)) {
        let rows = chunk.iter().map(|record| quarantined_record::ActiveModel {
            id: Set(new_uuid(at)),
            account_id: Set(run.account_id.0),
            integration_id: Set(run.integration_id.0),
            run_id: Set(run.id.0),
            stream: Set(record.stream.as_str().to_owned()),
            store_id: Set(record.store_id.as_ref().map(|id| id.as_str().to_owned())),
            reason: Set(record.reason.as_str().to_owned()),
            detail: Set(record.detail.clone()),
            created_at: Set(at),
        });
        quarantined_record::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Asks a run to stop: at once if it waits, after its present page if it runs. Scoped to the account.
pub(crate) async fn request_cancel(
    tx: &impl ConnectionTrait,
    account: AccountId,
    run: SyncRunId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    cancel(tx, Condition::all().add(Column::AccountId.eq(account.0)).add(Column::Id.eq(run.0)), now).await
}

/// Asks the runs of an integration to stop.
pub(crate) async fn request_cancel_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let of_integration = Column::IntegrationId.eq(integration.0);
    cancel(tx, Condition::all().add(Column::AccountId.eq(account.0)).add(of_integration), now).await
}

async fn cancel(tx: &impl ConnectionTrait, which: Condition, now: DateTime<Utc>) -> Result<(), DbErr> {
    sync_run::Entity::update_many()
        .col_expr(Column::CancelRequested, Expr::value(true))
        .filter(which.clone())
        .filter(Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]))
        .exec(tx)
        .await?;
    sync_run::Entity::update_many()
        .col_expr(Column::Status, Expr::value(RunStatus::Cancelled.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(which)
        .filter(Column::Status.eq(RunStatus::Queued.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
