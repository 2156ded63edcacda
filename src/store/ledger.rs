//! The consent ledger of an account: the lock, appending, verifying.

use std::collections::{HashMap, HashSet};

use ::entity::{consent_record, erasure, ledger_head};
use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::words::{bad_row, hash, rows_per_statement, word};
use crate::domain::consent::{ConsentRecord, SCHEMA_VERSION};
use crate::domain::ids::{AccountId, ConsentRecordId};
use crate::domain::ledger::{Commitments, Head, body, hex, link};

/// Locks the account's ledger head and reads it.
///
/// Every transaction that writes contacts, memberships or consents takes this lock first: writers of one account
/// follow one another, so the chain has no gaps and no two of them can deadlock (ADR 0004).
///
/// # Errors
/// The database fails, or the account has no ledger.
pub(crate) async fn lock(tx: &impl ConnectionTrait, account: AccountId) -> Result<Head, DbErr> {
    let head = ledger_head::Entity::find_by_id(account.0)
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("ledger_head".into()))?;
    Ok(Head { sequence: head.sequence, hash: hash("record_hash", &head.record_hash)? })
}

/// Which of these dedupe keys the account's ledger has already, and as which record.
///
/// # Errors
/// The database fails.
pub(crate) async fn known(
    tx: &impl ConnectionTrait,
    account: AccountId,
    keys: &[[u8; 32]],
) -> Result<HashMap<[u8; 32], ConsentRecordId>, DbErr> {
    let mut known = HashMap::new();
    for keys in keys.chunks(rows_per_statement(1)) {
        let found: Vec<(Vec<u8>, Uuid)> = consent_record::Entity::find()
            .select_only()
            .columns([consent_record::Column::DedupeKey, consent_record::Column::Id])
            .filter(consent_record::Column::AccountId.eq(account.0))
            .filter(consent_record::Column::DedupeKey.is_in(keys.iter().map(|key| key.to_vec())))
            .into_tuple()
            .all(tx)
            .await?;
        for (key, id) in found {
            known.insert(hash("dedupe_key", &key)?, id.into());
        }
    }
    Ok(known)
}

/// Appends records, in the order given, behind a locked head. Each comes with its random salt.
///
/// # Errors
/// The database fails, or a record's dedupe key is known already.
pub(crate) async fn append(
    tx: &impl ConnectionTrait,
    account: AccountId,
    head: Head,
    records: &[(ConsentRecord, [u8; 32])],
) -> Result<Head, DbErr> {
    if records.is_empty() {
        return Ok(head);
    }
    let mut rows = Vec::with_capacity(records.len());
    let mut end = head;
    for (record, salt) in records {
        let commitments = Commitments::of(record, salt);
        let next = end.append(record, salt);
        rows.push(row(record, salt, &commitments, end, next));
        end = next;
    }
    for chunk in rows.chunks(rows_per_statement(40)) {
        consent_record::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    ledger_head::Entity::update_many()
        .col_expr(ledger_head::Column::Sequence, Expr::value(end.sequence))
        .col_expr(ledger_head::Column::RecordHash, Expr::value(end.hash.to_vec()))
        .filter(ledger_head::Column::AccountId.eq(account.0))
        .exec(tx)
        .await?;
    Ok(end)
}

fn row(
    record: &ConsentRecord,
    salt: &[u8; 32],
    commitments: &Commitments,
    before: Head,
    head: Head,
) -> consent_record::ActiveModel {
    let record_clone = record.clone();
    consent_record::ActiveModel {
        id: Set(record.id.0),
        account_id: Set(record.account_id.0),
        contact_id: Set(record.contact_id.map(|id| id.0)),
        sequence: Set(head.sequence),
        schema_version: Set(SCHEMA_VERSION.to_owned()),
        event_type: Set(record.event.as_str().to_owned()),
        supersedes_id: Set(record.supersedes_id.map(|id| id.0)),
        channel: Set(record.channel.as_str().to_owned()),
        purposes: Set(serde_json::Value::from(record_clone.purposes)),
        text_hash: Set(record.text_hash().map(|hash| hash.to_vec())),
        text: Set(record_clone.text),
        language: Set(record_clone.language),
        policy_url: Set(record_clone.policy_url),
        date_time_consented: Set(record.consented_at),
        date_time_created: Set(record.created_at),
        url: Set(record_clone.url),
        ip_address: Set(record.ip_address.map(|ip| ip.to_string())),
        user_agent: Set(record_clone.user_agent),
        capture_method: Set(record.capture_method.as_str().to_owned()),
        capture_ref: Set(record_clone.capture_ref),
        action: Set(record.action.map(|action| action.as_str().to_owned())),
        legal_basis: Set(record.legal_basis.as_str().to_owned()),
        opt_in_type: Set(record.opt_in_type.as_str().to_owned()),
        preferences_snapshot: Set(record_clone.preferences_snapshot),
        lists_snapshot: Set(record_clone.lists_snapshot),
        controller_name: Set(record_clone.controller_name),
        jurisdiction: Set(record_clone.jurisdiction),
        expires_at: Set(record.expires_at),
        recorded_by: Set(record_clone.recorded_by),
        evidence_ref: Set(record_clone.evidence_ref),
        metadata: Set(record_clone.metadata),
        dedupe_key: Set(record.dedupe_key().to_vec()),
        salt: Set(Some(salt.to_vec())),
        commitments: Set(commitments.to_json()),
        prev_hash: Set(before.hash.to_vec()),
        record_hash: Set(head.hash.to_vec()),
    }
}

/// A row of the ledger as the domain sees it.
///
/// # Errors
/// The row holds a word that is not of its set.
pub(crate) fn from_row(row: consent_record::Model) -> Result<ConsentRecord, DbErr> {
    let purposes = serde_json::from_value(row.purposes).map_err(|_| bad_row("purposes"))?;
    Ok(ConsentRecord {
        id: row.id.into(),
        account_id: row.account_id.into(),
        contact_id: row.contact_id.map(Into::into),
        event: word("event_type", &row.event_type)?,
        supersedes_id: row.supersedes_id.map(Into::into),
        channel: word("channel", &row.channel)?,
        purposes,
        text: row.text,
        language: row.language,
        policy_url: row.policy_url,
        consented_at: row.date_time_consented,
        created_at: row.date_time_created,
        url: row.url,
        ip_address: row.ip_address.map(|ip| ip.parse().map_err(|_| bad_row("ip_address"))).transpose()?,
        user_agent: row.user_agent,
        capture_method: word("capture_method", &row.capture_method)?,
        capture_ref: row.capture_ref,
        action: row.action.map(|action| word("action", &action)).transpose()?,
        legal_basis: word("legal_basis", &row.legal_basis)?,
        opt_in_type: word("opt_in_type", &row.opt_in_type)?,
        preferences_snapshot: row.preferences_snapshot,
        lists_snapshot: row.lists_snapshot,
        controller_name: row.controller_name,
        jurisdiction: row.jurisdiction,
        expires_at: row.expires_at,
        recorded_by: row.recorded_by,
        evidence_ref: row.evidence_ref,
        metadata: row.metadata,
    })
}

/// What recomputing a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Records that were recomputed.
    pub records: u64,
    /// Those of them that lost their personal part by an erasure.
    pub erased: u64,
    /// First place at which the chain does not hold; `None` if it holds to its head.
    pub first_bad_sequence: Option<i64>,
    /// Hash at the head, lower-case hex.
    pub head: String,
}

/// Recomputes an account's chain from the rows, in pages of 500.
///
/// While the salt is there the commitments are recomputed too, so an edit of a personal field is found as well. A record
/// without salt was erased: it must have nothing personal left, and an erasure beside it that says for what request.
///
/// # Errors
/// The database fails.
pub async fn verify(db: &impl ConnectionTrait, account: AccountId) -> Result<Verification, DbErr> {
    let stored = ledger_head::Entity::find_by_id(account.0).one(db).await?;
    let stored = stored.ok_or_else(|| DbErr::RecordNotFound("ledger_head".into()))?;
    let (mut head, mut erased) = (Head::EMPTY, 0);
    let report = |head: Head, erased, first_bad_sequence| Verification {
        records: u64::try_from(head.sequence).unwrap_or(0),
        erased,
        first_bad_sequence,
        head: hex(&head.hash),
    };
    loop {
        let rows = consent_record::Entity::find()
            .filter(consent_record::Column::AccountId.eq(account.0))
            .filter(consent_record::Column::Sequence.gt(head.sequence))
            .filter(consent_record::Column::Sequence.lte(stored.sequence))
            .order_by_asc(consent_record::Column::Sequence)
            .limit(500)
            .all(db)
            .await?;
        if rows.is_empty() {
            let is_whole = head.sequence == stored.sequence && head.hash.as_slice() == stored.record_hash;
            return Ok(report(head, erased, (!is_whole).then_some(head.sequence + 1)));
        }
        let erasures = erasures_of(db, account, &rows).await?;
        for row in rows {
            let expected = head.sequence + 1;
            let is_erased = row.salt.is_none();
            let is_accounted_for = !is_erased || erasures.contains(&row.id);
            match holds(row, head) {
                Some(next) if next.sequence == expected && is_accounted_for => head = next,
                _ => return Ok(report(head, erased, Some(expected))),
            }
            erased += u64::from(is_erased);
        }
    }
}

/// Which of the rows have an erasure.
async fn erasures_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    rows: &[consent_record::Model],
) -> Result<HashSet<Uuid>, DbErr> {
    let without_salt: Vec<Uuid> = rows.iter().filter(|row| row.salt.is_none()).map(|row| row.id).collect();
    if without_salt.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Uuid> = erasure::Entity::find()
        .select_only()
        .column(erasure::Column::ConsentRecordId)
        .filter(erasure::Column::AccountId.eq(account.0))
        .filter(erasure::Column::ConsentRecordId.is_in(without_salt))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

/// The head after this row, if the row is what was chained.
fn holds(row: consent_record::Model, before: Head) -> Option<Head> {
    let (sequence, prev, own) = (row.sequence, row.prev_hash.clone(), row.record_hash.clone());
    let (salt, kept, key) = (row.salt.clone(), Commitments::from_json(&row.commitments), row.text_hash.clone());
    let record = from_row(row).ok()?;
    let is_committed = match salt {
        None => has_nothing_personal(&record),
        Some(salt) => Commitments::of(&record, salt.as_slice().try_into().ok()?) == kept,
    };
    let hash = link(&before.hash, &body(&record, sequence, &kept));
    let text_holds = key.as_deref() == record.text_hash().as_ref().map(<[u8; 32]>::as_slice);
    let is_linked = prev == before.hash && own == hash;
    (is_committed && text_holds && is_linked).then_some(Head { sequence, hash })
}

/// Whether everything that is committed to by salt is gone. Without the salt nothing could vouch for it.
fn has_nothing_personal(record: &ConsentRecord) -> bool {
    let texts = [&record.url, &record.user_agent, &record.capture_ref, &record.evidence_ref];
    let documents = [&record.metadata, &record.preferences_snapshot];
    record.contact_id.is_none()
        && record.ip_address.is_none()
        && texts.iter().all(|text| text.is_none())
        && documents.iter().all(|document| document.is_none())
}
