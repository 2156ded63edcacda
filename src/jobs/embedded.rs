//! SQLite: one process works on the database, so the table of runs is queue enough.

use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Carry, NotTakenUp};
use crate::app::App;
use crate::domain::ids::SyncRunId;
use crate::domain::sync::Lane;
use crate::error::storage_kind;
use crate::store::leases;

/// How often the database is asked for runs that nobody in this process queued: by `assent sync`, or left by a dead worker.
const POLL: Duration = Duration::from_secs(1);

pub(super) async fn work(app: &App, carry: &Carry, shutdown: &CancellationToken) {
    join_all(Lane::ALL.iter().map(|lane| work_lane(app, *lane, carry, shutdown))).await;
}

async fn work_lane(app: &App, lane: Lane, carry: &Carry, shutdown: &CancellationToken) {
    let mut under_way: JoinSet<Result<(), NotTakenUp>> = JoinSet::new();
    let mut runs: Vec<(tokio::task::Id, SyncRunId)> = Vec::new();
    while !shutdown.is_cancelled() {
        // Before the look, so that a run that is queued during it wakes at once.
        let woken = app.wake_worker.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        for run in waiting(app, lane, &runs).await {
            let task = under_way.spawn(carry(run));
            runs.push((task.id(), run));
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = &mut woken => {}
            () = tokio::time::sleep(POLL) => {}
            Some(ended) = under_way.join_next_with_id() => {
                let (id, is_well) = match ended {
                    Ok((id, result)) => (id, result.is_ok()),
                    Err(error) => {
                        tracing::error!(panicked = error.is_panic(), "a run's task ended badly");
                        (error.id(), false)
                    }
                };
                runs.retain(|(task, _)| *task != id);
                if !is_well {
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn waiting(app: &App, lane: Lane, under_way: &[(tokio::task::Id, SyncRunId)]) -> Vec<SyncRunId> {
    let places = app.sync_slots.saturating_sub(under_way.len());
    if places == 0 {
        return Vec::new();
    }
    // Those that were just taken up here may still look as if they waited.
    let limit = u64::try_from(places + under_way.len()).unwrap_or(u64::MAX);
    match leases::waiting(&app.db, lane, limit, app.clock.now()).await {
        Ok(found) => {
            let is_new = |run: &SyncRunId| !under_way.iter().any(|(_, known)| known == run);
            found.into_iter().filter(is_new).take(places).collect()
        }
        Err(error) => {
            tracing::warn!(error.detail = storage_kind(&error), "no runs can be taken up now");
            Vec::new()
        }
    }
}
