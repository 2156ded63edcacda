//! What the pages of a full run showed: the source records, to know afterwards who is gone, and the store's own ids, to
//! know whether somebody is missing. Kept while the run is under way, 24 bytes a record.

use ::entity::sync_page::{ActiveModel, Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::ids::{SourceRecordId, SyncRunId};
use crate::domain::people::{StoreId, Stream};

/// Pages that are read at once.
const PAGES: u64 = 200;

/// Stands for a store's id within a stream, whether or not its record could be used. Two of a million are the same with
/// a probability of one in thirty million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

impl Mark {
    /// The mark of an id.
    pub(crate) fn of(id: &StoreId) -> Self {
        let digest: [u8; 32] = Sha256::digest(id.as_str()).into();
        let (first, _) = digest.as_chunks::<8>();
        Self(u64::from_le_bytes(first[0]))
    }
}

/// Remembers what a page of a full run showed: records that are known now, and everything that has an id.
pub(crate) async fn remember(
    tx: &impl ConnectionTrait,
    run: SyncRunId,
    (page, stream): (i32, Stream),
    records: &[SourceRecordId],
    shown: &[StoreId],
) -> Result<(), DbErr> {
    let row = ActiveModel {
        run_id: Set(run.0),
        number: Set(page),
        stream: Set(Some(stream.as_str().to_owned())),
        seen: Set(records.iter().flat_map(|id| id.0.into_bytes()).collect()),
        shown: Set(Some(shown.iter().flat_map(|id| Mark::of(id).0.to_le_bytes()).collect())),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// All source records that a full run saw, sorted: 16 bytes each.
///
/// `read` is how many records the run and those that it continues have read: room for so many is made at once, since growing would take
/// twice that.
pub(crate) async fn records(
    db: &impl ConnectionTrait,
    run: SyncRunId,
    read: u64,
) -> Result<Vec<SourceRecordId>, DbErr> {
    let mut seen = Vec::with_capacity(usize::try_from(read).unwrap_or_default());
    let of_run = || Entity::find().filter(Column::RunId.eq(run.0));
    each_page(db, of_run, |page| {
        let (ids, _) = page.seen.as_chunks::<16>();
        seen.extend(ids.iter().map(|bytes| SourceRecordId(Uuid::from_bytes(*bytes))));
    })
    .await?;
    seen.sort_unstable();
    seen.dedup();
    Ok(seen)
}

/// The marks of everything that a full run saw in a stream, sorted, each once.
pub(crate) async fn marks(db: &impl ConnectionTrait, run: SyncRunId, stream: Stream) -> Result<Vec<Mark>, DbErr> {
    let mut marks = Vec::new();
    let of_stream = || Entity::find().filter(Column::RunId.eq(run.0)).filter(Column::Stream.eq(stream.as_str()));
    each_page(db, of_stream, |page| {
        let shown = page.shown.unwrap_or_default();
        let (shown, _) = shown.as_chunks::<8>();
        marks.extend(shown.iter().map(|bytes| Mark(u64::from_le_bytes(*bytes))));
    })
    .await?;
    marks.sort_unstable();
    marks.dedup();
    Ok(marks)
}

async fn each_page(
    db: &impl ConnectionTrait,
    which: impl Fn() -> Select<Entity>,
    mut take: impl FnMut(Model),
) -> Result<(), DbErr> {
    let mut last = 0;
    loop {
        let pages = which().filter(Column::Number.gt(last)).order_by_asc(Column::Number).limit(PAGES).all(db).await?;
        let is_last = pages.len() < usize::try_from(PAGES).unwrap_or(usize::MAX);
        last = pages.last().map_or(last, |page| page.number);
        pages.into_iter().for_each(&mut take);
        if is_last {
            return Ok(());
        }
    }
}

/// Forgets all of a run that has ended.
pub(crate) async fn forget(tx: &impl ConnectionTrait, run: SyncRunId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::RunId.eq(run.0)).exec(tx).await?;
    Ok(())
}
