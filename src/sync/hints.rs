//! Reads single records again because a webhook said that they changed, beside whatever run is under way.
//!
//! A batch of hints of one store is taken up under a lease, each record is read by its id, ahead of bulk reads, and
//! everything that came of it is written in one transaction, with the hints that are done. Urgent hints (an opt-out, a
//! deletion) are never in a batch with others and always go first.
//!
//! **Invariant:** nothing of a webhook's body is written, only what the store says when asked. An answer that was asked
//! for before the record was last read anew is thrown away, and asked for again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng as _;
use sea_orm::ConnectionTrait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::erased::left_out;
use super::page::{Place, settle, tell_metrics};
use super::reading::{Answer, Content, Reading, Writing};
use crate::app::App;
use crate::connectors::http::ahead;
use crate::connectors::{Connector, ConnectorError, Retry};
use crate::domain::ledger::Head;
use crate::domain::people::{StoreId, StoreRecord, Stream};
use crate::domain::sync::IntegrationState;
use crate::error::{Error, storage_kind};
use crate::service::settle::Behalf;
use crate::service::stores;
use crate::store::hints::{self, Batch, Claimed, Failure};
use crate::store::installed::{self, InstalledStore};
use crate::store::people::SuppressionKey;
use crate::store::{begin, ledger, source_records, webhooks};
use crate::telemetry::{HINT_SECONDS, HINTS};

/// Batches at once in one process.
const MAX_BATCHES: usize = 4;
/// Hints of one batch: few, so that the first is not written late because of the last.
const BATCH: u64 = 10;
/// How often the database is asked for hints that other processes took.
const POLL: Duration = Duration::from_secs(1);
/// First wait after a failure; doubles with each further one.
const BACKOFF_START: Duration = Duration::from_secs(1);
/// Longest wait between two tries.
const BACKOFF_LIMIT: Duration = Duration::from_mins(10);
/// Failures after which a hint is given up, after about forty minutes: the next sync finds what it meant.
const MAX_ATTEMPTS: i32 = 12;
/// Who is named as the actor of what a webhook brought about.
const ACTOR: &str = "webhook";
/// Code of a record that was read and is of no use.
const UNUSABLE: &str = "RECORD_UNUSABLE";

/// Works until `shutdown`; then finishes the batches that are under way.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut batches = JoinSet::new();
    while !shutdown.is_cancelled() {
        while batches.len() < MAX_BATCHES
            && let Some(batch) = take_up(&app).await
        {
            let app = app.clone();
            batches.spawn(async move { carry(&app, batch).await });
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = app.wake_hints.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            Some(ended) = batches.join_next() => report(ended),
        }
    }
    while let Some(ended) = batches.join_next().await {
        report(ended);
    }
}

/// Carries out all hints that are due now, in this process, one batch after the other, and tells how many batches those
/// were; at most a thousand.
pub async fn run_due(app: &App) -> usize {
    for done in 0..1000 {
        let Some(batch) = take_up(app).await else { return done };
        carry(app, batch).await;
    }
    1000
}

/// A batch that panicked keeps its lease until it runs out, and is then taken up again.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(panicked = error.is_panic(), "a webhook task ended badly");
    }
}

async fn take_up(app: &App) -> Option<Batch> {
    let taken = async {
        let now = app.clock.now();
        if !hints::any_due(&app.db, now).await? {
            return Ok(None);
        }
        let tx = begin(&app.db).await?;
        let batch = hints::claim(&tx, BATCH, lease(app), now).await?;
        tx.commit().await?;
        Ok(batch)
    };
    taken.await.unwrap_or_else(|error: sea_orm::DbErr| {
        tracing::warn!(error.detail = storage_kind(&error), "no webhooks can be carried out now");
        None
    })
}

fn lease(app: &App) -> TimeDelta {
    TimeDelta::from_std(app.lease).unwrap_or(TimeDelta::seconds(30))
}

async fn carry(app: &App, batch: Batch) {
    let (token, integration) = (batch.token, batch.integration);
    let result = tokio::select! {
        result = follow(app, batch) => result,
        never = keep_lease(app, token) => never,
    };
    if let Err(error) = result {
        // The lease runs out by itself and the hints are taken up again.
        tracing::warn!(sync.integration = %integration, error.code = error.code().as_str(), "webhooks not carried out");
    }
}

async fn keep_lease<T>(app: &App, token: Uuid) -> T {
    loop {
        tokio::time::sleep((app.lease / 3).max(Duration::from_millis(100))).await;
        // A database that is away for a moment does not end the batch; the write at its end decides.
        hints::prolong(&app.db, token, app.clock.now() + lease(app)).await.ok();
    }
}

async fn follow(app: &App, batch: Batch) -> Result<(), Error> {
    let store = installed::find(&app.db, batch.integration).await?;
    let Some(store) = store.filter(|store| store.state == IntegrationState::Active) else {
        // Paused meanwhile: they wait.
        return give_back(app, &batch, None).await;
    };
    let connector = match stores::open(app, &store) {
        Ok(connector) => connector,
        Err(error) => {
            give_back(app, &batch, Some(app.clock.now() + TimeDelta::seconds(60))).await?;
            return Err(error);
        }
    };
    let read = read_all(app, connector.as_ref(), &batch).await;
    write(app, &store, &batch, read).await
}

async fn give_back(app: &App, batch: &Batch, not_before: Option<DateTime<Utc>>) -> Result<(), Error> {
    let ids: Vec<Uuid> = batch.hints.iter().map(|hint| hint.id).collect();
    Ok(hints::release(&app.db, &ids, not_before).await?)
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
    let mut answered: BTreeMap<Stream, Vec<Answered>> = BTreeMap::new();
    for hint in hints::held(&tx, batch).await? {
        match read.answers.remove(&hint.id) {
            Some((content, asked_at)) if hint.page_asked_at.is_none_or(|page| page <= asked_at) => {
                answered.entry(hint.stream).or_default().push(Answered { hint, content, asked_at });
            }
            // A page that was asked for later stands there now: ask again.
            Some(_) => hints::release(&tx, &[hint.id], None).await?,
            None => put_off(&tx, &hint, &read, now).await?,
        }
    }
    let mut done = Vec::new();
    for (stream, answered) in answered {
        let (written, next) = write_stream(&tx, store, &suppression, (stream, answered), head, now).await?;
        done.extend(written);
        head = next;
    }
    if let Some(error) = read.stopped_by.as_ref().filter(|error| error.needs_attention()) {
        installed::need_attention(&tx, store.id, error.code(), &error.to_string()).await?;
    }
    if let Some(last) = done.iter().max_by_key(|hint| hint.received_at) {
        let after = (now - last.received_at).num_milliseconds().max(0);
        webhooks::note_handled(&tx, store.id, done.len(), after, now).await?;
    }
    tx.commit().await?;
    tell(store, &done, read.failures.len(), now);
    Ok(())
}

/// Writes what the store says about records of one stream, by the code that writes a page, and takes away the hints.
async fn write_stream(
    tx: &impl ConnectionTrait,
    store: &InstalledStore,
    suppression: &SuppressionKey,
    (stream, answered): (Stream, Vec<Answered>),
    head: Head,
    now: DateTime<Utc>,
) -> Result<(Vec<Claimed>, Head), Error> {
    let mut asked = Vec::with_capacity(answered.len());
    let mut answers = Vec::with_capacity(answered.len());
    for Answered { hint, content, asked_at } in answered {
        let content = passed_over(tx, store, suppression, named(content, &hint.store_id)).await?;
        answers.push(Answer { content, asked_at });
        asked.push((hint, asked_at));
    }
    let writing = Writing { key: suppression, now };
    let Reading { change, stale, quarantined, counts, .. } =
        Reading::of(tx, store.id, stream, answers, writing).await?;
    let place = Place { account: store.account_id, integration: store.id, platform: store.platform };
    let behalf = Behalf { actor: Some(ACTOR.to_owned()), ..Behalf::default() };
    let (_, head) = settle(tx, place, suppression, change, head, &behalf, now).await?;
    let mut done = Vec::with_capacity(asked.len());
    for (hint, asked_at) in asked {
        if stale.contains(&hint.store_id) {
            hints::release(tx, &[hint.id], None).await?;
            continue;
        }
        source_records::mark_read(tx, store.id, stream, &hint.store_id, asked_at).await?;
        match quarantined.iter().find(|record| record.store_id.as_ref() == Some(&hint.store_id)) {
            Some(record) => {
                let failure = Failure { code: UNUSABLE, detail: record.detail.clone(), again_at: None };
                hints::fail(tx, &hint, &failure, now).await?;
            }
            None => hints::finish(tx, &hint).await?,
        }
        done.push(hint);
    }
    tell_metrics(store.platform, counts);
    Ok((done, head))
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
    let Some(error) = read.failures.get(&hint.id) else {
        let wait = read.stopped_by.as_ref().and_then(|error| wait_after(error, 0));
        return Ok(hints::release(tx, &[hint.id], wait.map(|wait| now + wait)).await?);
    };
    if error.needs_attention() {
        // It waits until somebody has put the integration right.
        return Ok(hints::release(tx, &[hint.id], None).await?);
    }
    let wait = wait_after(error, hint.attempts).filter(|_| hint.attempts + 1 < MAX_ATTEMPTS);
    let failure = Failure { code: error.code(), detail: error.to_string(), again_at: wait.map(|wait| now + wait) };
    Ok(hints::fail(tx, hint, &failure, now).await?)
}

/// How long to wait after an error, the store having failed so often before; `None` when it is no use.
fn wait_after(error: &ConnectorError, failures: i32) -> Option<TimeDelta> {
    let doubled = BACKOFF_START.saturating_mul(1 << failures.clamp(0, 16)).min(BACKOFF_LIMIT);
    // Half fixed, half random, so that many do not knock at once.
    let backoff = doubled.mul_f64(0.5 + rand::rng().random::<f64>() / 2.0);
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
