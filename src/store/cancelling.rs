//! Runs that somebody wants to stop, in the account's scope.

use ::entity::sync_run::{Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::sync::RunStatus;

/// Asks a run to stop: at once if it waits, after its present page if it runs.
pub(crate) async fn request(
    tx: &impl ConnectionTrait,
    account: AccountId,
    run: SyncRunId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    cancel(tx, Condition::all().add(Column::AccountId.eq(account.0)).add(Column::Id.eq(run.0)), now).await
}

/// Asks the runs of an integration to stop.
pub(crate) async fn request_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let of_integration = Column::IntegrationId.eq(integration.0);
    cancel(tx, Condition::all().add(Column::AccountId.eq(account.0)).add(of_integration), now).await
}

async fn cancel(tx: &impl ConnectionTrait, which: Condition, now: DateTime<Utc>) -> Result<(), DbErr> {
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
    let of_integration = Column::IntegrationId.eq(integration.0);
    cancel_queued(tx, Condition::all().add(Column::AccountId.eq(account.0)).add(of_integration), now).await
}

async fn cancel_queued(tx: &impl ConnectionTrait, which: Condition, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(RunStatus::Cancelled.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(which)
        .filter(Column::Status.eq(RunStatus::Queued.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
