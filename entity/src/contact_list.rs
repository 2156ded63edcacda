//! Table `contact_list`.

use sea_orm::entity::prelude::*;

/// A named set of contacts.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_list")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Display name.
    pub name: String,
    /// Lower-cased name, unique in the account.
    pub name_key: String,
    /// Word of `Purpose`.
    pub purpose: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When somebody last changed it.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
