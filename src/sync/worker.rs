//! Carries out the runs that wait, and those whose worker died, until told to stop. Privacy requests are carried out beside
//! them.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::engine;
use crate::app::App;
use crate::domain::ids::SyncRunId;
use crate::error::storage_kind;
use crate::jobs::{self, Carry, NotTakenUp};
use crate::store::leases;

/// Works until `shutdown`; then finishes the present pages and gives the leases back.
pub async fn run(app: App, shutdown: CancellationToken) {
    let carry: Carry = {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        Arc::new(move |run| {
            let (app, shutdown) = (app.clone(), shutdown.clone());
            async move { take_up(&app, run, &shutdown).await }.boxed()
        })
    };
    tokio::join!(jobs::work(&app, carry, shutdown.clone()), super::privacy::run(app.clone(), shutdown));
}

/// Carries one run to its end in this process, if no other worker has it.
pub async fn run_one(app: &App, run: SyncRunId, shutdown: &CancellationToken) {
    let (app, shutdown) = (app.clone(), shutdown.clone());
    let carried = tokio::spawn(async move { take_up(&app, run, &shutdown).await });
    if let Err(error) = carried.await {
        // It keeps its lease until that runs out, and is then taken up again.
        tracing::error!(panicked = error.is_panic(), "a run's task ended badly");
    }
}

async fn take_up(app: &App, run: SyncRunId, shutdown: &CancellationToken) -> Result<(), NotTakenUp> {
    let length = TimeDelta::from_std(app.lease).unwrap_or(TimeDelta::seconds(30));
    match leases::claim(&app.db, run, length, app.clock.now()).await {
        Ok(Some(claimed)) => {
            tracing::info!(
                sync.run = %run,
                sync.integration = %claimed.run.integration_id,
                "run taken up"
            );
            engine::carry(app, claimed, shutdown).await;
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(error.detail = storage_kind(&error), "a run can't be taken up now");
            Err(NotTakenUp)
        }
    }
}
