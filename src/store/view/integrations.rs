//! Table `integration`.

use std::collections::{BTreeMap, HashMap};

use ::entity::integration::{ActiveModel, Column, Entity, Model};
use ::entity::mapping;
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, QuerySelect, Select, Set,
    SqlErr,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::window;
use crate::domain::health::{Planned, lag};
use crate::domain::ids::{AccountId, IntegrationId, ListId};
use crate::domain::integration::{Integration, Notice};
use crate::domain::page::{Slice, Window};
use crate::domain::shrink::Limit;
use crate::domain::sync::IntegrationState;
use crate::domain::{Audience, Platform};
use crate::error::Error;
use crate::store::installed::limit_of;
use crate::store::schedules;
use crate::store::words::{bad_row, word};

/// An integration whose secrets are still sealed: `secrets` is empty.
pub(crate) struct Sealed {
    pub(crate) integration: Integration,
    pub(crate) credentials: Vec<u8>,
}

fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page, oldest first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    page: &Window<Uuid>,
    now: DateTime<Utc>,
) -> Result<Slice<Sealed>, DbErr> {
    let rows = window::by_id(owned_by(account), Column::Id, &Order::Asc, page).all(db).await?;
    let Slice { items, has_more } = Slice::new(rows, page.size, page.end);
    Ok(Slice { items: whole(db, account, items, now).await?, has_more })
}

/// Those of the integrations that are the account's.
pub(crate) async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[IntegrationId],
    now: DateTime<Utc>,
) -> Result<Vec<Sealed>, DbErr> {
    let rows = owned_by(account).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    whole(db, account, rows, now).await
}

/// One integration's row, with its lock where the database has row locks.
pub(crate) async fn lock(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: IntegrationId,
) -> Result<Option<Model>, DbErr> {
    owned_by(account).filter(Column::Id.eq(id.0)).lock_exclusive().one(db).await
}

/// A new integration's row.
pub(crate) struct NewRow {
    pub(crate) id: IntegrationId,
    pub(crate) platform: Platform,
    pub(crate) name: String,
    pub(crate) settings: Map<String, Value>,
    pub(crate) credentials: Vec<u8>,
    pub(crate) notices: Vec<Notice>,
}

/// Adds an integration.
///
/// # Errors
/// [`Error::Taken`] if there is one of that name.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    account: AccountId,
    new: NewRow,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(new.id.0),
        account_id: Set(account.0),
        platform: Set(new.platform.as_str().to_owned()),
        name_key: Set(new.name.to_lowercase()),
        name: Set(new.name),
        settings: Set(Value::Object(new.settings)),
        credentials: Set(new.credentials),
        state: Set(IntegrationState::Active.as_str().to_owned()),
        state_code: Set(None),
        state_detail: Set(None),
        notices: Set(json!(new.notices)),
        watermarks: Set(json!({})),
        shrink_percent: Set(signed(Limit::default().percent)),
        shrink_at_least: Set(signed(Limit::default().at_least)),
        synced_at: Set(None),
        as_at: Set(None),
        full_synced_at: Set(None),
        created_at: Set(at),
        updated_at: Set(at),
        reading_changed_at: Set(at),
    };
    Entity::insert(row).exec_without_returning(db).await.map(drop).map_err(name_taken)
}

/// Other settings, and what they come to.
pub(crate) struct NewSettings {
    pub(crate) public: Map<String, Value>,
    pub(crate) credentials: Vec<u8>,
    pub(crate) notices: Vec<Notice>,
}

/// What is to be written into an integration's row; what is `None` stays.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) settings: Option<NewSettings>,
    pub(crate) state: Option<IntegrationState>,
    pub(crate) leave_limit: Option<Limit>,
}

fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Changes an integration that was locked before. A new state takes away the reason of the old one; after new settings
/// the next run reads the whole store.
///
/// # Errors
/// [`Error::Taken`] if there is another one of that name.
pub(crate) async fn update(
    db: &impl ConnectionTrait,
    row: Model,
    change: Change,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut row: ActiveModel = row.into();
    if let Some(name) = change.name {
        row.name_key = Set(name.to_lowercase());
        row.name = Set(name);
    }
    if let Some(NewSettings { public, credentials, notices }) = change.settings {
        row.settings = Set(Value::Object(public));
        row.credentials = Set(credentials);
        row.notices = Set(json!(notices));
        // Other settings may show other people, or the same ones saying something else: what was read has to be read again.
        row.watermarks = Set(json!({}));
        row.full_synced_at = Set(None);
        row.reading_changed_at = Set(at);
    }
    if let Some(Limit { percent, at_least }) = change.leave_limit {
        row.shrink_percent = Set(signed(percent));
        row.shrink_at_least = Set(signed(at_least));
    }
    if let Some(state) = change.state {
        row.state = Set(state.as_str().to_owned());
        row.state_code = Set(None);
        row.state_detail = Set(None);
    }
    row.updated_at = Set(at);
    row.update(db).await.map(drop).map_err(name_taken)
}

fn name_taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::taken("name", "is the name of another integration"),
        _ => error.into(),
    }
}

/// Deletes an integration; what the store said goes with it.
pub(crate) async fn delete(db: &impl ConnectionTrait, account: AccountId, id: IntegrationId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AccountId.eq(account.0)).filter(Column::Id.eq(id.0)).exec(db).await?;
    Ok(())
}

/// The names of integrations.
pub(crate) async fn names(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, DbErr> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, String)> = owned_by(account)
        .select_only()
        .columns([Column::Id, Column::Name])
        .filter(Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The integrations of these rows. One that was deleted since they were read is left out.
async fn whole(
    db: &impl ConnectionTrait,
    account: AccountId,
    rows: Vec<Model>,
    now: DateTime<Utc>,
) -> Result<Vec<Sealed>, DbErr> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut plans = schedules::of(db, account, &ids).await?;
    let mut mappings: HashMap<Uuid, BTreeMap<Audience, ListId>> = HashMap::new();
    let found = mapping::Entity::find()
        .filter(mapping::Column::AccountId.eq(account.0))
        .filter(mapping::Column::IntegrationId.is_in(ids))
        .all(db)
        .await?;
    for row in found {
        let audience = word("audience", &row.audience)?;
        mappings.entry(row.integration_id).or_default().insert(audience, row.list_id.into());
    }
    rows.into_iter()
        .filter_map(|row| {
            let planned = plans.remove(&row.id)?;
            let mappings = mappings.remove(&row.id).unwrap_or_default();
            Some(from_row(row, mappings, planned, now))
        })
        .collect()
}

fn from_row(
    row: Model,
    mappings: BTreeMap<Audience, ListId>,
    planned: Planned,
    now: DateTime<Utc>,
) -> Result<Sealed, DbErr> {
    let Value::Object(settings) = row.settings else { return Err(bad_row("settings")) };
    let state = word("state", &row.state)?;
    let integration = Integration {
        id: row.id.into(),
        platform: word("platform", &row.platform)?,
        name: row.name,
        settings,
        secrets: Vec::new(),
        state,
        state_code: row.state_code,
        state_detail: row.state_detail,
        notices: serde_json::from_value(row.notices).map_err(|_| bad_row("notices"))?,
        mappings,
        leave_limit: limit_of(row.shrink_percent, row.shrink_at_least),
        health: planned.health(state, now),
        lag: lag(row.as_at, row.created_at, now),
        planned,
        synced_at: row.synced_at,
        full_synced_at: row.full_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Sealed { integration, credentials: row.credentials })
}
