//! Shows how long the queues are, in the background of every process, and keeps what metrics remember small.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::service::queues;
use crate::telemetry;

/// How often the database is asked: as often as Prometheus usually reads.
const EVERY: Duration = Duration::from_secs(15);

/// Works until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        telemetry::sum_up();
        if let Err(error) = queues::show(&app).await {
            tracing::warn!(error.code = error.code().as_str(), "the queues can't be counted now");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
