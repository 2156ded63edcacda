//! Table `ground`.

use sea_orm::entity::prelude::*;

/// Why a membership lives.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ground")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// What it holds.
    pub membership_id: Uuid,
    /// The membership's list.
    pub list_id: Uuid,
    /// The membership's contact.
    pub contact_id: Uuid,
    /// Word of `GroundKind`.
    pub kind: String,
    /// What gives it, unique in the membership: integration and audience, `api`, a form, an import.
    pub source_key: String,
    /// The integration whose mapping gives it.
    pub integration_id: Option<Uuid>,
    /// Word of `Audience`.
    pub audience: Option<String>,
    /// The record it rests on.
    pub source_record_id: Option<Uuid>,
    /// The consent it rests on.
    pub consent_record_id: Option<Uuid>,
    /// Who gave it, where a person or a program did.
    pub actor: Option<String>,
    /// Since when.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
