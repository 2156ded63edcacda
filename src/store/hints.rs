//! Records that a webhook asked to read again: one row a record, taken up by one worker at a time ([`super::hint_lanes`]).
//!
//! **Invariant:** a hint goes only with what came of it, in one transaction, and stays if its record was named again
//! meanwhile.
//!
//! **Order of locks**, the same for whoever receives and whoever handles, so that none of them waits for one that waits
//! for it: first the account's ledger where it is needed, then the integration, then hints, in the order of (stream, store id),
//! then lanes, and the integration's webhook endpoint last. Whoever receives has a share of the integration by the row of the
//! delivery, before any hint. Nobody waits for more than one of several rows without having them in
//! that order; what only looks for work passes locked rows over.

use std::collections::BTreeMap;

use ::entity::hint_lane;
use ::entity::pending_hint::{ActiveModel, Column, Entity, Model};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, Set,
};
use uuid::Uuid;

use super::hint_lanes::{self, Batch};
use super::words::{rows_per_statement, word};
use crate::domain::ids::{IntegrationId, new_uuid};
use crate::domain::people::{StoreId, Stream};

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
    pub(crate) failing_since: Option<DateTime<Utc>>,
    /// How often a worker took it up before and wrote nothing.
    pub(crate) lapses: i32,
    /// When a page that shows the record was asked for, if one was written since the hint was taken up.
    pub(crate) page_asked_at: Option<DateTime<Utc>>,
    /// Whether the store named the record again since the hint was taken up.
    pub(crate) is_named_again: bool,
}

/// Notes records to be read again, at once. A record that waits already is named again: it is at least as urgent, and
/// its failures are forgotten. One that was given up begins anew.
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
    if by_record.is_empty() {
        return Ok(());
    }
    let mut by_stream: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (stream, store_id) in by_record.keys() {
        by_stream.entry(stream).or_default().push(store_id);
    }
    let named = by_stream.into_iter().fold(Condition::any(), |any, (stream, ids)| {
        any.add(Column::Stream.eq(stream).and(Column::StoreId.is_in(ids)))
    });
    let known = in_order(tx, Condition::all().add(Column::IntegrationId.eq(integration.0)).add(named)).await?;
    let given_up = known.iter().filter(|row| row.given_up_at.is_some()).map(|row| row.id);
    Entity::delete_many().filter(Column::Id.is_in(given_up)).exec(tx).await?;
    let rows: Vec<ActiveModel> =
        by_record.iter().map(|(record, urgent)| new_row(integration, *record, *urgent, at)).collect();
    for chunk in rows.chunks(rows_per_statement(17)) {
        Entity::insert_many(chunk.to_vec()).on_conflict(named_again()).exec_without_returning(tx).await?;
    }
    hint_lanes::open(tx, integration, by_record.values().copied(), at).await
}

fn new_row(
    integration: IntegrationId,
    (stream, store_id): (&str, &str),
    urgent: bool,
    at: DateTime<Utc>,
) -> ActiveModel {
    ActiveModel {
        id: Set(new_uuid(at)),
        integration_id: Set(integration.0),
        stream: Set(stream.to_owned()),
        store_id: Set(store_id.to_owned()),
        urgent: Set(urgent),
        received_at: Set(at),
        version: Set(1),
        attempts: Set(0),
        failing_since: Set(None),
        lapses: Set(0),
        not_before: Set(at),
        lease_token: Set(None),
        page_asked_at: Set(None),
        given_up_at: Set(None),
        error_code: Set(None),
        error_detail: Set(None),
    }
}

fn named_again() -> OnConflict {
    let is_urgent = Expr::col((Entity, Column::Urgent)).or(Expr::col((Alias::new("excluded"), Column::Urgent)));
    OnConflict::columns([Column::IntegrationId, Column::Stream, Column::StoreId])
        .value(Column::Version, Expr::col((Entity, Column::Version)).add(1))
        .value(Column::Urgent, is_urgent)
        .update_columns([Column::Attempts, Column::FailingSince, Column::Lapses, Column::NotBefore])
        .to_owned()
}

/// Locks rows in the one order.
async fn in_order(tx: &impl ConnectionTrait, which: Condition) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(which)
        .order_by_asc(Column::Stream)
        .order_by_asc(Column::StoreId)
        .lock_exclusive()
        .all(tx)
        .await
}

pub(super) fn from_row(row: Model) -> Result<Claimed, DbErr> {
    Ok(Claimed {
        id: row.id,
        stream: word("stream", &row.stream)?,
        store_id: StoreId::new(row.store_id),
        urgent: row.urgent,
        received_at: row.received_at,
        version: row.version,
        attempts: row.attempts,
        failing_since: row.failing_since,
        lapses: row.lapses,
        page_asked_at: row.page_asked_at,
        is_named_again: false,
    })
}

/// The hints of a batch that the worker still has, as they stand, with their locks. What another worker took over is not
/// among them.
pub(crate) async fn held(tx: &impl ConnectionTrait, batch: &Batch) -> Result<Vec<Claimed>, DbErr> {
    let lane = hint_lane::Entity::find_by_id((batch.integration.0, batch.urgent))
        .select_only()
        .expr(Expr::value(1))
        .filter(hint_lane::Column::LeaseToken.eq(batch.token))
        .into_query();
    let of_batch = Condition::all().add(Column::LeaseToken.eq(batch.token)).add(Expr::exists(lane));
    let same = |now: &Claimed| batch.hints.iter().any(|then| then.id == now.id && then.version == now.version);
    let rows = in_order(tx, of_batch).await?;
    let mut held = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    for hint in &mut held {
        hint.is_named_again = !same(hint);
    }
    Ok(held)
}

/// Takes a hint away that was carried out. If its record was named again meanwhile, it is read once more instead.
pub(crate) async fn finish(tx: &impl ConnectionTrait, hint: &Claimed, now: DateTime<Utc>) -> Result<(), DbErr> {
    if hint.is_named_again {
        return release(tx, std::slice::from_ref(hint), now).await;
    }
    Entity::delete_by_id(hint.id).exec(tx).await?;
    Ok(())
}

/// Gives hints back whose locks the caller has, to be read again at some time.
pub(crate) async fn release(
    tx: &impl ConnectionTrait,
    hints: &[Claimed],
    not_before: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::NotBefore, Expr::value(not_before))
        .filter(Column::Id.is_in(hints.iter().map(|hint| hint.id)))
        .exec(tx)
        .await?;
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
        .col_expr(Column::Attempts, Expr::value(hint.attempts + 1))
        .col_expr(Column::FailingSince, Expr::value(hint.failing_since.unwrap_or(now)))
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
    let taken_up = Condition::all()
        .add(Column::IntegrationId.eq(integration.0))
        .add(Column::Stream.eq(stream.as_str()))
        .add(Column::StoreId.is_in(shown.iter().map(StoreId::as_str)))
        .add(Column::LeaseToken.is_not_null());
    let taken_up = in_order(tx, taken_up).await?;
    if taken_up.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::PageAskedAt, Expr::value(page_asked_at))
        .filter(Column::Id.is_in(taken_up.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets hints that were given up before a time, as far as nobody has them in hand.
pub(crate) async fn purge(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let old = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::GivenUpAt.lt(before))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    Ok(Entity::delete_many().filter(Column::Id.in_subquery(old)).exec(db).await?.rows_affected)
}
