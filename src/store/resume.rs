//! A run that goes on where a failed one stopped, instead of reading the whole store again.

use ::entity::sync_page;
use ::entity::sync_run::{Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::leases::Lease;
use super::sync_runs::{Run, find};
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
    let Some(former) = former.filter(|former| former.is_resumable) else { return Ok(Some(run)) };
    Entity::update_many()
        .col_expr(Column::IsResumable, Expr::value(false))
        .filter(Column::Id.eq(former.id))
        .exec(tx)
        .await?;
    let is_young = |began_at: DateTime<Utc>| now - began_at < MAX_AGE && changed_at <= began_at;
    if former.lane != run.lane.as_str() || !former.began_at.is_some_and(is_young) {
        sync_page::Entity::delete_many().filter(sync_page::Column::RunId.eq(former.id)).exec(tx).await?;
        return Ok(Some(run));
    }
    take_over(tx, &former, lease).await
}

async fn take_over(tx: &impl ConnectionTrait, former: &Model, lease: Lease) -> Result<Option<Run>, DbErr> {
    let kept = Entity::update_many()
        .col_expr(Column::Progress, Expr::value(former.progress.clone()))
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
