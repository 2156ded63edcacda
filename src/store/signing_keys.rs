//! Table `signing_key`.

use chrono::{DateTime, Utc};
use entity::signing_key::{ActiveModel, Column, Entity};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder};
use uuid::Uuid;

/// All keys with their sealed form, oldest first. There are few.
pub(crate) async fn list(db: &impl ConnectionTrait) -> Result<Vec<(Uuid, Vec<u8>)>, DbErr> {
    let rows = Entity::find().order_by_asc(Column::Id).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.sealed)).collect())
}

/// The sealed form of one key.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Vec<u8>>, DbErr> {
    Ok(Entity::find_by_id(id).one(db).await?.map(|row| row.sealed))
}

/// Adds a key.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    id: Uuid,
    sealed: Vec<u8>,
    created_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = ActiveModel { id: Set(id), sealed: Set(sealed), created_at: Set(created_at) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}
