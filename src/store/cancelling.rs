//! Runs that somebody wants to stop, in the account's scope.

use ::entity::sync_run::{Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::scope::in_account;
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::sync::RunStatus;

/// Asks a run to stop: at once if it waits, after its present page if it runs. Tells whether it had waited.
pub(crate) async fn request(
    tx: &impl ConnectionTrait,
    account: AccountId,
    run: SyncRunId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let which = Condition::all().add(Column::AccountId.eq(account.0)).add(Column::Id.eq(run.0));
    Ok(cancel(tx, which, now).await? > 0)
}

/// Asks the runs of an integration to stop.
pub(crate) async fn request_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    cancel(tx, of_store(tx, account, integration), now).await.map(drop)
}

fn of_store(tx: &impl ConnectionTrait, account: AccountId, integration: IntegrationId) -> Condition {
    in_account(tx, Column::AccountId, account).add(Column::IntegrationId.eq(integration.0))
}

/// Tells how many of them had waited.
async fn cancel(tx: &impl ConnectionTrait, which: Condition, now: DateTime<Utc>) -> Result<u64, DbErr> {
    Entity::update_many()
        .col_expr(Column::CancelRequested, Expr::value(true))
        .filter(which.clone())
        .filter(Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]))
        .exec(tx)
        .await?;
    cancel_queued(tx, which, now).await
}

/// Cancels the run of an integration that waits, not one that is under way.
pub(crate) async fn queued_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    cancel_queued(tx, of_store(tx, account, integration), now).await.map(drop)
}

async fn cancel_queued(tx: &impl ConnectionTrait, which: Condition, now: DateTime<Utc>) -> Result<u64, DbErr> {
    let cancelled = Entity::update_many()
        .col_expr(Column::Status, Expr::value(RunStatus::Cancelled.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(which)
        .filter(Column::Status.eq(RunStatus::Queued.as_str()))
        .exec(tx)
        .await?;
    Ok(cancelled.rows_affected)
}
