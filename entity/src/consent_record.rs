//! Table `consent_record`.

use sea_orm::entity::prelude::*;

/// One piece of consent evidence. Insert only: triggers refuse the rest.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent_record")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Who.
    pub contact_id: Option<Uuid>,
    /// Place in the chain, from 1, without gaps.
    pub sequence: i64,
    /// Version of the record's shape.
    pub schema_version: String,
    /// Word of `ConsentEvent`.
    pub event_type: String,
    /// The record it refers to.
    pub supersedes_id: Option<Uuid>,
    /// Word of `Channel`.
    pub channel: String,
    /// Array of texts.
    #[sea_orm(column_type = "JsonBinary")]
    pub purposes: Json,
    /// What the person saw.
    pub text: Option<String>,
    /// SHA-256 of the text.
    pub text_hash: Option<Vec<u8>>,
    /// BCP 47.
    pub language: Option<String>,
    /// Privacy notice shown.
    pub policy_url: Option<String>,
    /// When the person agreed.
    pub date_time_consented: DateTimeUtc,
    /// When we took it down.
    pub date_time_created: DateTimeUtc,
    /// Page.
    pub url: Option<String>,
    /// Device.
    pub ip_address: Option<String>,
    /// Browser.
    pub user_agent: Option<String>,
    /// Word of `CaptureMethod`.
    pub capture_method: String,
    /// Form, import row or store record.
    pub capture_ref: Option<String>,
    /// Word of `ConsentAction`.
    pub action: Option<String>,
    /// Word of `LegalBasis`.
    pub legal_basis: String,
    /// Word of `OptInType`.
    pub opt_in_type: String,
    /// Marketing preferences at that moment.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub preferences_snapshot: Option<Json>,
    /// Lists joined by this act.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub lists_snapshot: Option<Json>,
    /// Identity shown.
    pub controller_name: Option<String>,
    /// ISO 3166.
    pub jurisdiction: Option<String>,
    /// When it runs out.
    pub expires_at: Option<DateTimeUtc>,
    /// Who recorded it.
    pub recorded_by: String,
    /// Further evidence.
    pub evidence_ref: Option<String>,
    /// Anything else.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub metadata: Option<Json>,
    /// Same evidence, same key; unique in the account.
    pub dedupe_key: Vec<u8>,
    /// Salt of the commitments; destroyed by erasure.
    pub salt: Option<Vec<u8>>,
    /// Commitments to the personal fields.
    #[sea_orm(column_type = "JsonBinary")]
    pub commitments: Json,
    /// Hash of the record before.
    pub prev_hash: Vec<u8>,
    /// Hash of this record.
    pub record_hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
