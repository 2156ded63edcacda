//! Keeps the history of runs as long as it is wanted.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Error;
use crate::store::{begin, history};

/// How often old runs are looked for.
const EVERY: Duration = Duration::from_hours(1);
/// Runs that are removed in one transaction, with all that they could not use.
const BATCH: u64 = 500;
/// Transactions of one look; what is left waits for the next.
const MAX_BATCHES: u32 = 1000;

/// Works until `shutdown`. Several processes may do so at once.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let purged = tokio::select! {
            () = shutdown.cancelled() => return,
            purged = purge(&app) => purged,
        };
        match purged {
            Ok(0) => {}
            Ok(count) => tracing::info!(sync.purged = count, "old runs removed"),
            Err(error) => tracing::warn!(error.code = error.code().as_str(), "old runs can't be removed now"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Removes runs that ended longer ago than history is kept, and tells how many. A run that has not ended stays, and of
/// each integration the newest that has, the newest full one that ended well, and one that waits for a decision.
///
/// # Errors
/// Storage fails; what was removed before stays so.
pub async fn purge(app: &App) -> Result<u64, Error> {
    let before = app.clock.now() - app.history;
    let mut removed = 0;
    for _ in 0..MAX_BATCHES {
        let tx = begin(&app.db).await?;
        let batch = history::purge(&tx, before, BATCH).await?;
        tx.commit().await?;
        removed += batch;
        if batch < BATCH {
            break;
        }
    }
    Ok(removed)
}
