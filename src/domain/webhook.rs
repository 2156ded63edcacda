//! Webhooks of an integration, as they are shown.

use chrono::{DateTime, Utc};

use super::people::Stream;
use super::wire_enum::wire_enum;

wire_enum! {
    /// Whether the store sends webhooks here.
    RegistrationState {
        /// Not tried yet.
        Pending = "pending",
        /// The store sends them, as far as `topics` and `problems` say.
        Registered = "registered",
        /// The store could not be told to; it is tried again.
        Failed = "failed",
        /// The platform has none that this service takes; changes are found by syncing.
        Unsupported = "unsupported",
        /// The public address of this service can't be reached by a store.
        Unreachable = "unreachable",
    }
}

/// Webhooks of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Where they arrive.
    pub address: String,
    /// Whether the store sends them.
    pub state: RegistrationState,
    /// Why it stands so, and what to do.
    pub detail: Option<String>,
    /// The topics that the store delivers, in the platform's words.
    pub topics: Vec<String>,
    /// What is missing and what to do about it.
    pub problems: Vec<String>,
    /// When the store last told what is registered.
    pub checked_at: Option<DateTime<Utc>>,
    /// When the store's last delivery was taken.
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Deliveries taken in the last seven days, repeated ones once.
    pub deliveries: u64,
    /// Records that wait to be read again.
    pub pending: u64,
    /// Since when the oldest of them waits.
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// Records read again in all.
    pub handled: u64,
    /// When a record was last read again.
    pub last_handled_at: Option<DateTime<Utc>>,
    /// How long that took from the receipt of its delivery, in milliseconds.
    pub last_handling_ms: Option<u64>,
    /// Records that could not be read again in the last seven days; the next full sync sees them.
    pub given_up: u64,
    /// The last of them, newest first, at most 20.
    pub last_given_up: Vec<GivenUp>,
}

/// A record that could not be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Where in the store.
    pub stream: Stream,
    /// The store's own id.
    pub store_id: String,
    /// When its delivery was taken.
    pub received_at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// Stable code of the failure.
    pub code: String,
    /// What failed and what to do.
    pub detail: String,
}

/// What a self-test of the webhooks found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTest {
    /// Whether the store sends webhooks and they arrive here, as far as can be told.
    pub ok: bool,
    /// The topics that the store delivers, in the platform's words.
    pub topics: Vec<String>,
    /// What is wrong and what to do about it.
    pub problems: Vec<String>,
    /// Whether a delivery that this service sent to its own public address arrived.
    pub arrived: bool,
    /// How long that took, in milliseconds.
    pub arrived_after_ms: Option<u64>,
    /// When the store's last delivery was taken.
    pub last_delivery_at: Option<DateTime<Utc>>,
}
