//! Everything that is kept of one person, to be handed over.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::contacts::note_suppressions_of;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::contact::{Contact, Membership, MembershipEvent, SourceRecord};
use crate::domain::email::Email;
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::{AccountId, ContactId, IntegrationId, SourceRecordId};
use crate::domain::page::{MAX_SIZE, Window};
use crate::domain::privacy::PrivacySubject;
use crate::error::Error;
use crate::store::view::consents::ConsentFilter;
use crate::store::view::{consents, contacts, memberships, sources};
use crate::store::{erasure, people};

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
}

impl PersonExport {
    /// For people, without personal data.
    pub(super) fn in_words(&self) -> String {
        let (contacts, sources, consents) = (self.contacts.len(), self.sources.len(), self.consents.len());
        if contacts + sources == 0 {
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
    gather(app, caller.account_id, [email.normalized().to_owned()].into(), Vec::new()).await
}

/// Everything about whom a store means.
pub(super) async fn of_subject(
    app: &App,
    account: AccountId,
    integration: IntegrationId,
    subject: &PrivacySubject,
) -> Result<PersonExport, Error> {
    let named = erasure::records_named(&app.db, integration, &subject.records).await?;
    let stated = subject.email.as_deref().and_then(|email| email.parse::<Email>().ok());
    let stated = stated.map(|email| email.normalized().to_owned());
    let addresses = named.iter().filter_map(|record| record.address.clone()).chain(stated).collect();
    gather(app, account, addresses, named.iter().map(|record| record.id).collect()).await
}

async fn gather(
    app: &App,
    account: AccountId,
    addresses: BTreeSet<String>,
    mut records: Vec<SourceRecordId>,
) -> Result<PersonExport, Error> {
    let db = &app.db;
    let listed: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let found = people::contacts_by_address(db, account, &listed).await?;
    let mut ids: Vec<ContactId> = found.values().map(|contact| contact.id).collect();
    ids.sort_unstable();
    for address in &addresses {
        let contact = found.get(address).map(|contact| contact.id);
        let more = erasure::records_of(db, account, address, contact).await?;
        records.extend(more.into_iter().map(|record| record.id));
    }
    records.sort_unstable();
    records.dedup();
    let mut export = PersonExport {
        exported_at: app.clock.now(),
        contacts: contacts::by_ids(db, account, &ids).await?,
        sources: sources::by_ids(db, account, &records).await?,
        memberships: memberships::of_contacts(db, account, &ids).await?.into_values().flatten().collect(),
        events: Vec::new(),
        consents: Vec::new(),
    };
    note_suppressions_of(app, account, &mut export.contacts).await?;
    for id in ids {
        export.events.extend(all_events(db, account, id).await?);
        export.consents.extend(all_consents(db, account, id).await?);
    }
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
