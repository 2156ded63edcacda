//! Sync runs, as both transports show and take them.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::schedule::FailureView;
use super::words::{Audience, QuarantineReason, RunCause, RunMode, RunStatus, Stream};
use crate::domain::completeness::Completeness;
use crate::domain::people;
use crate::domain::run::{QuarantinedRecord, Retry, SyncRun};
use crate::domain::sync::Counts;

/// One pass over one integration. `read = created + updated + unchanged + skipped + quarantined`.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = SyncRun)]
#[graphql(name = "SyncRun", complex)]
pub struct SyncRunView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// The store.
    pub integration_id: Uuid,
    /// How much is read.
    pub mode: RunMode,
    /// What began it.
    pub cause: RunCause,
    /// Where it stands.
    pub status: RunStatus,
    /// Records that the store sent.
    pub read: u64,
    /// New source records.
    pub created: u64,
    /// Source records whose content changed, also to "gone".
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
    /// Records in all, as far as the store tells.
    pub total: Option<u64>,
    /// The failed run from whose checkpoint it went on.
    pub continues_id: Option<Uuid>,
    /// Records that the runs read which it continues; they are part of the total.
    pub read_before: u64,
    /// What a full run saw beside the store's own counts, by stream; empty before a stream was read to its end, and
    /// without those whose count the store does not tell exactly.
    pub completeness: Vec<CompletenessView>,
    /// Whether it shall stop after the page it is at.
    pub cancel_requested: bool,
    /// Stable code of the failure.
    pub error_code: Option<String>,
    /// What failed and what to do.
    pub error_detail: Option<String>,
    /// The same with its kind, what to do and who can.
    pub failure: Option<FailureView>,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
    /// When a worker first took it up.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<SyncRun> for SyncRunView {
    fn from(run: SyncRun) -> Self {
        let SyncRun {
            id,
            integration_id,
            mode,
            cause,
            status,
            counts,
            total,
            continues,
            read_before,
            completeness,
            cancel_requested,
            failure,
            queued_at,
            started_at,
            finished_at,
        } = run;
        let Counts { read, created, updated, unchanged, skipped, quarantined, joined, left } = counts;
        Self {
            id: id.into(),
            integration_id: integration_id.into(),
            mode: mode.into(),
            cause: cause.into(),
            status: status.into(),
            read,
            created,
            updated,
            unchanged,
            skipped,
            quarantined,
            joined,
            left,
            total,
            continues_id: continues.map(Into::into),
            read_before,
            completeness: completeness.into_iter().map(Into::into).collect(),
            cancel_requested,
            error_code: failure.as_ref().map(|failure| failure.code.clone()),
            error_detail: failure.as_ref().map(|failure| failure.detail.clone()),
            failure: failure.map(Into::into),
            queued_at,
            started_at,
            finished_at,
        }
    }
}

/// What a full run saw of a stream of records beside the store's own count of it.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Completeness)]
#[graphql(name = "Completeness")]
pub struct CompletenessView {
    /// Where in the store.
    pub stream: Stream,
    /// Whom its records can bring onto a list.
    pub audiences: Vec<Audience>,
    /// How many records the store counted last.
    pub store_total: u64,
    /// How many different records the run saw, those that could not be used among them. More than the store counts:
    /// some were deleted while it was read.
    pub seen: u64,
    /// How many the store counts that the run did not see, also when it read the stream once more. While there are any,
    /// absence from the stream takes nobody off a list.
    pub gap: u64,
    /// How many were found only when the stream was read once more.
    pub swept: u64,
}

impl From<(people::Stream, Completeness)> for CompletenessView {
    fn from((stream, completeness): (people::Stream, Completeness)) -> Self {
        let gap = completeness.gap();
        let Completeness { audiences, store_total, seen, swept } = completeness;
        let audiences = audiences.into_iter().map(Into::into).collect();
        Self { stream: stream.into(), audiences, store_total, seen, gap, swept }
    }
}

/// A record of a store that could not be used. The run went on.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuarantinedRecord)]
#[graphql(name = "QuarantinedRecord", complex)]
pub struct QuarantinedRecordView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// The store.
    pub integration_id: Uuid,
    /// The run that found it.
    pub run_id: Uuid,
    /// Where in the store.
    pub stream: Stream,
    /// The store's own id, where it could be read.
    pub store_id: Option<String>,
    /// Why it could not be used.
    pub reason: QuarantineReason,
    /// What is wrong; never a value of the record.
    pub detail: String,
    /// When it was found.
    pub created_at: DateTime<Utc>,
    /// When the record was first read well again, or was found to be gone; `null` while it is not settled.
    pub resolved_at: Option<DateTime<Utc>>,
}

impl From<QuarantinedRecord> for QuarantinedRecordView {
    fn from(record: QuarantinedRecord) -> Self {
        let QuarantinedRecord { id, integration_id, run_id, stream, store_id, reason, detail, created_at, resolved_at } =
            record;
        Self {
            id,
            integration_id: integration_id.into(),
            run_id: run_id.into(),
            stream: stream.into(),
            store_id,
            reason: reason.into(),
            detail,
            created_at,
            resolved_at,
        }
    }
}

/// Records to be read again that a run could not use.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = IssueChoice)]
pub struct RetryInput {
    /// Identities of issues of the run; absent: all of them.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 500)]
    pub ids: Option<Vec<Uuid>>,
}

/// What came of having records read again that a run could not use.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = IssueRetry)]
#[graphql(name = "IssueRetry")]
pub struct RetryView {
    /// Records that are read again soon, each counted once. One that is read well then has a `resolvedAt`.
    pub queued: u64,
    /// Records whose identity could not be read: only a full run sees them again.
    pub unidentified: u64,
    /// Records that were read well meanwhile.
    pub resolved: u64,
}

impl From<Retry> for RetryView {
    fn from(Retry { queued, unidentified, resolved }: Retry) -> Self {
        Self { queued, unidentified, resolved }
    }
}

/// A run to be started.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSync)]
#[graphql(name = "NewSync")]
pub struct SyncInput {
    /// How much of the store is read.
    pub mode: RunMode,
}
