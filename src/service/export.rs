//! Everything that is kept of one person, to be handed over.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::contacts::note_suppressions_of;
use super::person::Person;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::contact::{Contact, Membership, MembershipEvent, OptOut, SourceRecord};
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::{AccountId, ContactId, IntegrationId, SourceRecordId};
use crate::domain::page::{MAX_SIZE, Window};
use crate::domain::privacy::PrivacySubject;
use crate::error::Error;
use crate::store::people;
use crate::store::view::consents::ConsentFilter;
use crate::store::view::{consents, contacts, memberships, sources};

/// Everything about one person. Usually one contact; several where the store had several addresses.
#[derive(Debug, Clone)]
pub struct PersonExport {
    /// When it was put together.
    pub exported_at: DateTime<Utc>,
    /// Contacts.
    pub contacts: Vec<Contact>,
    /// What the stores say, also of people who are on no list.
    pub sources: Vec<SourceRecord>,
    /// Lists that they are on, and why.
    pub memberships: Vec<Membership>,
    /// Every join and leave, oldest first.
    pub events: Vec<MembershipEvent>,
    /// Every consent record, newest first.
    pub consents: Vec<RecordedConsent>,
    /// What they no longer want, by address.
    pub opt_outs: Vec<OptOut>,
}

impl PersonExport {
    /// For people, without personal data.
    pub(super) fn in_words(&self) -> String {
        let (contacts, sources, consents) = (self.contacts.len(), self.sources.len(), self.consents.len());
        if contacts + sources + consents == 0 {
            return "nothing is kept of the person".to_owned();
        }
        format!("ready to be handed over: {contacts} contacts, {sources} store records, {consents} consent records")
    }
}

/// Everything about a contact.
///
/// # Errors
/// The contact is not there.
pub async fn of_contact(app: &App, caller: &Caller, contact: ContactId) -> Result<PersonExport, Error> {
    caller.require(Scope::PrivacyRead)?;
    let email = people::address_of(&app.db, caller.account_id, contact).await?.ok_or(Error::NotFound("contact"))?;
    let person = Person::of_address(&app.db, caller.account_id, email.normalized()).await?;
    gather(app, caller.account_id, &person).await
}

/// Everything about whom a store means.
pub(super) async fn of_subject(
    app: &App,
    account: AccountId,
    integration: IntegrationId,
    subject: &PrivacySubject,
) -> Result<PersonExport, Error> {
    gather(app, account, &Person::of_subject(&app.db, account, integration, subject).await?).await
}

async fn gather(app: &App, account: AccountId, person: &Person) -> Result<PersonExport, Error> {
    let db = &app.db;
    let ids = &person.contacts;
    let records: Vec<SourceRecordId> = person.records.iter().map(|record| record.id).collect();
    let mut export = PersonExport {
        exported_at: app.clock.now(),
        contacts: contacts::by_ids(db, account, ids).await?,
        sources: sources::by_ids(db, account, &records).await?,
        memberships: memberships::of_contacts(db, account, ids).await?.into_values().flatten().collect(),
        events: Vec::new(),
        consents: Vec::new(),
        opt_outs: people::opt_outs_of(db, account, &person.addresses).await?,
    };
    note_suppressions_of(app, account, &mut export.contacts).await?;
    for id in ids {
        export.events.extend(all_events(db, account, *id).await?);
        export.consents.extend(all_consents(db, account, *id).await?);
    }
    for id in &person.shared {
        let consents = all_consents(db, account, *id).await?.into_iter();
        export.consents.extend(consents.filter(|found| person.is_source_of(found.record.capture_ref.as_deref())));
    }
    export.consents.sort_by_key(|found| std::cmp::Reverse((found.record.consented_at, found.sequence)));
    Ok(export)
}

async fn all_events(
    db: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
) -> Result<Vec<MembershipEvent>, Error> {
    let mut all: Vec<MembershipEvent> = Vec::new();
    loop {
        let after: Option<Uuid> = all.last().map(|event| event.id);
        let page = memberships::events(db, account, contact, &Window::first(MAX_SIZE, after)).await?;
        all.extend(page.items);
        if !page.has_more {
            return Ok(all);
        }
    }
}

async fn all_consents(
    db: &impl ConnectionTrait,
    account: AccountId,
    contact: ContactId,
) -> Result<Vec<RecordedConsent>, Error> {
    let filter = ConsentFilter { contact_id: Some(contact), ..ConsentFilter::default() };
    let mut all: Vec<RecordedConsent> = Vec::new();
    loop {
        let after = all.last().map(|record| (record.record.consented_at, record.sequence));
        let page = consents::page(db, account, &filter, &Window::first(MAX_SIZE, after)).await?;
        all.extend(page.items);
        if !page.has_more {
            return Ok(all);
        }
    }
}
