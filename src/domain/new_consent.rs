//! A consent that somebody submits, checked, before it becomes a record.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::consent::{CaptureMethod, Channel, ConsentAction, ConsentEvent, LegalBasis, OptInType};
use super::email::Email;
use super::evidence::RecordedConsent;
use super::ids::{ConsentRecordId, ListId};

/// A submitted consent. Every bound of [`super::consent::ConsentRecord`] holds.
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// Who agrees.
    pub email: Email,
    /// What happened.
    pub event: ConsentEvent,
    /// The record it refers to; not yet looked up.
    pub supersedes_id: Option<ConsentRecordId>,
    /// Channel.
    pub channel: Channel,
    /// For what.
    pub purposes: Vec<String>,
    /// What the person saw; always there for a grant.
    pub text: Option<String>,
    /// Language of the text.
    pub language: Option<String>,
    /// Privacy notice shown.
    pub policy_url: Option<String>,
    /// When the person agreed.
    pub consented_at: DateTime<Utc>,
    /// Page.
    pub url: Option<String>,
    /// Device.
    pub ip_address: Option<IpAddr>,
    /// Browser.
    pub user_agent: Option<String>,
    /// How the evidence reached us.
    pub capture_method: CaptureMethod,
    /// The submitter's own reference.
    pub capture_ref: Option<String>,
    /// What the person did.
    pub action: Option<ConsentAction>,
    /// Ground in law.
    pub legal_basis: LegalBasis,
    /// How sure the address is the person's.
    pub opt_in_type: OptInType,
    /// Marketing preferences at that moment.
    pub preferences_snapshot: Option<Value>,
    /// Identity that was shown.
    pub controller_name: Option<String>,
    /// ISO 3166 code.
    pub jurisdiction: Option<String>,
    /// When the agreement runs out.
    pub expires_at: Option<DateTime<Utc>>,
    /// Further evidence.
    pub evidence_ref: Option<String>,
    /// Anything else.
    pub metadata: Option<Value>,
    /// Lists to join; not yet looked up.
    pub lists: Vec<ListId>,
}

/// What became of a submitted consent.
#[derive(Debug, Clone)]
pub struct SubmittedConsent {
    /// The record, new or the same evidence from before.
    pub record: RecordedConsent,
    /// Lists that the contact is on by this consent.
    pub joined: Vec<ListId>,
    /// Lists that were asked for and not joined, each with the reason.
    pub refused: Vec<(ListId, &'static str)>,
}
