//! Source records: found by the store's identity or by address, written in one statement.

use std::collections::HashMap;

use ::entity::integration;
use ::entity::source_record::{ActiveModel, Column, Entity, Model};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::scope::in_account;
use super::words::{bad_row, hash, rows_per_statement, word};
use crate::domain::email::Email;
use crate::domain::ids::{AccountId, IntegrationId, SourceRecordId};
use crate::domain::people::{StoreId, Stream};
use crate::domain::source_record::{Recorded, SourceRecord};
use crate::domain::statement::{Held, OptIn, Word};

/// What is needed to see that a record is unchanged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Identity here.
    pub(crate) id: SourceRecordId,
    /// Hash of what the store last said.
    pub(crate) payload_hash: [u8; 32],
    /// Whether the store no longer had it.
    pub(crate) is_gone: bool,
    /// When the store was asked for it.
    read_at: Option<DateTime<Utc>>,
}

impl Known {
    /// Whether it was asked for after this.
    pub(crate) fn is_newer(&self, asked_at: DateTime<Utc>) -> bool {
        self.read_at.is_some_and(|read_at| read_at > asked_at)
    }
}

/// The records of one store.
fn of_store(db: &impl ConnectionTrait, account: AccountId, integration: IntegrationId) -> Condition {
    in_account(db, Column::AccountId, account).add(Column::IntegrationId.eq(integration.0))
}

type KnownRow = (Uuid, String, Vec<u8>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Finds which of a page's records are known.
pub(crate) async fn known(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    stream: Stream,
    store_ids: &[&StoreId],
) -> Result<HashMap<StoreId, Known>, DbErr> {
    let rows: Vec<KnownRow> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::StoreId, Column::PayloadHash, Column::GoneAt, Column::ReadAt])
        .filter(of_store(tx, account, integration))
        .filter(Column::Stream.eq(stream.as_str()))
        .filter(Column::StoreId.is_in(store_ids.iter().map(|id| id.as_str())))
        .into_tuple()
        .all(tx)
        .await?;
    rows.into_iter()
        .map(|(id, store_id, payload_hash, gone_at, read_at)| {
            let payload_hash = hash("payload_hash", &payload_hash)?;
            let known = Known { id: id.into(), payload_hash, is_gone: gone_at.is_some(), read_at };
            Ok((StoreId::new(store_id), known))
        })
        .collect()
}

/// Loads records by identity.
pub(crate) async fn by_ids(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    ids: &[SourceRecordId],
) -> Result<Vec<SourceRecord>, DbErr> {
    let rows = Entity::find()
        .filter(of_store(tx, account, integration))
        .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
        .all(tx)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// Loads the live records of these addresses.
pub(crate) async fn by_addresses(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    addresses: &[&str],
) -> Result<Vec<SourceRecord>, DbErr> {
    let rows = Entity::find()
        .filter(of_store(tx, account, integration))
        .filter(Column::EmailNormalized.is_in(addresses.iter().copied()))
        .all(tx)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// The next addresses of an integration, in order, after one.
pub(crate) async fn next_addresses(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    after: &str,
    limit: u64,
) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::EmailNormalized)
        .distinct()
        .filter(of_store(tx, account, integration))
        .filter(Column::EmailNormalized.gt(after))
        .order_by_asc(Column::EmailNormalized)
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await
}

/// The next live records of an integration's streams by identity that were neither changed nor read again since
/// `before`.
pub(crate) async fn next_settled(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    streams: &[Stream],
    after: SourceRecordId,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<SourceRecordId>, DbErr> {
    let ids: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of_store(tx, account, integration))
        .filter(Column::Stream.is_in(streams.iter().map(|stream| stream.as_str())))
        .filter(Column::Id.gt(after.0))
        .filter(Column::GoneAt.is_null())
        .filter(Column::ChangedAt.lt(before))
        .filter(Condition::any().add(Column::ReadAt.is_null()).add(Column::ReadAt.lt(before)))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Which of an account's integrations have live records of a normalised address.
pub(crate) async fn integrations_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address: &str,
) -> Result<Vec<IntegrationId>, DbErr> {
    let of_account = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::AccountId.eq(account.0))
        .to_owned();
    let ids: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::IntegrationId)
        .distinct()
        .filter(in_account(tx, Column::AccountId, account))
        .filter(Column::IntegrationId.in_subquery(of_account))
        .filter(Column::EmailNormalized.eq(address))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Notes those of the records that are not known as asked for and not there. Others stay as they are.
pub(crate) async fn add_never_shown(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    records: &[SourceRecord],
) -> Result<(), DbErr> {
    if records.is_empty() {
        return Ok(());
    }
    Entity::insert_many(records.iter().map(|record| to_row(account, integration, record)))
        .on_conflict(
            OnConflict::columns([Column::IntegrationId, Column::Stream, Column::StoreId]).do_nothing().to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Whether the record is known and its store last showed a yes.
pub(crate) async fn is_granted(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    stream: Stream,
    store_id: &StoreId,
) -> Result<bool, DbErr> {
    let found: Option<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of_store(tx, account, integration))
        .filter(Column::Stream.eq(stream.as_str()))
        .filter(Column::StoreId.eq(store_id.as_str()))
        .filter(Column::Shown.eq(OptIn::Granted.as_str()))
        .filter(Column::GoneAt.is_null())
        .into_tuple()
        .one(tx)
        .await?;
    Ok(found.is_some())
}

/// Notes that a record was asked for by itself, whatever came of it; a record that is not known stays so.
pub(crate) async fn mark_read(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    stream: Stream,
    store_id: &StoreId,
    asked_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ReadAt, Expr::value(asked_at))
        .filter(of_store(tx, account, integration))
        .filter(Column::Stream.eq(stream.as_str()))
        .filter(Column::StoreId.eq(store_id.as_str()))
        .filter(Condition::any().add(Column::ReadAt.is_null()).add(Column::ReadAt.lt(asked_at)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Columns that a later reading replaces; the rest is identity.
const REPLACED: [Column; 22] = [
    Column::Kind,
    Column::Email,
    Column::EmailNormalized,
    Column::FirstName,
    Column::LastName,
    Column::ContactId,
    Column::PayloadHash,
    Column::Shown,
    Column::Word,
    Column::WordAt,
    Column::WordObserved,
    Column::Flags,
    Column::OptInSource,
    Column::OptInDetail,
    Column::ConsentRecordId,
    Column::RecordedContactId,
    Column::RecordedWord,
    Column::RecordedAt,
    Column::ChangedAt,
    Column::ReadAt,
    Column::GoneAt,
    Column::FormerAddress,
];

/// Writes records, new or changed, whichever they are.
pub(crate) async fn save(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    records: &[SourceRecord],
) -> Result<(), DbErr> {
    for chunk in records.chunks(rows_per_statement(28)) {
        Entity::insert_many(chunk.iter().map(|record| to_row(account, integration, record)))
            .on_conflict(
                OnConflict::columns([Column::IntegrationId, Column::Stream, Column::StoreId])
                    .update_columns(REPLACED)
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn to_row(account: AccountId, integration: IntegrationId, record: &SourceRecord) -> ActiveModel {
    let (word, recorded) = (record.held.word, record.recorded);
    ActiveModel {
        id: Set(record.id.0),
        account_id: Set(account.0),
        integration_id: Set(integration.0),
        stream: Set(record.stream.as_str().to_owned()),
        store_id: Set(record.store_id.as_str().to_owned()),
        kind: Set(record.kind.as_str().to_owned()),
        email: Set(record.email.as_ref().map(|email| email.typed().to_owned())),
        email_normalized: Set(record.email.as_ref().map(|email| email.normalized().to_owned())),
        first_name: Set(record.first_name.clone()),
        last_name: Set(record.last_name.clone()),
        contact_id: Set(record.contact_id.map(|id| id.0)),
        payload_hash: Set(record.payload_hash.to_vec()),
        shown: Set(record.held.shown.as_str().to_owned()),
        word: Set(word.map(|word| word.value.as_str().to_owned())),
        word_at: Set(word.map(|word| word.at)),
        word_observed: Set(word.is_some_and(|word| word.observed)),
        flags: Set(record.held.flags.join("\n")),
        opt_in_source: Set(record.opt_in_source.as_str().to_owned()),
        opt_in_detail: Set(record.opt_in_detail.clone()),
        consent_record_id: Set(recorded.map(|recorded| recorded.id.0)),
        recorded_contact_id: Set(recorded.map(|recorded| recorded.contact_id.0)),
        recorded_word: Set(recorded.map(|recorded| recorded.value.as_str().to_owned())),
        recorded_at: Set(recorded.map(|recorded| recorded.at)),
        first_seen_at: Set(record.first_seen_at),
        changed_at: Set(record.changed_at),
        read_at: Set(record.read_at),
        gone_at: Set(record.gone_at),
        former_address: Set(record.former_address.map(Vec::from)),
    }
}

pub(crate) fn from_row(row: Model) -> Result<SourceRecord, DbErr> {
    let value = row.word.as_deref().map(|value| word::<OptIn>("word", value)).transpose()?;
    let recorded_word = row.recorded_word.as_deref().map(|value| word::<OptIn>("recorded_word", value)).transpose()?;
    let recorded = match (row.consent_record_id, row.recorded_contact_id, recorded_word, row.recorded_at) {
        (Some(id), Some(contact_id), Some(value), Some(at)) => {
            Some(Recorded { id: id.into(), contact_id: contact_id.into(), value, at })
        }
        (None, ..) => None,
        _ => return Err(bad_row("recorded_word")),
    };
    Ok(SourceRecord {
        id: row.id.into(),
        stream: word("stream", &row.stream)?,
        store_id: StoreId::new(row.store_id),
        kind: word("kind", &row.kind)?,
        email: row.email.zip(row.email_normalized).map(|(typed, normalized)| Email::from_stored(typed, normalized)),
        first_name: row.first_name,
        last_name: row.last_name,
        contact_id: row.contact_id.map(Into::into),
        payload_hash: hash("payload_hash", &row.payload_hash)?,
        held: Held {
            shown: word("shown", &row.shown)?,
            word: value.zip(row.word_at).map(|(value, at)| Word { at, value, observed: row.word_observed }),
            flags: row.flags.lines().map(str::to_owned).collect(),
        },
        opt_in_source: word("opt_in_source", &row.opt_in_source)?,
        opt_in_detail: row.opt_in_detail,
        recorded,
        first_seen_at: row.first_seen_at,
        changed_at: row.changed_at,
        read_at: row.read_at,
        gone_at: row.gone_at,
        former_address: row.former_address.map(|bytes| hash("former_address", &bytes)).transpose()?,
    })
}
