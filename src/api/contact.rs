//! People, and why they are on a list, as both transports show them.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::{Audience, Cause, GroundKind, MembershipEventKind, OptIn, OptInSource, PersonKind, Purpose, Stream};
use crate::domain::contact::{Contact, Ground, Membership, MembershipEvent, SourceRecord};
use crate::error::Error;
use crate::service::input;

/// One person of the account.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Contact)]
#[graphql(name = "Contact", complex)]
pub struct ContactView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// Address as typed.
    pub email: String,
    /// Normalised address, unique in the account.
    pub email_normalized: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Since when the address is suppressed; `null` if it is not.
    pub suppressed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        let Contact { id, email, email_normalized, first_name, last_name, suppressed_at, created_at, updated_at } =
            contact;
        Self { id: id.into(), email, email_normalized, first_name, last_name, suppressed_at, created_at, updated_at }
    }
}

/// A contact being on a list, with everything that it rests on.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Membership)]
#[graphql(name = "Membership", complex)]
pub struct MembershipView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// Who.
    pub contact_id: Uuid,
    /// On what.
    pub list_id: Uuid,
    /// The list's name.
    pub list_name: String,
    /// The list's purpose.
    pub list_purpose: Purpose,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// Why. The contact stays on the list while one of these holds.
    pub causes: Vec<GroundView>,
}

impl From<Membership> for MembershipView {
    fn from(membership: Membership) -> Self {
        let Membership { id, contact_id, list_id, list_name, list_purpose, joined_at, causes } = membership;
        Self {
            id: id.into(),
            contact_id: contact_id.into(),
            list_id: list_id.into(),
            list_name,
            list_purpose: list_purpose.into(),
            joined_at,
            causes: causes.into_iter().map(GroundView::from).collect(),
        }
    }
}

/// One reason that keeps a contact on a list.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = MembershipCause)]
#[graphql(name = "MembershipCause", complex)]
pub struct GroundView {
    /// What kind of reason.
    pub kind: GroundKind,
    /// The integration whose mapping gives it.
    pub integration_id: Option<Uuid>,
    /// That integration's name.
    pub integration_name: Option<String>,
    /// As what the integration yields the person.
    pub audience: Option<Audience>,
    /// The store's record it rests on.
    pub source_record_id: Option<Uuid>,
    /// The consent it rests on.
    pub consent_record_id: Option<Uuid>,
    /// Who gave it, where a person or a program did.
    pub actor: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl From<Ground> for GroundView {
    fn from(ground: Ground) -> Self {
        let Ground {
            kind,
            integration_id,
            integration_name,
            audience,
            source_record_id,
            consent_record_id,
            actor,
            since,
        } = ground;
        Self {
            kind: kind.into(),
            integration_id: integration_id.map(Uuid::from),
            integration_name,
            audience: audience.map(Audience::from),
            source_record_id: source_record_id.map(Uuid::from),
            consent_record_id: consent_record_id.map(Uuid::from),
            actor,
            since,
        }
    }
}

/// A join or a leave, with its cause. Kept for ever.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = MembershipEvent)]
#[graphql(name = "MembershipEvent", complex)]
pub struct MembershipEventView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// On or off which list.
    pub list_id: Uuid,
    /// Who.
    pub contact_id: Uuid,
    /// Joined or left.
    pub kind: MembershipEventKind,
    /// By which rule.
    pub cause: Cause,
    /// As what, where a mapping caused it.
    pub audience: Option<Audience>,
    /// The run that found it.
    pub run_id: Option<Uuid>,
    /// The store it came from.
    pub integration_id: Option<Uuid>,
    /// The store's record it rests on.
    pub source_record_id: Option<Uuid>,
    /// The consent it rests on.
    pub consent_record_id: Option<Uuid>,
    /// Who, where a person or a program did.
    pub actor: Option<String>,
    /// When the person opted out, if that is why they left and the store tells when; else `null`. From then to `at` is how
    /// long it took.
    pub said_at: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
}

impl From<MembershipEvent> for MembershipEventView {
    fn from(event: MembershipEvent) -> Self {
        let MembershipEvent {
            id,
            list_id,
            contact_id,
            kind,
            cause,
            audience,
            run_id,
            integration_id,
            source_record_id,
            consent_record_id,
            actor,
            said_at,
            at,
        } = event;
        Self {
            id,
            list_id: list_id.into(),
            contact_id: contact_id.into(),
            kind: kind.into(),
            cause: cause.into(),
            audience: audience.map(Audience::from),
            run_id: run_id.map(Uuid::from),
            integration_id: integration_id.map(Uuid::from),
            source_record_id: source_record_id.map(Uuid::from),
            consent_record_id: consent_record_id.map(Uuid::from),
            actor,
            said_at,
            at,
        }
    }
}

/// What one integration last said about one store person.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = SourceRecord)]
#[graphql(name = "SourceRecord", complex)]
pub struct SourceRecordView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// The store.
    pub integration_id: Uuid,
    /// Where in the store.
    pub stream: Stream,
    /// The store's own id.
    pub store_id: String,
    /// Standing in the store.
    pub kind: PersonKind,
    /// Address as the store has it; `null` once the record is gone.
    pub email: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The opt-in flag as the store last showed it.
    pub shown: OptIn,
    /// What the flag is worth for this address; `null` while the store has said nothing.
    pub word: Option<OptIn>,
    /// From when that counts: when it was said, as far as the store tells.
    pub word_at: Option<DateTime<Utc>>,
    /// Whether the store gives no time that can be believed.
    pub word_observed: bool,
    /// By which way.
    pub opt_in_source: OptInSource,
    /// The vendor's own words for the flag.
    pub opt_in_detail: String,
    /// The newest consent record made from it.
    pub consent_record_id: Option<Uuid>,
    /// When we first read it.
    pub first_seen_at: DateTime<Utc>,
    /// When its content last changed.
    pub changed_at: DateTime<Utc>,
    /// Since when the store no longer has it.
    pub gone_at: Option<DateTime<Utc>>,
}

impl From<SourceRecord> for SourceRecordView {
    fn from(record: SourceRecord) -> Self {
        let SourceRecord {
            id,
            integration_id,
            stream,
            store_id,
            kind,
            email,
            first_name,
            last_name,
            shown,
            word,
            word_at,
            word_observed,
            opt_in_source,
            opt_in_detail,
            consent_record_id,
            first_seen_at,
            changed_at,
            gone_at,
        } = record;
        Self {
            id: id.into(),
            integration_id: integration_id.into(),
            stream: stream.into(),
            store_id,
            kind: kind.into(),
            email,
            first_name,
            last_name,
            shown: shown.into(),
            word: word.map(OptIn::from),
            word_at,
            word_observed,
            opt_in_source: opt_in_source.into(),
            opt_in_detail,
            consent_record_id: consent_record_id.map(Uuid::from),
            first_seen_at,
            changed_at,
            gone_at,
        }
    }
}

/// Why an address shall not be mailed any more.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Suppress)]
#[graphql(name = "Suppress")]
pub struct SuppressInput {
    /// The reason, for people, 1 to 255 characters, without personal data.
    #[schema(min_length = 1, max_length = 255)]
    pub reason: String,
}

impl SuppressInput {
    /// The reason, checked.
    ///
    /// # Errors
    /// Empty, too long, or with control characters.
    pub fn reason(&self) -> Result<String, Error> {
        input::text("reason", &self.reason, 255)
    }
}
