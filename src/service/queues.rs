//! How much waits to be done, whoever's it is: for operators.

use crate::app::App;
use crate::domain::sync::RunStatus;
use crate::error::Error;
use crate::store::queues;
use crate::telemetry::{HINTS_WAITING, SYNC_OLDEST, SYNC_QUEUE};

/// Sets the gauges of the queues.
///
/// # Errors
/// Storage fails.
pub async fn show(app: &App) -> Result<(), Error> {
    let runs = queues::runs(&app.db).await?;
    for status in [RunStatus::Queued, RunStatus::Running] {
        let count = runs.get(&status).copied().unwrap_or(0);
        metrics::gauge!(SYNC_QUEUE, "status" => status.as_str()).set(as_gauge(count));
    }
    let oldest = queues::oldest(&app.db).await?.map_or(0.0, |since| (app.clock.now() - since).as_seconds_f64());
    metrics::gauge!(SYNC_OLDEST).set(oldest.max(0.0));
    let hints = queues::hints(&app.db).await?;
    for (urgent, word) in [(true, "yes"), (false, "no")] {
        metrics::gauge!(HINTS_WAITING, "urgent" => word).set(as_gauge(hints.get(&urgent).copied().unwrap_or(0)));
    }
    Ok(())
}

/// Nobody tells more than four billion waiting things from that many.
fn as_gauge(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
