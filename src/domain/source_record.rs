//! What one integration last said about one store person, and how that changes.

use chrono::{DateTime, Utc};

use super::contact_rules::Evidence;
use super::email::Email;
use super::ids::{ConsentRecordId, ContactId, SourceRecordId};
use super::people::{PersonKind, StoreId, StorePerson, Stream};
use super::statement::{Held, OptIn, OptInSource, Word};

/// One source record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Identity here.
    pub id: SourceRecordId,
    /// Where in the store it comes from.
    pub stream: Stream,
    /// Identity in the store, within the stream.
    pub store_id: StoreId,
    /// Standing in the store.
    pub kind: PersonKind,
    /// Present address; `None` once the record is gone or has no usable one.
    pub email: Option<Email>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The contact of the present address, once there is one.
    pub contact_id: Option<ContactId>,
    /// Hash of what the store said.
    pub payload_hash: [u8; 32],
    /// The opt-in of the present address.
    pub held: Held,
    /// By which way the opt-in came about.
    pub opt_in_source: OptInSource,
    /// The vendor's own words for the flag.
    pub opt_in_detail: String,
    /// The newest consent record made from it.
    pub recorded: Option<Recorded>,
    /// When we first read it.
    pub first_seen_at: DateTime<Utc>,
    /// When its content last changed.
    pub changed_at: DateTime<Utc>,
    /// Since when the store no longer has it.
    pub gone_at: Option<DateTime<Utc>>,
}

/// The word that a consent record was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The consent record.
    pub id: ConsentRecordId,
    /// Whom it is about.
    pub contact_id: ContactId,
    /// What was said.
    pub value: OptIn,
    /// When.
    pub at: DateTime<Utc>,
}

impl SourceRecord {
    /// The record as a store first showed it.
    #[must_use]
    pub fn first_seen(stream: Stream, person: &StorePerson, email: Email, hash: [u8; 32], at: DateTime<Utc>) -> Self {
        Self {
            id: SourceRecordId::at(at),
            stream,
            store_id: person.store_id.clone(),
            kind: person.kind,
            email: Some(email),
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            contact_id: None,
            payload_hash: hash,
            held: Held::next(None, true, &person.statement, at),
            opt_in_source: person.statement.source,
            opt_in_detail: person.statement.detail.clone(),
            recorded: None,
            first_seen_at: at,
            changed_at: at,
            gone_at: None,
        }
    }

    /// The record after the store showed something else.
    #[must_use]
    pub fn shown_again(&self, person: &StorePerson, email: Email, hash: [u8; 32], at: DateTime<Utc>) -> Self {
        let same_address = self.email.as_ref() == Some(&email);
        Self {
            kind: person.kind,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            contact_id: self.contact_id.filter(|_| same_address),
            payload_hash: hash,
            held: Held::next(Some(&self.held), same_address, &person.statement, at),
            opt_in_source: person.statement.source,
            opt_in_detail: person.statement.detail.clone(),
            changed_at: at,
            gone_at: None,
            email: Some(email),
            ..self.clone()
        }
    }

    /// The record after the store no longer has it, or no longer has an address in it: personal fields are dropped.
    #[must_use]
    pub fn gone(&self, at: DateTime<Utc>) -> Self {
        Self {
            email: None,
            first_name: None,
            last_name: None,
            contact_id: None,
            payload_hash: [0; 32],
            changed_at: at,
            gone_at: Some(at),
            ..self.clone()
        }
    }

    /// What the record says to the contact rules.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence { kind: self.kind, word: self.held.word.map(|word| (word, self.opt_in_source)) }
    }

    /// The opt-out it holds, to be remembered beyond the record's life.
    #[must_use]
    pub fn opt_out(&self) -> Option<Word> {
        self.held.word.filter(|word| word.value == OptIn::Withdrawn)
    }

    /// The word that still lacks its consent record, if the record has a contact.
    #[must_use]
    pub fn unrecorded(&self) -> Option<(ContactId, Word)> {
        let (contact_id, word) = (self.contact_id?, self.held.word?);
        let is_evidence = word.value != OptIn::Unknown;
        let is_recorded = self
            .recorded
            .is_some_and(|done| (done.contact_id, done.value, done.at) == (contact_id, word.value, word.at));
        (is_evidence && !is_recorded).then_some((contact_id, word))
    }
}
