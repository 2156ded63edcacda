//! Erasing a person: nothing personal stays, nothing brings them back, and the consent chain still verifies.
//!
//! The contact, what the stores said, opt-outs and the personal part of consent records go, with the salts of their
//! commitments. What stays: membership events, which name nobody once the contact is gone, for each consent record that
//! it was erased, when and for which request, and a salted hash of the address, by which syncs, imports and the API pass
//! the person over. A consent that the person gives later makes them known again.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use super::person::Person;
use super::privacy;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::email::Email;
use crate::domain::ids::{AccountId, ContactId, IntegrationId};
use crate::domain::membership::{Cause, MembershipEventKind};
use crate::domain::privacy::{PrivacyKind, PrivacySubject, RecordedRequest};
use crate::error::Error;
use crate::store::erasure::{self as rows, Proof, Records};
use crate::store::memberships::{Event, Story};
use crate::store::people::SuppressionKey;
use crate::store::privacy_requests::NewRequest;
use crate::store::{begin, erased, ledger, memberships, people, privacy_requests};

/// Erases a contact, and records that.
///
/// # Errors
/// The contact is not there.
pub async fn erase(app: &App, caller: &Caller, contact: ContactId) -> Result<RecordedRequest, Error> {
    caller.require(Scope::PrivacyWrite)?;
    let at = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    let email = people::address_of(&tx, caller.account_id, contact).await?.ok_or(Error::NotFound("contact"))?;
    let id = crate::domain::ids::new_uuid(at);
    let proof = Proof { request: id, actor: Some(caller.actor.clone()), at };
    let erasing = Eraser { app, tx: &tx, account: caller.account_id, proof };
    let erased = erasing.address(email.normalized()).await?;
    let request = NewRequest {
        id,
        integration: None,
        kind: PrivacyKind::Redact,
        subject: None,
        actor: Some(caller.actor.clone()),
        outcome: Some(erased.in_words()),
    };
    privacy_requests::insert(&tx, caller.account_id, request, at).await?;
    tx.commit().await?;
    privacy::of_own(app, caller, id).await
}

/// What was erased.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Erased {
    pub(super) contacts: u64,
    pub(super) source_records: u64,
    pub(super) consents: u64,
    /// Addresses that nothing brings back.
    pub(super) passed_over: u64,
}

impl Erased {
    pub(super) fn add(&mut self, other: Self) {
        self.contacts += other.contacts;
        self.source_records += other.source_records;
        self.consents += other.consents;
        self.passed_over += other.passed_over;
    }

    /// For people, without personal data.
    pub(super) fn in_words(self) -> String {
        let Self { contacts, source_records, consents, passed_over } = self;
        let erased = if contacts + source_records + consents == 0 {
            "nothing was kept".to_owned()
        } else {
            format!(
                "erased: {contacts} contacts, {source_records} store records, the personal part of {consents} consents"
            )
        };
        if passed_over == 0 { erased } else { format!("{erased}; addresses that are passed over now: {passed_over}") }
    }
}

/// Erases within one transaction, behind the account's lock.
pub(super) struct Eraser<'a> {
    pub(super) app: &'a App,
    pub(super) tx: &'a DatabaseTransaction,
    pub(super) account: AccountId,
    pub(super) proof: Proof,
}

impl Eraser<'_> {
    /// Erases whoever a store means.
    pub(super) async fn subject(&self, integration: IntegrationId, subject: &PrivacySubject) -> Result<Erased, Error> {
        let person = Person::of_subject(self.tx, self.account, integration, subject).await?;
        let erased = self.person(&person).await?;
        rows::remove_traces(self.tx, integration, &subject.records).await?;
        self.forget_requests(&person.addresses, Some(integration), subject).await?;
        Ok(erased)
    }

    /// Erases the person of a normalised address.
    async fn address(&self, address: &str) -> Result<Erased, Error> {
        let person = Person::of_address(self.tx, self.account, address).await?;
        let erased = self.person(&person).await?;
        self.forget_requests(&person.addresses, None, &PrivacySubject::default()).await?;
        Ok(erased)
    }

    /// Erases a person, and passes their addresses over from now on.
    async fn person(&self, person: &Person) -> Result<Erased, Error> {
        let addresses: Vec<&str> = person.addresses.iter().map(String::as_str).collect();
        let mut erased = self.contacts(&person.contacts).await?;
        rows::remove_records(self.tx, &person.records).await?;
        erased.source_records = person.records.len() as u64;
        erased.consents += self.blank(&person.shared, Records::From(&person.refs())).await?;
        let key = SuppressionKey::load(self.tx, &self.app.sealer, self.account).await?;
        let hashes = addresses.iter().map(|address| key.hash(address));
        rows::forget_former_addresses(self.tx, self.account, hashes).await?;
        rows::forget_opt_outs(self.tx, self.account, &addresses, None).await?;
        for address in &addresses {
            erased::mark(self.tx, self.account, &key, address, self.proof.at).await?;
        }
        erased.passed_over = addresses.len() as u64;
        Ok(erased)
    }

    /// Takes away contacts with their consents; store records and what addresses no longer wanted stay.
    pub(super) async fn contacts(&self, contacts: &[ContactId]) -> Result<Erased, Error> {
        self.leave(contacts, None).await?;
        let consents = self.blank(contacts, Records::All).await?;
        rows::remove_contacts(self.tx, self.account, contacts).await?;
        Ok(Erased { contacts: contacts.len() as u64, consents, ..Erased::default() })
    }

    /// Takes the personal part off consent records of contacts. Tells how many.
    pub(super) async fn blank(&self, contacts: &[ContactId], which: Records<'_>) -> Result<u64, Error> {
        Ok(rows::blank_consents(self.tx, self.account, contacts, which, &self.proof).await?)
    }

    /// Ends grounds of contacts, all or one store's; the lists that are left thereby name the erasure as the cause.
    pub(super) async fn leave(&self, contacts: &[ContactId], only: Option<IntegrationId>) -> Result<(), Error> {
        let held = memberships::held_by(self.tx, self.account, contacts).await?;
        let ended = held.iter().filter(|held| only.is_none() || held.integration == only);
        let ended: Vec<Uuid> = ended.map(|held| held.id).collect();
        let left = memberships::end_grounds(self.tx, self.account, &ended).await?;
        let story = Story { integration_id: only, actor: self.proof.actor.clone(), ..Story::default() };
        let events: Vec<Event> = left
            .into_iter()
            .map(|(contact_id, list_id)| Event {
                contact_id,
                list_id,
                kind: MembershipEventKind::Left,
                cause: Cause::Erased,
                story: story.clone(),
            })
            .collect();
        Ok(memberships::record_events(self.tx, self.account, &events, self.proof.at).await?)
    }

    /// Lets go of whom other requests for data are about, where it is the same person: there is nothing to hand over.
    async fn forget_requests(
        &self,
        addresses: &BTreeSet<String>,
        integration: Option<IntegrationId>,
        subject: &PrivacySubject,
    ) -> Result<(), Error> {
        let erased: HashSet<_> = subject.records.iter().collect();
        for kept in privacy_requests::kept_subjects(self.tx, self.account).await? {
            let Ok(of) = privacy::unseal(self.app, kept.id, &kept.subject) else {
                tracing::warn!(privacy.request = %kept.id, "whom this request is about can't be opened; it stays");
                continue;
            };
            let address = of.email.as_deref().and_then(|email| email.parse::<Email>().ok());
            let is_same_address = address.is_some_and(|address| addresses.contains(address.normalized()));
            let is_same_store = kept.integration.is_some() && kept.integration == integration;
            if is_same_address || (is_same_store && of.records.iter().any(|record| erased.contains(record))) {
                privacy_requests::close_erased(self.tx, kept.id, self.proof.at).await?;
            }
        }
        Ok(())
    }
}

/// Makes a person known again who was erased and then agreed to something later.
///
/// # Errors
/// The person was erased, and this is no consent of theirs that came later.
pub(super) async fn welcome_back(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    address: &str,
    granted_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(erased_at) = erased::since(tx, account, key, address).await? else { return Ok(()) };
    if granted_at.is_none_or(|granted_at| granted_at <= erased_at) {
        return Err(Error::Conflict(
            "the person was erased; only a consent that they gave later can be recorded".to_owned(),
        ));
    }
    erased::lift(tx, account, key, address, now).await?;
    // What stores say from before the erasure puts nobody on a marketing list.
    let opt_out = [(address.to_owned(), erased_at)];
    Ok(people::save_opt_outs(tx, account, people::OptOutScope::Account, &opt_out).await?)
}
