//! One run, from its checkpoint to its end.
//!
//! The engine alone waits and retries (`walk`); connectors describe requests.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::completeness::{self, Reader};
use super::ending::{self, Allowance, Stop};
use super::guard;
use super::keeping_up::KeepingUp;
use super::page::{PageContext, PageError, write_gone};
use super::tell::UnderWay;
use super::walk::{BACKOFF_LIMIT, Walk};
use crate::app::App;
use crate::domain::ids::SourceRecordId;
use crate::domain::integration::Notice;
use crate::domain::people::Stream;
use crate::domain::sync::{IntegrationState, Lane, RunMode, RunStatus};
use crate::service::stores;
use crate::store::installed::{self, InstalledStore};
use crate::store::leases::{self, Claimed, Lease};
use crate::store::people::SuppressionKey;
use crate::store::progress::StreamProgress;
use crate::store::sync_runs::{self, Ending, Run};
use crate::store::{begin, ledger, quarantine, resume, schedules, seen, source_records};

/// How often a worker may die in a row without the run getting on before nobody takes it up any more.
const MAX_DEATHS: i32 = 3;
/// Records of which it is asked at once whether they are gone.
const GONE_BATCH: u64 = 500;
/// Records that are ended in one transaction.
const GONE_AT_ONCE: usize = 500;

/// Carries a claimed run to its end and writes down how it ended.
///
/// On `shutdown` the present page is finished and the lease given back, so that another worker can go on at once.
pub(crate) async fn carry(app: &App, claimed: Claimed, shutdown: &CancellationToken) {
    let Claimed { run, lease, deaths } = claimed;
    let store = installed::find(&app.db, run.integration_id).await;
    let under_way = UnderWay::begin(store.as_ref().ok().and_then(|store| Some(store.as_ref()?.platform)), &run);
    let (beat, pulse) = watch::channel(());
    let allowance = Allowance::begin(app);
    let result = if deaths >= MAX_DEATHS {
        Err(Stop::KillsWorker { deaths })
    } else {
        tokio::select! {
            result = follow(app, (run.clone(), deaths > 0), lease, store.clone(), beat, shutdown).instrument(under_way.span.clone()) => result,
            stop = keep_lease(app, lease) => Err(Stop::Page(stop)),
            stop = allowance.used_up(pulse) => Err(stop),
        }
    };
    let status = result.as_ref().map_or_else(Stop::status, |()| Some(RunStatus::Succeeded));
    if let Some(status) = status {
        let failure = result.as_ref().err().filter(|_| status == RunStatus::Failed);
        let now = app.clock.now();
        under_way.ended(status, failure.map(|stop| stop.explain().0), now - run.started_at.unwrap_or(now));
    }
    let ended = match result {
        Ok(()) => {
            tracing::info!(sync.run = %run.id, "run succeeded");
            Ok(())
        }
        Err(stop) => {
            let opened = store.ok().flatten().map(|store| store.reading_changed_at);
            ending::stop(app, &run, lease, opened, &stop).await
        }
    };
    if let Err(error) = ended {
        // The lease runs out by itself and the run is taken up again.
        tracing::error!(sync.run = %run.id, error.code = error.code().as_str(), "run could not be ended");
    }
}

/// Gives signs of life until the lease is lost or the run shall stop, which a run that waits for its store would not
/// see for long.
async fn keep_lease(app: &App, lease: Lease) -> PageError {
    let every = (lease.length.to_std().unwrap_or(BACKOFF_LIMIT) / 3).max(Duration::from_millis(100));
    loop {
        tokio::time::sleep(every).await;
        // A database that is away for a moment does not end the run; the page's own write decides.
        if let Ok(false) = leases::prolong(&app.db, lease, app.clock.now()).await {
            return PageError::LeaseLost;
        }
        if let Ok(Some(run)) = sync_runs::find_of(&app.db, lease.account_id, lease.run_id).await
            && run.is_cancel_requested
        {
            return PageError::Cancelled;
        }
    }
}

async fn follow(
    app: &App,
    (mut run, has_died): (Run, bool),
    lease: Lease,
    store: Result<Option<InstalledStore>, sea_orm::DbErr>,
    beat: watch::Sender<()>,
    shutdown: &CancellationToken,
) -> Result<(), Stop> {
    let store = store?.filter(|store| store.state == IntegrationState::Active).ok_or(Stop::NotSyncable)?;
    let connector = stores::open(app, &store)?;
    if run.is_new {
        run = go_on(app, run, lease, &store).await?;
    } else if run.began_at.is_some_and(|began_at| began_at < store.reading_changed_at) {
        run = begin_again(app, run, lease).await?;
    }
    let context = PageContext {
        app: app.clone(),
        lease,
        platform: store.platform,
        suppression: SuppressionKey::load(&app.db, &app.sealer, run.account_id).await?,
        is_full: run.lane == Lane::Whole && (run.mode == RunMode::Full || !store.was_read_whole),
        beat,
        limit: (!run.is_confirmed).then_some(store.leave_limit),
        has_unresolved: quarantine::is_any_unresolved(&app.db, store.account_id, store.id).await?,
    };
    for stream in connector.streams() {
        // The run has a total once every stream has told its own; until then nobody knows how much is left.
        run.progress.entry(*stream).or_default();
    }
    let planned = schedules::find(&app.db, run.integration_id).await?.filter(|_| context.is_full);
    let mut walk = Walk {
        context: &context,
        store: &store,
        connector: connector.as_ref(),
        shutdown,
        keeping_up: planned.and_then(|planned| {
            let every = planned.schedule.interval;
            KeepingUp::begin(&store, connector.streams(), (every, has_died), app.clock.now())
        }),
    };
    for stream in connector.streams() {
        if !run.progress.get(stream).is_some_and(|progress| progress.is_done) {
            walk.stream(&mut run, *stream, &mut Reader::Pass).await?;
        }
        if context.is_full {
            run = search_missing(&mut walk, run, *stream).await?;
        }
    }
    if context.is_full {
        run = end_what_is_gone(&context, run, shutdown).await?;
    }
    let mut notices = connector.notices();
    notices.extend(completeness::notices(&context, &run, &store));
    succeed(&context, &run, &store, &notices).await
}

/// The same run, from the checkpoint of a failed one before it where there is one.
async fn go_on(app: &App, run: Run, lease: Lease, store: &InstalledStore) -> Result<Run, Stop> {
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, run.account_id).await?;
    let run = resume::go_on(&tx, run, lease, store.reading_changed_at, app.clock.now()).await?;
    let run = run.ok_or(PageError::LeaseLost)?;
    tx.commit().await?;
    Ok(run)
}

/// The same run, from its beginning.
async fn begin_again(app: &App, run: Run, lease: Lease) -> Result<Run, Stop> {
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, run.account_id).await?;
    let run = resume::begin_again(&tx, lease, app.clock.now()).await?;
    let run = run.ok_or(PageError::LeaseLost)?;
    tx.commit().await?;
    Ok(run)
}

/// Holds what a full pass saw of a stream against the store's own count, and looks for those who are missing.
async fn search_missing(walk: &mut Walk<'_>, run: Run, stream: Stream) -> Result<Run, Stop> {
    let context = walk.context;
    let (mut run, search) = completeness::begin(context, run, stream).await?;
    let Some(mut search) = search else { return Ok(run) };
    if search.is_on(&run) {
        let mut reader = Reader::Sweep(search);
        walk.stream(&mut run, stream, &mut reader).await?;
        let Reader::Sweep(done) = reader else { return Ok(run) };
        search = done;
    }
    Ok(search.conclude(context, run))
}

/// Ends the records that the finished pass did not show. Only here, and only then, does absence mean anything, and not
/// in every stream: [`StreamProgress::proves_absence`].
async fn end_what_is_gone(context: &PageContext, mut run: Run, shutdown: &CancellationToken) -> Result<Run, Stop> {
    let db = &context.app.db;
    let seen = seen::records(db, run.id, run.counts.read).await?;
    let began_at = run.began_at.unwrap_or_else(|| context.app.clock.now());
    let proves = |(stream, progress): (&Stream, &StreamProgress)| progress.proves_absence().then_some(*stream);
    let streams: Vec<Stream> = run.progress.iter().filter_map(proves).collect();
    let mut gone: Vec<SourceRecordId> = Vec::new();
    let mut last = SourceRecordId(uuid::Uuid::nil());
    loop {
        let batch =
            source_records::next_settled(db, run.account_id, run.integration_id, &streams, last, began_at, GONE_BATCH)
                .await?;
        let Some(end) = batch.last() else { break };
        last = *end;
        gone.extend(batch.into_iter().filter(|id| seen.binary_search(id).is_err()));
        if shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
    }
    drop(seen);
    guard::look_ahead(context, &run, &gone).await?;
    for batch in gone.chunks(GONE_AT_ONCE) {
        run = write_gone(context, &run, batch).await?;
        if shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
    }
    Ok(run)
}

async fn succeed(context: &PageContext, run: &Run, store: &InstalledStore, notices: &[Notice]) -> Result<(), Stop> {
    let app = &context.app;
    let now = app.clock.now();
    let mut watermarks = store.watermarks.clone();
    for (stream, progress) in &run.progress {
        if let Some(watermark) = &progress.watermark {
            watermarks.insert(*stream, watermark.clone());
        }
    }
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, run.account_id).await?;
    installed::lock(&tx, run.integration_id).await?;
    let planned = schedules::lock(&tx, run.integration_id).await?;
    let kept = sync_runs::save_progress(&tx, context.lease, run, now).await?;
    let ending = Ending { status: RunStatus::Succeeded, error: None, is_resumable: false };
    if !kept || !sync_runs::finish(&tx, context.lease, &ending, now).await? {
        tx.rollback().await?;
        return Err(PageError::LeaseLost.into());
    }
    installed::note_success(&tx, run, &watermarks, notices, context.is_full, now).await?;
    if let Some(planned) = planned {
        let after = ending::after_success(&planned, run.lane, now);
        schedules::plan_next(&tx, run.integration_id, run.id, &after, now).await?;
    }
    ending::wake_next(&tx, run).await?;
    tx.commit().await?;
    Ok(())
}
