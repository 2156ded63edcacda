//! A person of an account, and all that is known about why they are on a list.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ids::{ConsentRecordId, ContactId, IntegrationId, ListId, MembershipId, SourceRecordId, SyncRunId};
use super::membership::{Cause, GroundKind, MembershipEventKind};
use super::people::{PersonKind, Stream};
use super::statement::{OptIn, OptInSource};
use super::words::{Audience, Purpose};

/// One person.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Identity.
    pub id: ContactId,
    /// Address as typed.
    pub email: String,
    /// Normalised address, unique in the account.
    pub email_normalized: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Since when the address is suppressed, if it is.
    pub suppressed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A contact being on a list, with everything that it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Identity.
    pub id: MembershipId,
    /// Who.
    pub contact_id: ContactId,
    /// On what.
    pub list_id: ListId,
    /// The list's name.
    pub list_name: String,
    /// The list's purpose.
    pub list_purpose: Purpose,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// Why: never empty.
    pub causes: Vec<Ground>,
}

/// One reason that keeps a contact on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// What kind of reason.
    pub kind: GroundKind,
    /// The integration whose mapping gives it.
    pub integration_id: Option<IntegrationId>,
    /// That integration's name.
    pub integration_name: Option<String>,
    /// As what the integration yields the person.
    pub audience: Option<Audience>,
    /// The store's record it rests on.
    pub source_record_id: Option<SourceRecordId>,
    /// The consent it rests on.
    pub consent_record_id: Option<ConsentRecordId>,
    /// Who gave it, where a person or a program did.
    pub actor: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A join or a leave, with its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipEvent {
    /// Identity.
    pub id: Uuid,
    /// On or off what.
    pub list_id: ListId,
    /// Who.
    pub contact_id: ContactId,
    /// Which of both.
    pub kind: MembershipEventKind,
    /// The rule.
    pub cause: Cause,
    /// As what, where a mapping caused it.
    pub audience: Option<Audience>,
    /// The run that found it.
    pub run_id: Option<SyncRunId>,
    /// The store it came from.
    pub integration_id: Option<IntegrationId>,
    /// The store's record it rests on.
    pub source_record_id: Option<SourceRecordId>,
    /// The consent it rests on.
    pub consent_record_id: Option<ConsentRecordId>,
    /// Who, where a person or a program did.
    pub actor: Option<String>,
    /// When the person opted out, if that is why and the store tells when.
    pub said_at: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What one integration last said about one store person.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// Identity.
    pub id: SourceRecordId,
    /// Store.
    pub integration_id: IntegrationId,
    /// Where in the store.
    pub stream: Stream,
    /// The store's own id.
    pub store_id: String,
    /// Standing in the store.
    pub kind: PersonKind,
    /// Address as the store has it.
    pub email: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The flag as the store last showed it.
    pub shown: OptIn,
    /// What it is worth for this address.
    pub word: Option<OptIn>,
    /// From when it counts: when it was said, as far as the store tells.
    pub word_at: Option<DateTime<Utc>>,
    /// Whether the store gives no time that can be believed.
    pub word_observed: bool,
    /// By which way.
    pub opt_in_source: OptInSource,
    /// The vendor's own words for the flag.
    pub opt_in_detail: String,
    /// The newest consent record made from it.
    pub consent_record_id: Option<ConsentRecordId>,
    /// When we first read it.
    pub first_seen_at: DateTime<Utc>,
    /// When its content last changed.
    pub changed_at: DateTime<Utc>,
    /// Since when the store no longer has it.
    pub gone_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for SourceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What an address no longer wants: a grant from before it counts for nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct OptOut {
    /// Normalised address.
    pub email_normalized: String,
    /// The store where it was said; `None` if it was said to us.
    pub integration_id: Option<IntegrationId>,
    /// When it was said.
    pub withdrawn_at: DateTime<Utc>,
}

impl fmt::Debug for OptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptOut").field("integration_id", &self.integration_id).finish_non_exhaustive()
    }
}
