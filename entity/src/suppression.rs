//! Table `suppression`.

use sea_orm::entity::prelude::*;

/// "Do not mail this address."
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppression")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// HMAC-SHA-256 of the normalised address under the account's key.
    pub address_hash: Vec<u8>,
    /// Why, for people.
    pub reason: String,
    /// Since when.
    pub created_at: DateTimeUtc,
    /// Until when.
    pub lifted_at: Option<DateTimeUtc>,
    /// The consent record that lifted it.
    pub lifted_by: Option<Uuid>,
    /// Since when nothing is kept of the person, and nothing may be brought back.
    pub erased_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
