//! Table `privacy_request`.

use sea_orm::entity::prelude::*;

/// Something that a person, or a store that leaves, may ask for by law.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "privacy_request")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// The store that handed it on; empty if it was asked of us.
    pub integration_id: Option<Uuid>,
    /// Word of `PrivacyKind`.
    pub kind: String,
    /// Sealed: whom it is about. Empty once that is not needed any more.
    pub subject: Option<Vec<u8>>,
    /// Word of `PrivacyState`.
    pub state: String,
    /// When it arrived.
    pub received_at: DateTimeUtc,
    /// Until when it has to be carried out.
    pub due_at: DateTimeUtc,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, and until when the present try may take; empty when there is nothing more to do.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// When it was carried out.
    pub done_at: Option<DateTimeUtc>,
    /// What came of it, without personal data.
    pub outcome: Option<String>,
    /// Who asked, or who said that the data was handed over, where a person or a program did.
    pub actor: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
