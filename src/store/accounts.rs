//! Tables `account`, `user`, `api_client`, `ledger_head`: a tenant and who may act for it.

use chrono::{DateTime, Utc};
use entity::{account, api_client, ledger_head, user};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, SqlErr};
use serde_json::json;

use crate::domain::Email;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, ApiClientId, UserId};
use crate::domain::ledger::Head;
use crate::error::Error;

/// Adds a tenant with an empty ledger.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    id: AccountId,
    name: &str,
    sealed_suppression_key: Vec<u8>,
    created_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = account::ActiveModel {
        id: Set(id.into()),
        name: Set(name.to_owned()),
        suppression_key: Set(sealed_suppression_key),
        created_at: Set(created_at),
    };
    account::Entity::insert(row).exec_without_returning(db).await?;
    let head = ledger_head::ActiveModel {
        account_id: Set(id.into()),
        sequence: Set(Head::EMPTY.sequence),
        record_hash: Set(Head::EMPTY.hash.to_vec()),
    };
    ledger_head::Entity::insert(head).exec_without_returning(db).await?;
    Ok(())
}

/// Adds the owner of a tenant.
///
/// # Errors
/// [`Error::Conflict`] if somebody signs in with that address already.
pub(crate) async fn insert_owner(
    db: &impl ConnectionTrait,
    account_id: AccountId,
    email: &Email,
    password_hash: String,
    created_at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = user::ActiveModel {
        id: Set(UserId::at(created_at).into()),
        account_id: Set(account_id.into()),
        email: Set(email.typed().to_owned()),
        email_normalized: Set(email.normalized().to_owned()),
        password_hash: Set(password_hash),
        role: Set("owner".to_owned()),
        created_at: Set(created_at),
    };
    match user::Entity::insert(row).exec_without_returning(db).await {
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(Error::Conflict("somebody signs in with this email address already".to_owned()))
        }
        result => Ok(result.map(drop)?),
    }
}

/// Adds a client.
pub(crate) async fn insert_client(
    db: &impl ConnectionTrait,
    account_id: AccountId,
    id: ApiClientId,
    secret_hash: [u8; 32],
    scopes: &[Scope],
    created_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = api_client::ActiveModel {
        id: Set(id.into()),
        account_id: Set(account_id.into()),
        name: Set("First client".to_owned()),
        secret_hash: Set(secret_hash.to_vec()),
        scopes: Set(json!(scopes)),
        created_at: Set(created_at),
        revoked_at: Set(None),
    };
    api_client::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// A client that may sign in.
pub(crate) struct Client {
    pub(crate) account_id: AccountId,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) scopes: Vec<Scope>,
}

/// Finds a client that is not revoked. The one query that is not scoped to an account: it tells which one.
pub(crate) async fn find_client(db: &impl ConnectionTrait, id: ApiClientId) -> Result<Option<Client>, DbErr> {
    let row = api_client::Entity::find_by_id(id).one(db).await?;
    Ok(row.filter(|row| row.revoked_at.is_none()).map(|row| Client {
        account_id: row.account_id.into(),
        secret_hash: row.secret_hash,
        scopes: serde_json::from_value(row.scopes).unwrap_or_default(),
    }))
}
