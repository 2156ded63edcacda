//! What the service tells about itself: log lines on stderr, and metrics for Prometheus.
//!
//! **Invariant:** no email, name, token, secret or body is logged or becomes a label.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, LogFormat};

/// Counter of HTTP requests; labels `method`, `route` (the pattern, never the path) and `status`.
pub const HTTP_REQUESTS: &str = "assent_http_requests_total";
/// Histogram of the time to answer an HTTP request, in seconds; labels as [`HTTP_REQUESTS`] without `status`.
pub const HTTP_SECONDS: &str = "assent_http_request_duration_seconds";
/// Counter of requests to stores; labels `platform` and `outcome` (an HTTP status or an error code).
pub const STORE_REQUESTS: &str = "assent_store_requests_total";
/// Counter of ended sync runs; labels `mode` and `status`.
pub const SYNC_RUNS: &str = "assent_sync_runs_total";
/// Counter of records read from stores; labels `platform` and `outcome` (created, updated, unchanged, skipped,
/// quarantined).
pub const SYNC_RECORDS: &str = "assent_sync_records_total";
/// Gauge of sync runs that this process works on.
pub const SYNC_RUNNING: &str = "assent_sync_runs_running";
/// Counter of webhook deliveries; labels `platform` and `outcome` (taken, duplicate, unsigned, `bad_signature`,
/// `out_of_window`, unreadable, failed).
pub const DELIVERIES: &str = "assent_webhook_deliveries_total";
/// Counter of records that a webhook asked to read again; labels `platform` and `outcome` (handled, failed).
pub const HINTS: &str = "assent_webhook_hints_total";
/// Histogram of the time from the receipt of a delivery until its record was read again and written, in seconds; label
/// `urgent` (yes, no).
pub const HINT_SECONDS: &str = "assent_webhook_handling_seconds";
/// Gauge of privacy requests that are past their deadline, in all accounts.
pub const PRIVACY_OVERDUE: &str = "assent_privacy_requests_overdue";
/// Counter of GraphQL operations; labels `kind` (query, mutation, subscription, unknown) and `outcome` (ok, errors, refused).
pub const GRAPHQL_OPERATIONS: &str = "assent_graphql_operations_total";

/// Bounds of the time histogram in seconds: from a read by key to the request time-out.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What is less talkative than the rest unless the configured filter names it.
const QUIET: &str = "sea_orm_migration=warn";

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Why the service can't tell about itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter is not one.
    #[error("ASSENT_LOG must be a log filter, for example info,assent=debug")]
    Filter,
    /// Somebody else has set up logging.
    #[error("logging was set up twice in one process")]
    AlreadySet,
    /// Somebody else has set up metrics.
    #[error("metrics could not be set up: {0}")]
    Metrics(#[from] BuildError),
}

/// Sends log lines to stderr from now on; once per process.
///
/// # Errors
/// The filter can't be read, or logging was set up before.
pub fn init_logging(config: &Config) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log)).map_err(|_| TelemetryError::Filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    set.map_err(|_| TelemetryError::AlreadySet)
}

/// Collects metrics from now on; later calls in one process give the same handle.
///
/// # Errors
/// Another collector is installed in this process.
pub fn init_metrics() -> Result<PrometheusHandle, TelemetryError> {
    if let Some(handle) = METRICS.get() {
        return Ok(handle.clone());
    }
    let suffix = Matcher::Suffix("_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(suffix, SECONDS)?.install_recorder()?;
    describe();
    Ok(METRICS.get_or_init(|| handle).clone())
}

/// The page for Prometheus; `None` where metrics are not collected.
#[must_use]
pub fn render_metrics() -> Option<String> {
    METRICS.get().map(|handle| {
        handle.run_upkeep();
        handle.render()
    })
}

fn describe() {
    describe_counter!(HTTP_REQUESTS, "HTTP requests answered");
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "Time to answer an HTTP request");
    describe_counter!(STORE_REQUESTS, "Requests sent to stores");
    describe_counter!(SYNC_RUNS, "Sync runs ended");
    describe_counter!(SYNC_RECORDS, "Records read from stores");
    describe_gauge!(SYNC_RUNNING, "Sync runs being worked on");
    describe_counter!(DELIVERIES, "Webhook deliveries received");
    describe_counter!(HINTS, "Records that a webhook asked to read again");
    describe_histogram!(
        HINT_SECONDS,
        Unit::Seconds,
        "Time from the receipt of a delivery until its record was written"
    );
    describe_gauge!(PRIVACY_OVERDUE, "Privacy requests past their deadline");
    describe_counter!(GRAPHQL_OPERATIONS, "GraphQL operations answered");
}
