//! The metrics as Prometheus reads them.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::names::{Kind, METRICS};
use super::{TelemetryError, zeros};

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Collects metrics from now on; later calls in one process give the same handle.
///
/// # Errors
/// Another collector is installed in this process.
pub fn init_metrics() -> Result<PrometheusHandle, TelemetryError> {
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = exporter()?.install_recorder()?;
    describe();
    zeros::begin();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// An exporter that knows the bounds of the histograms.
///
/// # Errors
/// A histogram has no bounds.
pub(crate) fn exporter() -> Result<PrometheusBuilder, BuildError> {
    METRICS.iter().try_fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        Kind::Histogram(bounds) => builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds),
        Kind::Counter | Kind::Gauge => Ok(builder),
    })
}

/// The page for Prometheus; `None` where metrics are not collected.
#[must_use]
pub fn render_metrics() -> Option<String> {
    HANDLE.get().map(PrometheusHandle::render)
}

/// Sums up what histograms were told since the last time. Until then every single value is kept, so this has to be done now
/// and then also where nobody asks for the page.
pub fn sum_up() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.meaning),
            Kind::Gauge => describe_gauge!(metric.name, metric.meaning),
            Kind::Histogram(_) => describe_histogram!(metric.name, Unit::Seconds, metric.meaning),
        }
    }
}
