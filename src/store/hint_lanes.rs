//! Whose turn it is: each store has two lanes, one for its urgent hints and one for the others, and one worker at a
//! time serves a lane.
//!
//! The lane that was served longest ago goes first, urgent ones before others. So a store with many hints delays nobody
//! else's, and a store that fails waits as a whole, however many of its hints are due.

use std::collections::BTreeSet;

use ::entity::hint_lane::{ActiveModel, Column, Entity, Model};
use ::entity::{integration, pending_hint};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Set,
};
use uuid::Uuid;

use super::connect::{Database, begin};
use super::hints::{Claimed, from_row};
use crate::domain::ids::IntegrationId;
use crate::domain::sync::IntegrationState;
use crate::telemetry::TAKEOVERS;

/// Before when a hint is not taken up once more that was taken up in vain: others of its lane go first.
const AFTER_LAPSE: TimeDelta = TimeDelta::minutes(1);

/// Hints of one lane and the worker that may write them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) integration: IntegrationId,
    /// Which lane of the store.
    pub(crate) urgent: bool,
    pub(crate) token: Uuid,
    pub(crate) hints: Vec<Claimed>,
    /// How often in a row the store failed before.
    pub(crate) failures: i32,
}

/// Makes lanes of a store that are not there.
pub(super) async fn open(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    urgent: impl Iterator<Item = bool>,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let urgent: BTreeSet<bool> = urgent.collect();
    let rows = urgent.into_iter().map(|urgent| ActiveModel {
        integration_id: Set(integration.0),
        urgent: Set(urgent),
        served_at: Set(at),
        not_before: Set(at),
        failures: Set(0),
        lease_token: Set(None),
        lease_until: Set(None),
    });
    let on_conflict = OnConflict::columns([Column::IntegrationId, Column::Urgent]).do_nothing().to_owned();
    Entity::insert_many(rows).on_conflict(on_conflict).exec_without_returning(tx).await?;
    Ok(())
}

fn waiting(now: DateTime<Utc>) -> Condition {
    Condition::all().add(pending_hint::Column::GivenUpAt.is_null()).add(pending_hint::Column::NotBefore.lte(now))
}

/// Lanes that may be served and have something to read.
fn ready(urgent: &[bool], now: DateTime<Utc>) -> Condition {
    use pending_hint::Column as Hint;
    let active = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::State.eq(IntegrationState::Active.as_str()))
        .to_owned();
    let hints = Query::select()
        .expr(Expr::value(1))
        .from(pending_hint::Entity)
        .and_where(Expr::col((pending_hint::Entity, Hint::IntegrationId)).equals((Entity, Column::IntegrationId)))
        .and_where(Expr::col((pending_hint::Entity, Hint::Urgent)).equals((Entity, Column::Urgent)))
        .cond_where(waiting(now))
        .to_owned();
    Condition::all()
        .add(Column::Urgent.is_in(urgent.iter().copied()))
        .add(Column::NotBefore.lte(now))
        .add(Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lt(now)))
        .add(Column::IntegrationId.in_subquery(active))
        .add(Expr::exists(hints))
}

/// Whether there may be something to take up; asked before a writing transaction is begun.
pub(crate) async fn any_ready(db: &impl ConnectionTrait, urgent: &[bool], now: DateTime<Utc>) -> Result<bool, DbErr> {
    let found: Option<Uuid> = Entity::find()
        .select_only()
        .column(Column::IntegrationId)
        .filter(ready(urgent, now))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Takes up hints of the lane whose turn it is, among urgent lanes or others as `urgent` says; those that have waited
/// longest first.
///
/// A hint that was taken up before in vain is taken up alone, so that one that can't be written harms no other.
pub(crate) async fn claim(
    tx: &impl ConnectionTrait,
    urgent: &[bool],
    limit: u64,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Batch>, DbErr> {
    let lane = Entity::find()
        .filter(ready(urgent, now))
        .order_by_desc(Column::Urgent)
        .order_by_asc(Column::ServedAt)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .limit(1)
        .one(tx)
        .await?;
    let Some(lane) = lane else { return Ok(None) };
    if lane.lease_token.is_some() {
        metrics::counter!(TAKEOVERS, "work" => "hints").increment(1);
    }
    let token = Uuid::new_v4();
    let hints = take(tx, &lane, token, limit, now).await?;
    Entity::update_many()
        .col_expr(Column::ServedAt, Expr::value(now))
        .col_expr(Column::LeaseToken, Expr::value(token))
        .col_expr(Column::LeaseUntil, Expr::value(now + length))
        .filter(of(lane.integration_id.into(), lane.urgent))
        .exec(tx)
        .await?;
    Ok(Some(Batch {
        integration: lane.integration_id.into(),
        urgent: lane.urgent,
        token,
        hints,
        failures: lane.failures,
    }))
}

/// Marks the hints of a lane that are next as taken up.
async fn take(
    tx: &impl ConnectionTrait,
    lane: &Model,
    token: Uuid,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Claimed>, DbErr> {
    use pending_hint::Column as Hint;
    let mut rows = pending_hint::Entity::find()
        .filter(Hint::IntegrationId.eq(lane.integration_id))
        .filter(Hint::Urgent.eq(lane.urgent))
        .filter(waiting(now))
        .order_by_asc(Hint::NotBefore)
        .order_by_asc(Hint::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .limit(limit)
        .all(tx)
        .await?;
    let mut update = pending_hint::Entity::update_many()
        .col_expr(Hint::LeaseToken, Expr::value(token))
        .col_expr(Hint::PageAskedAt, Expr::value(Option::<DateTime<Utc>>::None));
    if rows.first().is_some_and(|first| first.lease_token.is_some()) {
        rows.truncate(1);
        update = update
            .col_expr(Hint::Lapses, Expr::col(Hint::Lapses).add(1))
            .col_expr(Hint::NotBefore, Expr::value(now + AFTER_LAPSE));
        for row in &mut rows {
            row.lapses += 1;
        }
    } else {
        rows.retain(|row| row.lease_token.is_none());
    }
    update.filter(Hint::Id.is_in(rows.iter().map(|row| row.id))).exec(tx).await?;
    rows.into_iter().map(from_row).collect()
}

fn of(integration: IntegrationId, urgent: bool) -> Condition {
    Condition::all().add(Column::IntegrationId.eq(integration.0)).add(Column::Urgent.eq(urgent))
}

fn held(batch: &Batch) -> Condition {
    of(batch.integration, batch.urgent).add(Column::LeaseToken.eq(batch.token))
}

/// Prolongs a worker's hold on its lane.
pub(crate) async fn prolong(db: &Database, batch: &Batch, until: DateTime<Utc>) -> Result<(), DbErr> {
    let tx = begin(db).await?;
    Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(until)).filter(held(batch)).exec(&tx).await?;
    tx.commit().await
}

/// Gives a lane back that the worker still has.
pub(crate) async fn leave(tx: &impl ConnectionTrait, batch: &Batch) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(held(batch))
        .exec(tx)
        .await?;
    Ok(())
}

/// Lets all hints of a store wait, since it fails. Behind the account's lock, as it changes both lanes.
pub(crate) async fn hold_back(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    failures: i32,
    until: DateTime<Utc>,
) -> Result<(), DbErr> {
    note(tx, Column::IntegrationId.eq(integration.0), failures, until).await
}

/// Notes that a store answers. Behind the account's lock, as it changes both lanes.
pub(crate) async fn answers(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    note(tx, Column::IntegrationId.eq(integration.0).and(Column::Failures.gt(0)), 0, now).await
}

async fn note(
    tx: &impl ConnectionTrait,
    which: sea_orm::sea_query::SimpleExpr,
    failures: i32,
    not_before: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Failures, Expr::value(failures))
        .col_expr(Column::NotBefore, Expr::value(not_before))
        .filter(which)
        .exec(tx)
        .await?;
    Ok(())
}
