//! One page of a store, in one transaction: source records, contacts, memberships, events, consents and the
//! place to go on from.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use crate::app::App;
use crate::connectors::PeoplePage;
use crate::domain::Platform;
use crate::domain::email::{Email, EmailProblem};
use crate::domain::ids::SourceRecordId;
use crate::domain::membership::Cause;
use crate::domain::people::{PersonKind, QuarantineReason, SkipReason, StoreId, StorePerson, StoreRecord, Stream};
use crate::domain::source_record::SourceRecord;
use crate::domain::sync::Counts;
use crate::error::Error;
use crate::service::settle::{self, Behalf, Change, StoreContext, Touch};
use crate::store::people::SuppressionKey;
use crate::store::source_records::{self, Known};
use crate::store::sync_runs::{self, Lease, Quarantined, Run};
use crate::store::{begin, ledger, memberships};
use crate::telemetry::SYNC_RECORDS;

/// Why a page was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// Another worker has the run.
    #[error("another worker has the run")]
    LeaseLost,
    /// The run shall stop.
    #[error("the run shall stop")]
    Cancelled,
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
}

/// Writes one page of a stream. Returns the run as it then stands.
pub(crate) async fn write_page(
    context: &PageContext,
    run: &Run,
    stream: Stream,
    page: PeoplePage,
) -> Result<Run, PageError> {
    let now = context.app.clock.now();
    let tx = begin(&context.app.db).await?;
    let head = ledger::lock(&tx, run.account_id).await?;
    stop_if_cancelled(&tx, run).await?;
    let read = Reading::of(&tx, run, stream, page.records, now).await?;
    let mut run = run.clone();
    run.pages += 1;
    run.counts.add(read.counts);
    let progress = run.progress.entry(stream).or_default();
    progress.checkpoint = Some(page.resume_from);
    progress.watermark = page.watermark.or_else(|| progress.watermark.take());
    progress.total = page.total.or(progress.total);
    progress.has_nameless |= read.quarantined.iter().any(|record| record.store_id.is_none());
    if context.is_full {
        sync_runs::remember_seen(&tx, run.id, run.pages, &read.seen).await?;
    }
    sync_runs::quarantine(&tx, &run, &read.quarantined, now).await?;
    settle_change(&tx, context, &mut run, read.change, head, now).await?;
    let run = commit(tx, context, run, now).await?;
    tell_metrics(context.platform, read.counts);
    Ok(run)
}

fn tell_metrics(platform: Platform, counts: Counts) {
    let outcomes = [
        ("created", counts.created),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("skipped", counts.skipped),
        ("quarantined", counts.quarantined),
    ];
    for (outcome, count) in outcomes {
        metrics::counter!(SYNC_RECORDS, "platform" => platform.as_str(), "outcome" => outcome).increment(count);
    }
}

/// Ends what the store no longer has: records that a finished full pass did not show.
pub(crate) async fn write_gone(context: &PageContext, run: &Run, gone: &[SourceRecordId]) -> Result<Run, PageError> {
    let now = context.app.clock.now();
    let tx = begin(&context.app.db).await?;
    let head = ledger::lock(&tx, run.account_id).await?;
    stop_if_cancelled(&tx, run).await?;
    let mut change = Change::default();
    for record in source_records::by_ids(&tx, run.integration_id, gone).await? {
        vanish(&mut change, &record, Cause::DeletedInStore, now);
    }
    let mut run = run.clone();
    settle_change(&tx, context, &mut run, change, head, now).await?;
    commit(tx, context, run, now).await
}

async fn settle_change(
    tx: &impl ConnectionTrait,
    context: &PageContext,
    run: &mut Run,
    change: Change,
    head: crate::domain::ledger::Head,
    now: DateTime<Utc>,
) -> Result<(), PageError> {
    if change.records.is_empty() {
        return Ok(());
    }
    let store = StoreContext {
        account_id: run.account_id,
        integration_id: run.integration_id,
        platform: context.platform,
        targets: memberships::targets(tx, run.integration_id).await?,
        suppression: context.suppression.clone(),
    };
    let plan = settle::plan(tx, &store, change, now).await?;
    let behalf = Behalf { run_id: Some(run.id), ..Behalf::default() };
    let (settled, _) = settle::write(tx, &store, head, plan, &behalf, now).await?;
    run.counts.joined += settled.joined.values().sum::<u64>();
    run.counts.left += settled.left.values().sum::<u64>();
    Ok(())
}

async fn stop_if_cancelled(tx: &impl ConnectionTrait, run: &Run) -> Result<(), PageError> {
    match sync_runs::find(tx, run.id).await? {
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
    Ok(run)
}

/// What a page's records come to, compared with what is known of them.
struct Reading {
    counts: Counts,
    seen: Vec<SourceRecordId>,
    quarantined: Vec<Quarantined>,
    change: Change,
}

impl Reading {
    async fn of(
        tx: &impl ConnectionTrait,
        run: &Run,
        stream: Stream,
        records: Vec<StoreRecord>,
        now: DateTime<Utc>,
    ) -> Result<Self, PageError> {
        let records: Vec<Judged> = records.into_iter().map(|record| Judged::of(stream, record)).collect();
        let ids: Vec<&StoreId> = records.iter().filter_map(Judged::store_id).collect();
        let known = source_records::known(tx, run.integration_id, stream, &ids).await?;
        let changed: Vec<SourceRecordId> = records
            .iter()
            .filter_map(|record| known.get(record.store_id()?).filter(|known| record.may_change(known)))
            .map(|known| known.id)
            .collect();
        let mut stored: HashMap<StoreId, SourceRecord> = if changed.is_empty() {
            HashMap::new()
        } else {
            let rows = source_records::by_ids(tx, run.integration_id, &changed).await?;
            rows.into_iter().map(|record| (record.store_id.clone(), record)).collect()
        };
        let mut reading =
            Self { counts: Counts::default(), seen: Vec::new(), quarantined: Vec::new(), change: Change::default() };
        for record in records {
            reading.take(stream, record, &known, &mut stored, now);
        }
        Ok(reading)
    }

    /// Counts one record and notes what it changes. `stored` holds the present state of records that change.
    fn take(
        &mut self,
        stream: Stream,
        record: Judged,
        known: &HashMap<StoreId, Known>,
        stored: &mut HashMap<StoreId, SourceRecord>,
        now: DateTime<Utc>,
    ) {
        self.counts.read += 1;
        let known = record.store_id().and_then(|id| known.get(id));
        match record {
            Judged::Unusable(quarantined) => {
                self.counts.quarantined += 1;
                let before = quarantined.store_id.as_ref().and_then(|id| stored.get_mut(id));
                match before {
                    // The store no longer states an address: the former one comes off.
                    Some(before) if quarantined.reason != QuarantineReason::Malformed => {
                        *before = vanish(&mut self.change, before, Cause::NoLongerFits, now);
                    }
                    _ => self.seen.extend(known.map(|known| known.id)),
                }
                self.quarantined.push(quarantined);
            }
            Judged::Nobody(store_id, reason) => {
                self.counts.skipped += 1;
                if let Some(before) = stored.get_mut(&store_id) {
                    let is_still_there = reason == SkipReason::OtherChannel;
                    let cause = if is_still_there { Cause::NoLongerFits } else { Cause::DeletedInStore };
                    *before = vanish(&mut self.change, before, cause, now);
                }
            }
            Judged::Person(person, email, hash) => match stored.get_mut(&person.store_id) {
                Some(before) if before.gone_at.is_none() && before.payload_hash == hash => {
                    self.counts.unchanged += 1;
                    self.seen.push(before.id);
                }
                Some(before) => {
                    self.counts.updated += 1;
                    self.seen.push(before.id);
                    *before = show_again(&mut self.change, before, &person, email, hash, now);
                }
                None => {
                    if let Some(known) = known {
                        self.counts.unchanged += 1;
                        self.seen.push(known.id);
                        return;
                    }
                    self.counts.created += 1;
                    let record = SourceRecord::first_seen(stream, &person, email, hash, now);
                    self.seen.push(record.id);
                    touch(&mut self.change, &record, None);
                    put(&mut self.change, record.clone());
                    stored.insert(person.store_id, record);
                }
            },
        }
    }
}

/// Looks at the record's address again.
fn touch(change: &mut Change, record: &SourceRecord, cause: Option<Cause>) {
    if let Some(email) = &record.email {
        let why = cause.map(|cause| Touch { cause, record: record.id });
        let entry = change.addresses.entry(email.normalized().to_owned()).or_default();
        *entry = why.or(*entry);
    }
}

/// Notes a changed record; a later state of the same record replaces an earlier one.
fn put(change: &mut Change, record: SourceRecord) {
    match change.records.iter_mut().find(|other| other.id == record.id) {
        Some(other) => *other = record,
        None => change.records.push(record),
    }
}

fn show_again(
    change: &mut Change,
    before: &SourceRecord,
    person: &StorePerson,
    email: Email,
    hash: [u8; 32],
    now: DateTime<Utc>,
) -> SourceRecord {
    let is_same_address = before.email.as_ref() == Some(&email);
    if !is_same_address {
        lose_row(change, before);
    }
    touch(change, before, (!is_same_address).then_some(Cause::EmailChanged));
    let after = before.shown_again(person, email, hash, now);
    touch(change, &after, None);
    put(change, after.clone());
    after
}

fn vanish(change: &mut Change, before: &SourceRecord, cause: Cause, now: DateTime<Utc>) -> SourceRecord {
    if before.gone_at.is_some() {
        return before.clone();
    }
    touch(change, before, Some(cause));
    if cause == Cause::DeletedInStore {
        lose_row(change, before);
    }
    let after = before.gone(now);
    put(change, after.clone());
    after
}

/// Notes that an address has lost a newsletter row.
fn lose_row(change: &mut Change, before: &SourceRecord) {
    if let (PersonKind::Newsletter, Some(email)) = (before.kind, &before.email) {
        change.lost_rows.insert(email.normalized().to_owned());
    }
}

/// A record with its address checked.
enum Judged {
    Person(Box<StorePerson>, Email, [u8; 32]),
    Nobody(StoreId, SkipReason),
    Unusable(Quarantined),
}

impl Judged {
    fn of(stream: Stream, record: StoreRecord) -> Self {
        let unusable = |store_id, reason, detail| Self::Unusable(Quarantined { stream, store_id, reason, detail });
        match record {
            StoreRecord::Skipped { store_id, reason } => Self::Nobody(store_id, reason),
            StoreRecord::Malformed { store_id, detail } => unusable(store_id, QuarantineReason::Malformed, detail),
            StoreRecord::Person(person) => match person.email.as_deref().unwrap_or_default().parse::<Email>() {
                Ok(email) => {
                    let hash = person.payload_hash();
                    Self::Person(Box::new(person), email, hash)
                }
                Err(EmailProblem::Empty) => {
                    unusable(Some(person.store_id), QuarantineReason::NoEmail, "the record has no email address".into())
                }
                Err(problem) => {
                    let detail = format!("the email address {problem}");
                    unusable(Some(person.store_id), QuarantineReason::InvalidEmail, detail)
                }
            },
        }
    }

    fn store_id(&self) -> Option<&StoreId> {
        match self {
            Self::Person(person, ..) => Some(&person.store_id),
            Self::Nobody(store_id, _) => Some(store_id),
            Self::Unusable(record) => record.store_id.as_ref(),
        }
    }

    /// Whether the stored record has to be loaded: it says something else now.
    fn may_change(&self, known: &Known) -> bool {
        match self {
            Self::Person(_, _, hash) => known.is_gone || known.payload_hash != *hash,
            Self::Nobody(..) => !known.is_gone,
            Self::Unusable(record) => !known.is_gone && record.reason != QuarantineReason::Malformed,
        }
    }
}
