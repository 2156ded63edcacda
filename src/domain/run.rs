//! A pass over a store, as it is kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::completeness::Completeness;
use super::failure::Failure;
use super::ids::{IntegrationId, SyncRunId};
use super::people::{QuarantineReason, Stream};
use super::sync::{Counts, RunCause, RunMode, RunStatus};

/// One pass over one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// Identity.
    pub id: SyncRunId,
    /// Store.
    pub integration_id: IntegrationId,
    /// How much is read.
    pub mode: RunMode,
    /// What began it.
    pub cause: RunCause,
    /// Where it stands.
    pub status: RunStatus,
    /// What it has done so far.
    pub counts: Counts,
    /// Records in all, as far as the store tells.
    pub total: Option<u64>,
    /// The failed run from whose checkpoint it went on.
    pub continues: Option<SyncRunId>,
    /// Records that the runs read which it continues; they are part of the total.
    pub read_before: u64,
    /// What a full run saw of each stream beside the store's own count, where it told one and was read to its end.
    pub completeness: BTreeMap<Stream, Completeness>,
    /// Whether it shall stop after this page.
    pub cancel_requested: bool,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
    /// When a worker first took it up.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRecord {
    /// Identity.
    pub id: Uuid,
    /// Store.
    pub integration_id: IntegrationId,
    /// Run.
    pub run_id: SyncRunId,
    /// Where in the store.
    pub stream: Stream,
    /// The store's own id, where it could be read.
    pub store_id: Option<String>,
    /// Why.
    pub reason: QuarantineReason,
    /// What is wrong; never a value.
    pub detail: String,
    /// When it was found.
    pub created_at: DateTime<Utc>,
    /// When the record was first read well again, or was found to be gone.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// Which of the records that a run could not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Issues {
    /// All of them.
    All,
    /// Those that are not settled.
    Unresolved,
}

/// What came of having records read again that a run could not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    /// Records that are read again soon, each counted once.
    pub queued: u64,
    /// Records whose identity could not be read: only a full run sees them again.
    pub unidentified: u64,
    /// Records that were read well meanwhile.
    pub resolved: u64,
}
