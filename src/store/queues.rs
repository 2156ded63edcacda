//! How much waits to be done, in all accounts: one statement a queue.

use std::collections::HashMap;

use ::entity::{pending_hint, sync_run};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::words::word;
use crate::domain::sync::RunStatus;

/// Runs of one status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs {
    pub(crate) count: i64,
    /// When the first of them was queued.
    pub(crate) oldest: DateTime<Utc>,
}

/// Runs that have not ended. Few: one an integration at most.
pub(crate) async fn runs(db: &impl ConnectionTrait) -> Result<HashMap<RunStatus, Runs>, DbErr> {
    use sync_run::Column;
    let rows: Vec<(String, i64, DateTime<Utc>)> = sync_run::Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "count")
        .column_as(Column::QueuedAt.min(), "oldest")
        .filter(Column::Status.is_in([RunStatus::Queued.as_str(), RunStatus::Running.as_str()]))
        .group_by(Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter().map(|(status, count, oldest)| Ok((word("status", &status)?, Runs { count, oldest }))).collect()
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
