//! What the service tells about itself: log lines on stderr, and metrics for Prometheus.
//!
//! **Invariant:** no email, name, token, secret or body is logged or becomes a label.

pub(crate) mod names;
pub(crate) mod prometheus;
mod waiting;

use metrics_exporter_prometheus::BuildError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, LogFormat};

pub use names::*;
pub use prometheus::{init_metrics, render_metrics};
pub use waiting::{Wait, Waiting};

/// What is less talkative than the rest unless the configured filter names it.
const QUIET: &str = "sea_orm_migration=warn";

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
