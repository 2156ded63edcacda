//! Starting and stopping sync runs.

use sea_orm::SqlErr;

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::sync::{IntegrationState, RunMode};
use crate::error::Error;
use crate::store::installed::{self, InstalledStore};
use crate::store::{begin, sync_runs};

/// Queues a run and wakes the worker.
///
/// # Errors
/// The integration is not there, is paused or needs attention, or has a run that has not ended.
pub async fn start(app: &App, caller: &Caller, integration: IntegrationId, mode: RunMode) -> Result<SyncRunId, Error> {
    caller.require(Scope::SyncsWrite)?;
    let store =
        installed::find_of(&app.db, caller.account_id, integration).await?.ok_or(Error::NotFound("integration"))?;
    match store.state {
        IntegrationState::Active => {}
        IntegrationState::Paused => {
            return Err(Error::Conflict("the integration is paused; resume it first".to_owned()));
        }
        IntegrationState::NeedsAttention => {
            let sentence = "the integration needs attention: see its stateDetail, put it right, then resume it";
            return Err(Error::Conflict(sentence.to_owned()));
        }
    }
    let queued = sync_runs::queue(&app.db, caller.account_id, integration, mode, app.clock.now()).await;
    let run = queued.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::Conflict("the integration has a run that has not ended; wait for it or cancel it".to_owned())
        }
        _ => error.into(),
    })?;
    app.wake_worker.notify_one();
    Ok(run)
}

/// Queues a full run because a webhook named more records than are read one by one. Where a run is under way, or none may
/// be, the next one reads everything: that is noted already.
pub(crate) async fn start_reading_all(app: &App, store: &InstalledStore) -> Result<(), Error> {
    if store.state != IntegrationState::Active {
        return Ok(());
    }
    let queued = sync_runs::queue(&app.db, store.account_id, store.id, RunMode::Full, app.clock.now()).await;
    match queued.map_err(|error| (error.sql_err(), error)) {
        Ok(_) => app.wake_worker.notify_one(),
        Err((Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)), _)) => {}
        Err((_, error)) => return Err(error.into()),
    }
    Ok(())
}

/// Asks a run to stop: at once if it waits, else before its next page. A run that has ended stays as it is.
///
/// # Errors
/// The run is not there.
pub async fn cancel(app: &App, caller: &Caller, run: SyncRunId) -> Result<(), Error> {
    caller.require(Scope::SyncsWrite)?;
    let found = sync_runs::find(&app.db, run).await?.filter(|run| run.account_id == caller.account_id);
    found.ok_or(Error::NotFound("sync run"))?;
    let tx = begin(&app.db).await?;
    sync_runs::request_cancel(&tx, caller.account_id, run, app.clock.now()).await?;
    tx.commit().await?;
    app.wake_worker.notify_one();
    Ok(())
}

/// A store that can be synced, as the operator of the program sees it.
#[derive(Debug, Clone)]
pub struct Syncable {
    /// Identity.
    pub id: IntegrationId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Display name.
    pub name: String,
}

/// Most integrations that are listed at once.
const MAX_SYNCABLE: u64 = 1000;

/// The active integrations of all accounts, oldest first, at most 1000. For the command line only.
///
/// # Errors
/// Storage fails.
pub async fn syncable(app: &App) -> Result<Vec<Syncable>, Error> {
    let stores = installed::active(&app.db, MAX_SYNCABLE).await?;
    Ok(stores.into_iter().map(|(id, account_id, name)| Syncable { id, account_id, name }).collect())
}
