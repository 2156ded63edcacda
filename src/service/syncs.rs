//! Starting and stopping sync runs.

use sea_orm::{DatabaseTransaction, DbErr, SqlErr};

use super::decisions;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, IntegrationId, SyncRunId};
use crate::domain::sync::{IntegrationState, Lane, RunCause, RunMode};
use crate::error::Error;
use crate::store::installed::{self, InstalledStore};
use crate::store::sync_runs::NewRun;
use crate::store::{begin, cancelling, job_queue, ledger, schedules, sync_runs};

/// Queues a run, behind the one that is under way, and wakes the workers. Where one is queued already, that one is answered; it
/// reads everything if either shall.
///
/// # Errors
/// The integration is not there, is paused, needs attention, or waits for somebody to decide about a run.
pub async fn start(app: &App, caller: &Caller, integration: IntegrationId, mode: RunMode) -> Result<SyncRunId, Error> {
    caller.require(Scope::SyncsWrite)?;
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    let store = installed::keep(&tx, caller.account_id, integration).await?.ok_or(Error::NotFound("integration"))?;
    refuse_unless_active(store.state)?;
    let planned = schedules::find(&tx, integration).await?;
    if let Some(held) = planned.and_then(|planned| planned.held) {
        decisions::refuse_while_asked(&held)?;
        // Who starts it by hand has looked at why it was held.
        schedules::make_due(&tx, integration, app.clock.now()).await?;
    }
    let run = queue(app, &tx, &store, mode, RunCause::Request).await?;
    tx.commit().await?;
    app.wake_worker.notify_waiters();
    Ok(run)
}

/// Says why a store must not be asked now.
///
/// # Errors
/// The integration is paused or needs attention.
pub(super) fn refuse_unless_active(state: IntegrationState) -> Result<(), Error> {
    match state {
        IntegrationState::Active => Ok(()),
        IntegrationState::Paused => Err(Error::Conflict("the integration is paused; resume it first".to_owned())),
        IntegrationState::NeedsAttention => {
            let sentence = "the integration needs attention: see its stateDetail, put it right, then resume it";
            Err(Error::Conflict(sentence.to_owned()))
        }
    }
}

/// Queues a full run because a webhook named more records than are read one by one. Where none may be, the next one reads
/// everything: that is noted already.
pub(crate) async fn start_reading_all(app: &App, store: &InstalledStore) -> Result<(), Error> {
    if store.state != IntegrationState::Active {
        return Ok(());
    }
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, store.account_id).await?;
    if schedules::find(&tx, store.id).await?.is_none_or(|planned| planned.held.is_some()) {
        return Ok(());
    }
    match queue(app, &tx, store, RunMode::Full, RunCause::Webhook).await {
        Ok(_) => tx.commit().await?,
        // The integration was deleted meanwhile.
        Err(error) if matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    app.wake_worker.notify_waiters();
    Ok(())
}

async fn queue(
    app: &App,
    tx: &DatabaseTransaction,
    store: &InstalledStore,
    mode: RunMode,
    cause: RunCause,
) -> Result<SyncRunId, DbErr> {
    let lane = if mode == RunMode::Full || !store.was_read_whole { Lane::Whole } else { Lane::Changes };
    let new = NewRun { account: store.account_id, integration: store.id, mode, lane, cause };
    // One that waits already may be in the other lane.
    let (run, lane) = sync_runs::queue(tx, new, app.clock.now()).await?;
    job_queue::add(tx, run, lane).await?;
    Ok(run)
}

/// Asks a run to stop: at once if it waits, else before its next page. A run that has ended stays as it is; of one that asks
/// for a decision this is the decision that it must not go on.
///
/// # Errors
/// The run is not there.
pub async fn cancel(app: &App, caller: &Caller, run: SyncRunId) -> Result<(), Error> {
    caller.require(Scope::SyncsWrite)?;
    let found = sync_runs::find_of(&app.db, caller.account_id, run).await?.ok_or(Error::NotFound("sync run"))?;
    let (integration, lane) = (found.integration_id, found.lane);
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    // Before the run: schedules are locked first everywhere.
    schedules::lock(&tx, integration).await?;
    let had_waited = cancelling::request(&tx, caller.account_id, run, now).await?;
    decisions::refuse(app, &tx, &found).await?;
    if had_waited && !sync_runs::is_any_unfinished(&tx, caller.account_id, integration).await? {
        // Nothing is due before the interval is over.
        schedules::put_off(&tx, integration, lane, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A store that may be synced, as the operator of the program sees it.
#[derive(Debug, Clone)]
pub struct Syncable {
    /// Identity.
    pub id: IntegrationId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Display name.
    pub name: String,
}

impl From<installed::Named> for Syncable {
    fn from((id, account_id, name): installed::Named) -> Self {
        Self { id, account_id, name }
    }
}

/// Most integrations that are listed at once.
const MAX_SYNCABLE: u64 = 1000;

/// The active integrations of all accounts, oldest first, at most 1000. For the command line only.
///
/// # Errors
/// Storage fails.
pub async fn syncable(app: &App) -> Result<Vec<Syncable>, Error> {
    Ok(installed::active(&app.db, MAX_SYNCABLE).await?.into_iter().map(Syncable::from).collect())
}

/// Those of the integrations that are there, whoever's they are and whether they may be synced or not, oldest first. For the
/// command line only.
///
/// # Errors
/// Storage fails.
pub async fn those(app: &App, ids: &[IntegrationId]) -> Result<Vec<Syncable>, Error> {
    Ok(installed::those(&app.db, ids).await?.into_iter().map(Syncable::from).collect())
}
