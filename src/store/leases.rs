//! Who may write to a run: one worker at a time, known by a token that every write of its asks for.

use ::entity::sync_run::{Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, SqlErr, Statement,
};
use uuid::Uuid;

use super::connect::{Database, begin};
use super::installed;
use super::sync_runs::{Run, find, has_begun};
use super::words::word;
use crate::domain::ids::{AccountId, SyncRunId};
use crate::domain::sync::{Lane, RunMode, RunStatus};
use crate::telemetry::TAKEOVERS;

/// The worker that may write to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) account_id: AccountId,
    pub(crate) run_id: SyncRunId,
    pub(crate) token: Uuid,
    /// How long it lasts from each sign of life.
    pub(crate) length: TimeDelta,
}

impl Lease {
    pub(super) fn held(self) -> Condition {
        Condition::all()
            .add(Column::AccountId.eq(self.account_id.0))
            .add(Column::Id.eq(self.run_id.0))
            .add(Column::LeaseToken.eq(self.token))
            .add(Column::Status.eq(RunStatus::Running.as_str()))
    }
}

/// A run with the right to write to it.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) run: Run,
    pub(crate) lease: Lease,
    /// How often in a row a worker of it died without getting on.
    pub(crate) deaths: i32,
}

/// A queued run that waits for a worker alone, not behind another run of its integration.
pub(super) const IS_FREE: &str = "integration_id NOT IN (SELECT integration_id FROM sync_run WHERE status = 'running')";

/// Runs of a lane that wait for a worker or whose worker fell silent, in turn.
pub(crate) async fn waiting(
    db: &impl ConnectionTrait,
    lane: Lane,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<SyncRunId>, DbErr> {
    let sql = format!(
        "SELECT id FROM sync_run WHERE lane = $1 AND ((status = 'queued' AND {IS_FREE}) \
         OR (status = 'running' AND lease_until < $2)) ORDER BY turn_at, id LIMIT {limit}"
    );
    let values = [lane.as_str().into(), now.into()];
    let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    rows.iter().map(|row| Ok(row.try_get::<Uuid>("", "id")?.into())).collect()
}

/// Takes a run up that waits or whose worker fell silent. `None`: it has ended, another worker has it, or another run of its
/// integration is under way.
pub(crate) async fn claim(
    db: &impl ConnectionTrait,
    id: SyncRunId,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, DbErr> {
    let Some(row) = Entity::find_by_id(id.0).one(db).await? else { return Ok(None) };
    let is_queued = row.status == RunStatus::Queued.as_str();
    let is_silent = row.status == RunStatus::Running.as_str() && row.lease_until.is_some_and(|until| until < now);
    if !is_queued && !is_silent {
        return Ok(None);
    }
    // A lease that was given back has no token.
    let is_takeover = row.lease_token.is_some();
    let deaths = row.deaths + i32::from(is_takeover);
    let lane = lane_of(db, &row).await?;
    let lease = Lease { account_id: row.account_id.into(), run_id: id, token: Uuid::new_v4(), length };
    let as_read = match row.lease_token {
        Some(token) => Column::LeaseToken.eq(token),
        None => Column::LeaseToken.is_null(),
    };
    let first = |column: Column| Expr::expr(Func::coalesce([Expr::col(column), Expr::value(now)]));
    let won = Entity::update_many()
        .col_expr(Column::Status, Expr::value(RunStatus::Running.as_str()))
        .col_expr(Column::Lane, Expr::value(lane.as_str()))
        .col_expr(Column::LeaseToken, Expr::value(lease.token))
        .col_expr(Column::LeaseUntil, Expr::value(now + length))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Deaths, Expr::value(deaths))
        .col_expr(Column::StartedAt, first(Column::StartedAt))
        .col_expr(Column::BeganAt, if has_begun(&row) { first(Column::BeganAt) } else { Expr::value(now) })
        .filter(Column::AccountId.eq(row.account_id))
        .filter(Column::Id.eq(id.0))
        .filter(Column::Status.eq(row.status.as_str()))
        // Somebody may just have asked it to read everything.
        .filter(Column::Mode.eq(row.mode.as_str()))
        .filter(as_read)
        .filter(Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lt(now)))
        .exec(db)
        .await;
    match won {
        Ok(won) if won.rows_affected == 0 => Ok(None),
        Ok(_) => {
            if is_takeover {
                metrics::counter!(TAKEOVERS, "work" => "run").increment(1);
            }
            Ok(find(db, id).await?.map(|run| Claimed { run, lease, deaths }))
        }
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a run reads the whole store, decided before its first page and kept: one that began by what changed and took up the
/// rest as a pass over everything would take everybody for gone whom it was not shown.
async fn lane_of(db: &impl ConnectionTrait, row: &Model) -> Result<Lane, DbErr> {
    if has_begun(row) {
        return word("lane", &row.lane);
    }
    if row.mode == RunMode::Full.as_str() {
        return Ok(Lane::Whole);
    }
    let store = installed::find(db, row.integration_id.into()).await?;
    Ok(if store.is_some_and(|store| store.was_read_whole) { Lane::Changes } else { Lane::Whole })
}

/// Prolongs a lease. `false`: somebody else has the run.
pub(crate) async fn prolong(db: &Database, lease: Lease, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let tx = begin(db).await?;
    let kept = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(now + lease.length))
        .filter(lease.held())
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(kept.rows_affected == 1)
}

/// Gives a lease back, so that another worker can go on at once, whatever its clock shows.
pub(crate) async fn release(db: &impl ConnectionTrait, lease: Lease) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(DateTime::<Utc>::UNIX_EPOCH))
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .filter(lease.held())
        .exec(db)
        .await?;
    Ok(())
}
