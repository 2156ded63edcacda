//! Table `quarantined_record`.

use sea_orm::entity::prelude::*;

/// A record that could not be used, and why.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantined_record")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Store.
    pub integration_id: Uuid,
    /// Run.
    pub run_id: Uuid,
    /// Word of `Stream`.
    pub stream: String,
    /// The store's own id, where it could be read.
    pub store_id: Option<String>,
    /// Word of `QuarantineReason`.
    pub reason: String,
    /// What is wrong; never a value.
    pub detail: String,
    /// When it was found.
    pub created_at: DateTimeUtc,
    /// When the record was first read well again, or was found to be gone.
    pub resolved_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
