//! Why a run stopped, and what that means for it, for its integration and for the next run.

use chrono::{DateTime, Utc};
use rand::Rng as _;
use tokio::time::Instant;

use super::page::PageError;
use crate::app::App;
use crate::connectors::ConnectorError;
use crate::domain::failure::{CONFIRMATION_NEEDED, KILLS_WORKER, STALLED, TIME_IS_UP};
use crate::domain::health::Planned;
use crate::domain::sync::{Lane, RunStatus};
use crate::error::{Error, storage_kind};
use crate::store::leases::Lease;
use crate::store::schedules::After;
use crate::store::sync_runs::{Ending, Run};
use crate::store::{begin, cancelling, installed, job_queue, ledger, resume, schedules, sync_runs};

/// Failed runs in a row after which a store that answers 500 may do so because of where the run goes on: about an hour of
/// trying.
const MANY_FAILURES: u32 = 8;

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("the service is shutting down")]
    Shutdown,
    #[error("nothing was written for {minutes} minutes")]
    Stalled { minutes: u64 },
    #[error("a run may take no longer than {hours} hours")]
    TimeIsUp { hours: u64 },
    #[error("the worker died again and again at the same place")]
    KillsWorker { deaths: i32 },
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Store(#[from] ConnectorError),
    #[error("the integration is gone or must not be synced")]
    NotSyncable,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Page(error.into())
    }
}

impl From<sea_orm::DbErr> for Stop {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Page(error.into())
    }
}

/// What is to be done about a run that stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is not ours any more.
    Leave,
    /// Another worker goes on at once.
    HandOn,
    Cancelled,
    Failed(Next),
}

/// What comes after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Again, after a wait that grows.
    Retry,
    /// Again at once: nothing is wrong.
    GoOn,
    /// Nothing before somebody puts the integration right.
    Attention,
    /// Nothing by the schedule before somebody decides.
    Hold(&'static str),
}

impl Stop {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Shutdown => Verdict::HandOn,
            Self::Page(PageError::LeaseLost) => Verdict::Leave,
            Self::Page(PageError::Cancelled) => Verdict::Cancelled,
            Self::KillsWorker { .. } => Verdict::Failed(Next::Hold(KILLS_WORKER)),
            Self::Page(PageError::Asks(_)) => Verdict::Failed(Next::Hold(CONFIRMATION_NEEDED)),
            Self::TimeIsUp { .. } | Self::NotSyncable => Verdict::Failed(Next::GoOn),
            Self::Store(error) if error.needs_attention() => Verdict::Failed(Next::Attention),
            Self::Stalled { .. } | Self::Page(PageError::Failed(_)) | Self::Store(_) => Verdict::Failed(Next::Retry),
        }
    }

    /// The status that a run gets which stopped for this; `None`: it goes on elsewhere.
    pub(super) fn status(&self) -> Option<RunStatus> {
        match self.verdict() {
            Verdict::Leave | Verdict::HandOn => None,
            Verdict::Cancelled => Some(RunStatus::Cancelled),
            Verdict::Failed(_) => Some(RunStatus::Failed),
        }
    }

    /// Whether the checkpoint may be what the store fails at. A store says so in other words than that it is away; some answer
    /// with a bare 500, which is believed once it has gone on for long.
    fn doubts_checkpoint(&self, planned: Option<&Planned>, lane: Lane) -> bool {
        let Self::Store(error) = self else { return false };
        let failures = planned.map_or(0, |planned| planned.failures.of(lane));
        matches!(
            error,
            ConnectorError::Refused { .. }
                | ConnectorError::NotThere { .. }
                | ConnectorError::BadAnswer { .. }
                | ConnectorError::TooLarge { .. }
        ) || (matches!(error, ConnectorError::StoreFailed { status: 500, .. }) && failures >= MANY_FAILURES)
    }

    /// Stable code and sentence.
    pub(super) fn explain(&self) -> (&'static str, String) {
        match self {
            Self::Store(error) => (error.code(), error.to_string()),
            Self::NotSyncable => ("NOT_SYNCABLE", "the integration was paused or deleted".to_owned()),
            Self::Stalled { .. } => (STALLED, format!("{self}; the next run goes on from the last page")),
            Self::TimeIsUp { .. } => (TIME_IS_UP, format!("{self}; the next one goes on from the last page")),
            Self::KillsWorker { deaths } => (
                KILLS_WORKER,
                format!(
                    "the service died {deaths} times in a row at the same place of this run, so no run is begun by \
                     itself any more; look into its log, then start a sync by hand"
                ),
            ),
            Self::Page(PageError::Asks(shrink)) => (CONFIRMATION_NEEDED, shrink.in_words()),
            Self::Page(PageError::Failed(Error::Storage(error))) => (
                "STORAGE_FAILED",
                format!("the database failed: {}; the next run goes on from the last page", storage_kind(error)),
            ),
            Self::Page(PageError::Failed(Error::Invalid { field, problem })) => {
                ("SETTINGS_INVALID", format!("{field} {problem}; update the integration"))
            }
            Self::Page(_) | Self::Shutdown => ("INTERNAL", "a fault of the service; see its log".to_owned()),
        }
    }
}

/// Writes down that a run stopped. `opened`: when what is read of the integration was last changed, as the run knew it.
///
/// # Errors
/// Storage fails; then the lease runs out by itself and the run is taken up again.
pub(super) async fn stop(
    app: &App,
    run: &Run,
    lease: Lease,
    opened: Option<DateTime<Utc>>,
    stop: &Stop,
) -> Result<(), Error> {
    let mut next = match stop.verdict() {
        Verdict::Leave => {
            tracing::warn!(sync.run = %run.id, "another worker has the run");
            return Ok(());
        }
        Verdict::HandOn => return hand_on(app, run, lease).await,
        Verdict::Cancelled => None,
        Verdict::Failed(next) => Some(next),
    };
    let explained = next.map(|_| stop.explain());
    if let Some((code, _)) = &explained {
        tracing::warn!(sync.run = %run.id, error.code = code, "run failed");
    }
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    // The account's lock first, as everywhere: the integration may be being deleted, and its runs with it.
    ledger::lock(&tx, run.account_id).await?;
    let was_read_whole = installed::lock(&tx, run.integration_id).await?;
    let planned = schedules::lock(&tx, run.integration_id).await?;
    let is_resumable =
        next.is_some() && (!stop.doubts_checkpoint(planned.as_ref(), run.lane) || resume::got_on(&tx, run).await?);
    let ending = Ending {
        status: if next.is_some() { RunStatus::Failed } else { RunStatus::Cancelled },
        error: explained.clone(),
        is_resumable,
    };
    if !sync_runs::finish(&tx, lease, &ending, now).await? {
        return Ok(tx.rollback().await?);
    }
    if let Some((code, detail)) = explained.filter(|_| next == Some(Next::Attention)) {
        let is_as_opened = installed::need_attention(&tx, run.integration_id, opened, (code, &detail)).await?;
        // Somebody gave it other keys meanwhile, or paused it.
        next = if is_as_opened { next } else { Some(Next::GoOn) };
    }
    if matches!(next, Some(Next::Hold(_))) {
        // One that waited behind it would answer the question that somebody has to.
        cancelling::queued_of(&tx, run.account_id, run.integration_id, now).await?;
    }
    if let Some(planned) = planned {
        let after = after(&planned, (run.lane, was_read_whole), next, now);
        schedules::plan_next(&tx, run.integration_id, run.id, &after, now).await?;
    }
    wake_next(&tx, run).await?;
    tx.commit().await?;
    Ok(())
}

/// Has the run begin that waits behind one that ended.
pub(super) async fn wake_next(tx: &impl sea_orm::ConnectionTrait, ended: &Run) -> Result<(), sea_orm::DbErr> {
    match sync_runs::queued_of(tx, ended.account_id, ended.integration_id).await? {
        Some((run, lane)) => job_queue::add(tx, run, lane).await,
        None => Ok(()),
    }
}

async fn hand_on(app: &App, run: &Run, lease: Lease) -> Result<(), Error> {
    let tx = begin(&app.db).await?;
    crate::store::leases::release(&tx, lease).await?;
    job_queue::add(&tx, run.id, run.lane).await?;
    Ok(tx.commit().await?)
}

/// What a run that did not end well means for the next one. `was_read_whole`: whether the store was, with its present settings.
fn after(planned: &Planned, (lane, was_read_whole): (Lane, bool), next: Option<Next>, now: DateTime<Utc>) -> After {
    let chance = rand::rng().random::<f64>();
    let schedule = planned.schedule;
    // A pass over the whole store that stopped half way is gone on with, not left for the next day.
    let goes_on = (lane == Lane::Whole && planned.next_full_pass_at.is_some_and(|at| at > now)).then_some(now);
    let unchanged = After { next_run_at: now, next_full_pass_at: goes_on, failures: planned.failures, held_code: None };
    let failed = After { failures: planned.failures.and_one(lane), ..unchanged.clone() };
    match next {
        // Who stops a pass over the whole store does not want it back in five minutes.
        None => After {
            next_run_at: schedule.next_run(now, chance),
            next_full_pass_at: (lane == Lane::Whole).then(|| schedule.next_full_pass(now, chance)),
            failures: planned.failures.called_off(lane),
            ..unchanged
        },
        Some(Next::GoOn) => unchanged,
        Some(Next::Attention) => failed,
        Some(Next::Retry) => {
            let again = schedule.retry(now, failed.failures.of(lane), chance);
            if lane == Lane::Whole && was_read_whole {
                // What changed was due as well when the pass began, and may not have been read.
                let next_run_at = match planned.failures.changes {
                    0 => now,
                    failures => schedule.retry(now, failures, chance),
                };
                After { next_run_at, next_full_pass_at: Some(again), ..failed }
            } else {
                After { next_run_at: again, ..failed }
            }
        }
        Some(Next::Hold(CONFIRMATION_NEEDED)) => After { held_code: Some(CONFIRMATION_NEEDED), ..unchanged },
        Some(Next::Hold(code)) => After { held_code: Some(code), ..failed },
    }
}

/// What a run that ended well means for the next one.
pub(super) fn after_success(planned: &Planned, lane: Lane, now: DateTime<Utc>) -> After {
    let mut random = rand::rng();
    let schedule = planned.schedule;
    let is_unplanned = planned.next_full_pass_at.is_none();
    let next_full_pass_at =
        (lane == Lane::Whole || is_unplanned).then(|| schedule.next_full_pass(now, random.random()));
    After {
        next_run_at: schedule.next_run_before(next_full_pass_at.or(planned.next_full_pass_at), now, random.random()),
        next_full_pass_at,
        failures: planned.failures.without(lane),
        held_code: None,
    }
}

/// How long a run has gone on, against how long one may.
pub(super) struct Allowance {
    began: Instant,
    limits: crate::app::RunLimits,
}

impl Allowance {
    pub(super) fn begin(app: &App) -> Self {
        Self { began: Instant::now(), limits: app.run_limits }
    }

    /// Waits until the run has to stop: its time is up, or nothing was written for long.
    pub(super) async fn used_up(&self, mut pulse: tokio::sync::watch::Receiver<()>) -> Stop {
        let time_is_up = tokio::time::sleep_until(self.began + self.limits.whole);
        tokio::pin!(time_is_up);
        loop {
            tokio::select! {
                () = &mut time_is_up => return Stop::TimeIsUp { hours: self.limits.whole.as_secs() / 3600 },
                beat = tokio::time::timeout(self.limits.without_progress, pulse.changed()) => {
                    if beat.is_err() {
                        return Stop::Stalled { minutes: self.limits.without_progress.as_secs() / 60 };
                    }
                }
            }
        }
    }
}
