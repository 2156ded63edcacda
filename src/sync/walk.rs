//! Reading a stream of a store, page by page: the one place that waits and tries again.
//!
//! While a page is written the next one is already being read.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::backoff::backoff;
use super::completeness::Reader;
use super::ending::Stop;
use super::keeping_up::KeepingUp;
use super::page::PageContext;
use super::tell::waits_for;
use crate::connectors::{Connector, ConnectorError, Retry};
use crate::domain::people::Stream;
use crate::error::storage_kind;
use crate::store::installed::InstalledStore;
use crate::store::planner;
use crate::store::sync_runs::Run;
use crate::telemetry::{Waiting, traces};

/// First wait after a failure; doubles with each further one.
const BACKOFF_START: Duration = Duration::from_millis(250);
/// Longest wait between two tries.
pub(super) const BACKOFF_LIMIT: Duration = Duration::from_secs(30);
/// Failures in a row after which a run fails: about a minute and a half of trying.
const MAX_FAILURES: u32 = 8;
/// How often in a row a store may ask to slow down before the run fails.
const MAX_THROTTLES: u32 = 60;
/// How long in all a store may prepare something before the run fails. An export of Shopify may take up to ten days
/// (`vendors/shopify.md` section 8).
const MAX_PREPARATION: Duration = Duration::from_hours(10 * 24);
/// How long an answer is still waited for when the service shall stop.
const LAST_ANSWER: Duration = Duration::from_secs(3);

/// The streams of one store, for one run.
pub(super) struct Walk<'a> {
    pub(super) context: &'a PageContext,
    pub(super) store: &'a InstalledStore,
    pub(super) connector: &'a dyn Connector,
    pub(super) shutdown: &'a CancellationToken,
    /// Of a pass over the whole store.
    pub(super) keeping_up: Option<KeepingUp>,
}

impl Walk<'_> {
    /// Reads a stream to its end, or as far as the reader wants it, waiting and trying again as the store needs it.
    pub(super) async fn stream(&mut self, run: &mut Run, stream: Stream, reader: &mut Reader) -> Result<(), Stop> {
        let Self { context, connector, shutdown, .. } = *self;
        let pass = reader.pass(context.is_full, self.store.watermarks.get(&stream));
        let mut patience = Patience::default();
        loop {
            self.keep_up(run).await?;
            let checkpoint = reader.checkpoint(run.progress.get(&stream));
            let mut pages = connector.pages(stream, pass.clone(), checkpoint);
            let mut asked_at = context.app.clock.now();
            let mut span = traces::page(stream);
            let mut next = unless_stopped(shutdown, pages.next().instrument(span.clone())).await?;
            let error = loop {
                match next {
                    None => {
                        match reader {
                            Reader::Pass => run.progress.entry(stream).or_default().is_done = true,
                            Reader::Changes(changes) => changes.is_done = true,
                            Reader::Sweep(_) => {}
                        }
                        return Ok(());
                    }
                    Some(Err(error)) => break error,
                    Some(Ok(page)) => {
                        let asked_at_for_next = context.app.clock.now();
                        let writing = traces::writing(&span, page.records.len());
                        span = traces::page(stream);
                        let (written, following) = tokio::join!(
                            reader.take(context, run, stream, page, asked_at).instrument(writing),
                            unless_stopped(shutdown, pages.next().instrument(span.clone()))
                        );
                        *run = written?;
                        if reader.is_satisfied(run, context.app.clock.now()) {
                            return Ok(());
                        }
                        let following = following?;
                        if is_time_to_look_again(run.pages) {
                            look_again(context).await;
                        }
                        (next, asked_at) = (following, asked_at_for_next);
                        patience = Patience::default();
                        if shutdown.is_cancelled() {
                            return Err(Stop::Shutdown);
                        }
                        self.keep_up(run).await?;
                    }
                }
            };
            drop(pages);
            let Some(wait) = patience.wait_after(&error) else { return Err(error.into()) };
            let _waiting = Waiting::begin(context.platform, waits_for(&error));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // The store says how long it takes.
                never = self.beat(), if matches!(error.retry(), Retry::After(_)) => match never {},
                () = shutdown.cancelled() => return Err(Stop::Shutdown),
            }
        }
    }

    /// Tells again and again that the run gets on.
    async fn beat(&self) -> Infallible {
        loop {
            self.context.beat.send_replace(());
            tokio::time::sleep(self.context.app.run_limits.without_progress / 2).await;
        }
    }

    /// Reads what changed in all streams, if it is time to, beside a pass over the whole store.
    ///
    /// # Errors
    /// What would stop the pass as well; not what the store answers to this alone.
    async fn keep_up(&mut self, run: &mut Run) -> Result<(), Stop> {
        let clock = &self.context.app.clock;
        let began_at = clock.now();
        // Taken, so that nothing is read beside what is read beside.
        let Some(mut keeping_up) = self.keeping_up.take_if(|keeping_up| keeping_up.is_due(began_at)) else {
            return Ok(());
        };
        let mut is_given_up = false;
        loop {
            let Some((stream, changes)) = keeping_up.next(began_at) else {
                keeping_up.finish(self.context, run).await?;
                break;
            };
            let mut reader = Reader::Changes(changes.within(began_at));
            match Box::pin(self.stream(run, stream, &mut reader)).await {
                Ok(()) => {}
                Err(Stop::Store(error)) if !error.needs_attention() => {
                    tracing::warn!(sync.run = %run.id, error.code = error.code(), "what changed can't be read now");
                    is_given_up = true;
                    break;
                }
                Err(stop) => return Err(stop),
            }
            let Reader::Changes(changes) = reader else { break };
            if !keeping_up.take_back(changes) {
                break;
            }
        }
        keeping_up.rest(began_at, is_given_up, clock.now());
        self.keeping_up = Some(keeping_up);
        Ok(())
    }
}

/// What the store says, unless the service shall stop: then nobody waits for a slow store.
async fn unless_stopped<T>(shutdown: &CancellationToken, answer: impl Future<Output = T>) -> Result<T, Stop> {
    let stopped = async {
        shutdown.cancelled().await;
        tokio::time::sleep(LAST_ANSWER).await;
    };
    tokio::select! {
        () = stopped => Err(Stop::Shutdown),
        answer = answer => Ok(answer),
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
