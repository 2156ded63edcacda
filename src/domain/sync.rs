//! The words of a sync run.

use serde::{Deserialize, Serialize};

use super::wire_enum::wire_enum;

wire_enum! {
    /// How much of the store a run reads.
    RunMode {
        /// What changed since the last run, as far as the platform can tell.
        Incremental = "incremental",
        /// Everything; also finds what is gone.
        Full = "full",
    }
}

wire_enum! {
    /// Where a run stands.
    RunStatus {
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker is at it.
        Running = "running",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended with an error.
        Failed = "failed",
        /// Stopped on request.
        Cancelled = "cancelled",
    }
}

impl RunStatus {
    /// Whether a run that stands there will not change any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }
}

wire_enum! {
    /// Which runs wait behind each other: those that read what changed never wait behind passes over whole stores.
    Lane {
        /// Reads what changed; a matter of seconds.
        Changes = "changes",
        /// Reads a whole store; may take hours.
        Whole = "whole",
    }
}

wire_enum! {
    /// What began a run.
    RunCause {
        /// It was due.
        Schedule = "schedule",
        /// Somebody asked for it.
        Request = "request",
        /// A webhook named more than is read one by one.
        Webhook = "webhook",
    }
}

wire_enum! {
    /// Whether an integration may be synced.
    IntegrationState {
        /// Yes.
        Active = "active",
        /// Somebody paused it.
        Paused = "paused",
        /// The store refuses our credentials; somebody has to act.
        NeedsAttention = "needs_attention",
    }
}

/// What a run has done so far, in records and memberships.
///
/// **Invariant:** `read = created + updated + unchanged + skipped + quarantined`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Records the store sent.
    pub read: u64,
    /// New source records.
    pub created: u64,
    /// Source records whose content changed.
    pub updated: u64,
    /// Records equal to what we have.
    pub unchanged: u64,
    /// Records that are in order but nobody for our purposes.
    pub skipped: u64,
    /// Records that could not be used.
    pub quarantined: u64,
    /// Contacts that came onto a list.
    pub joined: u64,
    /// Contacts that went off a list.
    pub left: u64,
}

impl Counts {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: Self) {
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
        self.quarantined += other.quarantined;
        self.joined += other.joined;
        self.left += other.left;
    }

    /// Whether the records add up.
    #[must_use]
    pub const fn add_up(&self) -> bool {
        self.read == self.created + self.updated + self.unchanged + self.skipped + self.quarantined
    }
}
