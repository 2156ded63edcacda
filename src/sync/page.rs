//! One page of a store, in one transaction: source records, contacts, memberships, events, consents and the
//! place to go on from.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use tokio::sync::watch;

use super::erased::left_out;
use super::guard::{self, Shrink};
use super::reading::{Answer, Content, Reading, Writing, vanish};
use super::tell::{self, Way};
use crate::app::App;
use crate::connectors::PeoplePage;
use crate::domain::Platform;
use crate::domain::ids::{AccountId, IntegrationId, SourceRecordId};
use crate::domain::ledger::Head;
use crate::domain::membership::Cause;
use crate::domain::people::{StoreId, Stream};
use crate::domain::shrink::Limit;
use crate::domain::source_record::SourceRecord;
use crate::domain::sync::Counts;
use crate::error::Error;
use crate::service::settle::{self, Behalf, Change, Settled, StoreContext};
use crate::store::leases::Lease;
use crate::store::people::SuppressionKey;
use crate::store::progress::Phase;
use crate::store::source_records;
use crate::store::sync_runs::{self, Run};
use crate::store::{begin, hints, ledger, memberships, quarantine, seen};

/// Why a page was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// Another worker has the run.
    #[error("another worker has the run")]
    LeaseLost,
    /// The run shall stop.
    #[error("the run shall stop")]
    Cancelled,
    /// It would take too many off a list.
    #[error("{}", .0.in_words())]
    Asks(Shrink),
    /// Storage, or a fault of ours.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<sea_orm::DbErr> for PageError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Failed(error.into())
    }
}

/// What every page of a run needs.
#[derive(Clone)]
pub(crate) struct PageContext {
    pub(crate) app: App,
    pub(crate) lease: Lease,
    pub(crate) platform: Platform,
    pub(crate) suppression: SuppressionKey,
    /// Whether the run reads the whole store, and so finds what is gone.
    pub(crate) is_full: bool,
    /// Told of every page that is written.
    pub(crate) beat: watch::Sender<()>,
    /// Whether there are records that could not be used and are not settled.
    pub(crate) has_unresolved: bool,
    /// How many may leave a list unasked; none where somebody has said that all may.
    pub(crate) limit: Option<Limit>,
}

/// Writes one page of a stream, which was asked for at `asked_at` by our clock. Returns the run as it then stands.
pub(crate) async fn write_page(
    context: &PageContext,
    run: &Run,
    (stream, phase): (Stream, Phase),
    page: PeoplePage,
    asked_at: DateTime<Utc>,
) -> Result<Run, PageError> {
    let PeoplePage { records, resume_from, watermark, total, as_of, hides_some } = page;
    let asked_at = as_of.map_or(asked_at, |as_of| as_of.min(asked_at));
    let now = context.app.clock.now();
    let tx = begin(&context.app.db).await?;
    let head = ledger::lock(&tx, run.account_id).await?;
    stop_if_cancelled(&tx, run).await?;
    let shown: Vec<StoreId> = records.iter().filter_map(|record| record.store_id().cloned()).collect();
    let nameless = (records.len() - shown.len()) as u64;
    hints::overtake(&tx, run.integration_id, stream, &shown, asked_at).await?;
    let records = left_out(&tx, run.account_id, &context.suppression, records).await?;
    let answers = records.into_iter().map(|record| Answer { content: Content::Shown(record), asked_at }).collect();
    let read = Reading::of(
        &tx,
        (run.account_id, run.integration_id),
        stream,
        answers,
        Writing { key: &context.suppression, now },
    )
    .await?;
    let mut run = run.clone();
    run.pages += 1;
    run.counts.add(read.counts);
    let progress = run.progress.entry(stream).or_default();
    progress.advance(phase, resume_from, watermark);
    if phase == Phase::Changes {
        progress.caught_up += read.counts.read;
    } else {
        progress.tell(total, hides_some);
        progress.has_nameless |= nameless > 0;
        progress.nameless += nameless;
    }
    if context.is_full {
        // Whom only a look for changes was shown may be gone before the pass comes there: the store's count is held against the pass.
        let shown = if phase == Phase::Changes { &[][..] } else { &shown[..] };
        seen::remember(&tx, run.id, (run.pages, stream), &read.seen, shown).await?;
    }
    quarantine::add(&tx, &run, &read.quarantined, now).await?;
    if context.has_unresolved || run.counts.quarantined > 0 {
        quarantine::resolve(&tx, (run.account_id, run.integration_id), stream, &read.read_well(&shown), now).await?;
    }
    let settled = settle_change(&tx, context, &mut run, read.change, head, now).await?;
    let run = commit(tx, context, run, now).await?;
    tell::written(context.platform, Way::Sync, read.counts, &settled);
    Ok(run)
}

/// Notes that a page of a sweep shows nobody new: only how far it is, without the account's lock.
pub(crate) async fn pass_over(
    context: &PageContext,
    run: &Run,
    stream: Stream,
    page: PeoplePage,
) -> Result<Run, PageError> {
    let mut run = run.clone();
    let progress = run.progress.entry(stream).or_default();
    progress.advance(Phase::Sweep, page.resume_from, None);
    progress.tell(page.total, page.hides_some);
    let is_kept = sync_runs::save_progress(&context.app.db, context.lease, &run, context.app.clock.now()).await?;
    context.beat.send_replace(());
    is_kept.then_some(run).ok_or(PageError::LeaseLost)
}

/// Ends what the store no longer has: records that a finished full pass did not show.
pub(crate) async fn write_gone(context: &PageContext, run: &Run, gone: &[SourceRecordId]) -> Result<Run, PageError> {
    let now = context.app.clock.now();
    let tx = begin(&context.app.db).await?;
    let head = ledger::lock(&tx, run.account_id).await?;
    stop_if_cancelled(&tx, run).await?;
    let mut change = Change::default();
    let writing = Writing { key: &context.suppression, now };
    for record in source_records::by_ids(&tx, run.account_id, run.integration_id, gone).await? {
        if is_gone(run, &record, now) {
            vanish(&mut change, &record, Cause::DeletedInStore, None, writing);
        }
    }
    let mut run = run.clone();
    let settled = settle_change(&tx, context, &mut run, change, head, now).await?;
    let run = commit(tx, context, run, now).await?;
    tell::written(context.platform, Way::Sync, Counts::default(), &settled);
    Ok(run)
}

/// Whether a record that a full pass did not show is gone: a webhook may have made the store show it meanwhile.
pub(super) fn is_gone(run: &Run, record: &SourceRecord, now: DateTime<Utc>) -> bool {
    let began = run.began_at.unwrap_or(now);
    record.changed_at < began && record.read_at.is_none_or(|read_at| read_at < began)
}

async fn settle_change(
    tx: &impl ConnectionTrait,
    context: &PageContext,
    run: &mut Run,
    change: Change,
    head: Head,
    now: DateTime<Utc>,
) -> Result<Settled, PageError> {
    let store = Place { account: run.account_id, integration: run.integration_id, platform: context.platform };
    let behalf = Behalf { run_id: Some(run.id), ..Behalf::default() };
    let (settled, _) = settle(tx, store, &context.suppression, change, head, &behalf, now).await?;
    run.counts.joined += settled.joined.values().sum::<u64>();
    run.counts.left += settled.left.values().sum::<u64>();
    guard::take(tx, context, run, &settled).await?;
    Ok(settled)
}

/// One store of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) integration: IntegrationId,
    pub(super) platform: Platform,
}

/// Carries out what a change means for lists, behind the account's lock.
pub(super) async fn settle(
    tx: &impl ConnectionTrait,
    place: Place,
    suppression: &SuppressionKey,
    change: Change,
    head: Head,
    behalf: &Behalf,
    now: DateTime<Utc>,
) -> Result<(Settled, Head), Error> {
    if change.records.is_empty() {
        return Ok((Settled::default(), head));
    }
    let store = StoreContext {
        account_id: place.account,
        integration_id: place.integration,
        platform: place.platform,
        targets: memberships::targets(tx, place.account, place.integration).await?,
        suppression: suppression.clone(),
    };
    let plan = settle::plan(tx, &store, change, now).await?;
    settle::write(tx, &store, head, plan, behalf, now).await
}

async fn stop_if_cancelled(tx: &impl ConnectionTrait, run: &Run) -> Result<(), PageError> {
    match sync_runs::find_of(tx, run.account_id, run.id).await? {
        None => Err(PageError::LeaseLost),
        Some(stored) if stored.is_cancel_requested => Err(PageError::Cancelled),
        Some(_) => Ok(()),
    }
}

async fn commit(
    tx: sea_orm::DatabaseTransaction,
    context: &PageContext,
    run: Run,
    now: DateTime<Utc>,
) -> Result<Run, PageError> {
    if !sync_runs::save_progress(&tx, context.lease, &run, now).await? {
        tx.rollback().await?;
        return Err(PageError::LeaseLost);
    }
    tx.commit().await?;
    context.beat.send_replace(());
    Ok(run)
}
