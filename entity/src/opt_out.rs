//! Table `opt_out`.

use sea_orm::entity::prelude::*;

/// The newest opt-out of an address: a grant counts only if it is newer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "opt_out")]
pub struct Model {
    /// Tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// Store, or the nil UUID for the whole account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Normalised address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub email_normalized: String,
    /// When it was said.
    pub withdrawn_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
