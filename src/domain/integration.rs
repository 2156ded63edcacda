//! An installed store.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::health::{Health, Planned};
use super::ids::{IntegrationId, ListId};
use super::shrink::Limit;
use super::sync::IntegrationState;
use super::words::{Audience, Platform};

/// One installed store, without its secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// Identity.
    pub id: IntegrationId,
    /// Platform.
    pub platform: Platform,
    /// Display name, unique in the account whatever its case.
    pub name: String,
    /// Settings that may be shown.
    pub settings: Map<String, Value>,
    /// Names of the secret settings that are there.
    pub secrets: Vec<String>,
    /// Whether it may be synced.
    pub state: IntegrationState,
    /// Why it needs attention: a stable code.
    pub state_code: Option<String>,
    /// Why it needs attention, and what to do.
    pub state_detail: Option<String>,
    /// What people should know about it, as it is set up or as its last run found the store.
    pub notices: Vec<Notice>,
    /// Which audience goes to which list.
    pub mappings: BTreeMap<Audience, ListId>,
    /// When it is synced.
    pub planned: Planned,
    /// How well that goes.
    pub health: Health,
    /// How far its lists are behind the store at most.
    pub lag: TimeDelta,
    /// How many a run may take off a list before it asks.
    pub leave_limit: Limit,
    /// When the last run ended well.
    pub synced_at: Option<DateTime<Utc>>,
    /// When the last full run ended well.
    pub full_synced_at: Option<DateTime<Utc>>,
    /// When it was installed.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed it.
    pub updated_at: DateTime<Utc>,
}

/// How long opt-outs in a store took until the person was off the list, of those that the store dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptOutLatency {
    /// How many there were; at least one.
    pub count: u64,
    /// The time within which half of them were carried out (nearest rank).
    pub p50: Duration,
    /// The time within which 99 of 100 were carried out (nearest rank).
    pub p99: Duration,
    /// From when on they are counted.
    pub since: DateTime<Utc>,
}

/// Something about an integration that works less far than one may expect. Syncing goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Stable code, `UPPER_SNAKE_CASE`.
    pub code: String,
    /// What it is and what to do about it; no personal data.
    pub detail: String,
}
