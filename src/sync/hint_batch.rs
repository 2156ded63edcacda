//! Carries out one batch of hints of one store.
//!
//! Each record is read by its id, ahead of bulk reads, and everything that came of it is written in one transaction, with
//! the hints that are done.
//!
//! **Invariant:** nothing of a webhook's body is written, only what the store says when asked. An answer that was asked
//! for before the record was last read anew is thrown away, and asked for again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use tracing::Instrument as _;
use uuid::Uuid;

use super::backoff::backoff;
use super::erased::left_out;
use super::page::{Place, settle};
use super::reading::{Answer, Content, Reading, Writing};
use super::tell::{self, Way};
use crate::app::App;
use crate::connectors::http::ahead;
use crate::connectors::{Connector, ConnectorError, Retry};
use crate::domain::ledger::Head;
use crate::domain::people::{StoreId, StoreRecord, Stream};
use crate::domain::source_record::SourceRecord;
use crate::domain::sync::{Counts, IntegrationState};
use crate::error::Error;
use crate::service::settle::{Behalf, Settled};
use crate::service::stores;
use crate::store::hint_lanes::{self, Batch};
use crate::store::hints::{self, Claimed, Failure};
use crate::store::installed::{self, InstalledStore};
use crate::store::people::SuppressionKey;
use crate::store::{begin, ledger, quarantine, source_records, sync_runs, webhooks};
use crate::telemetry::{HINT_SECONDS, HINTS, traces};

/// First wait after a failure, of a record and of its store; doubles with each further one.
const BACKOFF_START: Duration = Duration::from_secs(1);
/// Longest wait between two tries.
const BACKOFF_LIMIT: Duration = Duration::from_mins(10);
/// How long a record is tried that can't be read, unless it is named again.
const PATIENCE: TimeDelta = TimeDelta::days(1);
/// How often a hint is taken up again of which nothing was written, be it that its worker died or the write failed.
const MAX_LAPSES: i32 = 5;
/// Who is named as the actor of what a webhook brought about.
const ACTOR: &str = "webhook";
/// Code of a record that was read and is of no use.
const UNUSABLE: &str = "RECORD_UNUSABLE";
/// Code of a record of which nothing could be written.
const NOT_WRITTEN: &str = "RECORD_NOT_WRITTEN";

pub(super) fn lease(app: &App) -> TimeDelta {
    TimeDelta::from_std(app.lease).unwrap_or(TimeDelta::seconds(30))
}

/// Carries a batch out as far as its store answers.
pub(super) async fn carry(app: &App, batch: Batch) {
    let span = traces::hints(batch.integration, batch.urgent, batch.hints.len());
    let result = tokio::select! {
        result = follow(app, &batch).instrument(span) => result,
        never = keep_lease(app, &batch) => never,
    };
    if let Err(error) = result {
        tracing::warn!(
            sync.integration = %batch.integration,
            error.code = error.code().as_str(),
            "webhooks not carried out"
        );
        // The hints stay marked as taken up in vain; if this fails, too, the lease runs out by itself.
        hint_lanes::leave(&app.db, &batch).await.ok();
    }
}

async fn keep_lease<T>(app: &App, batch: &Batch) -> T {
    loop {
        tokio::time::sleep((app.lease / 3).max(Duration::from_millis(100))).await;
        // A database that is away for a moment does not end the batch; the write at its end decides.
        hint_lanes::prolong(&app.db, batch, app.clock.now() + lease(app)).await.ok();
    }
}

async fn follow(app: &App, batch: &Batch) -> Result<(), Error> {
    let Some(store) = installed::find(&app.db, batch.integration).await? else { return Ok(()) };
    if store.state != IntegrationState::Active {
        // Paused meanwhile: they wait.
        return give_back(app, &store, batch, None).await;
    }
    if batch.hints.iter().any(|hint| hint.lapses > MAX_LAPSES) {
        return give_up(app, &store, batch).await;
    }
    let connector = match stores::open(app, &store) {
        Ok(connector) => connector,
        Err(error) => {
            give_back(app, &store, batch, Some(BACKOFF_LIMIT)).await?;
            return Err(error);
        }
    };
    let read = read_all(app, connector.as_ref(), batch).await;
    write(app, &store, batch, read).await
}

/// Gives a batch back as it was, the store to be asked at once or after a wait.
async fn give_back(app: &App, store: &InstalledStore, batch: &Batch, wait: Option<Duration>) -> Result<(), Error> {
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, store.account_id).await?;
    release_all(&tx, batch, now).await?;
    if let Some(wait) = wait {
        hint_lanes::hold_back(&tx, store.id, batch.failures + 1, now + wait).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn release_all(tx: &impl ConnectionTrait, batch: &Batch, now: DateTime<Utc>) -> Result<(), Error> {
    let held = hints::held(tx, batch).await?;
    hints::release(tx, &held, now).await?;
    Ok(hint_lanes::leave(tx, batch).await?)
}

/// Gives hints up that were taken up too often with nothing written.
async fn give_up(app: &App, store: &InstalledStore, batch: &Batch) -> Result<(), Error> {
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, store.account_id).await?;
    let held = hints::held(&tx, batch).await?;
    for hint in &held {
        let detail = "what the store says of the record could not be written; look into the log of the service";
        hints::fail(&tx, hint, &Failure { code: NOT_WRITTEN, detail: detail.to_owned(), again_at: None }, now).await?;
    }
    hint_lanes::leave(&tx, batch).await?;
    tx.commit().await?;
    tell(store, &[], held.len(), now);
    Ok(())
}

/// What came of asking the store for the records of a batch.
#[derive(Default)]
struct Read {
    answers: HashMap<Uuid, (Content, DateTime<Utc>)>,
    failures: HashMap<Uuid, ConnectorError>,
    /// The store as a whole can't be asked now: the rest was left.
    stopped_by: Option<ConnectorError>,
}

async fn read_all(app: &App, connector: &dyn Connector, batch: &Batch) -> Read {
    let mut read = Read::default();
    for hint in &batch.hints {
        let asked_at = app.clock.now();
        match ahead(connector.record(hint.stream, &hint.store_id)).await {
            Ok(record) => {
                let content = record.map_or_else(|| Content::Gone(hint.store_id.clone()), Content::Shown);
                read.answers.insert(hint.id, (content, asked_at));
            }
            Err(error) => {
                let is_about_the_store = error.retry() != Retry::Never || error.needs_attention();
                read.failures.insert(hint.id, error.clone());
                if is_about_the_store {
                    read.stopped_by = Some(error);
                    return read;
                }
            }
        }
    }
    read
}

/// A hint with the store's answer.
struct Answered {
    hint: Claimed,
    content: Content,
    asked_at: DateTime<Utc>,
}

/// Writes all that came of a batch in one transaction.
async fn write(app: &App, store: &InstalledStore, batch: &Batch, mut read: Read) -> Result<(), Error> {
    let now = app.clock.now();
    let suppression = SuppressionKey::load(&app.db, &app.sealer, store.account_id).await?;
    let tx = begin(&app.db).await?;
    let mut head = ledger::lock(&tx, store.account_id).await?;
    if read.stopped_by.as_ref().is_some_and(ConnectorError::needs_attention) {
        // Nobody gives it other keys between the look at them and the mark that they are refused.
        installed::lock(&tx, store.id).await?;
    }
    if !is_as_asked(&tx, store).await? {
        release_all(&tx, batch, now).await?;
        return Ok(tx.commit().await?);
    }
    let mut answered: BTreeMap<Stream, Vec<Answered>> = BTreeMap::new();
    for hint in hints::held(&tx, batch).await? {
        match read.answers.remove(&hint.id) {
            Some((content, asked_at)) if hint.page_asked_at.is_none_or(|page| page <= asked_at) => {
                answered.entry(hint.stream).or_default().push(Answered { hint, content, asked_at });
            }
            // A page that was asked for later stands there now: ask again.
            Some(_) => hints::release(&tx, &[hint], now).await?,
            None => put_off(&tx, &hint, &read, now).await?,
        }
    }
    let (mut done, mut all) = (Vec::new(), Vec::new());
    for (stream, answered) in answered {
        let (written, next) = write_stream(&tx, store, &suppression, (stream, answered), head, now).await?;
        done.extend(written.done);
        all.push((written.counts, written.settled));
        head = next;
    }
    leave(&tx, batch, &read, !done.is_empty(), now).await?;
    if let Some(last) = done.iter().max_by_key(|hint| hint.received_at) {
        let after = (now - last.received_at).num_milliseconds().max(0);
        webhooks::note_handled(&tx, store.id, done.len(), after, now).await?;
    }
    tx.commit().await?;
    for (counts, settled) in &all {
        tell::written(store.platform, Way::Webhook, *counts, settled);
    }
    tell(store, &done, read.failures.len(), now);
    Ok(())
}

/// Whether the integration is still what the store was asked for: not paused or closed meanwhile, nor given other
/// settings, by which it may be another store.
async fn is_as_asked(tx: &impl ConnectionTrait, store: &InstalledStore) -> Result<bool, Error> {
    let present = installed::find(tx, store.id).await?;
    Ok(present.is_some_and(|present| {
        present.state == IntegrationState::Active
            && present.settings == store.settings
            && present.credentials == store.credentials
    }))
}

/// Gives the lane back. A store that fails is left alone for a while, ever longer; one that refuses us, until somebody
/// acted.
async fn leave(
    tx: &impl ConnectionTrait,
    batch: &Batch,
    read: &Read,
    has_answered: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    hint_lanes::leave(tx, batch).await?;
    match &read.stopped_by {
        Some(error) if error.needs_attention() => {
            let why = (error.code(), error.to_string());
            installed::need_attention(tx, batch.integration, None, (why.0, &why.1)).await?;
        }
        Some(error) => {
            let failures = if has_answered { 0 } else { batch.failures };
            let wait = wait_after(error, failures).unwrap_or_default();
            hint_lanes::hold_back(tx, batch.integration, failures + 1, now + wait).await?;
        }
        None => hint_lanes::answers(tx, batch.integration, now).await?,
    }
    Ok(())
}

/// What came of the records of one stream.
struct Written {
    done: Vec<Claimed>,
    counts: Counts,
    settled: Settled,
}

/// Writes what the store says about records of one stream, by the code that writes a page, and takes away the hints.
async fn write_stream(
    tx: &impl ConnectionTrait,
    store: &InstalledStore,
    suppression: &SuppressionKey,
    (stream, answered): (Stream, Vec<Answered>),
    head: Head,
    now: DateTime<Utc>,
) -> Result<(Written, Head), Error> {
    let mut asked = Vec::with_capacity(answered.len());
    let mut answers = Vec::with_capacity(answered.len());
    for Answered { hint, content, asked_at } in answered {
        let content = passed_over(tx, store, suppression, named(content, &hint.store_id)).await?;
        let is_gone = matches!(content, Content::Gone(_));
        answers.push(Answer { content, asked_at });
        asked.push((hint, asked_at, is_gone));
    }
    let writing = Writing { key: suppression, now };
    let read = Reading::of(tx, (store.account_id, store.id), stream, answers, writing).await?;
    let asked_for: Vec<StoreId> = asked.iter().map(|(hint, ..)| hint.store_id.clone()).collect();
    quarantine::resolve(tx, (store.account_id, store.id), stream, &read.read_well(&asked_for), now).await?;
    let Reading { change, stale, quarantined, counts, .. } = read;
    let place = Place { account: store.account_id, integration: store.id, platform: store.platform };
    let behalf = Behalf { actor: Some(ACTOR.to_owned()), ..Behalf::default() };
    let (settled, head) = settle(tx, place, suppression, change, head, &behalf, now).await?;
    if sync_runs::is_any_unfinished(tx, store.account_id, store.id).await? {
        // A page of it may show somebody who is not there any more and whom nobody here has heard of.
        let absent = asked.iter().filter(|(hint, _, is_gone)| *is_gone && !stale.contains(&hint.store_id));
        let absent: Vec<SourceRecord> = absent
            .map(|(hint, asked_at, _)| SourceRecord::never_shown(stream, hint.store_id.clone(), *asked_at))
            .collect();
        source_records::add_never_shown(tx, store.account_id, store.id, &absent).await?;
    }
    let mut done = Vec::with_capacity(asked.len());
    for (hint, asked_at, _) in asked {
        if stale.contains(&hint.store_id) {
            hints::release(tx, &[hint], now).await?;
            continue;
        }
        source_records::mark_read(tx, store.account_id, store.id, stream, &hint.store_id, asked_at).await?;
        match quarantined.iter().find(|record| record.store_id.as_ref() == Some(&hint.store_id)) {
            Some(record) => {
                let failure = Failure { code: UNUSABLE, detail: record.detail.clone(), again_at: None };
                hints::fail(tx, &hint, &failure, now).await?;
            }
            None => hints::finish(tx, &hint, now).await?,
        }
        done.push(hint);
    }
    Ok((Written { done, counts, settled }, head))
}

/// The same without anything about somebody who was erased.
async fn passed_over(
    tx: &impl ConnectionTrait,
    store: &InstalledStore,
    suppression: &SuppressionKey,
    content: Content,
) -> Result<Content, Error> {
    let Content::Shown(record) = content else { return Ok(content) };
    let mut records = left_out(tx, store.account_id, suppression, vec![record]).await?;
    records.pop().map(Content::Shown).ok_or_else(|| Error::Internal("a record was lost".to_owned()))
}

/// The record with the id by which it was asked for, where it shows none.
fn named(content: Content, asked_for: &StoreId) -> Content {
    match content {
        Content::Shown(StoreRecord::Malformed { store_id: None, detail }) => {
            Content::Shown(StoreRecord::Malformed { store_id: Some(asked_for.clone()), detail })
        }
        other => other,
    }
}

/// Lets a hint wait whose record could not be read, or gives it up.
async fn put_off(tx: &impl ConnectionTrait, hint: &Claimed, read: &Read, now: DateTime<Utc>) -> Result<(), Error> {
    let error = match read.failures.get(&hint.id) {
        Some(error) if !error.needs_attention() => error,
        // It was not asked for, or waits until somebody has put the integration right.
        _ => return Ok(hints::release(tx, std::slice::from_ref(hint), now).await?),
    };
    let is_in_time = hint.failing_since.is_none_or(|since| now - since < PATIENCE);
    let wait = wait_after(error, hint.attempts).filter(|_| is_in_time);
    let failure = Failure { code: error.code(), detail: error.to_string(), again_at: wait.map(|wait| now + wait) };
    Ok(hints::fail(tx, hint, &failure, now).await?)
}

/// How long to wait after an error that came so often before; `None` when it is no use.
fn wait_after(error: &ConnectorError, failures: i32) -> Option<TimeDelta> {
    let backoff = backoff(BACKOFF_START, failures.unsigned_abs(), BACKOFF_LIMIT);
    let wait = match error.retry() {
        Retry::Never => return None,
        Retry::After(wait) => wait.max(backoff),
        Retry::Backoff => backoff,
    };
    TimeDelta::from_std(wait).ok()
}

fn tell(store: &InstalledStore, done: &[Claimed], failed: usize, now: DateTime<Utc>) {
    let platform = store.platform.as_str();
    for hint in done {
        let seconds = (now - hint.received_at).as_seconds_f64().max(0.0);
        let urgent = if hint.urgent { "yes" } else { "no" };
        metrics::histogram!(HINT_SECONDS, "urgent" => urgent).record(seconds);
    }
    metrics::counter!(HINTS, "platform" => platform, "outcome" => "handled").increment(done.len() as u64);
    metrics::counter!(HINTS, "platform" => platform, "outcome" => "failed").increment(failed as u64);
    tracing::info!(
        sync.integration = %store.id,
        webhook.handled = done.len(),
        webhook.failed = failed,
        "records read again after webhooks"
    );
}
