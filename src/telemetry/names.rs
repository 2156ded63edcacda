//! Every metric: its name, its labels and what it means. `docs/metrics.md` shows the same, and a test compares them.
//!
//! **Invariant:** a label takes values of a small closed set, never an account, an integration, an address or a path.

/// HTTP requests by `method`, `route` (the pattern, never the path) and `status`.
pub const HTTP_REQUESTS: &str = "assent_http_requests_total";
/// Time to answer an HTTP request by `method` and `route`.
pub const HTTP_SECONDS: &str = "assent_http_request_duration_seconds";
/// GraphQL operations by `kind` and `outcome`.
pub const GRAPHQL_OPERATIONS: &str = "assent_graphql_operations_total";
/// Ended runs by `mode`, `status`, `platform` and `code`.
pub const SYNC_RUNS: &str = "assent_sync_runs_total";
/// Time from the start of a run to its end by `mode`, `platform` and `status`.
pub const SYNC_SECONDS: &str = "assent_sync_run_duration_seconds";
/// Runs that this process works on by `platform`.
pub const SYNC_RUNNING: &str = "assent_sync_runs_running";
/// Records read from stores by `platform` and `outcome`.
pub const SYNC_RECORDS: &str = "assent_sync_records_total";
/// Joins and leaves that stores brought about by `platform` and `change`.
pub const SYNC_MEMBERSHIPS: &str = "assent_sync_memberships_total";
/// Runs that have not ended, in the database, by `status`.
pub const SYNC_QUEUE: &str = "assent_sync_queue_runs";
/// Age of the run that has waited longest for a worker.
pub const SYNC_OLDEST: &str = "assent_sync_queue_oldest_seconds";
/// Takeovers by `work`.
pub const TAKEOVERS: &str = "assent_lease_takeovers_total";
/// Opt-out latency by `platform` and `way`.
pub const OPT_OUT_SECONDS: &str = "assent_opt_out_seconds";
/// Requests to stores by `platform` and `outcome`.
pub const STORE_REQUESTS: &str = "assent_store_requests_total";
/// Time of a request to a store by `platform`.
pub const STORE_SECONDS: &str = "assent_store_request_duration_seconds";
/// Waits of a store's reader by `platform` and `reason`.
pub const STORE_WAITS: &str = "assent_store_wait_seconds";
/// Webhook deliveries by `platform` and `outcome`.
pub const DELIVERIES: &str = "assent_webhook_deliveries_total";
/// Records read again after webhooks by `platform` and `outcome`.
pub const HINTS: &str = "assent_webhook_hints_total";
/// Records that wait to be read again, in the database, by `urgent`.
pub const HINTS_WAITING: &str = "assent_webhook_hints_waiting";
/// Time from a delivery until its record was written by `urgent`.
pub const HINT_SECONDS: &str = "assent_webhook_handling_seconds";
/// Privacy requests past their deadline.
pub const PRIVACY_OVERDUE: &str = "assent_privacy_requests_overdue";

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only up; begins at zero with the process.
    Counter,
    /// Up and down.
    Gauge,
    /// Seconds, counted by these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The word that Prometheus has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels that every sample has.
    pub labels: &'static [&'static str],
    /// What it counts, for people.
    pub meaning: &'static str,
}

/// From a read by key to the request time-out.
const REQUEST: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From a quick store to its time-out (`ASSENT_STORE_TIMEOUT_SECONDS`, at most 600).
const STORE: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0];
/// From a turn to the longest wait that a store may ask for, 15 minutes.
const WAIT: &[f64] = &[0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];
/// From an unchanged small shop to a first pass over a large one.
const RUN: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0];
/// From a webhook that is carried out at once to the daily full pass.
const OPT_OUT: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 43200.0, 86400.0];

/// All metrics, in the order of `docs/metrics.md`.
pub const METRICS: &[Metric] = &[
    counter(SYNC_RUNS, &["mode", "status", "platform", "code"], "Sync runs ended"),
    histogram(SYNC_SECONDS, RUN, &["mode", "platform", "status"], "Time from the start of a sync run to its end"),
    gauge(SYNC_RUNNING, &["platform"], "Sync runs that this process works on"),
    counter(SYNC_RECORDS, &["platform", "outcome"], "Records read from stores"),
    counter(
        SYNC_MEMBERSHIPS,
        &["platform", "change"],
        "Contacts that came onto a list or went off one by what a store said",
    ),
    gauge(SYNC_QUEUE, &["status"], "Sync runs that have not ended, in the whole database"),
    gauge(SYNC_OLDEST, &[], "Age of the sync run that has waited longest for a worker, in seconds"),
    counter(TAKEOVERS, &["work"], "Work taken over from a worker that fell silent"),
    histogram(
        OPT_OUT_SECONDS,
        OPT_OUT,
        &["platform", "way"],
        "Time from an opt-out that the store dates until the person was off the list",
    ),
    counter(STORE_REQUESTS, &["platform", "outcome"], "Requests sent to stores"),
    histogram(STORE_SECONDS, STORE, &["platform"], "Time of a request to a store"),
    histogram(STORE_WAITS, WAIT, &["platform", "reason"], "Time that reading from a store was held up"),
    counter(DELIVERIES, &["platform", "outcome"], "Webhook deliveries received"),
    counter(HINTS, &["platform", "outcome"], "Records that a webhook asked to read again"),
    gauge(HINTS_WAITING, &["urgent"], "Records that wait to be read again, in the whole database"),
    histogram(HINT_SECONDS, OPT_OUT, &["urgent"], "Time from the receipt of a delivery until its record was written"),
    gauge(PRIVACY_OVERDUE, &[], "Privacy requests past their deadline, in the whole database"),
    counter(HTTP_REQUESTS, &["method", "route", "status"], "HTTP requests answered"),
    histogram(HTTP_SECONDS, REQUEST, &["method", "route"], "Time to answer an HTTP request"),
    counter(GRAPHQL_OPERATIONS, &["kind", "outcome"], "GraphQL operations answered"),
];

const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, meaning }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, meaning }
}

const fn histogram(
    name: &'static str,
    bounds: &'static [f64],
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram(bounds), labels, meaning }
}
