//! What somebody decides about a run that stopped before it took too many off a list (ADR 9).

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::syncs::refuse_unless_active;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::failure::CONFIRMATION_NEEDED;
use crate::domain::health::{Held, Planned};
use crate::domain::ids::SyncRunId;
use crate::domain::sync::{Lane, RunCause};
use crate::error::Error;
use crate::store::schedules::After;
use crate::store::sync_runs::{NewRun, Run};
use crate::store::{begin, installed, job_queue, ledger, resume, schedules, sync_runs};

/// Says that a run which stopped to ask may take off lists whom it will, and queues the run that goes on from its
/// checkpoint. That holds for this pass alone; one that has to begin anew, because its settings were changed or a day has
/// passed, asks again.
///
/// # Errors
/// The run is not there, waits for no decision, or its integration must not be synced.
pub async fn confirm(app: &App, caller: &Caller, run: SyncRunId) -> Result<SyncRunId, Error> {
    caller.require(Scope::SyncsWrite)?;
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    let run = undecided(&tx, caller, run).await?;
    let store = installed::keep(&tx, caller.account_id, run.integration_id).await?;
    refuse_unless_active(store.ok_or(Error::NotFound("sync run"))?.state)?;
    schedules::make_due(&tx, run.integration_id, now).await?;
    let new = NewRun {
        account: run.account_id,
        integration: run.integration_id,
        mode: run.mode,
        lane: run.lane,
        cause: RunCause::Request,
    };
    let (next, lane) = sync_runs::queue(&tx, new, now).await?;
    resume::confirm(&tx, run.id).await?;
    job_queue::add(&tx, next, lane).await?;
    tx.commit().await?;
    app.wake_worker.notify_waiters();
    Ok(next)
}

/// Refuses what would answer the question of a run that asks by the way.
///
/// # Errors
/// [`Error::Conflict`]: the schedule waits for a decision.
pub(super) fn refuse_while_asked(held: &Held) -> Result<(), Error> {
    if held.code != CONFIRMATION_NEEDED {
        return Ok(());
    }
    Err(Error::Conflict(format!("the run {} waits for a decision; confirm it or cancel it first", held.run)))
}

/// Says that a run which stopped to ask must not go on: the next one reads anew, an interval from now, and asks again if the
/// store still says the same.
/// Does nothing to a run that waits for no decision.
pub(super) async fn refuse(app: &App, tx: &impl ConnectionTrait, run: &Run) -> Result<(), Error> {
    let Some(planned) = asked_by(tx, run).await? else { return Ok(()) };
    let now = app.clock.now();
    resume::give_up(tx, run.id).await?;
    let after = After {
        next_run_at: planned.schedule.next_run(now, 0.0),
        next_full_pass_at: (run.lane == Lane::Whole).then(|| planned.schedule.next_full_pass(now, 0.0)),
        failures: planned.failures.called_off(run.lane),
        held_code: None,
    };
    Ok(schedules::plan_next(tx, run.integration_id, run.id, &after, now).await?)
}

async fn undecided(tx: &DatabaseTransaction, caller: &Caller, run: SyncRunId) -> Result<Run, Error> {
    let found = sync_runs::find_of(tx, caller.account_id, run).await?;
    let run = found.ok_or(Error::NotFound("sync run"))?;
    let sentence = "the run waits for no decision: it did not ask, or somebody has decided already";
    asked_by(tx, &run).await?.ok_or_else(|| Error::Conflict(sentence.to_owned()))?;
    Ok(run)
}

/// The schedule that waits for a decision about this very run.
async fn asked_by(tx: &impl ConnectionTrait, run: &Run) -> Result<Option<Planned>, Error> {
    let planned = schedules::find(tx, run.integration_id).await?;
    let is_asked = |planned: &Planned| {
        planned.held.as_ref().is_some_and(|held| held.code == CONFIRMATION_NEEDED && held.run == run.id)
    };
    Ok(planned.filter(is_asked))
}
