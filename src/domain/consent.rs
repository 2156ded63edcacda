//! Consent records: what a person agreed to, when, where, and how we know.
//!
//! Source of fields and limits: `vendors/consent.md` section 5 of the project's reference, a superset of
//! Dotdigital's ConsentInsight.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::ids::{AccountId, ConsentRecordId, ContactId};
use super::wire_enum::wire_enum;

/// Longest consent text, in characters (ConsentInsight's limit).
pub const MAX_TEXT_CHARS: usize = 1000;
/// Longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// Longest user agent kept, in bytes; longer ones are cut, not refused.
pub const MAX_USER_AGENT_BYTES: usize = 1024;
/// Most purposes of one record.
pub const MAX_PURPOSES: usize = 20;
/// Longest purpose, in characters.
pub const MAX_PURPOSE_CHARS: usize = 128;
/// Longest metadata, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 8 * 1024;
/// How far in the future a consent time may lie, in seconds, for clocks that are a little ahead.
pub const MAX_FUTURE_SECONDS: i64 = 300;
/// How many records are shown first.
pub const SHOWN_FIRST: u64 = 5;
/// Version of the record's shape.
pub const SCHEMA_VERSION: &str = "1";

wire_enum! {
    /// What happened.
    ConsentEvent {
        /// The person agreed.
        Granted = "granted",
        /// The person was asked and said no.
        Refused = "refused",
        /// The person took an agreement back.
        Withdrawn = "withdrawn",
        /// A confirmation was asked for (double opt-in).
        Requested = "requested",
        /// The confirmation was given (double opt-in).
        Confirmed = "confirmed",
        /// The person agreed again.
        Renewed = "renewed",
        /// The agreement ran out.
        Expired = "expired",
        /// The agreement was found not to be valid.
        Invalidated = "invalidated",
        /// An import corrects an earlier record.
        ImportedCorrection = "imported_correction",
    }
}

impl ConsentEvent {
    /// Whether this is a yes that may put a person on a list.
    #[must_use]
    pub const fn is_grant(self) -> bool {
        matches!(self, Self::Granted | Self::Confirmed | Self::Renewed)
    }
}

wire_enum! {
    /// The channel that an agreement is about.
    Channel {
        /// Email.
        Email = "email",
        /// Text messages.
        Sms = "sms",
        /// WhatsApp.
        Whatsapp = "whatsapp",
        /// Push messages.
        Push = "push",
        /// Letters.
        Post = "post",
        /// Calls.
        Phone = "phone",
        /// All of them.
        All = "all",
    }
}

wire_enum! {
    /// How the evidence reached us.
    CaptureMethod {
        /// A signup form hosted here.
        SignupForm = "signup_form",
        /// A form on someone else's page.
        EmbeddedForm = "embedded_form",
        /// A call of the API.
        Api = "api",
        /// A file import.
        Import = "import",
        /// Read from a store.
        StoreSync = "store_sync",
        /// A confirmation link.
        DoubleOptIn = "double_opt_in",
        /// The person's preference page.
        PreferenceCentre = "preference_centre",
        /// An unsubscribe link.
        UnsubscribeLink = "unsubscribe_link",
        /// Somebody on the phone or at the till.
        SupportAgent = "support_agent",
    }
}

wire_enum! {
    /// What the person did.
    ConsentAction {
        /// Ticked a box.
        Ticked = "ticked",
        /// Clicked a button.
        Clicked = "clicked",
        /// Typed something.
        Typed = "typed",
        /// Said it.
        Spoken = "spoken",
        /// Signed it.
        Signed = "signed",
        /// Followed a confirmation link.
        ConfirmedLink = "confirmed_link",
        /// Nothing explicit.
        Implied = "implied",
    }
}

wire_enum! {
    /// The ground in law.
    LegalBasis {
        /// Consent.
        Consent = "consent",
        /// Explicit consent.
        ExplicitConsent = "explicit_consent",
        /// One's own customers and similar goods.
        SoftOptIn = "soft_opt_in",
        /// Implied consent, where the law knows it.
        Implied = "implied",
        /// Not known.
        Unknown = "unknown",
    }
}

wire_enum! {
    /// How sure it is that the person owns the address.
    OptInType {
        /// Not known.
        Unknown = "unknown",
        /// The address was given once.
        Single = "single",
        /// Somebody else confirmed it.
        Double = "double",
        /// We confirmed it.
        VerifiedDouble = "verified_double",
    }
}

/// The content of a consent record, before the ledger gives it a place.
#[derive(Clone, Debug)]
pub struct ConsentRecord {
    /// Identity; also the receipt's.
    pub id: ConsentRecordId,
    /// Tenant.
    pub account_id: AccountId,
    /// Who; `None` after erasure.
    pub contact_id: Option<ContactId>,
    /// What happened.
    pub event: ConsentEvent,
    /// The record that a withdrawal, renewal or correction refers to.
    pub supersedes_id: Option<ConsentRecordId>,
    /// Channel.
    pub channel: Channel,
    /// 1 to [`MAX_PURPOSES`] purposes, for example `newsletter`.
    pub purposes: Vec<String>,
    /// What the person saw, exactly, 1 to [`MAX_TEXT_CHARS`] characters; always there for a grant.
    pub text: Option<String>,
    /// Language of the text (BCP 47), at most 35 characters.
    pub language: Option<String>,
    /// Privacy notice shown, http or https.
    pub policy_url: Option<String>,
    /// When the person agreed.
    pub consented_at: DateTime<Utc>,
    /// When we took it down; our clock only.
    pub created_at: DateTime<Utc>,
    /// Page, without fragment.
    pub url: Option<String>,
    /// Address of the person's device.
    pub ip_address: Option<IpAddr>,
    /// Browser of the person.
    pub user_agent: Option<String>,
    /// How the evidence reached us.
    pub capture_method: CaptureMethod,
    /// Form id, import row, or integration and store id; at most 255 bytes.
    pub capture_ref: Option<String>,
    /// What the person did.
    pub action: Option<ConsentAction>,
    /// Ground in law.
    pub legal_basis: LegalBasis,
    /// How sure the address is the person's.
    pub opt_in_type: OptInType,
    /// Marketing preferences at that moment, as an array of objects.
    pub preferences_snapshot: Option<Value>,
    /// Lists joined by this act, as an array of `{listId, name}`.
    pub lists_snapshot: Option<Value>,
    /// Identity that was shown to the person, at most 255 bytes.
    pub controller_name: Option<String>,
    /// ISO 3166 code, at most 16 bytes.
    pub jurisdiction: Option<String>,
    /// When the agreement runs out.
    pub expires_at: Option<DateTime<Utc>>,
    /// User, API client or connector that recorded it, at most 128 bytes.
    pub recorded_by: String,
    /// Screenshot, message id, token id; at most 255 bytes.
    pub evidence_ref: Option<String>,
    /// Anything else, a JSON object of at most [`MAX_METADATA_BYTES`].
    pub metadata: Option<Value>,
}

/// Namespace of the names below, so that equal evidence has an equal key in every release.
const DEDUPE_VERSION: &[u8] = b"assent-consent-1\0";

impl ConsentRecord {
    /// SHA-256 of the text, to group records by wording.
    #[must_use]
    pub fn text_hash(&self) -> Option<[u8; 32]> {
        use sha2::{Digest, Sha256};
        self.text.as_ref().map(|text| Sha256::digest(text.as_bytes()).into())
    }

    /// Key under which the same evidence is the same: contact, channel, wording, time, way, reference and event.
    ///
    /// A repeat of an import or a sync is found by it and not stored again.
    #[must_use]
    pub fn dedupe_key(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        let contact = self.contact_id.map_or_else(Uuid::nil, Uuid::from);
        let mut hasher = Sha256::new_with_prefix(DEDUPE_VERSION);
        hasher.update(contact.as_bytes());
        for part in [self.channel.as_str(), self.capture_method.as_str(), self.event.as_str()] {
            hasher.update(part);
            hasher.update([0]);
        }
        hasher.update(self.text_hash().unwrap_or_default());
        hasher.update(self.consented_at.timestamp_micros().to_be_bytes());
        hasher.update(self.capture_ref.as_deref().unwrap_or_default());
        hasher.finalize().into()
    }
}
