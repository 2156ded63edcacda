//! Table `departed_store`: deleted integrations whose platform may still hand on privacy requests.

use ::entity::departed_store::{ActiveModel, Column, Entity, Model};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set};

use super::words::word;
use crate::domain::Platform;
use crate::domain::ids::{AccountId, IntegrationId};

/// A store whose integration was deleted.
#[derive(Debug, Clone)]
pub(crate) struct Departed {
    pub(crate) id: IntegrationId,
    pub(crate) account_id: AccountId,
    pub(crate) platform: Platform,
    /// The store, as its platform names it in requests.
    pub(crate) shop: String,
    /// Sealed.
    pub(crate) key: Vec<u8>,
}

/// Remembers a store whose integration is being deleted.
pub(crate) async fn add(tx: &impl ConnectionTrait, departed: Departed, at: DateTime<Utc>) -> Result<(), DbErr> {
    let Departed { id, account_id, platform, shop, key } = departed;
    let row = ActiveModel {
        integration_id: Set(id.0),
        account_id: Set(account_id.0),
        platform: Set(platform.as_str().to_owned()),
        shop: Set(shop),
        key: Set(key),
        departed_at: Set(at),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Finds one by the integration's identity, whoever's it was.
pub(crate) async fn find(db: &impl ConnectionTrait, id: IntegrationId) -> Result<Option<Departed>, DbErr> {
    Entity::find_by_id(id.0).one(db).await?.map(from_row).transpose()
}

/// Those of an account that were installations of a store.
pub(crate) async fn of_shop(
    db: &impl ConnectionTrait,
    account: AccountId,
    platform: Platform,
    shop: &str,
) -> Result<Vec<Departed>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Platform.eq(platform.as_str()))
        .filter(Column::Shop.eq(shop))
        .all(db)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// Forgets one: the store has asked for its erasure, and that is carried out.
pub(crate) async fn forget(tx: &impl ConnectionTrait, id: IntegrationId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

fn from_row(row: Model) -> Result<Departed, DbErr> {
    Ok(Departed {
        id: row.integration_id.into(),
        account_id: row.account_id.into(),
        platform: word("platform", &row.platform)?,
        shop: row.shop,
        key: row.key,
    })
}
