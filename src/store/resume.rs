//! A run that goes on where a failed one stopped, instead of reading the whole store again.

use ::entity::sync_page;
use ::entity::sync_run::{Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder};

use super::leases::Lease;
use super::seen;
use super::sync_runs::{Run, find};
use crate::domain::ids::SyncRunId;
use crate::domain::sync::{Lane, RunStatus};

/// How old a pass may get: what a store showed before that is read again, and its cursors may have run out.
const MAX_AGE: TimeDelta = TimeDelta::hours(24);

/// Has a run that was just taken up for the first time go on from the checkpoint of the run before it, if that one failed half
/// way through a pass of the same kind, and the integration was not changed since that began. Answers the run as it then
/// stands; `None` if the lease is lost.
pub(crate) async fn go_on(
    tx: &impl ConnectionTrait,
    run: Run,
    lease: Lease,
    changed_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Run>, DbErr> {
    let former = Entity::find()
        .filter(Column::IntegrationId.eq(run.integration_id.0))
        .filter(Column::Status.is_not_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]))
        .order_by_desc(Column::Id)
        .one(tx)
        .await?;
    let Some(former) = former.filter(|former| former.is_resumable) else { return begin_anew(tx, run, lease).await };
    Entity::update_many()
        .col_expr(Column::IsResumable, Expr::value(false))
        .filter(Column::Id.eq(former.id))
        .exec(tx)
        .await?;
    let is_young = |began_at: DateTime<Utc>| now - began_at < MAX_AGE && changed_at <= began_at;
    if former.lane != run.lane.as_str() || !former.began_at.is_some_and(is_young) {
        seen::forget(tx, former.id.into()).await?;
        return begin_anew(tx, run, lease).await;
    }
    take_over(tx, &former, lease).await
}

/// From the start. Whom a pass may take off that somebody has confirmed was said of the former one.
async fn begin_anew(tx: &impl ConnectionTrait, mut run: Run, lease: Lease) -> Result<Option<Run>, DbErr> {
    if !run.is_confirmed {
        return Ok(Some(run));
    }
    run.is_confirmed = false;
    let kept =
        Entity::update_many().col_expr(Column::Confirmed, Expr::value(false)).filter(lease.held()).exec(tx).await?;
    Ok((kept.rows_affected == 1).then_some(run))
}

/// Says that a run may take off lists whom it will.
pub(crate) async fn confirm(tx: &impl ConnectionTrait, run: SyncRunId) -> Result<(), DbErr> {
    Entity::update_many().col_expr(Column::Confirmed, Expr::value(true)).filter(Column::Id.eq(run.0)).exec(tx).await?;
    Ok(())
}

/// Has no run go on from the checkpoint of one that ended.
pub(crate) async fn give_up(tx: &impl ConnectionTrait, run: SyncRunId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::IsResumable, Expr::value(false))
        .filter(Column::Id.eq(run.0))
        .exec(tx)
        .await?;
    seen::forget(tx, run).await
}

async fn take_over(tx: &impl ConnectionTrait, former: &Model, lease: Lease) -> Result<Option<Run>, DbErr> {
    let kept = Entity::update_many()
        .col_expr(Column::Progress, Expr::value(former.progress.clone()))
        .col_expr(Column::Lists, Expr::value(former.lists.clone()))
        .col_expr(Column::Confirmed, Expr::col(Column::Confirmed).or(Expr::value(former.confirmed)))
        .col_expr(Column::Total, Expr::value(former.total))
        .col_expr(Column::PageCount, Expr::value(former.page_count))
        .col_expr(Column::DeathPage, Expr::value(former.page_count))
        .col_expr(Column::Continues, Expr::value(former.id))
        .col_expr(Column::BeganAt, Expr::value(former.began_at))
        .col_expr(Column::ReadBefore, Expr::value(former.read_before + former.read_count))
        .filter(lease.held())
        .exec(tx)
        .await?;
    if kept.rows_affected == 0 {
        return Ok(None);
    }
    if former.lane == Lane::Whole.as_str() {
        sync_page::Entity::update_many()
            .col_expr(sync_page::Column::RunId, Expr::value(lease.run_id.0))
            .filter(sync_page::Column::RunId.eq(former.id))
            .exec(tx)
            .await?;
    }
    find(tx, lease.run_id).await
}
