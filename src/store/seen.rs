//! What a run came across: the records that a full pass was shown, and those that could not be used.

use ::entity::{quarantined_record, sync_page};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::sync_runs::Run;
use super::words::rows_per_statement;
use crate::domain::ids::{SourceRecordId, SyncRunId, new_uuid};
use crate::domain::people::{QuarantineReason, StoreId, Stream};

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
