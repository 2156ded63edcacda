//! The records that a full pass was shown.

use ::entity::sync_page;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::domain::ids::{SourceRecordId, SyncRunId};

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
