//! How much waits to be done, in all accounts: few statements, whatever waits.

use std::collections::HashMap;

use ::entity::{pending_hint, sync_run};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::sync_runs::in_turn;
use super::words::word;
use crate::domain::sync::RunStatus;

/// Runs that have not ended, by status. Few: of an integration one that is under way and one that waits.
pub(crate) async fn runs(db: &impl ConnectionTrait) -> Result<HashMap<RunStatus, i64>, DbErr> {
    use sync_run::Column;
    let rows: Vec<(String, i64)> = sync_run::Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "count")
        .filter(Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]))
        .group_by(Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter().map(|(status, count)| Ok((word("status", &status)?, count))).collect()
}

/// When the run was queued that has waited longest for a worker. What waits behind another run of its integration waits for
/// that one, however many workers there are.
pub(crate) async fn oldest(db: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbErr> {
    use sync_run::Column;
    let found: Option<Option<DateTime<Utc>>> = sync_run::Entity::find()
        .select_only()
        .column_as(Column::QueuedAt.min(), "oldest")
        .filter(in_turn())
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.flatten())
}

/// Records that wait to be read again, by whether that is urgent; those given up don't wait.
pub(crate) async fn hints(db: &impl ConnectionTrait) -> Result<HashMap<bool, i64>, DbErr> {
    use pending_hint::Column;
    let rows: Vec<(bool, i64)> = pending_hint::Entity::find()
        .select_only()
        .column(Column::Urgent)
        .column_as(Column::Id.count(), "count")
        .filter(Column::GivenUpAt.is_null())
        .group_by(Column::Urgent)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}
