//! Where webhooks of a store arrive and which were seen.

use std::collections::HashMap;

use ::entity::webhook_endpoint::{ActiveModel, Column, Entity, Model};
use ::entity::{integration, webhook_delivery};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Set,
};
use serde_json::json;
use uuid::Uuid;

use super::words::{bad_row, word};
use crate::connectors::hooks::Registration;
use crate::domain::ids::{AccountId, IntegrationId};
use crate::domain::sync::IntegrationState;
use crate::domain::webhook::RegistrationState;

/// Where an integration's webhooks arrive.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The sealed secret.
    pub(crate) secret: Vec<u8>,
    /// The address that was registered last; empty before the first time.
    pub(crate) address: String,
    pub(crate) state: RegistrationState,
    pub(crate) detail: Option<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) problems: Vec<String>,
    /// Registrations in a row that failed.
    pub(crate) attempts: u32,
    pub(crate) checked_at: Option<DateTime<Utc>>,
    pub(crate) last_delivery_at: Option<DateTime<Utc>>,
    pub(crate) last_handled_at: Option<DateTime<Utc>>,
    pub(crate) last_handling_ms: Option<u64>,
    pub(crate) handled: u64,
}

/// Adds an endpoint that is to be registered at once; one that is there stays.
pub(crate) async fn add(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    secret: Vec<u8>,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        integration_id: Set(id.0),
        secret: Set(secret),
        address: Set(String::new()),
        state: Set(RegistrationState::Pending.as_str().to_owned()),
        detail: Set(None),
        topics: Set(json!([])),
        problems: Set(json!([])),
        attempts: Set(0),
        next_at: Set(at),
        lease_token: Set(None),
        lease_until: Set(None),
        checked_at: Set(None),
        last_delivery_at: Set(None),
        last_handled_at: Set(None),
        last_handling_ms: Set(None),
        handled_count: Set(0),
    };
    let on_conflict = OnConflict::column(Column::IntegrationId).do_nothing().to_owned();
    Entity::insert(row).on_conflict(on_conflict).exec_without_returning(tx).await?;
    Ok(())
}

/// Finds an integration's endpoint, whoever's it is.
pub(crate) async fn find(db: &impl ConnectionTrait, id: IntegrationId) -> Result<Option<Endpoint>, DbErr> {
    Entity::find_by_id(id.0).one(db).await?.map(from_row).transpose()
}

/// The endpoints of integrations of an account; one that is not the account's, or has none, is absent.
pub(crate) async fn of_account(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[IntegrationId],
) -> Result<HashMap<IntegrationId, Endpoint>, DbErr> {
    let owned = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::AccountId.eq(account.0))
        .to_owned();
    let rows = Entity::find()
        .filter(Column::IntegrationId.is_in(ids.iter().map(|id| id.0)))
        .filter(Column::IntegrationId.in_subquery(owned))
        .all(db)
        .await?;
    rows.into_iter().map(|row| Ok((row.integration_id.into(), from_row(row)?))).collect()
}

fn from_row(row: Model) -> Result<Endpoint, DbErr> {
    let texts = |column: &str, value| serde_json::from_value(value).map_err(|_| bad_row(column));
    Ok(Endpoint {
        secret: row.secret,
        address: row.address,
        state: word("state", &row.state)?,
        detail: row.detail,
        topics: texts("topics", row.topics)?,
        problems: texts("problems", row.problems)?,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        checked_at: row.checked_at,
        last_delivery_at: row.last_delivery_at,
        last_handled_at: row.last_handled_at,
        last_handling_ms: row.last_handling_ms.map(i64::unsigned_abs),
        handled: row.handled_count.unsigned_abs(),
    })
}

/// The next integrations without an endpoint, oldest first.
pub(crate) async fn without(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<IntegrationId>, DbErr> {
    let with = Query::select().column(Column::IntegrationId).from(Entity).to_owned();
    let ids: Vec<Uuid> = integration::Entity::find()
        .select_only()
        .column(integration::Column::Id)
        .filter(integration::Column::Id.not_in_subquery(with))
        .order_by_asc(integration::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Has an endpoint registered soon, for example because its integration has new settings.
pub(crate) async fn register_again(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(at))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::IntegrationId.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Has every endpoint registered again that stands at another address than `public_url`.
pub(crate) async fn register_moved(
    db: &impl ConnectionTrait,
    public_url: &str,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(at))
        .filter(Column::Address.ne(""))
        .filter(Column::Address.starts_with(format!("{public_url}/hooks/")).not())
        .exec(db)
        .await?;
    Ok(())
}

/// Takes up one endpoint of an active integration whose registration is due.
pub(crate) async fn claim(
    tx: &impl ConnectionTrait,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<(IntegrationId, Uuid)>, DbErr> {
    let row = Entity::find()
        .filter(due(now))
        .order_by_asc(Column::NextAt)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .limit(1)
        .one(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let token = Uuid::new_v4();
    Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(token))
        .col_expr(Column::LeaseUntil, Expr::value(now + length))
        .filter(Column::IntegrationId.eq(row.integration_id))
        .exec(tx)
        .await?;
    Ok(Some((row.integration_id.into(), token)))
}

/// Takes up the endpoint of one integration, due or not, unless a worker has it.
pub(crate) async fn claim_one(
    db: &impl ConnectionTrait,
    id: IntegrationId,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, DbErr> {
    let token = Uuid::new_v4();
    let claimed = Entity::update_many()
        .col_expr(Column::LeaseToken, Expr::value(token))
        .col_expr(Column::LeaseUntil, Expr::value(now + length))
        .filter(Column::IntegrationId.eq(id.0))
        .filter(is_free(now))
        .exec(db)
        .await?;
    Ok((claimed.rows_affected == 1).then_some(token))
}

fn is_free(now: DateTime<Utc>) -> Condition {
    Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lt(now))
}

fn due(now: DateTime<Utc>) -> Condition {
    let active = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::State.eq(IntegrationState::Active.as_str()))
        .to_owned();
    Condition::all().add(Column::IntegrationId.in_subquery(active)).add(Column::NextAt.lte(now)).add(is_free(now))
}

/// Whether a registration may be due; asked before a writing transaction is begun.
pub(crate) async fn any_due(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let found: Option<Uuid> = Entity::find()
        .select_only()
        .column(Column::IntegrationId)
        .filter(due(now))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// What came of a registration.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) address: String,
    pub(crate) state: RegistrationState,
    pub(crate) detail: Option<String>,
    /// What the store told; `None`: what it told before stays.
    pub(crate) registration: Option<Registration>,
    pub(crate) attempts: u32,
    pub(crate) next_at: DateTime<Utc>,
}

/// Writes down what came of a registration, under its lease.
pub(crate) async fn note(
    db: &impl ConnectionTrait,
    id: IntegrationId,
    token: Uuid,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::Address, Expr::value(outcome.address.as_str()))
        .col_expr(Column::State, Expr::value(outcome.state.as_str()))
        .col_expr(Column::Detail, Expr::value(outcome.detail.clone()))
        .col_expr(Column::Attempts, Expr::value(i32::try_from(outcome.attempts).unwrap_or(i32::MAX)))
        .col_expr(Column::NextAt, Expr::value(outcome.next_at))
        .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None));
    if let Some(registration) = &outcome.registration {
        update = update
            .col_expr(Column::Topics, Expr::value(json!(registration.topics)))
            .col_expr(Column::Problems, Expr::value(json!(registration.problems)))
            .col_expr(Column::CheckedAt, Expr::value(now));
    }
    update.filter(Column::IntegrationId.eq(id.0)).filter(Column::LeaseToken.eq(token)).exec(db).await?;
    Ok(())
}

/// Notes that hints were handled, the last of them after so many milliseconds. Last in its transaction, as
/// [`note_delivery`].
pub(crate) async fn note_handled(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    count: usize,
    after_ms: i64,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Entity::update_many()
        .col_expr(Column::HandledCount, Expr::col(Column::HandledCount).add(count))
        .col_expr(Column::LastHandledAt, Expr::value(now))
        .col_expr(Column::LastHandlingMs, Expr::value(after_ms))
        .filter(Column::IntegrationId.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Remembers a delivery; `false` if it is known.
pub(crate) async fn remember(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    key: [u8; 32],
    topic: &str,
    at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let row = webhook_delivery::ActiveModel {
        integration_id: Set(id.0),
        dedupe_key: Set(key.to_vec()),
        topic: Set(topic.to_owned()),
        received_at: Set(at),
    };
    let columns = [webhook_delivery::Column::IntegrationId, webhook_delivery::Column::DedupeKey];
    let on_conflict = OnConflict::columns(columns).do_nothing().to_owned();
    let written = webhook_delivery::Entity::insert(row).on_conflict(on_conflict).exec_without_returning(tx).await?;
    Ok(written > 0)
}

/// Notes that the store sent something. Last in its transaction ([`super::hints`] says in which order rows are locked).
pub(crate) async fn note_delivery(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LastDeliveryAt, Expr::value(at))
        .filter(Column::IntegrationId.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether a delivery was taken.
pub(crate) async fn is_known(db: &impl ConnectionTrait, id: IntegrationId, key: [u8; 32]) -> Result<bool, DbErr> {
    Ok(webhook_delivery::Entity::find_by_id((id.0, key.to_vec())).one(db).await?.is_some())
}

/// Forgets deliveries that were taken before a time.
pub(crate) async fn purge(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let before = webhook_delivery::Column::ReceivedAt.lt(before);
    Ok(webhook_delivery::Entity::delete_many().filter(before).exec(db).await?.rows_affected)
}
