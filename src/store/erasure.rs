//! What erasure takes away: rows about people, and the personal part of their consent records.

use std::collections::BTreeMap;

use ::entity::{consent_record, contact, erasure, opt_out, pending_hint, quarantined_record, source_record};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::person::{StoreRecordId, by_stream, made_by};
use super::words::rows_per_statement;
use crate::domain::ids::{AccountId, ContactId, IntegrationId};
use crate::domain::people::{StoreId, Stream};

/// Removes records, and what else was noted about them.
pub(crate) async fn remove_records(tx: &impl ConnectionTrait, records: &[StoreRecordId]) -> Result<(), DbErr> {
    let mut names: BTreeMap<IntegrationId, Vec<(Stream, StoreId)>> = BTreeMap::new();
    for record in records {
        names.entry(record.integration).or_default().push((record.stream, record.store_id.clone()));
    }
    for (integration, names) in &names {
        remove_traces(tx, *integration, names).await?;
    }
    for records in records.chunks(rows_per_statement(1)) {
        source_record::Entity::delete_many()
            .filter(source_record::Column::Id.is_in(records.iter().map(|record| record.id.0)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Removes what was noted about a store's records, known or not: what was wrong with them, and that they are to be read
/// again.
pub(crate) async fn remove_traces(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    names: &[(Stream, StoreId)],
) -> Result<(), DbErr> {
    for (stream, ids) in by_stream(names) {
        for ids in ids.chunks(rows_per_statement(1)) {
            quarantined_record::Entity::delete_many()
                .filter(quarantined_record::Column::IntegrationId.eq(integration.0))
                .filter(quarantined_record::Column::Stream.eq(stream.as_str()))
                .filter(quarantined_record::Column::StoreId.is_in(ids.iter().copied()))
                .exec(tx)
                .await?;
            let hints: Vec<Uuid> = pending_hint::Entity::find()
                .select_only()
                .column(pending_hint::Column::Id)
                .filter(pending_hint::Column::IntegrationId.eq(integration.0))
                .filter(pending_hint::Column::Stream.eq(stream.as_str()))
                .filter(pending_hint::Column::StoreId.is_in(ids.iter().copied()))
                .order_by_asc(pending_hint::Column::StoreId)
                .into_tuple()
                .all(tx)
                .await?;
            // One by one, in the order in which every writer of hints takes them.
            for hint in hints {
                pending_hint::Entity::delete_by_id(hint).exec(tx).await?;
            }
        }
    }
    Ok(())
}

/// Which consent records of contacts lose their personal part.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Records<'a> {
    /// All of them.
    All,
    /// Those that a store brought.
    Of(IntegrationId),
    /// Those that were made from these records of stores.
    From(&'a [&'a str]),
}

/// What stands beside each consent record that is erased, for good: verifying asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    /// The privacy request.
    pub(crate) request: Uuid,
    /// Who asked, where a person or a program did.
    pub(crate) actor: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

/// Takes the personal part off consent records, with the salts: the chain verifies by the commitments that stay.
/// Tells how many.
pub(crate) async fn blank_consents(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
    which: Records<'_>,
    proof: &Proof,
) -> Result<u64, DbErr> {
    use consent_record::Column;
    let conditions: Vec<Condition> = match which {
        Records::All => vec![Condition::all()],
        Records::Of(integration) => vec![made_by(tx.get_database_backend(), integration)],
        Records::From(refs) => {
            let chunks = refs.chunks(rows_per_statement(2));
            chunks.map(|refs| Condition::all().add(Column::CaptureRef.is_in(refs.iter().copied()))).collect()
        }
    };
    let mut count = 0;
    for which in conditions {
        for contacts in contacts.chunks(rows_per_statement(2)) {
            let ids: Vec<Uuid> = consent_record::Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::AccountId.eq(account.0))
                .filter(Column::ContactId.is_in(contacts.iter().map(|id| id.0)))
                .filter(which.clone())
                .into_tuple()
                .all(tx)
                .await?;
            blank(tx, account, &ids, proof).await?;
            count += ids.len() as u64;
        }
    }
    Ok(count)
}

async fn blank(tx: &impl ConnectionTrait, account: AccountId, ids: &[Uuid], proof: &Proof) -> Result<(), DbErr> {
    use consent_record::Column;
    for ids in ids.chunks(rows_per_statement(5)) {
        let rows = ids.iter().map(|id| erasure::ActiveModel {
            consent_record_id: Set(*id),
            account_id: Set(account.0),
            erased_at: Set(proof.at),
            request_id: Set(Some(proof.request)),
            actor: Set(proof.actor.clone()),
        });
        erasure::Entity::insert_many(rows).exec_without_returning(tx).await?;
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
        // The former key was made from personal fields; the record's own hash is as unique and says nothing more.
        update
            .col_expr(Column::DedupeKey, Expr::col(Column::RecordHash))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Lets go of the addresses, by their keyed hashes, that records had which their stores no longer have.
pub(crate) async fn forget_former_addresses(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address_hashes: impl Iterator<Item = [u8; 32]>,
) -> Result<(), DbErr> {
    let hashes: Vec<Vec<u8>> = address_hashes.map(Vec::from).collect();
    for hashes in hashes.chunks(rows_per_statement(1)) {
        source_record::Entity::update_many()
            .col_expr(source_record::Column::FormerAddress, Expr::cust("NULL"))
            .filter(source_record::Column::AccountId.eq(account.0))
            .filter(source_record::Column::FormerAddress.is_in(hashes.to_vec()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Forgets what addresses no longer wanted: everywhere, or in one store.
pub(crate) async fn forget_opt_outs(
    tx: &impl ConnectionTrait,
    account: AccountId,
    addresses: &[&str],
    only: Option<IntegrationId>,
) -> Result<(), DbErr> {
    for addresses in addresses.chunks(rows_per_statement(1)) {
        let mut which = Condition::all().add(opt_out::Column::EmailNormalized.is_in(addresses.iter().copied()));
        if let Some(integration) = only {
            which = which.add(opt_out::Column::IntegrationId.eq(integration.0));
        }
        opt_out::Entity::delete_many().filter(opt_out::Column::AccountId.eq(account.0)).filter(which).exec(tx).await?;
    }
    Ok(())
}

/// Removes contacts; memberships that they still have go with them.
pub(crate) async fn remove_contacts(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
) -> Result<(), DbErr> {
    for contacts in contacts.chunks(rows_per_statement(1)) {
        contact::Entity::delete_many()
            .filter(contact::Column::AccountId.eq(account.0))
            .filter(contact::Column::Id.is_in(contacts.iter().map(|id| id.0)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Removes whatever else a store left: records without address, what was wrong with records and was to be read again,
/// opt-outs.
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
    pending_hint::Entity::delete_many().filter(pending_hint::Column::IntegrationId.eq(integration.0)).exec(tx).await?;
    opt_out::Entity::delete_many()
        .filter(opt_out::Column::AccountId.eq(account.0))
        .filter(opt_out::Column::IntegrationId.eq(integration.0))
        .exec(tx)
        .await?;
    Ok(())
}
