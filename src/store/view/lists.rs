//! Table `contact_list`.

use std::collections::HashMap;

use ::entity::contact_list::{ActiveModel, Column, Entity, Model};
use ::entity::{ground, integration, mapping, membership};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, Order, QueryFilter,
    QuerySelect, Select, Set, SqlErr,
};
use uuid::Uuid;

use super::window;
use crate::domain::ids::{AccountId, ContactId, ListId};
use crate::domain::list::List;
use crate::domain::page::{Slice, Window};
use crate::domain::{Audience, Purpose};
use crate::error::Error;
use crate::store::words::word;

fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page, oldest first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    page: &Window<Uuid>,
) -> Result<Slice<List>, DbErr> {
    let rows = window::by_id(owned_by(account), Column::Id, &Order::Asc, page).all(db).await?;
    Ok(Slice::new(with_counts(db, account, rows).await?, page.size, page.end))
}

/// Those of the lists that are the account's.
pub(crate) async fn by_ids(db: &impl ConnectionTrait, account: AccountId, ids: &[ListId]) -> Result<Vec<List>, DbErr> {
    let rows = owned_by(account).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    with_counts(db, account, rows).await
}

/// Whether the account has the list.
pub(crate) async fn exists(db: &impl ConnectionTrait, account: AccountId, id: ListId) -> Result<bool, DbErr> {
    let found: Option<Uuid> =
        owned_by(account).select_only().column(Column::Id).filter(Column::Id.eq(id.0)).into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// One list; with its lock where the database has row locks, so that a rule checked on it still holds at the end.
pub(crate) async fn lock(db: &impl ConnectionTrait, account: AccountId, id: ListId) -> Result<Option<Model>, DbErr> {
    owned_by(account).filter(Column::Id.eq(id.0)).lock_exclusive().one(db).await
}

/// The list of that name, whatever its case.
pub(crate) async fn find_named(
    db: &impl ConnectionTrait,
    account: AccountId,
    name: &str,
) -> Result<Option<(ListId, Purpose)>, DbErr> {
    let row = owned_by(account).filter(Column::NameKey.eq(name.to_lowercase())).one(db).await?;
    row.map(|row| Ok((row.id.into(), word("purpose", &row.purpose)?))).transpose()
}

/// Adds a list.
///
/// # Errors
/// [`Error::Taken`] if there is one of that name.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: ListId,
    name: &str,
    purpose: Purpose,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(id.0),
        account_id: Set(account.0),
        name: Set(name.to_owned()),
        name_key: Set(name.to_lowercase()),
        purpose: Set(purpose.as_str().to_owned()),
        created_at: Set(at),
        updated_at: Set(at),
    };
    Entity::insert(row).exec_without_returning(db).await.map(drop).map_err(name_taken)
}

/// Changes a list that was locked before.
///
/// # Errors
/// [`Error::Taken`] if there is another one of that name.
pub(crate) async fn update(
    db: &impl ConnectionTrait,
    row: Model,
    name: Option<String>,
    purpose: Option<Purpose>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut row: ActiveModel = row.into();
    if let Some(name) = name {
        row.name_key = Set(name.to_lowercase());
        row.name = Set(name);
    }
    if let Some(purpose) = purpose {
        row.purpose = Set(purpose.as_str().to_owned());
    }
    row.updated_at = Set(at);
    row.update(db).await.map(drop).map_err(name_taken)
}

fn name_taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::taken("name", "is the name of another list"),
        _ => error.into(),
    }
}

/// Deletes a list; its memberships go with it.
pub(crate) async fn delete(db: &impl ConnectionTrait, account: AccountId, id: ListId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AccountId.eq(account.0)).filter(Column::Id.eq(id.0)).exec(db).await?;
    Ok(())
}

/// The mappings that go to a list: integration's name and audience.
pub(crate) async fn mapped_by(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: ListId,
) -> Result<Vec<(String, Audience)>, DbErr> {
    let mappings = mapping::Entity::find()
        .filter(mapping::Column::AccountId.eq(account.0))
        .filter(mapping::Column::ListId.eq(id.0))
        .all(db)
        .await?;
    let names: HashMap<Uuid, String> = integration::Entity::find()
        .filter(integration::Column::AccountId.eq(account.0))
        .filter(integration::Column::Id.is_in(mappings.iter().map(|mapping| mapping.integration_id)))
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.id, row.name))
        .collect();
    mappings
        .into_iter()
        .map(|row| {
            let name = names.get(&row.integration_id).cloned().unwrap_or_default();
            Ok((name, word("audience", &row.audience)?))
        })
        .collect()
}

/// Whether anybody is on the list by anything but being a store's subscriber.
pub(crate) async fn has_members_but_subscribers(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: ListId,
) -> Result<bool, DbErr> {
    let is_other = Condition::any()
        .add(ground::Column::Audience.is_null())
        .add(ground::Column::Audience.ne(Audience::Subscribers.as_str()));
    let found: Option<Uuid> = membership::Entity::find()
        .select_only()
        .column(membership::Column::Id)
        .join_rev(
            JoinType::InnerJoin,
            ground::Entity::belongs_to(membership::Entity)
                .from(ground::Column::MembershipId)
                .to(membership::Column::Id)
                .into(),
        )
        .filter(membership::Column::AccountId.eq(account.0))
        .filter(membership::Column::ListId.eq(id.0))
        .filter(is_other)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Up to `size` contacts of a list after a contact, for work in chunks.
pub(crate) async fn members_after(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: ListId,
    after: Option<ContactId>,
    size: u64,
) -> Result<Vec<ContactId>, DbErr> {
    use sea_orm::QueryOrder as _;
    let mut query = membership::Entity::find()
        .select_only()
        .column(membership::Column::ContactId)
        .filter(membership::Column::AccountId.eq(account.0))
        .filter(membership::Column::ListId.eq(id.0));
    if let Some(after) = after {
        query = query.filter(membership::Column::ContactId.gt(after.0));
    }
    let ids: Vec<Uuid> = query.order_by_asc(membership::Column::ContactId).limit(size).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(ContactId::from).collect())
}

/// Counts the members of all lists in one query.
async fn with_counts(db: &impl ConnectionTrait, account: AccountId, rows: Vec<Model>) -> Result<Vec<List>, DbErr> {
    let counts: Vec<(Uuid, i64)> = membership::Entity::find()
        .select_only()
        .column(membership::Column::ListId)
        .column_as(membership::Column::ContactId.count(), "members")
        .filter(membership::Column::AccountId.eq(account.0))
        .filter(membership::Column::ListId.is_in(rows.iter().map(|row| row.id)))
        .group_by(membership::Column::ListId)
        .into_tuple()
        .all(db)
        .await?;
    let counts: HashMap<Uuid, i64> = counts.into_iter().collect();
    rows.into_iter()
        .map(|row| {
            Ok(List {
                id: row.id.into(),
                purpose: word("purpose", &row.purpose)?,
                member_count: counts.get(&row.id).and_then(|count| u64::try_from(*count).ok()).unwrap_or(0),
                name: row.name,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        })
        .collect()
}
