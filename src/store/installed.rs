//! An installed store as syncing and settling need it.

use std::collections::BTreeMap;

use ::entity::integration::{Column, Entity, Model};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde_json::{Value, json};

use super::sync_runs::Run;
use super::words::{bad_row, word};
use crate::connectors::Watermark;
use crate::domain::Platform;
use crate::domain::ids::{AccountId, IntegrationId};
use crate::domain::integration::Notice;
use crate::domain::people::Stream;
use crate::domain::shrink::Limit;
use crate::domain::sync::IntegrationState;

/// An installed store.
#[derive(Debug, Clone)]
pub(crate) struct InstalledStore {
    pub(crate) id: IntegrationId,
    pub(crate) account_id: AccountId,
    pub(crate) platform: Platform,
    /// Public settings, a JSON object.
    pub(crate) settings: Value,
    /// Sealed secret settings.
    pub(crate) credentials: Vec<u8>,
    pub(crate) state: IntegrationState,
    /// By stream: from where the next incremental pass begins.
    pub(crate) watermarks: BTreeMap<Stream, Watermark>,
    /// Whether a full run has ever ended well.
    pub(crate) was_read_whole: bool,
    /// When somebody last changed what its runs read.
    pub(crate) reading_changed_at: DateTime<Utc>,
    /// The lists show what the store did then.
    pub(crate) as_at: Option<DateTime<Utc>>,
    /// What is said about it.
    pub(crate) notices: Vec<Notice>,
    /// How many a run may take off a list unasked.
    pub(crate) leave_limit: Limit,
}

/// Finds an installed store by identity alone, for the worker, which serves all accounts.
pub(crate) async fn find(db: &impl ConnectionTrait, id: IntegrationId) -> Result<Option<InstalledStore>, DbErr> {
    Entity::find_by_id(id.0).one(db).await?.map(from_row).transpose()
}

/// Finds an installed store of an account.
pub(crate) async fn find_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: IntegrationId,
) -> Result<Option<InstalledStore>, DbErr> {
    Entity::find_by_id(id.0).filter(Column::AccountId.eq(account.0)).one(db).await?.map(from_row).transpose()
}

/// The same, which then stays until the end of the transaction, where the database has row locks: a run may be queued for it.
pub(crate) async fn keep(
    tx: &impl ConnectionTrait,
    account: AccountId,
    id: IntegrationId,
) -> Result<Option<InstalledStore>, DbErr> {
    let of_account = Entity::find_by_id(id.0).filter(Column::AccountId.eq(account.0));
    of_account.lock(LockType::KeyShare).one(tx).await?.map(from_row).transpose()
}

/// Keeps others from changing an integration until the end of the transaction, where the database has row locks. Before its schedule:
/// see `schedules::lock`. Tells whether it was read as a whole with its present settings.
pub(crate) async fn lock(tx: &impl ConnectionTrait, id: IntegrationId) -> Result<bool, DbErr> {
    let row = Entity::find_by_id(id.0).lock_exclusive().one(tx).await?;
    Ok(row.is_some_and(|row| row.full_synced_at.is_some()))
}

/// All of an account's stores of one platform.
pub(crate) async fn of_platform(
    db: &impl ConnectionTrait,
    account: AccountId,
    platform: Platform,
) -> Result<Vec<InstalledStore>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Platform.eq(platform.as_str()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// All integrations that may be synced, whoever's they are, oldest first: for the operator. At most `limit`.
pub(crate) async fn active(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Named>, DbErr> {
    let active = Entity::find().filter(Column::State.eq(IntegrationState::Active.as_str()));
    named(db, active.limit(limit)).await
}

/// Those of the integrations that are there, in whatever state, whoever's they are, oldest first: for the operator.
pub(crate) async fn those(db: &impl ConnectionTrait, ids: &[IntegrationId]) -> Result<Vec<Named>, DbErr> {
    named(db, Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)))).await
}

/// An integration, whose it is, and its name.
pub(crate) type Named = (IntegrationId, AccountId, String);

async fn named(db: &impl ConnectionTrait, found: Select<Entity>) -> Result<Vec<Named>, DbErr> {
    let rows = found.order_by_asc(Column::Id).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.account_id.into(), row.name)).collect())
}

fn from_row(row: Model) -> Result<InstalledStore, DbErr> {
    Ok(InstalledStore {
        id: row.id.into(),
        account_id: row.account_id.into(),
        platform: word("platform", &row.platform)?,
        settings: row.settings,
        credentials: row.credentials,
        state: word("state", &row.state)?,
        watermarks: serde_json::from_value(row.watermarks).map_err(|_| bad_row("watermarks"))?,
        was_read_whole: row.full_synced_at.is_some(),
        reading_changed_at: row.reading_changed_at,
        as_at: row.as_at,
        notices: serde_json::from_value(row.notices).map_err(|_| bad_row("notices"))?,
        leave_limit: limit_of(row.shrink_percent, row.shrink_at_least),
    })
}

/// How many a run may take off a list unasked.
pub(crate) const fn limit_of(percent: i32, at_least: i32) -> Limit {
    Limit { percent: percent.unsigned_abs(), at_least: at_least.unsigned_abs() }
}

/// Marks an integration as waiting for somebody to act, with a code and a sentence. `false`: it is not active any more, or was changed
/// since `opened`, so that what was found of it may not hold; without that it is marked whatever it is.
pub(crate) async fn need_attention(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    opened: Option<DateTime<Utc>>,
    (code, detail): (&str, &str),
) -> Result<bool, DbErr> {
    let marked = Entity::update_many()
        .col_expr(Column::State, Expr::value(IntegrationState::NeedsAttention.as_str()))
        .col_expr(Column::StateCode, Expr::value(code))
        .col_expr(Column::StateDetail, Expr::value(detail))
        .filter(Column::Id.eq(id.0))
        .filter(Condition::all().add_option(opened.map(as_opened)))
        .exec(tx)
        .await?;
    Ok(marked.rows_affected == 1)
}

fn as_opened(at: DateTime<Utc>) -> Condition {
    let is_active = Column::State.eq(IntegrationState::Active.as_str());
    Condition::all().add(is_active).add(Column::ReadingChangedAt.lte(at))
}

/// Notes what an integration looks like after a run.
///
/// Where what is read was changed meanwhile, the run may have read with other settings: then the next one reads all again.
pub(crate) async fn note_success(
    tx: &impl ConnectionTrait,
    run: &Run,
    watermarks: &BTreeMap<Stream, Watermark>,
    notices: &[Notice],
    is_full: bool,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let watermarks = serde_json::to_value(watermarks).map_err(|_| bad_row("watermarks"))?;
    let of_run = || {
        Entity::update_many().filter(Column::AccountId.eq(run.account_id.0)).filter(Column::Id.eq(run.integration_id.0))
    };
    let began_at = run.began_at.unwrap_or(now);
    of_run().col_expr(Column::SyncedAt, Expr::value(now)).exec(tx).await?;
    show_as_at(tx, run, began_at).await?;
    let mut update = of_run()
        .col_expr(Column::Watermarks, Expr::value(watermarks))
        .col_expr(Column::Notices, Expr::value(json!(notices)));
    if is_full {
        update = update.col_expr(Column::FullSyncedAt, Expr::value(now));
    }
    update.filter(Column::ReadingChangedAt.lte(began_at)).exec(tx).await?;
    Ok(())
}

/// Notes from where the next look for changes begins, after one beside a pass over the whole store. `as_at`: what the lists show, if
/// it looked at everything.
pub(crate) async fn note_changes(
    tx: &impl ConnectionTrait,
    run: &Run,
    watermarks: &BTreeMap<Stream, Watermark>,
    as_at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let watermarks = serde_json::to_value(watermarks).map_err(|_| bad_row("watermarks"))?;
    Entity::update_many()
        .col_expr(Column::Watermarks, Expr::value(watermarks))
        .filter(Column::AccountId.eq(run.account_id.0))
        .filter(Column::Id.eq(run.integration_id.0))
        // Else the next run reads everything anew.
        .filter(Condition::all().add_option(run.began_at.map(|began_at| Column::ReadingChangedAt.lte(began_at))))
        .exec(tx)
        .await?;
    match as_at {
        Some(as_at) => show_as_at(tx, run, as_at).await,
        None => Ok(()),
    }
}

/// Notes that lists show what the store did at a time, unless they show something newer.
async fn show_as_at(tx: &impl ConnectionTrait, run: &Run, at: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::AsAt, Expr::value(at))
        .filter(Column::AccountId.eq(run.account_id.0))
        .filter(Column::Id.eq(run.integration_id.0))
        .filter(Condition::any().add(Column::AsAt.is_null()).add(Column::AsAt.lt(at)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Has everything read by the next run that begins, whatever comes of one that is under way.
pub(crate) async fn read_all_again(
    tx: &impl ConnectionTrait,
    id: IntegrationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Watermarks, Expr::value(serde_json::json!({})))
        .col_expr(Column::FullSyncedAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::ReadingChangedAt, Expr::value(now))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}
