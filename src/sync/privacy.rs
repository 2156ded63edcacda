//! Carries out privacy requests, in the background of every process.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::service::privacy;

/// How often the database is asked for requests that are due. Nobody waits for one: there are thirty days.
const POLL: Duration = Duration::from_secs(5);

/// Works until `shutdown`; a request that is under way then is carried out first.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        privacy::carry_out_due(&app).await;
        if let Err(error) = privacy::count_overdue(&app).await {
            tracing::warn!(error.code = error.code().as_str(), "overdue requests can't be counted now");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
