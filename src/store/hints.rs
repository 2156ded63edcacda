//! Records that a webhook asked to read again: one row a record, taken up by one worker at a time.
//!
//! **Invariant:** a hint goes only with what came of it, in one transaction, and stays if its record was named again
//! meanwhile. Rows are locked in the order of (stream, store id), so that no two writers wait for each other.

use std::collections::BTreeMap;

use ::entity::integration;
use ::entity::pending_hint::{ActiveModel, Column, Entity, Model};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Set,
};
use uuid::Uuid;

use super::words::word;
use crate::domain::ids::{IntegrationId, new_uuid};
use crate::domain::people::{StoreId, Stream};
use crate::domain::sync::IntegrationState;

/// One record to be read again.
#[derive(Debug, Clone)]
pub(crate) struct NewHint {
    pub(crate) stream: Stream,
    pub(crate) store_id: StoreId,
    /// Whether it may be an opt-out or a deletion.
    pub(crate) urgent: bool,
}

/// A hint that a worker has taken up.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) stream: Stream,
    pub(crate) store_id: StoreId,
    pub(crate) urgent: bool,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) version: i64,
    pub(crate) attempts: i32,
    /// When a page that shows the record was asked for, if one was written since the hint was taken up.
    pub(crate) page_asked_at: Option<DateTime<Utc>>,
    /// Whether the store named the record again since the hint was taken up.
    pub(crate) is_named_again: bool,
}

/// Hints of one store and the worker that may write them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) integration: IntegrationId,
    pub(crate) token: Uuid,
    pub(crate) hints: Vec<Claimed>,
}

/// Notes records to be read again. A record that waits already waits on, at least as urgent; one that was given up begins
/// anew.
pub(crate) async fn add(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    hints: &[NewHint],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mut by_record: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for hint in hints {
        *by_record.entry((hint.stream.as_str(), hint.store_id.as_str())).or_default() |= hint.urgent;
    }
    for ((stream, store_id), urgent) in by_record {
        Entity::delete_many()
            .filter(Column::IntegrationId.eq(integration.0))
            .filter(Column::Stream.eq(stream))
            .filter(Column::StoreId.eq(store_id))
            .filter(Column::GivenUpAt.is_not_null())
            .exec(tx)
            .await?;
        let row = ActiveModel {
            id: Set(new_uuid(at)),
            integration_id: Set(integration.0),
            stream: Set(stream.to_owned()),
            store_id: Set(store_id.to_owned()),
            urgent: Set(urgent),
            received_at: Set(at),
            version: Set(1),
            attempts: Set(0),
            not_before: Set(at),
            lease_token: Set(None),
            lease_until: Set(None),
            page_asked_at: Set(None),
            given_up_at: Set(None),
            error_code: Set(None),
            error_detail: Set(None),
        };
        let mut on_conflict = OnConflict::columns([Column::IntegrationId, Column::Stream, Column::StoreId]);
        on_conflict.value(Column::Version, Expr::col((Entity, Column::Version)).add(1));
        if urgent {
            on_conflict.value(Column::Urgent, true);
        }
        Entity::insert(row).on_conflict(on_conflict).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn due(now: DateTime<Utc>) -> Condition {
    let active = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::State.eq(IntegrationState::Active.as_str()))
        .to_owned();
    Condition::all()
        .add(Column::IntegrationId.in_subquery(active))
        .add(Column::GivenUpAt.is_null())
        .add(Column::NotBefore.lte(now))
        .add(Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lt(now)))
}

/// Whether there may be something to take up; asked before a writing transaction is begun.
pub(crate) async fn any_due(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let found: Option<Uuid> =
        Entity::find().select_only().column(Column::Id).filter(due(now)).limit(1).into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// Takes up the most urgent, oldest hints of one active store: never urgent ones together with others, so that
/// nothing that can wait delays an opt-out.
pub(crate) async fn claim(
    tx: &impl ConnectionTrait,
    limit: u64,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Batch>, DbErr> {
    let first = Entity::find()
        .filter(due(now))
        .order_by_desc(Column::Urgent)
        .order_by_asc(Column::ReceivedAt)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .limit(1)
        .one(tx)
        .await?;
    let Some(first) = first else { return Ok(None) };
    let rows = Entity::find()
        .filter(due(now))
        .filter(Column::IntegrationId.eq(first.integration_id))
        .filter(Column::Urgent.eq(first.urgent))
        .order_by_asc(Column::ReceivedAt)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .limit(limit)
        .all(tx)
        .await?;
    let token = Uuid::new_v4();
    Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(token))
        .col_expr(Column::LeaseUntil, Expr::value(now + length))
        .col_expr(Column::PageAskedAt, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    let integration = first.integration_id.into();
    let hints = rows.into_iter().map(from_row).collect::<Result<_, _>>()?;
    Ok(Some(Batch { integration, token, hints }))
}

fn from_row(row: Model) -> Result<Claimed, DbErr> {
    Ok(Claimed {
        id: row.id,
        stream: word("stream", &row.stream)?,
        store_id: StoreId::new(row.store_id),
        urgent: row.urgent,
        received_at: row.received_at,
        version: row.version,
        attempts: row.attempts,
        page_asked_at: row.page_asked_at,
        is_named_again: false,
    })
}

/// Prolongs a worker's hold on its hints.
pub(crate) async fn prolong(db: &impl ConnectionTrait, token: Uuid, until: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(until))
        .filter(Column::LeaseToken.eq(token))
        .exec(db)
        .await?;
    Ok(())
}

/// The hints of a batch that the worker still has, as they stand, with their locks. What another worker took over is not
/// among them.
pub(crate) async fn held(tx: &impl ConnectionTrait, batch: &Batch) -> Result<Vec<Claimed>, DbErr> {
    let rows = Entity::find()
        .filter(Column::LeaseToken.eq(batch.token))
        .order_by_asc(Column::Stream)
        .order_by_asc(Column::StoreId)
        .lock_exclusive()
        .all(tx)
        .await?;
    let same = |now: &Claimed| batch.hints.iter().any(|then| then.id == now.id && then.version == now.version);
    let mut held = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    for hint in &mut held {
        hint.is_named_again = !same(hint);
    }
    Ok(held)
}

/// Takes a hint away that was carried out. If its record was named again meanwhile, it is read once more instead.
pub(crate) async fn finish(tx: &impl ConnectionTrait, hint: &Claimed) -> Result<(), DbErr> {
    if hint.is_named_again {
        return release(tx, &[hint.id], None).await;
    }
    Entity::delete_by_id(hint.id).exec(tx).await?;
    Ok(())
}

/// Gives hints back, to be read at once or not before some time.
pub(crate) async fn release(
    tx: &impl ConnectionTrait,
    hints: &[Uuid],
    not_before: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    if hints.is_empty() {
        return Ok(());
    }
    let mut update = Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None));
    if let Some(not_before) = not_before {
        update = update.col_expr(Column::NotBefore, Expr::value(not_before));
    }
    update.filter(Column::Id.is_in(hints.iter().copied())).exec(tx).await?;
    Ok(())
}

/// Why a record could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// Stable code.
    pub(crate) code: &'static str,
    /// What failed and what to do; never a value of the record.
    pub(crate) detail: String,
    /// When it is tried again; `None`: not any more.
    pub(crate) again_at: Option<DateTime<Utc>>,
}

/// Notes a failure and gives the hint back, or gives it up, unless its record was named again meanwhile.
pub(crate) async fn fail(
    tx: &impl ConnectionTrait,
    hint: &Claimed,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let gives_up = failure.again_at.is_none() && !hint.is_named_again;
    Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::Attempts, Expr::value(hint.attempts + 1))
        .col_expr(Column::NotBefore, Expr::value(failure.again_at.unwrap_or(now)))
        .col_expr(Column::GivenUpAt, Expr::value(gives_up.then_some(now)))
        .col_expr(Column::ErrorCode, Expr::value(failure.code))
        .col_expr(Column::ErrorDetail, Expr::value(failure.detail.as_str()))
        .filter(Column::Id.eq(hint.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Tells the workers that have hints about these records that a page that shows them is being written: an answer that was
/// asked for before the page is older than what stands there then.
pub(crate) async fn overtake(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    stream: Stream,
    shown: &[StoreId],
    page_asked_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let taken_up: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::IntegrationId.eq(integration.0))
        .filter(Column::Stream.eq(stream.as_str()))
        .filter(Column::StoreId.is_in(shown.iter().map(StoreId::as_str)))
        .filter(Column::LeaseToken.is_not_null())
        .order_by_asc(Column::StoreId)
        .into_tuple()
        .all(tx)
        .await?;
    for id in taken_up {
        Entity::update_many()
            .col_expr(Column::PageAskedAt, Expr::value(page_asked_at))
            .filter(Column::Id.eq(id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Forgets hints that were given up before a time.
pub(crate) async fn purge(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::GivenUpAt.lt(before)).exec(db).await?.rows_affected)
}
