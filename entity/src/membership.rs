//! Table `membership`.

use sea_orm::entity::prelude::*;

/// A contact being on a list.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "membership")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// List.
    pub list_id: Uuid,
    /// Contact.
    pub contact_id: Uuid,
    /// Since when.
    pub joined_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
