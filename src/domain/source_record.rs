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
    /// By which way the word that is held came about.
    pub opt_in_source: OptInSource,
    /// The vendor's own words for it.
    pub opt_in_detail: String,
    /// The newest consent record made from it.
    pub recorded: Option<Recorded>,
    /// When we first read it.
    pub first_seen_at: DateTime<Utc>,
    /// When its content last changed.
    pub changed_at: DateTime<Utc>,
    /// When the store was asked for what stands here, by our clock; `None` where nobody noted it.
    pub read_at: Option<DateTime<Utc>>,
    /// Since when the store no longer has it.
    pub gone_at: Option<DateTime<Utc>>,
    /// Keyed hash of the address that it had when it went, so that one that comes back with the same address has said
    /// what it said; `None` while it is there.
    pub former_address: Option<[u8; 32]>,
}

/// The hash of a record that was asked for and never shown; no hash of anything.
const NEVER_SHOWN: [u8; 32] = [0xff; 32];

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
            read_at: None,
            gone_at: None,
            former_address: None,
        }
    }

    /// A record that was asked for at that time, was not there, and had not been known: so that what was asked for
    /// earlier and comes later does not make it known. Says nothing of anybody.
    #[must_use]
    pub fn never_shown(stream: Stream, store_id: StoreId, asked_at: DateTime<Utc>) -> Self {
        Self {
            id: SourceRecordId::at(asked_at),
            stream,
            store_id,
            kind: PersonKind::Account,
            email: None,
            first_name: None,
            last_name: None,
            contact_id: None,
            payload_hash: NEVER_SHOWN,
            held: Held { shown: OptIn::Unknown, word: None, flags: Vec::new() },
            opt_in_source: OptInSource::StoreSetting,
            opt_in_detail: String::new(),
            recorded: None,
            first_seen_at: asked_at,
            changed_at: asked_at,
            read_at: Some(asked_at),
            gone_at: Some(asked_at),
            former_address: None,
        }
    }

    /// The record after the store showed something else, or showed it again. `address_hash` is the keyed hash of `email`.
    #[must_use]
    pub fn shown_again(
        &self,
        person: &StorePerson,
        (email, address_hash): (Email, [u8; 32]),
        hash: [u8; 32],
        at: DateTime<Utc>,
    ) -> Self {
        if self.payload_hash == NEVER_SHOWN {
            return Self { id: self.id, ..Self::first_seen(self.stream, person, email, hash, at) };
        }
        let same_address = self.email.as_ref() == Some(&email) || self.former_address == Some(address_hash);
        let held = Held::next(Some(&self.held), same_address, &person.statement, at);
        // The way and the vendor's words belong to the word that is held, which an older one does not replace.
        let is_same_word = held.word.is_some() && held.word == self.held.word;
        let (opt_in_source, opt_in_detail) = if is_same_word {
            (self.opt_in_source, self.opt_in_detail.clone())
        } else {
            (person.statement.source, person.statement.detail.clone())
        };
        Self {
            kind: person.kind,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            contact_id: self.contact_id.filter(|_| same_address),
            payload_hash: hash,
            held,
            opt_in_source,
            opt_in_detail,
            changed_at: at,
            gone_at: None,
            former_address: None,
            email: Some(email),
            ..self.clone()
        }
    }

    /// The record after the store no longer has it, or no longer has an address in it: personal fields are dropped.
    /// `address_hash` makes the keyed hash of an address.
    #[must_use]
    pub fn gone(&self, at: DateTime<Utc>, address_hash: impl Fn(&Email) -> [u8; 32]) -> Self {
        Self {
            email: None,
            first_name: None,
            last_name: None,
            contact_id: None,
            payload_hash: [0; 32],
            changed_at: at,
            gone_at: Some(at),
            former_address: self.email.as_ref().map(address_hash),
            ..self.clone()
        }
    }

    /// The same, known to rest on an answer that was asked for at that time.
    #[must_use]
    pub fn asked_for(self, at: DateTime<Utc>) -> Self {
        Self { read_at: Some(at), ..self }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statement::{Scope, Statement};

    #[test]
    fn what_was_never_shown_begins_like_anything_new() {
        let email: Email = "anna@example.com".parse().unwrap();
        let mut anna = person(OptIn::Granted, 3, OptInSource::AccountCreation);
        anna.statement = Statement { at: None, scope: Scope::Account, ..anna.statement };
        let absent = SourceRecord::never_shown(Stream::Customers, anna.store_id.clone(), at(5));
        let shown = absent.shown_again(&anna, (email.clone(), [7; 32]), [1; 32], at(9));
        let new = SourceRecord::first_seen(Stream::Customers, &anna, email, [1; 32], at(9));
        assert_eq!(shown, SourceRecord { id: absent.id, ..new });
        assert!(shown.held.word.is_some_and(|word| word.value == OptIn::Granted));
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn person(value: OptIn, said: i64, source: OptInSource) -> StorePerson {
        let detail = source.as_str().to_owned();
        StorePerson {
            store_id: StoreId::new("7"),
            kind: PersonKind::Account,
            email: None,
            first_name: None,
            last_name: None,
            statement: Statement {
                value,
                at: Some(at(said)),
                since: None,
                source,
                scope: Scope::Address,
                detail,
                flags: vec![],
            },
        }
    }

    #[test]
    fn a_record_that_comes_back_with_its_address_has_said_what_it_said() {
        let (anna, bert): (Email, Email) = ("anna@example.com".parse().unwrap(), "bert@example.com".parse().unwrap());
        let hash = |email: &Email| [email.normalized().as_bytes()[0]; 32];
        let mut flag = person(OptIn::Granted, 0, OptInSource::AccountCreation);
        flag.statement = Statement { at: None, since: Some(at(3)), scope: Scope::Account, ..flag.statement };
        let record = SourceRecord::first_seen(Stream::Customers, &flag, anna.clone(), [1; 32], at(20));
        let gone = record.gone(at(30), hash);
        assert_eq!((gone.email.as_ref(), gone.former_address), (None, Some(hash(&anna))));
        let back =
            |email: &Email, flag: &StorePerson| gone.shown_again(flag, (email.clone(), hash(email)), [1; 32], at(40));
        assert_eq!((back(&anna, &flag).held, back(&anna, &flag).former_address), (record.held.clone(), None));
        assert_eq!(back(&bert, &flag).held.word, None, "another address inherits nothing");
        flag.statement.value = OptIn::Withdrawn;
        assert_eq!(back(&anna, &flag).opt_out().map(|word| word.at), Some(at(40)), "what it says now counts");
    }

    #[test]
    fn an_older_word_does_not_lend_its_way_to_a_newer_one() {
        let email: Email = "anna@example.com".parse().unwrap();
        let checkout = person(OptIn::Granted, 9, OptInSource::Checkout);
        let newsletter = person(OptIn::Granted, 3, OptInSource::NewsletterForm);
        let record = SourceRecord::first_seen(Stream::Customers, &checkout, email.clone(), [1; 32], at(20));
        let late = record.shown_again(&newsletter, (email.clone(), [0; 32]), [2; 32], at(30));
        assert_eq!((late.evidence(), late.opt_in_detail.as_str()), (record.evidence(), "checkout"));
        let newer = person(OptIn::Withdrawn, 12, OptInSource::NewsletterForm);
        let after = late.shown_again(&newer, (email, [0; 32]), [3; 32], at(40));
        assert_eq!(
            (after.opt_in_source, after.opt_in_detail.as_str()),
            (OptInSource::NewsletterForm, "newsletter_form")
        );
    }
}
