//! Table `erasure`.

use sea_orm::entity::prelude::*;

/// Why a consent record has no personal part any more. Rows are only ever added.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "erasure")]
pub struct Model {
    /// The consent record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consent_record_id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// When it was erased.
    pub erased_at: DateTimeUtc,
    /// The privacy request that it was erased for; empty before these rows were kept.
    pub request_id: Option<Uuid>,
    /// Who asked, where a person or a program did.
    pub actor: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
