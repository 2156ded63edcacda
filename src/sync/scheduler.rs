//! Queues the runs that are due, a few ahead of the workers, account by account in turn.
//!
//! Any number of replicas may do so at once: each run is queued under the lock of its integration's schedule, if it is
//! still due then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::schedule::{Due, in_turn, waiting_at_most};
use crate::domain::sync::{Lane, RunCause, RunMode};
use crate::error::Error;
use crate::store::sync_runs::NewRun;
use crate::store::{begin, job_queue, schedules, sync_runs};

/// How often the database is asked for what is due.
const TICK: Duration = Duration::from_secs(1);

/// Works until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = tick(&app).await {
            tracing::warn!(error.code = error.code().as_str(), "no runs can be scheduled now");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Queues what is due now, as far as there is room, and tells how many runs that were.
///
/// # Errors
/// Storage fails; what was queued before stays.
pub async fn tick(app: &App) -> Result<usize, Error> {
    let now = app.clock.now();
    let mut queued = 0;
    // Passes over whole stores first: those that find no room are synced by what changed.
    for lane in [Lane::Whole, Lane::Changes] {
        let (waiting, by_account) = sync_runs::load(&app.db, lane).await?;
        let room = waiting_at_most(lane).saturating_sub(waiting);
        if room == 0 {
            continue;
        }
        let due = schedules::due(&app.db, lane, u64::try_from(room).unwrap_or(u64::MAX), now).await?;
        for due in in_turn(&due, &by_account, room) {
            queued += usize::from(queue(app, lane, due, now).await?);
        }
    }
    if queued > 0 {
        app.wake_worker.notify_waiters();
    }
    Ok(queued)
}

/// Queues a run unless another replica did.
async fn queue(app: &App, lane: Lane, due: Due, now: DateTime<Utc>) -> Result<bool, Error> {
    let mode = match lane {
        Lane::Changes => RunMode::Incremental,
        Lane::Whole => RunMode::Full,
    };
    let tx = begin(&app.db).await?;
    if !schedules::is_still_due(&tx, due).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    let new = NewRun { account: due.account, integration: due.integration, mode, lane, cause: RunCause::Schedule };
    let (run, lane) = sync_runs::queue(&tx, new, now).await?;
    job_queue::add(&tx, run, lane).await?;
    tx.commit().await?;
    Ok(true)
}
