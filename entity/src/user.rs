//! Table `user`.

use sea_orm::entity::prelude::*;

/// A person who signs in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Address as typed.
    pub email: String,
    /// Normalised address, unique over all accounts.
    pub email_normalized: String,
    /// Argon2id, PHC form.
    pub password_hash: String,
    /// owner, admin, editor or viewer.
    pub role: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
