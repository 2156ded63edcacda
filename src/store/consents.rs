//! Consent records of a contact, found for what a new one refers to.

use std::collections::HashMap;

use ::entity::consent_record::{Column, Entity};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::domain::consent::{Channel, ConsentEvent};
use crate::domain::ids::{AccountId, ConsentRecordId, ContactId};

/// Whether a record is one of a contact.
pub(crate) async fn is_of_contact(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
    id: ConsentRecordId,
) -> Result<bool, DbErr> {
    let found = Entity::find_by_id(id.0)
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::ContactId.eq(contact.0))
        .count(tx)
        .await?;
    Ok(found > 0)
}

/// The newest grant of a contact in a channel.
pub(crate) async fn newest_grant(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
    channel: Channel,
) -> Result<Option<ConsentRecordId>, DbErr> {
    let grants = ConsentEvent::ALL.iter().filter(|event| event.is_grant()).map(|event| event.as_str());
    let id: Option<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::ContactId.eq(contact.0))
        .filter(Column::Channel.eq(channel.as_str()))
        .filter(Column::EventType.is_in(grants))
        .order_by_desc(Column::DateTimeConsented)
        .order_by_desc(Column::Sequence)
        .into_tuple()
        .one(tx)
        .await?;
    Ok(id.map(Into::into))
}

/// When the person said what these records hold.
pub(crate) async fn times_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    ids: impl Iterator<Item = ConsentRecordId>,
) -> Result<HashMap<ConsentRecordId, DateTime<Utc>>, DbErr> {
    let rows: Vec<(Uuid, DateTime<Utc>)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::DateTimeConsented])
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::Id.is_in(ids.map(|id| id.0)))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|(id, at)| (id.into(), at)).collect())
}
