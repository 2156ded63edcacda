//! What records of a store come to, compared with what is known of them: the same for a page and for a record that was
//! read again after a webhook.
//!
//! **Invariant:** an answer that was asked for before a record was last read anew says nothing new about it. So a page
//! that shows a yes and is written late never undoes the no that was read after it was asked for.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use crate::domain::email::{Email, EmailProblem};
use crate::domain::ids::{AccountId, IntegrationId, SourceRecordId};
use crate::domain::membership::Cause;
use crate::domain::people::{PersonKind, QuarantineReason, SkipReason, StoreId, StorePerson, StoreRecord, Stream};
use crate::domain::source_record::SourceRecord;
use crate::domain::sync::Counts;
use crate::service::settle::{Change, Touch};
use crate::store::people::SuppressionKey;
use crate::store::quarantine::Quarantined;
use crate::store::source_records::{self, Known};

/// What a store says about one record, and when it was asked, by our clock.
pub(super) struct Answer {
    pub(super) content: Content,
    pub(super) asked_at: DateTime<Utc>,
}

/// What a store says about one record.
pub(super) enum Content {
    /// Here it is.
    Shown(StoreRecord),
    /// There is none of that id.
    Gone(StoreId),
}

/// What a page's records come to, compared with what is known of them.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) counts: Counts,
    /// Records that the store has, as far as they are known or become so.
    pub(super) seen: Vec<SourceRecordId>,
    pub(super) quarantined: Vec<Quarantined>,
    /// Records of which something newer is known.
    pub(super) stale: Vec<StoreId>,
    pub(super) change: Change,
}

/// What everything that is written in one transaction shares.
#[derive(Clone, Copy)]
pub(super) struct Writing<'a> {
    /// The account's key, for the hashes that stand for addresses.
    pub(super) key: &'a SuppressionKey,
    pub(super) now: DateTime<Utc>,
}

impl Reading {
    pub(super) async fn of(
        tx: &impl ConnectionTrait,
        (account, integration): (AccountId, IntegrationId),
        stream: Stream,
        answers: Vec<Answer>,
        writing: Writing<'_>,
    ) -> Result<Self, DbErr> {
        let records: Vec<(Judged, DateTime<Utc>)> =
            answers.into_iter().map(|answer| (Judged::of(stream, answer.content), answer.asked_at)).collect();
        let ids: Vec<&StoreId> = records.iter().filter_map(|(record, _)| record.store_id()).collect();
        let known = source_records::known(tx, account, integration, stream, &ids).await?;
        let changed: Vec<SourceRecordId> = records
            .iter()
            .filter_map(|(record, asked_at)| {
                known.get(record.store_id()?).filter(|known| !known.is_newer(*asked_at) && record.may_change(known))
            })
            .map(|known| known.id)
            .collect();
        let mut stored: HashMap<StoreId, SourceRecord> = if changed.is_empty() {
            HashMap::new()
        } else {
            let rows = source_records::by_ids(tx, account, integration, &changed).await?;
            rows.into_iter().map(|record| (record.store_id.clone(), record)).collect()
        };
        let mut reading = Self::default();
        for (record, asked_at) in records {
            reading.counts.read += 1;
            match record.store_id().and_then(|id| known.get(id)) {
                // What stands there was asked for later.
                Some(known) if known.is_newer(asked_at) => {
                    reading.counts.unchanged += 1;
                    reading.seen.push(known.id);
                    reading.stale.extend(record.store_id().cloned());
                }
                known => reading.take(stream, record, known, &mut stored, asked_at, writing),
            }
        }
        Ok(reading)
    }

    /// Those of the records that can be used, or are known to be gone.
    pub(super) fn read_well(&self, shown: &[StoreId]) -> Vec<StoreId> {
        let unusable = self.quarantined.iter().filter_map(|record| record.store_id.as_ref());
        let others: HashSet<&StoreId> = unusable.chain(&self.stale).collect();
        shown.iter().filter(|id| !others.contains(id)).cloned().collect()
    }

    /// Counts one record and notes what it changes. `stored` holds the present state of records that change.
    fn take(
        &mut self,
        stream: Stream,
        record: Judged,
        known: Option<&Known>,
        stored: &mut HashMap<StoreId, SourceRecord>,
        asked_at: DateTime<Utc>,
        writing: Writing<'_>,
    ) {
        match record {
            Judged::Unusable(quarantined) => {
                self.counts.quarantined += 1;
                let before = quarantined.store_id.as_ref().and_then(|id| stored.get_mut(id));
                match before {
                    // The store no longer states an address: the former one comes off.
                    Some(before) if quarantined.reason != QuarantineReason::Malformed => {
                        *before = vanish(&mut self.change, before, Cause::NoLongerFits, Some(asked_at), writing);
                    }
                    _ => self.seen.extend(known.map(|known| known.id)),
                }
                self.quarantined.push(quarantined);
            }
            Judged::Nobody(store_id, cause) => {
                self.counts.skipped += 1;
                if let Some(before) = stored.get_mut(&store_id) {
                    *before = vanish(&mut self.change, before, cause, Some(asked_at), writing);
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
                    *before = show_again(&mut self.change, before, (&person, email, hash), asked_at, writing);
                }
                None => {
                    if let Some(known) = known {
                        self.counts.unchanged += 1;
                        self.seen.push(known.id);
                        return;
                    }
                    self.counts.created += 1;
                    let record =
                        SourceRecord::first_seen(stream, &person, email, hash, writing.now).asked_for(asked_at);
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
        let why = cause.map(|cause| Touch { cause, record: record.id, said_at: None });
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
    (person, email, hash): (&StorePerson, Email, [u8; 32]),
    asked_at: DateTime<Utc>,
    writing: Writing<'_>,
) -> SourceRecord {
    let is_same_address = before.email.as_ref() == Some(&email);
    if !is_same_address {
        lose_row(change, before);
    }
    touch(change, before, (!is_same_address).then_some(Cause::EmailChanged));
    let address_hash = writing.key.hash(email.normalized());
    let after = before.shown_again(person, (email, address_hash), hash, writing.now).asked_for(asked_at);
    touch(change, &after, None);
    put(change, after.clone());
    after
}

/// Notes that the store no longer has a record, or no longer a usable address in it. `asked_at`: when it was asked for
/// that one record, if it was.
pub(super) fn vanish(
    change: &mut Change,
    before: &SourceRecord,
    cause: Cause,
    asked_at: Option<DateTime<Utc>>,
    writing: Writing<'_>,
) -> SourceRecord {
    if before.gone_at.is_some() {
        return before.clone();
    }
    touch(change, before, Some(cause));
    if cause == Cause::DeletedInStore {
        lose_row(change, before);
    }
    let gone = before.gone(writing.now, |email| writing.key.hash(email.normalized()));
    let after = match asked_at {
        Some(asked_at) => gone.asked_for(asked_at),
        None => gone,
    };
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
pub(super) enum Judged {
    Person(Box<StorePerson>, Email, [u8; 32]),
    /// Whom it no longer shows, and why.
    Nobody(StoreId, Cause),
    Unusable(Quarantined),
}

impl Judged {
    pub(super) fn of(stream: Stream, content: Content) -> Self {
        let unusable = |store_id, reason, detail| Self::Unusable(Quarantined { stream, store_id, reason, detail });
        let record = match content {
            Content::Shown(record) => record,
            Content::Gone(store_id) => return Self::Nobody(store_id, Cause::DeletedInStore),
        };
        match record {
            StoreRecord::Skipped { store_id, reason: SkipReason::OtherChannel } => {
                Self::Nobody(store_id, Cause::NoLongerFits)
            }
            StoreRecord::Skipped { store_id, .. } => Self::Nobody(store_id, Cause::DeletedInStore),
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
