//! Series that are there from the start, at zero: Prometheus' `increase` counts from the first sample on, so that the first
//! event of a series that begins with it is never seen.
//!
//! Only small closed sets. What has many possible series (requests by status, waits, durations) begins with its first event.

use super::names::{
    DELIVERIES, GRAPHQL_OPERATIONS, HINTS, OPT_OUT_SECONDS, SYNC_MEMBERSHIPS, SYNC_RECORDS, SYNC_RUNNING, SYNC_RUNS,
    TAKEOVERS,
};
use crate::domain::failure::{self, FailureClass};
use crate::domain::sync::{RunMode, RunStatus};
use crate::domain::{Platform, capabilities};

const WORK: &[&str] = &["run", "hints"];
const RECORDS: &[&str] = &["created", "updated", "unchanged", "skipped", "quarantined"];
const MEMBERSHIPS: &[&str] = &["joined", "left"];
const OPT_OUT_WAYS: &[&str] = &["webhook", "sync"];
const DELIVERED: &[&str] =
    &["taken", "duplicate", "unsigned", "bad_signature", "out_of_window", "unreadable", "failed"];
const READ_AGAIN: &[&str] = &["handled", "failed"];
const OPERATIONS: &[&str] = &["query", "mutation", "subscription", "unknown"];
const ANSWERS: &[&str] = &["ok", "errors", "refused"];

/// Begins them.
pub(super) fn begin() {
    for work in WORK {
        metrics::counter!(TAKEOVERS, "work" => *work).increment(0);
    }
    for kind in OPERATIONS {
        for outcome in ANSWERS {
            metrics::counter!(GRAPHQL_OPERATIONS, "kind" => *kind, "outcome" => *outcome).increment(0);
        }
    }
    for platform in Platform::ALL {
        of_runs(*platform);
        if capabilities::of(*platform).webhooks.is_some() {
            of_webhooks(platform.as_str());
        }
    }
}

fn of_runs(platform: Platform) {
    let platform = platform.as_str();
    metrics::gauge!(SYNC_RUNNING, "platform" => platform).increment(0.0);
    for outcome in RECORDS {
        metrics::counter!(SYNC_RECORDS, "platform" => platform, "outcome" => *outcome).increment(0);
    }
    for change in MEMBERSHIPS {
        metrics::counter!(SYNC_MEMBERSHIPS, "platform" => platform, "change" => *change).increment(0);
    }
    for way in OPT_OUT_WAYS {
        // A histogram that is only named has no values, and is shown.
        drop(metrics::histogram!(OPT_OUT_SECONDS, "platform" => platform, "way" => *way));
    }
    for mode in RunMode::ALL {
        for (status, code) in ends() {
            let (mode, status) = (mode.as_str(), status.as_str());
            metrics::counter!(SYNC_RUNS, "mode" => mode, "status" => status, "platform" => platform, "code" => code)
                .increment(0);
        }
    }
}

fn of_webhooks(platform: &'static str) {
    for outcome in DELIVERED {
        metrics::counter!(DELIVERIES, "platform" => platform, "outcome" => *outcome).increment(0);
    }
    for outcome in READ_AGAIN {
        metrics::counter!(HINTS, "platform" => platform, "outcome" => *outcome).increment(0);
    }
}

/// How runs end: well, on request, or by a failure of which each has its code. A record that can't be used ends none.
fn ends() -> impl Iterator<Item = (RunStatus, &'static str)> {
    let ends_a_run = |code: &&str| failure::explain(code, String::new()).class != FailureClass::BadRecord;
    [(RunStatus::Succeeded, "none"), (RunStatus::Cancelled, "none")]
        .into_iter()
        .chain(failure::codes().filter(ends_a_run).map(|code| (RunStatus::Failed, code)))
}
