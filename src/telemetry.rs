//! What the service tells about itself: log lines on stderr, metrics for Prometheus, and traces for OpenTelemetry.
//!
//! **Invariant:** no email, name, token, secret or body is logged, becomes a label, or stands in a trace.

mod collector;
pub(crate) mod names;
mod panics;
pub(crate) mod prometheus;
pub(crate) mod traces;
mod waiting;
mod zeros;

use metrics_exporter_prometheus::BuildError;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Config, LogFormat};

pub use collector::Traces;
pub use names::*;
pub use panics::report_panics;
pub use prometheus::{init_metrics, render_metrics, sum_up};
pub use waiting::{Wait, Waiting};

/// What is less talkative than the rest unless the configured filter names it. Spans are for the collector.
const QUIET: &str = "sea_orm_migration=warn,assent::traces=off";

/// Why the service can't tell about itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter is not one.
    #[error("ASSENT_LOG must be a log filter, for example info,assent=debug")]
    Filter,
    /// Somebody else has set up logging.
    #[error("logging was set up twice in one process")]
    AlreadySet,
    /// There is no way to the collector of traces.
    #[error("ASSENT_OTLP_ENDPOINT can't be used; it must be the address of a collector that takes OTLP over HTTP")]
    Collector,
    /// Somebody else has set up metrics.
    #[error("metrics could not be set up: {0}")]
    Metrics(#[from] BuildError),
}

/// Sends log lines to stderr from now on, and traces to the collector if one is configured; once per process, within the
/// runtime.
///
/// # Errors
/// The filter can't be read, logging was set up before, or there is no way to the collector.
pub fn init(config: &Config) -> Result<Traces, TelemetryError> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log)).map_err(|_| TelemetryError::Filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let (delivery, tracer) = match &config.otlp_endpoint {
        Some(endpoint) => Traces::to(endpoint).map(|(delivery, tracer)| (delivery, Some(tracer)))?,
        None => (Traces::default(), None),
    };
    let spans = tracer.map(|tracer| {
        // Where in the source, on which thread and how busy a span was is of no use to an operator.
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        let layer = layer.with_tracked_inactivity(false).with_target(false).with_level(false);
        layer.with_filter(Targets::new().with_target(traces::TARGET, LevelFilter::INFO))
    });
    let set = tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init();
    set.map_err(|_| TelemetryError::AlreadySet)?;
    Ok(delivery)
}
