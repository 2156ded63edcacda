//! Takes up runs that wait, and runs whose worker died, until told to stop. Privacy requests are carried out beside them.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine;
use crate::app::App;
use crate::domain::ids::SyncRunId;
use crate::store::sync_runs;

/// Runs at once in one process.
const MAX_RUNS: usize = 4;
/// How often the database is asked for runs that other processes queued.
const POLL: Duration = Duration::from_secs(1);

/// Works until `shutdown`; then finishes the present pages and gives the leases back.
pub async fn run(app: App, shutdown: CancellationToken) {
    let privacy = tokio::spawn(super::privacy::run(app.clone(), shutdown.clone()));
    let mut runs = JoinSet::new();
    while !shutdown.is_cancelled() {
        while runs.len() < MAX_RUNS && take_up(&app, None, &shutdown, &mut runs).await {}
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = app.wake_worker.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            Some(ended) = runs.join_next() => report(ended),
        }
    }
    while let Some(ended) = runs.join_next().await {
        report(ended);
    }
    report(privacy.await);
}

/// Carries one run to its end in this process, if no other worker has it.
pub async fn run_one(app: &App, run: SyncRunId, shutdown: &CancellationToken) {
    let mut runs = JoinSet::new();
    take_up(app, Some(run), shutdown, &mut runs).await;
    while let Some(ended) = runs.join_next().await {
        report(ended);
    }
}

async fn take_up(app: &App, only: Option<SyncRunId>, shutdown: &CancellationToken, runs: &mut JoinSet<()>) -> bool {
    let length = TimeDelta::from_std(app.lease).unwrap_or(TimeDelta::seconds(30));
    match sync_runs::claim(&app.db, only, length, app.clock.now()).await {
        Ok(Some((run, lease))) => {
            tracing::info!(sync.run = %run.id, sync.integration = %run.integration_id, "run taken up");
            let (app, shutdown) = (app.clone(), shutdown.clone());
            runs.spawn(async move { engine::carry(&app, run, lease, &shutdown).await });
            true
        }
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(error.detail = crate::error::storage_kind(&error), "no runs can be taken up now");
            false
        }
    }
}

/// A run that panicked keeps its lease until it runs out, and is then taken up again.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(panicked = error.is_panic(), "a run's task ended badly");
    }
}
