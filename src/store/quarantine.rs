//! Records that could not be used, each until it is read well.

use ::entity::quarantined_record::{ActiveModel, Entity};
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set};

use super::sync_runs::Run;
use super::words::rows_per_statement;
use crate::domain::ids::new_uuid;
use crate::domain::people::{QuarantineReason, StoreId, Stream};

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
pub(crate) async fn add(
    tx: &impl ConnectionTrait,
    run: &Run,
    records: &[Quarantined],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    for chunk in records.chunks(rows_per_statement(10)) {
        let rows = chunk.iter().map(|record| ActiveModel {
            id: Set(new_uuid(at)),
            account_id: Set(run.account_id.0),
            integration_id: Set(run.integration_id.0),
            run_id: Set(run.id.0),
            stream: Set(record.stream.as_str().to_owned()),
            store_id: Set(record.store_id.as_ref().map(|id| id.as_str().to_owned())),
            reason: Set(record.reason.as_str().to_owned()),
            detail: Set(record.detail.clone()),
            created_at: Set(at),
            resolved_at: Set(None),
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
