//! Erasing a person: nothing personal stays, nothing brings them back, and the consent chain still verifies.
//!
//! The contact, what the stores said, opt-outs and the personal part of consent records go, with the salts of their
//! commitments. What stays: membership events, which name nobody once the contact is gone, and a salted hash of the
//! address, by which syncs, imports and the API pass the person over. A consent that the person gives later makes them
//! known again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::privacy;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::email::Email;
use crate::domain::ids::{AccountId, ContactId, IntegrationId};
use crate::domain::membership::{Cause, MembershipEventKind};
use crate::domain::privacy::{PrivacyKind, PrivacySubject, RecordedRequest};
use crate::error::Error;
use crate::store::erasure::{self as rows, Records, StoreRecordId, capture_ref};
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
    let erasing = Eraser::new(app, &tx, caller.account_id, Some(caller.actor.clone())).await?;
    let erased = erasing.person(email.normalized(), &[]).await?;
    erasing.forget_requests(&PrivacySubject { email: Some(email.typed().to_owned()), records: Vec::new() }).await?;
    let id = crate::domain::ids::new_uuid(at);
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
}

impl Erased {
    pub(super) fn add(&mut self, other: Self) {
        self.contacts += other.contacts;
        self.source_records += other.source_records;
        self.consents += other.consents;
    }

    /// For people, without personal data.
    pub(super) fn in_words(self) -> String {
        let Self { contacts, source_records, consents } = self;
        if self == Self::default() {
            return "nothing was kept of the person; the address will not be taken in".to_owned();
        }
        format!("erased: {contacts} contacts, {source_records} store records, the personal part of {consents} consents")
    }
}

/// Erases within one transaction, behind the account's lock.
pub(super) struct Eraser<'a> {
    app: &'a App,
    tx: &'a DatabaseTransaction,
    account: AccountId,
    key: SuppressionKey,
    actor: Option<String>,
    at: DateTime<Utc>,
}

impl<'a> Eraser<'a> {
    pub(super) async fn new(
        app: &'a App,
        tx: &'a DatabaseTransaction,
        account: AccountId,
        actor: Option<String>,
    ) -> Result<Self, Error> {
        let key = SuppressionKey::load(tx, &app.sealer, account).await?;
        Ok(Self { app, tx, account, key, actor, at: app.clock.now() })
    }

    /// Erases whoever a store means: by address, by their records, and by the addresses that these have.
    pub(super) async fn subject(&self, integration: IntegrationId, subject: &PrivacySubject) -> Result<Erased, Error> {
        let named = rows::records_named(self.tx, integration, &subject.records).await?;
        let refs: Vec<String> =
            subject.records.iter().map(|(stream, id)| capture_ref(integration, *stream, id)).collect();
        let stated = subject.email.as_deref().and_then(|email| email.parse::<Email>().ok());
        let addresses: BTreeSet<String> = named
            .iter()
            .filter_map(|record| record.address.clone())
            .chain(stated.map(|email| email.normalized().to_owned()))
            .collect();
        let mut erased = Erased::default();
        for address in &addresses {
            erased.add(self.person(address, &refs).await?);
        }
        // Records that have no address any more.
        let rest = rows::records_named(self.tx, integration, &subject.records).await?;
        rows::remove_records(self.tx, &rest).await?;
        erased.source_records += rest.len() as u64;
        erased.add(self.former(&refs).await?);
        self.forget_requests(subject).await?;
        Ok(erased)
    }

    /// Erases the person of a normalised address, and passes the address over from now on.
    pub(super) async fn person(&self, address: &str, more_refs: &[String]) -> Result<Erased, Error> {
        let (mut erased, records) = self.everything_of(address).await?;
        erased::mark(self.tx, self.account, &self.key, address, self.at).await?;
        let mut refs: Vec<String> = records.iter().map(StoreRecordId::capture_ref).collect();
        refs.extend_from_slice(more_refs);
        erased.add(self.former(&refs).await?);
        Ok(erased)
    }

    /// Takes away everything that is kept of an address.
    pub(super) async fn everything_of(&self, address: &str) -> Result<(Erased, Vec<StoreRecordId>), Error> {
        let found = people::contacts_by_address(self.tx, self.account, &[address]).await?;
        let contact = found.into_values().next().map(|contact| contact.id);
        let records = rows::records_of(self.tx, self.account, address, contact).await?;
        let mut erased = Erased { source_records: records.len() as u64, ..Erased::default() };
        if let Some(contact) = contact {
            erased.contacts = 1;
            self.leave(contact, None).await?;
            erased.consents = rows::blank_consents(self.tx, self.account, contact, Records::All).await?;
            rows::remove_contact(self.tx, self.account, contact).await?;
        }
        rows::remove_records(self.tx, &records).await?;
        rows::forget_former_address(self.tx, self.account, self.key.hash(address)).await?;
        rows::forget_opt_outs(self.tx, self.account, address, None).await?;
        Ok((erased, records))
    }

    /// Erases what the same store records said under addresses that they no longer have. A contact that something else
    /// keeps known stays.
    async fn former(&self, refs: &[String]) -> Result<Erased, Error> {
        let mut erased = Erased::default();
        if refs.is_empty() {
            return Ok(erased);
        }
        for contact in rows::contacts_recorded(self.tx, self.account, refs).await? {
            erased.consents += rows::blank_consents(self.tx, self.account, contact, Records::From(refs)).await?;
            let Some(email) = people::address_of(self.tx, self.account, contact).await? else { continue };
            let address = email.normalized();
            if !rows::is_known(self.tx, self.account, address, contact).await? {
                let (more, _) = self.everything_of(address).await?;
                erased::mark(self.tx, self.account, &self.key, address, self.at).await?;
                erased.add(more);
            }
        }
        Ok(erased)
    }

    /// Ends a contact's grounds, all or one store's; the lists that are left thereby name the erasure as the cause.
    pub(super) async fn leave(&self, contact: ContactId, only: Option<IntegrationId>) -> Result<(), Error> {
        let held = match only {
            None => memberships::grounds_of(self.tx, self.account, contact).await?.iter().map(|held| held.id).collect(),
            Some(store) => {
                let grounds = memberships::mapping_grounds(self.tx, store, &[contact]).await?;
                grounds.into_values().collect::<Vec<Uuid>>()
            }
        };
        let left = memberships::end_grounds(self.tx, &held).await?;
        let story = Story { integration_id: only, actor: self.actor.clone(), ..Story::default() };
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
        Ok(memberships::record_events(self.tx, self.account, &events, self.at).await?)
    }

    /// Lets go of whom earlier requests were about, where it is the same person.
    pub(super) async fn forget_requests(&self, subject: &PrivacySubject) -> Result<(), Error> {
        let address = |subject: &PrivacySubject| subject.email.as_deref().and_then(|email| email.parse::<Email>().ok());
        let erased = address(subject);
        for (id, _, sealed) in privacy_requests::kept_subjects(self.tx, self.account).await? {
            let kept = privacy::unseal(self.app, id, &sealed)?;
            let is_same_address = erased.is_some() && erased == address(&kept);
            if is_same_address || kept.records.iter().any(|record| subject.records.contains(record)) {
                privacy_requests::forget_subject(self.tx, id).await?;
            }
        }
        Ok(())
    }
}
