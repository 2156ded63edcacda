//! Contacts, what they no longer want, and whom not to mail.

use std::collections::{BTreeSet, HashMap, HashSet};

use ::entity::{account, contact, opt_out, suppression};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use sha2::Sha256;
use uuid::Uuid;

use super::words::{hash, rows_per_statement};
use crate::domain::contact::OptOut;
use crate::domain::email::Email;
use crate::domain::ids::{AccountId, ConsentRecordId, ContactId, IntegrationId, new_uuid};
use crate::secrets::Sealer;

/// A contact as a store's people need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Identity.
    pub(crate) id: ContactId,
    /// Address.
    pub(crate) email: Email,
    /// Given name.
    pub(crate) first_name: Option<String>,
    /// Family name.
    pub(crate) last_name: Option<String>,
}

/// Finds the contacts of these normalised addresses.
pub(crate) async fn contacts_by_address(
    tx: &impl ConnectionTrait,
    account: AccountId,
    addresses: &[&str],
) -> Result<HashMap<String, Contact>, DbErr> {
    let rows = contact::Entity::find()
        .filter(contact::Column::AccountId.eq(account.0))
        .filter(contact::Column::EmailNormalized.is_in(addresses.iter().copied()))
        .all(tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let contact = Contact {
                id: row.id.into(),
                email: Email::from_stored(row.email, row.email_normalized.clone()),
                first_name: row.first_name,
                last_name: row.last_name,
            };
            (row.email_normalized, contact)
        })
        .collect())
}

/// Makes contacts, or gives those that are there their new names.
pub(crate) async fn save_contacts(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[Contact],
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    use contact::Column::{AccountId, EmailNormalized, FirstName, LastName, UpdatedAt};
    for chunk in contacts.chunks(rows_per_statement(8)) {
        let rows = chunk.iter().map(|new| contact::ActiveModel {
            id: Set(new.id.0),
            account_id: Set(account.0),
            email: Set(new.email.typed().to_owned()),
            email_normalized: Set(new.email.normalized().to_owned()),
            first_name: Set(new.first_name.clone()),
            last_name: Set(new.last_name.clone()),
            created_at: Set(at),
            updated_at: Set(at),
        });
        contact::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([AccountId, EmailNormalized])
                    .update_columns([FirstName, LastName, UpdatedAt])
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Where an opt-out applies: one store, or the whole account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptOutScope {
    /// Said in this store.
    Store(IntegrationId),
    /// Said to us.
    Account,
}

impl OptOutScope {
    const fn key(self) -> Uuid {
        match self {
            Self::Store(integration) => integration.0,
            Self::Account => Uuid::nil(),
        }
    }
}

/// The newest opt-out of each of these addresses that applies to a store: said there, or to us.
pub(crate) async fn opt_outs(
    tx: &impl ConnectionTrait,
    account: AccountId,
    scope: OptOutScope,
    addresses: &[&str],
) -> Result<HashMap<String, DateTime<Utc>>, DbErr> {
    let rows = opt_out::Entity::find()
        .filter(opt_out::Column::AccountId.eq(account.0))
        .filter(opt_out::Column::IntegrationId.is_in([scope.key(), OptOutScope::Account.key()]))
        .filter(opt_out::Column::EmailNormalized.is_in(addresses.iter().copied()))
        .all(tx)
        .await?;
    let mut newest: HashMap<String, DateTime<Utc>> = HashMap::new();
    for row in rows {
        let at = newest.entry(row.email_normalized).or_insert(row.withdrawn_at);
        *at = row.withdrawn_at.max(*at);
    }
    Ok(newest)
}

/// The newest opt-out of an address anywhere in the account: said to us or in any store.
pub(crate) async fn newest_opt_out(
    tx: &impl ConnectionTrait,
    account: AccountId,
    address: &str,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let rows = opt_out::Entity::find()
        .filter(opt_out::Column::AccountId.eq(account.0))
        .filter(opt_out::Column::EmailNormalized.eq(address))
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| row.withdrawn_at).max())
}

/// Every opt-out of these normalised addresses.
pub(crate) async fn opt_outs_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    addresses: &BTreeSet<String>,
) -> Result<Vec<OptOut>, DbErr> {
    let rows = opt_out::Entity::find()
        .filter(opt_out::Column::AccountId.eq(account.0))
        .filter(opt_out::Column::EmailNormalized.is_in(addresses))
        .order_by_asc(opt_out::Column::WithdrawnAt)
        .all(db)
        .await?;
    let shown = |row: opt_out::Model| OptOut {
        email_normalized: row.email_normalized,
        integration_id: (row.integration_id != OptOutScope::Account.key()).then(|| row.integration_id.into()),
        withdrawn_at: row.withdrawn_at,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Remembers opt-outs. The caller gives only times that are newer than what is stored.
pub(crate) async fn save_opt_outs(
    tx: &impl ConnectionTrait,
    account: AccountId,
    scope: OptOutScope,
    opt_outs: &[(String, DateTime<Utc>)],
) -> Result<(), DbErr> {
    for chunk in opt_outs.chunks(rows_per_statement(4)) {
        let rows = chunk.iter().map(|(address, at)| opt_out::ActiveModel {
            account_id: Set(account.0),
            integration_id: Set(scope.key()),
            email_normalized: Set(address.clone()),
            withdrawn_at: Set(*at),
        });
        opt_out::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([
                    opt_out::Column::AccountId,
                    opt_out::Column::IntegrationId,
                    opt_out::Column::EmailNormalized,
                ])
                .update_column(opt_out::Column::WithdrawnAt)
                .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// The key under which an account's suppressed addresses are hashed.
#[derive(Clone)]
pub(crate) struct SuppressionKey([u8; 32]);

impl SuppressionKey {
    /// Loads and opens an account's key.
    pub(crate) async fn load(
        db: &impl ConnectionTrait,
        sealer: &Sealer,
        account: AccountId,
    ) -> Result<Self, crate::error::Error> {
        let row = account::Entity::find_by_id(account.0).one(db).await?;
        let row = row.ok_or(crate::error::Error::NotFound("account"))?;
        let opened = sealer
            .open(&format!("account/{account}"), &row.suppression_key)
            .map_err(|error| crate::error::Error::Internal(error.to_string()))?;
        Ok(Self(hash("suppression_key", &opened)?))
    }

    /// The hash that stands for a normalised address.
    pub(crate) fn hash(&self, address: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(address.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// Which of these normalised addresses are suppressed.
pub(crate) async fn suppressed<'a>(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    addresses: &[&'a str],
) -> Result<HashSet<&'a str>, DbErr> {
    let hashes: HashMap<[u8; 32], &str> = addresses.iter().map(|address| (key.hash(address), *address)).collect();
    let found: Vec<Vec<u8>> = suppression::Entity::find()
        .select_only()
        .column(suppression::Column::AddressHash)
        .filter(suppression::Column::AccountId.eq(account.0))
        .filter(suppression::Column::LiftedAt.is_null())
        .filter(suppression::Column::AddressHash.is_in(hashes.keys().map(|hash| hash.to_vec())))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.iter().filter_map(|found| hashes.get(found.as_slice()).copied()).collect())
}

/// When an address was suppressed, if it is now.
pub(crate) async fn suppressed_since(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let row = suppression::Entity::find()
        .filter(suppression::Column::AccountId.eq(account.0))
        .filter(suppression::Column::LiftedAt.is_null())
        .filter(suppression::Column::AddressHash.eq(key.hash(address).to_vec()))
        .one(tx)
        .await?;
    Ok(row.map(|row| row.created_at))
}

/// Suppresses an address that is not suppressed yet.
pub(crate) async fn suppress(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
    reason: String,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = suppression::ActiveModel {
        id: Set(new_uuid(at)),
        account_id: Set(account.0),
        address_hash: Set(key.hash(address).to_vec()),
        reason: Set(reason),
        created_at: Set(at),
        lifted_at: Set(None),
        lifted_by: Set(None),
        erased_at: Set(None),
    };
    suppression::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Lifts the suppression of an address.
pub(crate) async fn lift_suppression(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    suppression::Entity::update_many()
        .col_expr(suppression::Column::LiftedAt, Expr::value(at))
        .filter(suppression::Column::AccountId.eq(account.0))
        .filter(suppression::Column::LiftedAt.is_null())
        .filter(suppression::Column::AddressHash.eq(key.hash(address).to_vec()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Names the consent record that lifted a suppression at `at`.
pub(crate) async fn name_lifting_consent(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
    at: DateTime<Utc>,
    consent: ConsentRecordId,
) -> Result<(), DbErr> {
    suppression::Entity::update_many()
        .col_expr(suppression::Column::LiftedBy, Expr::value(consent.0))
        .filter(suppression::Column::AccountId.eq(account.0))
        .filter(suppression::Column::LiftedAt.eq(at))
        .filter(suppression::Column::AddressHash.eq(key.hash(address).to_vec()))
        .exec(tx)
        .await?;
    Ok(())
}

/// The address of a contact of the account.
pub(crate) async fn address_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
) -> Result<Option<Email>, DbErr> {
    let row = contact::Entity::find_by_id(contact.0).filter(contact::Column::AccountId.eq(account.0)).one(tx).await?;
    Ok(row.map(|row| Email::from_stored(row.email, row.email_normalized)))
}

/// The addresses of those of the contacts that are there.
pub(crate) async fn addresses_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, String)>, DbErr> {
    let mut found = Vec::new();
    for contacts in contacts.chunks(rows_per_statement(1)) {
        let rows: Vec<(Uuid, String)> = contact::Entity::find()
            .select_only()
            .columns([contact::Column::Id, contact::Column::EmailNormalized])
            .filter(contact::Column::AccountId.eq(account.0))
            .filter(contact::Column::Id.is_in(contacts.iter().map(|id| id.0)))
            .into_tuple()
            .all(tx)
            .await?;
        found.extend(rows.into_iter().map(|(id, address)| (id.into(), address)));
    }
    Ok(found)
}
