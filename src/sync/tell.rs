//! What syncing tells about itself: metrics and spans of runs, of what they write, and of their waits.

use chrono::TimeDelta;
use tracing::Span;

use crate::connectors::ConnectorError;
use crate::domain::Platform;
use crate::domain::sync::{Counts, RunMode, RunStatus};
use crate::service::settle::Settled;
use crate::store::sync_runs::Run;
use crate::telemetry::{
    OPT_OUT_SECONDS, SYNC_MEMBERSHIPS, SYNC_RECORDS, SYNC_RUNNING, SYNC_RUNS, SYNC_SECONDS, Wait, traces,
};

/// Value of a label that has none.
const NONE: &str = "none";

/// A run that this process works on; counted as such until it is dropped.
pub(super) struct UnderWay {
    platform: &'static str,
    mode: RunMode,
    /// Within which it is carried out.
    pub(super) span: Span,
}

impl UnderWay {
    /// `platform` is `None` where the integration is gone.
    pub(super) fn begin(platform: Option<Platform>, run: &Run) -> Self {
        let span = traces::run(run.id, run.integration_id, platform, run.mode);
        let platform = platform.map_or(NONE, Platform::as_str);
        metrics::gauge!(SYNC_RUNNING, "platform" => platform).increment(1.0);
        Self { platform, mode: run.mode, span }
    }

    /// Tells how the run ended, after how long, and the code of its failure.
    pub(super) fn ended(&self, status: RunStatus, code: Option<&'static str>, after: TimeDelta) {
        let (mode, platform, status) = (self.mode.as_str(), self.platform, status.as_str());
        traces::ended(&self.span, status, code);
        let code = code.unwrap_or(NONE);
        metrics::counter!(SYNC_RUNS, "mode" => mode, "status" => status, "platform" => platform, "code" => code)
            .increment(1);
        metrics::histogram!(SYNC_SECONDS, "mode" => mode, "platform" => platform, "status" => status)
            .record(after.as_seconds_f64().max(0.0));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        metrics::gauge!(SYNC_RUNNING, "platform" => self.platform).decrement(1.0);
    }
}

/// By which way something was found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// A run.
    Sync,
    /// A webhook.
    Webhook,
}

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Webhook => "webhook",
        }
    }
}

/// Tells what was written; only after its transaction was committed.
pub(super) fn written(platform: Platform, way: Way, counts: Counts, settled: &Settled) {
    let platform = platform.as_str();
    let outcomes = [
        ("created", counts.created),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("skipped", counts.skipped),
        ("quarantined", counts.quarantined),
    ];
    for (outcome, count) in outcomes {
        metrics::counter!(SYNC_RECORDS, "platform" => platform, "outcome" => outcome).increment(count);
    }
    for (change, count) in [("joined", settled.joined.values().sum()), ("left", settled.left.values().sum())] {
        metrics::counter!(SYNC_MEMBERSHIPS, "platform" => platform, "change" => change).increment(count);
    }
    for latency in &settled.opt_outs {
        metrics::histogram!(OPT_OUT_SECONDS, "platform" => platform, "way" => way.as_str())
            .record(latency.as_seconds_f64());
    }
}

/// What the engine waits for after an error that it bears with.
pub(super) const fn waits_for(error: &ConnectorError) -> Wait {
    match error {
        ConnectorError::Throttled { .. } => Wait::Throttled,
        ConnectorError::NotReady { .. } => Wait::NotReady,
        ConnectorError::Unreachable
        | ConnectorError::TimedOut
        | ConnectorError::StoreFailed { .. }
        | ConnectorError::BadAnswer { .. }
        | ConnectorError::CredentialsRejected
        | ConnectorError::Forbidden { .. }
        | ConnectorError::NotThere { .. }
        | ConnectorError::Moved
        | ConnectorError::OutOfService { .. }
        | ConnectorError::Refused { .. }
        | ConnectorError::ListTooLong { .. }
        | ConnectorError::TooLarge { .. }
        | ConnectorError::PrivateHost => Wait::Backoff,
    }
}
