//! Table `source_record`.

use sea_orm::entity::prelude::*;

/// What one integration last said about one store person.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "source_record")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Store.
    pub integration_id: Uuid,
    /// Word of `Stream`.
    pub stream: String,
    /// The store's own id, unique in (integration, stream).
    pub store_id: String,
    /// Word of `PersonKind`.
    pub kind: String,
    /// Address as the store has it; empty once the record is gone.
    pub email: Option<String>,
    /// Normalised address.
    pub email_normalized: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The contact, once there is one.
    pub contact_id: Option<Uuid>,
    /// SHA-256 of what the store said.
    pub payload_hash: Vec<u8>,
    /// Word of `OptIn`: the flag as the store last showed it.
    pub shown: String,
    /// Word of `OptIn`: what it is worth for this address.
    pub word: Option<String>,
    /// When it was said.
    pub word_at: Option<DateTimeUtc>,
    /// Whether that is when we saw it, because the store gives no time.
    pub word_observed: bool,
    /// Names of the flags it was read off, one a line; empty where the platform has but one.
    pub flags: String,
    /// Word of `OptInSource`.
    pub opt_in_source: String,
    /// The vendor's own words for the flag.
    pub opt_in_detail: String,
    /// The newest consent record made from it.
    pub consent_record_id: Option<Uuid>,
    /// The contact that consent record is about.
    pub recorded_contact_id: Option<Uuid>,
    /// The word that record stands for.
    pub recorded_word: Option<String>,
    /// The time that record stands for.
    pub recorded_at: Option<DateTimeUtc>,
    /// When we first read it.
    pub first_seen_at: DateTimeUtc,
    /// When its content last changed.
    pub changed_at: DateTimeUtc,
    /// When the store was asked for what stands here; empty where nobody noted it.
    pub read_at: Option<DateTimeUtc>,
    /// Since when the store no longer has it.
    pub gone_at: Option<DateTimeUtc>,
    /// Keyed hash of the address that it had when it went; empty while it is there.
    pub former_address: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
