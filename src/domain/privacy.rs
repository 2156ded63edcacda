//! What people may ask for by law, through their store: to see what is kept of them, and to be erased.
//!
//! Source: `vendors/shopify.md` section 10 and product.md section 6.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::ids::IntegrationId;
use super::people::{StoreId, Stream};
use super::wire_enum::wire_enum;

/// How long carrying out a request may take, from when it arrived. Source: `vendors/shopify.md` section 10.
pub const TIME_TO_CARRY_OUT: TimeDelta = TimeDelta::days(30);

wire_enum! {
    /// What a privacy request asks for.
    PrivacyKind {
        /// The data of one person, to be handed to the owner of the store.
        DataRequest = "data_request",
        /// One person's erasure.
        Redact = "redact",
        /// The erasure of everything that one store brought.
        ShopRedact = "shop_redact",
    }
}

wire_enum! {
    /// Where a privacy request stands.
    PrivacyState {
        /// To be carried out.
        Open = "open",
        /// The data is there to be handed over; nobody has said yet that it was.
        Ready = "ready",
        /// Carried out.
        Done = "done",
        /// The last try failed; it is tried again.
        Failed = "failed",
    }
}

/// A privacy request as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// Identity.
    pub id: Uuid,
    /// The store that handed it on; `None` if it was asked of us.
    pub integration_id: Option<IntegrationId>,
    /// What is asked for.
    pub kind: PrivacyKind,
    /// Where it stands.
    pub state: PrivacyState,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// Until when it has to be carried out.
    pub due_at: DateTime<Utc>,
    /// When it was.
    pub done_at: Option<DateTime<Utc>>,
    /// What came of it, without personal data.
    pub outcome: Option<String>,
    /// Who asked, or who said that the data was handed over, where a person or a program did.
    pub actor: Option<String>,
}

/// A privacy request, as a store hands it on.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivacyRequest {
    /// What is asked for.
    pub kind: PrivacyKind,
    /// Whom it is about; of no one person if the whole store is to be erased.
    pub subject: PrivacySubject,
}

/// A person, by what a store knows of them.
#[derive(Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivacySubject {
    /// The address as the store has it; not yet checked.
    pub email: Option<String>,
    /// The person's records in the store.
    pub records: Vec<(Stream, StoreId)>,
}

impl fmt::Debug for PrivacyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivacyRequest").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for PrivacySubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivacySubject(…)")
    }
}
