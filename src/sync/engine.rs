//! One run, from its checkpoint to its end.
//!
//! The engine alone waits and retries; connectors describe requests. While a page is written the next one is
//! already being read.

use std::time::Duration;

use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::backoff::backoff;
use super::page::{PageContext, PageError, write_gone, write_page};
use crate::app::App;
use crate::connectors::{Connector, ConnectorError, Pass, Retry};
use crate::domain::ids::SourceRecordId;
use crate::domain::integration::Notice;
use crate::domain::people::Stream;
use crate::domain::sync::{IntegrationState, RunMode, RunStatus};
use crate::error::{Error, storage_kind};
use crate::service::stores;
use crate::store::installed::{self, InstalledStore};
use crate::store::people::SuppressionKey;
use crate::store::sync_runs::{self, Ending, Lease, Run, StreamProgress};
use crate::store::{begin, ledger, planner, source_records};
use crate::telemetry::{SYNC_RUNNING, SYNC_RUNS};

/// First wait after a failure; doubles with each further one.
const BACKOFF_START: Duration = Duration::from_millis(250);
/// Longest wait between two tries.
const BACKOFF_LIMIT: Duration = Duration::from_secs(30);
/// Failures in a row after which a run fails: about a minute and a half of trying.
const MAX_FAILURES: u32 = 8;
/// How often in a row a store may ask to slow down before the run fails.
const MAX_THROTTLES: u32 = 60;
/// How long in all a store may prepare something before the run fails. An export of Shopify may take up to ten days
/// (`vendors/shopify.md` section 8).
const MAX_PREPARATION: Duration = Duration::from_hours(10 * 24);
/// Records that are ended in one transaction.
const GONE_BATCH: u64 = 500;

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("the service is shutting down")]
    Shutdown,
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

/// Carries a claimed run to its end and writes down how it ended.
///
/// On `shutdown` the present page is finished and the lease given back, so that another worker can go on at once.
pub(crate) async fn carry(app: &App, run: Run, lease: Lease, shutdown: &CancellationToken) {
    let span_id = run.id;
    metrics::gauge!(SYNC_RUNNING).increment(1.0);
    let result = tokio::select! {
        result = follow(app, run.clone(), lease, shutdown) => result,
        stop = keep_lease(app, lease) => Err(Stop::Page(stop)),
    };
    metrics::gauge!(SYNC_RUNNING).decrement(1.0);
    let status = match &result {
        Ok(()) => Some(RunStatus::Succeeded),
        Err(Stop::Shutdown | Stop::Page(PageError::LeaseLost)) => None,
        Err(Stop::Page(PageError::Cancelled)) => Some(RunStatus::Cancelled),
        Err(_) => Some(RunStatus::Failed),
    };
    if let Some(status) = status {
        metrics::counter!(SYNC_RUNS, "mode" => run.mode.as_str(), "status" => status.as_str()).increment(1);
    }
    let ended = match result {
        Ok(()) => {
            tracing::info!(sync.run = %span_id, "run succeeded");
            Ok(())
        }
        Err(Stop::Shutdown) => sync_runs::release(&app.db, lease, app.clock.now()).await.map_err(Error::from),
        Err(Stop::Page(PageError::LeaseLost)) => {
            tracing::warn!(sync.run = %span_id, "another worker has the run");
            Ok(())
        }
        Err(Stop::Page(PageError::Cancelled)) => {
            let ending = Ending { status: RunStatus::Cancelled, error: None };
            end(app, &run, lease, ending, None).await
        }
        Err(stop) => {
            let (code, detail) = explain(&stop);
            tracing::warn!(sync.run = %span_id, error.code = code, "run failed");
            let needs_attention = matches!(&stop, Stop::Store(error) if error.needs_attention());
            let ending = Ending { status: RunStatus::Failed, error: Some((code, detail.clone())) };
            end(app, &run, lease, ending, needs_attention.then_some((code, detail.as_str()))).await
        }
    };
    if let Err(error) = ended {
        // The lease runs out by itself and the run is taken up again.
        tracing::error!(sync.run = %span_id, error.code = error.code().as_str(), "run could not be ended");
    }
}

/// Stable code and sentence for what stopped a run.
fn explain(stop: &Stop) -> (&'static str, String) {
    match stop {
        Stop::Store(error) => (error.code(), error.to_string()),
        Stop::NotSyncable => ("NOT_SYNCABLE", "the integration was paused or deleted".to_owned()),
        Stop::Page(PageError::Failed(Error::Storage(error))) => (
            "STORAGE_FAILED",
            format!("the database failed: {}; the next run goes on from the last page", storage_kind(error)),
        ),
        Stop::Page(PageError::Failed(Error::Invalid { field, problem })) => {
            ("SETTINGS_INVALID", format!("{field} {problem}; update the integration"))
        }
        Stop::Page(_) | Stop::Shutdown => ("INTERNAL", "a fault of the service; see its log".to_owned()),
    }
}

async fn end(app: &App, run: &Run, lease: Lease, ending: Ending, attention: Option<(&str, &str)>) -> Result<(), Error> {
    let tx = begin(&app.db).await?;
    // The account's lock first, as everywhere: the integration may be being deleted, and its runs with it.
    ledger::lock(&tx, run.account_id).await?;
    if sync_runs::finish(&tx, lease, &ending, app.clock.now()).await? {
        if let Some((code, detail)) = attention {
            installed::need_attention(&tx, run.integration_id, code, detail).await?;
        }
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(())
}

/// Gives signs of life until the lease is lost or the run shall stop, which a run that waits for its store would not
/// see for long.
async fn keep_lease(app: &App, lease: Lease) -> PageError {
    let every = (lease.length.to_std().unwrap_or(BACKOFF_LIMIT) / 3).max(Duration::from_millis(100));
    loop {
        tokio::time::sleep(every).await;
        // A database that is away for a moment does not end the run; the page's own write decides.
        if let Ok(false) = sync_runs::prolong(&app.db, lease, app.clock.now()).await {
            return PageError::LeaseLost;
        }
        if let Ok(Some(run)) = sync_runs::find(&app.db, lease.run_id).await
            && run.is_cancel_requested
        {
            return PageError::Cancelled;
        }
    }
}

async fn follow(app: &App, mut run: Run, lease: Lease, shutdown: &CancellationToken) -> Result<(), Stop> {
    let store = installed::find(&app.db, run.integration_id).await?;
    let store = store.filter(|store| store.state == IntegrationState::Active).ok_or(Stop::NotSyncable)?;
    let connector = stores::open(app, &store)?;
    let context = PageContext {
        app: app.clone(),
        lease,
        platform: store.platform,
        suppression: SuppressionKey::load(&app.db, &app.sealer, run.account_id).await?,
        is_full: run.mode == RunMode::Full || !store.was_read_whole,
    };
    for stream in connector.streams() {
        if !run.progress.get(stream).is_some_and(|progress| progress.is_done) {
            run = read_stream(&context, run, &store, connector.as_ref(), *stream, shutdown).await?;
        }
    }
    if context.is_full {
        run = end_what_is_gone(&context, run, shutdown).await?;
    }
    succeed(&context, &run, &store, &connector.notices()).await
}

/// Reads a stream to its end, waiting and trying again as the store needs it.
async fn read_stream(
    context: &PageContext,
    mut run: Run,
    store: &InstalledStore,
    connector: &dyn Connector,
    stream: Stream,
    shutdown: &CancellationToken,
) -> Result<Run, Stop> {
    let pass = match store.watermarks.get(&stream) {
        Some(watermark) if !context.is_full => Pass::Since(watermark.clone()),
        _ => Pass::Full,
    };
    let mut patience = Patience::default();
    loop {
        let checkpoint = run.progress.get(&stream).and_then(|progress| progress.checkpoint.clone());
        let mut pages = connector.pages(stream, pass.clone(), checkpoint);
        let mut asked_at = context.app.clock.now();
        let mut next = pages.next().await;
        let error = loop {
            match next {
                None => {
                    run.progress.entry(stream).or_default().is_done = true;
                    return Ok(run);
                }
                Some(Err(error)) => break error,
                Some(Ok(page)) => {
                    let asked_at_for_next = context.app.clock.now();
                    let (written, following) =
                        tokio::join!(write_page(context, &run, stream, page, asked_at), pages.next());
                    run = written?;
                    if is_time_to_look_again(run.pages) {
                        look_again(context).await;
                    }
                    (next, asked_at) = (following, asked_at_for_next);
                    patience = Patience::default();
                    if shutdown.is_cancelled() {
                        return Err(Stop::Shutdown);
                    }
                }
            }
        };
        drop(pages);
        let wait = patience.wait_after(&error).ok_or(error)?;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return Err(Stop::Shutdown),
        }
    }
}

/// A table can double only so often: after 4, 8, 16 and 32 pages, then with every 64.
const fn is_time_to_look_again(pages: i32) -> bool {
    pages >= 4 && (pages % 64 == 0 || pages.count_ones() == 1)
}

async fn look_again(context: &PageContext) {
    if let Err(error) = planner::look_again(&context.app.db).await {
        // Slower, not wrong.
        tracing::warn!(error.detail = storage_kind(&error), "the database can't look at its tables again");
    }
}

/// How much longer the engine bears with a store that does not answer well.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
    throttles: u32,
    prepared: Duration,
}

impl Patience {
    /// How long to wait before the next try; `None` when it is no use.
    pub(super) fn wait_after(&mut self, error: &ConnectorError) -> Option<Duration> {
        let backoff = |tries: u32| backoff(BACKOFF_START, tries, BACKOFF_LIMIT);
        if let ConnectorError::NotReady { after } = error {
            self.prepared += *after;
            return (self.prepared <= MAX_PREPARATION).then_some(*after);
        }
        if matches!(error, ConnectorError::Throttled { .. }) {
            self.throttles += 1;
            return (self.throttles <= MAX_THROTTLES).then(|| match error.retry() {
                Retry::After(wait) => wait,
                Retry::Backoff | Retry::Never => backoff(self.throttles),
            });
        }
        self.failures += 1;
        match error.retry() {
            Retry::Never => None,
            _ if self.failures > MAX_FAILURES => None,
            Retry::After(wait) => Some(wait),
            Retry::Backoff => Some(backoff(self.failures)),
        }
    }
}

/// Ends the records that the finished pass did not show. Only here, and only then, does absence mean anything, and not
/// in a stream that showed a record without identity, which could be any of them, or that keeps some from us.
async fn end_what_is_gone(context: &PageContext, mut run: Run, shutdown: &CancellationToken) -> Result<Run, Stop> {
    let db = &context.app.db;
    let seen = sync_runs::all_seen(db, run.id, run.counts.read).await?;
    let started_at = run.started_at.unwrap_or_else(|| context.app.clock.now());
    let tells = |progress: &StreamProgress| !progress.has_nameless && !progress.hides_some;
    let streams: Vec<Stream> =
        run.progress.iter().filter(|(_, progress)| tells(progress)).map(|(stream, _)| *stream).collect();
    let mut last = SourceRecordId(uuid::Uuid::nil());
    loop {
        let batch =
            source_records::next_settled(db, run.integration_id, &streams, last, started_at, GONE_BATCH).await?;
        let Some(end) = batch.last() else { return Ok(run) };
        last = *end;
        let gone: Vec<SourceRecordId> = batch.into_iter().filter(|id| seen.binary_search(id).is_err()).collect();
        if !gone.is_empty() {
            run = write_gone(context, &run, &gone).await?;
        }
        if shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
    }
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
    let kept = sync_runs::save_progress(&tx, context.lease, run, now).await?;
    let ending = Ending { status: RunStatus::Succeeded, error: None };
    if !kept || !sync_runs::finish(&tx, context.lease, &ending, now).await? {
        tx.rollback().await?;
        return Err(PageError::LeaseLost.into());
    }
    installed::note_success(&tx, run, &watermarks, notices, context.is_full, now).await?;
    tx.commit().await?;
    Ok(())
}
