//! Table `consent_record`, as it is shown: by time of consent, newest first.

use ::entity::consent_record::{Column, Entity, Model};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::domain::consent::{CaptureMethod, Channel, ConsentEvent};
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::{AccountId, ConsentRecordId, ContactId};
use crate::domain::page::{End, Slice, Window};
use crate::store::ledger;

/// Order of the records: time of consent, then place in the chain.
pub type ConsentKey = (DateTime<Utc>, i64);

/// Which records are asked for; all conditions hold.
#[derive(Debug, Clone, Default)]
pub struct ConsentFilter {
    /// Of this contact.
    pub contact_id: Option<ContactId>,
    /// With this event.
    pub event: Option<ConsentEvent>,
    /// For this channel.
    pub channel: Option<Channel>,
    /// Taken in this way.
    pub capture_method: Option<CaptureMethod>,
}

pub(super) fn owned_by(account: AccountId) -> Select<Entity> {
    Entity::find().filter(Column::AccountId.eq(account.0))
}

/// A page, newest consent first.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    account: AccountId,
    filter: &ConsentFilter,
    page: &Window<ConsentKey>,
) -> Result<Slice<RecordedConsent>, DbErr> {
    let mut query = owned_by(account);
    if let Some(contact) = filter.contact_id {
        query = query.filter(Column::ContactId.eq(contact.0));
    }
    let words = [
        (Column::EventType, filter.event.map(ConsentEvent::as_str)),
        (Column::Channel, filter.channel.map(Channel::as_str)),
        (Column::CaptureMethod, filter.capture_method.map(CaptureMethod::as_str)),
    ];
    for (column, word) in words {
        if let Some(word) = word {
            query = query.filter(column.eq(word));
        }
    }
    let rows = windowed(query, page).all(db).await?;
    let records = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Slice::new(records, page.size, page.end))
}

/// Narrows a query to a window, one row longer than asked for, read from the asked end on.
pub(super) fn windowed(mut query: Select<Entity>, page: &Window<ConsentKey>) -> Select<Entity> {
    if let Some(key) = page.after {
        query = query.filter(older(key));
    }
    if let Some(key) = page.before {
        query = query.filter(newer(key));
    }
    let order = if page.end == End::First { Order::Desc } else { Order::Asc };
    query.order_by(Column::DateTimeConsented, order.clone()).order_by(Column::Sequence, order).limit(page.size + 1)
}

fn older((at, sequence): ConsentKey) -> Condition {
    let same_time = Condition::all().add(Column::DateTimeConsented.eq(at)).add(Column::Sequence.lt(sequence));
    Condition::any().add(Column::DateTimeConsented.lt(at)).add(same_time)
}

fn newer((at, sequence): ConsentKey) -> Condition {
    let same_time = Condition::all().add(Column::DateTimeConsented.eq(at)).add(Column::Sequence.gt(sequence));
    Condition::any().add(Column::DateTimeConsented.gt(at)).add(same_time)
}

/// Those of the records that are the account's.
pub(crate) async fn by_ids(
    db: &impl ConnectionTrait,
    account: AccountId,
    ids: &[ConsentRecordId],
) -> Result<Vec<RecordedConsent>, DbErr> {
    let rows = owned_by(account).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    rows.into_iter().map(from_row).collect()
}

pub(super) fn from_row(row: Model) -> Result<RecordedConsent, DbErr> {
    Ok(RecordedConsent {
        sequence: row.sequence,
        text_hash: row.text_hash.clone(),
        prev_hash: row.prev_hash.clone(),
        record_hash: row.record_hash.clone(),
        record: ledger::from_row(row)?,
    })
}
