//! What erasure takes away: rows about a person, and the personal part of their consent records.

use ::entity::{consent_record, contact, integration, opt_out, quarantined_record, source_record};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::words::word;
use crate::domain::ids::{AccountId, ContactId, IntegrationId, SourceRecordId};
use crate::domain::people::{StoreId, Stream};

/// Most contacts that one person is taken to have had.
const MAX_CONTACTS: u64 = 100;

/// A store's record, by its identity there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreRecordId {
    pub(crate) id: SourceRecordId,
    pub(crate) integration: IntegrationId,
    pub(crate) stream: Stream,
    pub(crate) store_id: StoreId,
    /// Normalised address; `None` once the store has none.
    pub(crate) address: Option<String>,
    pub(crate) contact: Option<ContactId>,
}

impl StoreRecordId {
    /// What the consent records made from it refer to.
    pub(crate) fn capture_ref(&self) -> String {
        capture_ref(self.integration, self.stream, &self.store_id)
    }
}

/// What the consent records made from a store's record refer to.
pub(crate) fn capture_ref(integration: IntegrationId, stream: Stream, store_id: &StoreId) -> String {
    format!("{integration}/{stream}/{store_id}")
}

fn of_account(account: AccountId) -> Condition {
    let integrations = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::AccountId.eq(account.0))
        .to_owned();
    Condition::all().add(source_record::Column::IntegrationId.in_subquery(integrations))
}

/// The records that the stores of an account have of a person: with this address, or of this contact.
pub(crate) async fn records_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address: &str,
    contact: Option<ContactId>,
) -> Result<Vec<StoreRecordId>, DbErr> {
    let mut of_person = Condition::any().add(source_record::Column::EmailNormalized.eq(address));
    if let Some(contact) = contact {
        of_person = of_person.add(source_record::Column::ContactId.eq(contact.0));
    }
    let rows = source_record::Entity::find().filter(of_account(account)).filter(of_person).all(tx).await?;
    rows.into_iter().map(identity).collect()
}

/// Those of a store's records that are known.
pub(crate) async fn records_named(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    names: &[(Stream, StoreId)],
) -> Result<Vec<StoreRecordId>, DbErr> {
    let condition = names.iter().fold(Condition::any(), |any, (stream, id)| {
        let one = Condition::all()
            .add(source_record::Column::Stream.eq(stream.as_str()))
            .add(source_record::Column::StoreId.eq(id.as_str()));
        any.add(one)
    });
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = source_record::Entity::find()
        .filter(source_record::Column::IntegrationId.eq(integration.0))
        .filter(condition)
        .all(tx)
        .await?;
    rows.into_iter().map(identity).collect()
}

fn identity(row: source_record::Model) -> Result<StoreRecordId, DbErr> {
    Ok(StoreRecordId {
        id: row.id.into(),
        integration: row.integration_id.into(),
        stream: word("stream", &row.stream)?,
        store_id: StoreId::new(row.store_id),
        address: row.email_normalized,
        contact: row.contact_id.map(Into::into),
    })
}

/// Removes records, and what was found wrong with them.
pub(crate) async fn remove_records(tx: &impl ConnectionTrait, records: &[StoreRecordId]) -> Result<(), DbErr> {
    use quarantined_record::Column as Quarantined;
    for record in records {
        quarantined_record::Entity::delete_many()
            .filter(Quarantined::IntegrationId.eq(record.integration.0))
            .filter(Quarantined::Stream.eq(record.stream.as_str()))
            .filter(Quarantined::StoreId.eq(record.store_id.as_str()))
            .exec(tx)
            .await?;
    }
    source_record::Entity::delete_many()
        .filter(source_record::Column::Id.is_in(records.iter().map(|record| record.id.0)))
        .exec(tx)
        .await?;
    Ok(())
}

/// The contacts whose consent records were made from these records of stores: also under addresses that changed since.
pub(crate) async fn contacts_recorded(
    tx: &impl ConnectionTrait,
    account: AccountId,
    capture_refs: &[String],
) -> Result<Vec<ContactId>, DbErr> {
    recorded(tx, account, Condition::all().add(consent_record::Column::CaptureRef.is_in(capture_refs)), MAX_CONTACTS)
        .await
}

/// Contacts that a store's consent records are about, in order, at most `limit`.
pub(crate) async fn contacts_recorded_by(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    limit: u64,
) -> Result<Vec<ContactId>, DbErr> {
    recorded(tx, account, made_by(integration), limit).await
}

async fn recorded(
    tx: &impl ConnectionTrait,
    account: AccountId,
    which: Condition,
    limit: u64,
) -> Result<Vec<ContactId>, DbErr> {
    let ids: Vec<Uuid> = consent_record::Entity::find()
        .select_only()
        .column(consent_record::Column::ContactId)
        .distinct()
        .filter(consent_record::Column::AccountId.eq(account.0))
        .filter(consent_record::Column::ContactId.is_not_null())
        .filter(which)
        .order_by_asc(consent_record::Column::ContactId)
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

fn made_by(integration: IntegrationId) -> Condition {
    Condition::all().add(consent_record::Column::CaptureRef.starts_with(format!("{integration}/")))
}

/// Whether something other than a store keeps a contact known: another store's record or ground, or a consent that was
/// given elsewhere.
pub(crate) async fn is_known_otherwise(
    tx: &impl ConnectionTrait,
    account: AccountId,
    (address, contact): (&str, Option<ContactId>),
    integration: IntegrationId,
) -> Result<bool, DbErr> {
    let records = records_of(tx, account, address, contact).await?;
    if records.iter().any(|record| record.integration != integration) {
        return Ok(true);
    }
    let Some(contact) = contact else { return Ok(false) };
    let grounds = ::entity::ground::Entity::find()
        .filter(::entity::ground::Column::AccountId.eq(account.0))
        .filter(::entity::ground::Column::ContactId.eq(contact.0))
        .all(tx)
        .await?;
    if grounds.iter().any(|ground| ground.integration_id != Some(integration.0)) {
        return Ok(true);
    }
    let elsewhere = Condition::any().add(consent_record::Column::CaptureRef.is_null()).add(made_by(integration).not());
    let consent = consent_record::Entity::find()
        .filter(consent_record::Column::AccountId.eq(account.0))
        .filter(consent_record::Column::ContactId.eq(contact.0))
        .filter(elsewhere)
        .one(tx)
        .await?;
    Ok(consent.is_some())
}

/// Whether anything keeps a contact known: a store's record, a ground, or a consent.
pub(crate) async fn is_known(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address: &str,
    contact: ContactId,
) -> Result<bool, DbErr> {
    // No store has the nil identity, so that every store is another one.
    is_known_otherwise(tx, account, (address, Some(contact)), IntegrationId(Uuid::nil())).await
}

/// Which of a contact's consent records lose their personal part.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Records<'a> {
    /// All of them.
    All,
    /// Those that a store brought.
    Of(IntegrationId),
    /// Those that were made from these records of stores.
    From(&'a [String]),
}

/// Takes the personal part off consent records, with the salts: the chain verifies by the commitments that stay.
/// Tells how many.
pub(crate) async fn blank_consents(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
    which: Records<'_>,
) -> Result<u64, DbErr> {
    use consent_record::Column;
    let which = match which {
        Records::All => Condition::all(),
        Records::Of(integration) => made_by(integration),
        Records::From(refs) => Condition::all().add(Column::CaptureRef.is_in(refs)),
    };
    let ids: Vec<Uuid> = consent_record::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::AccountId.eq(account.0))
        .filter(Column::ContactId.eq(contact.0))
        .filter(which)
        .into_tuple()
        .all(tx)
        .await?;
    for id in &ids {
        let mut update = consent_record::Entity::update_many();
        for column in [
            Column::ContactId,
            Column::Url,
            Column::IpAddress,
            Column::UserAgent,
            Column::CaptureRef,
            Column::EvidenceRef,
            Column::PreferencesSnapshot,
            Column::Metadata,
            Column::Salt,
        ] {
            update = update.col_expr(column, Expr::cust("NULL"));
        }
        // The former key was made from personal fields; this one is as unique and says nothing.
        let key = Sha256::new_with_prefix("erased").chain_update(id.as_bytes()).finalize().to_vec();
        update.col_expr(Column::DedupeKey, Expr::value(key)).filter(Column::Id.eq(*id)).exec(tx).await?;
    }
    Ok(ids.len() as u64)
}

/// Lets go of the address that records had which their stores no longer have.
pub(crate) async fn forget_former_address(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address_hash: [u8; 32],
) -> Result<(), DbErr> {
    source_record::Entity::update_many()
        .col_expr(source_record::Column::FormerAddress, Expr::cust("NULL"))
        .filter(source_record::Column::AccountId.eq(account.0))
        .filter(source_record::Column::FormerAddress.eq(address_hash.to_vec()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets what an address no longer wanted: everywhere, or in one store.
pub(crate) async fn forget_opt_outs(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address: &str,
    only: Option<IntegrationId>,
) -> Result<(), DbErr> {
    let mut which = Condition::all().add(opt_out::Column::EmailNormalized.eq(address));
    if let Some(integration) = only {
        which = which.add(opt_out::Column::IntegrationId.eq(integration.0));
    }
    opt_out::Entity::delete_many().filter(opt_out::Column::AccountId.eq(account.0)).filter(which).exec(tx).await?;
    Ok(())
}

/// Removes a contact; memberships that it still has go with it.
pub(crate) async fn remove_contact(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
) -> Result<(), DbErr> {
    contact::Entity::delete_many()
        .filter(contact::Column::AccountId.eq(account.0))
        .filter(contact::Column::Id.eq(contact.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Removes whatever else a store left: records without address, what was wrong with records, opt-outs.
pub(crate) async fn remove_rest(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
) -> Result<(), DbErr> {
    source_record::Entity::delete_many()
        .filter(source_record::Column::IntegrationId.eq(integration.0))
        .exec(tx)
        .await?;
    quarantined_record::Entity::delete_many()
        .filter(quarantined_record::Column::IntegrationId.eq(integration.0))
        .exec(tx)
        .await?;
    opt_out::Entity::delete_many()
        .filter(opt_out::Column::AccountId.eq(account.0))
        .filter(opt_out::Column::IntegrationId.eq(integration.0))
        .exec(tx)
        .await?;
    Ok(())
}
