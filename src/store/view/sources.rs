//! Table `source_record`, as it is shown.

use ::entity::source_record::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, Select};
use uuid::Uuid;

use super::window;
use crate::domain::contact::SourceRecord;
use crate::domain::ids::{AccountId, ContactId, SourceRecordId};
use crate::domain::page::{Slice, Window};
use crate::store::words::word;

pub(super) fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page of what the stores said about one contact, oldest first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
    page: &Window<Uuid>,
) -> Result<Slice<SourceRecord>, DbErr> {
    let query = owned_by(account).filter(Column::ContactId.eq(contact.0));
    let rows = window::by_id(query, Column::Id, &Order::Asc, page).all(db).await?;
    let records = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Slice::new(records, page.size, page.end))
}

/// Those of the records that are the account's.
pub(crate) async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[SourceRecordId],
) -> Result<Vec<SourceRecord>, DbErr> {
    let rows = owned_by(account).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    rows.into_iter().map(from_row).collect()
}

pub(super) fn from_row(row: Model) -> Result<SourceRecord, DbErr> {
    Ok(SourceRecord {
        id: row.id.into(),
        integration_id: row.integration_id.into(),
        stream: word("stream", &row.stream)?,
        store_id: row.store_id,
        kind: word("kind", &row.kind)?,
        email: row.email,
        first_name: row.first_name,
        last_name: row.last_name,
        shown: word("shown", &row.shown)?,
        word: row.word.map(|text| word("word", &text)).transpose()?,
        word_at: row.word_at,
        word_observed: row.word_observed,
        opt_in_source: word("opt_in_source", &row.opt_in_source)?,
        opt_in_detail: row.opt_in_detail,
        consent_record_id: row.consent_record_id.map(Into::into),
        first_seen_at: row.first_seen_at,
        changed_at: row.changed_at,
        gone_at: row.gone_at,
    })
}
