//! Table `api_client`.

use sea_orm::entity::prelude::*;

/// A program that signs in with client credentials.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_client")]
pub struct Model {
    /// Time-ordered identifier; the client id on the wire.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Display name.
    pub name: String,
    /// SHA-256 of the secret, which has 256 random bits.
    pub secret_hash: Vec<u8>,
    /// Array of scope words.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Since when it is refused.
    pub revoked_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
