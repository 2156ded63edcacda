//! Consent records, as both transports show them.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::consent_words::{CaptureMethod, Channel, ConsentAction, ConsentEvent, LegalBasis, OptInType};
use crate::domain::consent::{ConsentRecord, SCHEMA_VERSION};
use crate::domain::evidence::RecordedConsent;
use crate::domain::ledger::hex;
use crate::service::consents::SubmittedConsent;
use crate::service::evidence::Verification;

/// One piece of consent evidence. Records are only ever added.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConsentRecord)]
#[graphql(name = "ConsentRecord", complex)]
pub struct ConsentRecordView {
    /// Time-ordered identifier (UUID v7); also the receipt's.
    pub id: Uuid,
    /// Who; `null` after erasure.
    pub contact_id: Option<Uuid>,
    /// Place in the account's chain, from 1, without gaps.
    pub sequence: i64,
    /// Version of the record's shape.
    pub schema_version: &'static str,
    /// What happened.
    pub event_type: ConsentEvent,
    /// The record that a withdrawal, renewal or correction refers to.
    pub supersedes_id: Option<Uuid>,
    /// Channel.
    pub channel: Channel,
    /// What the agreement is for, for example `newsletter`.
    pub purposes: Vec<String>,
    /// What the person saw, exactly.
    pub text: Option<String>,
    /// SHA-256 of the text in hexadecimal, to group records by wording.
    pub text_hash: Option<String>,
    /// Language of the text (BCP 47).
    pub language: Option<String>,
    /// Privacy notice shown.
    pub policy_url: Option<String>,
    /// When the person agreed.
    pub date_time_consented: DateTime<Utc>,
    /// When it was taken down, by this service's clock.
    pub date_time_created: DateTime<Utc>,
    /// Page, without fragment.
    pub url: Option<String>,
    /// Address of the person's device.
    pub ip_address: Option<String>,
    /// Browser of the person.
    pub user_agent: Option<String>,
    /// How the evidence reached this service.
    pub capture_method: CaptureMethod,
    /// Form, import row, or store and its record.
    pub capture_ref: Option<String>,
    /// What the person did.
    pub action: Option<ConsentAction>,
    /// Ground in law.
    pub legal_basis: LegalBasis,
    /// How sure it is that the address is the person's.
    pub opt_in_type: OptInType,
    /// Marketing preferences at that moment.
    #[schema(value_type = Option<Vec<Object>>)]
    pub preferences_snapshot: Option<Value>,
    /// Lists joined by this act, as they were named then.
    #[schema(value_type = Option<Vec<Object>>)]
    pub lists_snapshot: Option<Value>,
    /// Identity that was shown to the person.
    pub controller_name: Option<String>,
    /// ISO 3166 code.
    pub jurisdiction: Option<String>,
    /// When the agreement runs out.
    pub expires_at: Option<DateTime<Utc>>,
    /// User, API client or connector that recorded it.
    pub recorded_by: String,
    /// Screenshot, message id, token id.
    pub evidence_ref: Option<String>,
    /// Anything else.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Hash of the record before, in hexadecimal.
    pub prev_hash: String,
    /// Hash of this record, in hexadecimal.
    pub record_hash: String,
}

impl From<RecordedConsent> for ConsentRecordView {
    fn from(recorded: RecordedConsent) -> Self {
        let RecordedConsent { record, sequence, text_hash, prev_hash, record_hash } = recorded;
        let ConsentRecord {
            id,
            account_id: _,
            contact_id,
            event,
            supersedes_id,
            channel,
            purposes,
            text,
            language,
            policy_url,
            consented_at,
            created_at,
            url,
            ip_address,
            user_agent,
            capture_method,
            capture_ref,
            action,
            legal_basis,
            opt_in_type,
            preferences_snapshot,
            lists_snapshot,
            controller_name,
            jurisdiction,
            expires_at,
            recorded_by,
            evidence_ref,
            metadata,
        } = record;
        Self {
            id: id.into(),
            contact_id: contact_id.map(Uuid::from),
            sequence,
            schema_version: SCHEMA_VERSION,
            event_type: event.into(),
            supersedes_id: supersedes_id.map(Uuid::from),
            channel: channel.into(),
            purposes,
            text,
            text_hash: text_hash.as_deref().map(hex),
            language,
            policy_url,
            date_time_consented: consented_at,
            date_time_created: created_at,
            url,
            ip_address: ip_address.map(|ip| ip.to_string()),
            user_agent,
            capture_method: capture_method.into(),
            capture_ref,
            action: action.map(ConsentAction::from),
            legal_basis: legal_basis.into(),
            opt_in_type: opt_in_type.into(),
            preferences_snapshot,
            lists_snapshot,
            controller_name,
            jurisdiction,
            expires_at,
            recorded_by,
            evidence_ref,
            metadata,
            prev_hash: hex(&prev_hash),
            record_hash: hex(&record_hash),
        }
    }
}

/// A submitted consent: the record, and what it did to lists.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubmittedConsent)]
#[graphql(name = "SubmittedConsent", complex)]
pub struct SubmittedConsentView {
    /// The record.
    #[serde(flatten)]
    pub record: ConsentRecordView,
    /// Whether the same evidence was there already; then nothing was changed.
    pub duplicate: bool,
    /// Lists that the contact is on by this consent.
    pub joined: Vec<Uuid>,
    /// Lists that were asked for and not joined.
    pub refused: Vec<RefusedListView>,
}

/// A list that was not joined.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefusedList)]
#[graphql(name = "RefusedList", complex)]
pub struct RefusedListView {
    /// The list.
    pub list_id: Uuid,
    /// Why.
    pub reason: &'static str,
}

impl SubmittedConsentView {
    /// The view of a submission and of the record it ended in.
    #[must_use]
    pub fn new(submitted: SubmittedConsent, record: RecordedConsent) -> Self {
        let SubmittedConsent { record_id: _, contact_id: _, is_duplicate, joined, refused } = submitted;
        let refused = refused.into_iter().map(|(id, reason)| RefusedListView { list_id: id.into(), reason });
        Self {
            record: record.into(),
            duplicate: is_duplicate,
            joined: joined.into_iter().map(Uuid::from).collect(),
            refused: refused.collect(),
        }
    }
}

/// What a check of the account's chain found.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = LedgerVerification)]
#[graphql(name = "LedgerVerification")]
pub struct LedgerVerificationView {
    /// Whether every record is as it was written and none is missing.
    pub ok: bool,
    /// How many records were checked.
    pub records: u64,
    /// How many of them were erased: nothing personal is left in them, and each has a privacy request that says why.
    pub erased: u64,
    /// The first sequence that does not fit; `null` if all do.
    pub first_bad_sequence: Option<i64>,
    /// Hash of the last record, in hexadecimal, to compare with a copy kept elsewhere.
    pub head_hash: String,
}

impl From<Verification> for LedgerVerificationView {
    fn from(verification: Verification) -> Self {
        let Verification { records, erased, first_bad_sequence, head } = verification;
        Self { ok: first_bad_sequence.is_none(), records, erased, first_bad_sequence, head_hash: head }
    }
}
