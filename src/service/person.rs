//! Who is meant by an address or by a store's request: all that is theirs, also under addresses that they had before.
//! Export hands over what erasure would take.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sea_orm::{ConnectionTrait, DbErr};

use crate::domain::email::Email;
use crate::domain::ids::{AccountId, ContactId, IntegrationId};
use crate::domain::privacy::PrivacySubject;
use crate::store::people;
use crate::store::person::{self as rows, Apart, StoreRecordId, capture_ref};

/// A person, by what there is about them.
#[derive(Debug, Default)]
pub(super) struct Person {
    /// Normalised addresses, former ones that nobody else has among them.
    pub(super) addresses: BTreeSet<String>,
    /// Their contacts.
    pub(super) contacts: Vec<ContactId>,
    /// What the stores say about them.
    pub(super) records: Vec<StoreRecordId>,
    /// What the consent records made from their store records refer to.
    refs: HashSet<String>,
    /// Contacts of former addresses that something else keeps known: only the consents made from the person's store
    /// records are theirs.
    pub(super) shared: Vec<ContactId>,
}

impl Person {
    /// The person of a normalised address.
    pub(super) async fn of_address(
        tx: &impl ConnectionTrait,
        account: AccountId,
        address: &str,
    ) -> Result<Self, DbErr> {
        Self { addresses: [address.to_owned()].into(), ..Self::default() }.followed(tx, account).await
    }

    /// Whom a store means: by address, by their records, and by the addresses that these have.
    pub(super) async fn of_subject(
        tx: &impl ConnectionTrait,
        account: AccountId,
        integration: IntegrationId,
        subject: &PrivacySubject,
    ) -> Result<Self, DbErr> {
        let records = rows::records_named(tx, integration, &subject.records).await?;
        let stated = subject.email.as_deref().and_then(|email| email.parse::<Email>().ok());
        let stated = stated.map(|email| email.normalized().to_owned());
        let addresses = records.iter().filter_map(|record| record.address.clone()).chain(stated).collect();
        // Also of records that are gone: what they said may still be on record.
        let refs = subject.records.iter().map(|(stream, id)| capture_ref(integration, *stream, id)).collect();
        Self { addresses, records, refs, ..Self::default() }.followed(tx, account).await
    }

    /// With everything that follows from the addresses and records at hand.
    async fn followed(mut self, tx: &impl ConnectionTrait, account: AccountId) -> Result<Self, DbErr> {
        let addresses: Vec<&str> = self.addresses.iter().map(String::as_str).collect();
        let found = people::contacts_by_address(tx, account, &addresses).await?;
        self.contacts = found.into_values().map(|contact| contact.id).collect();
        let more = rows::records_of(tx, account, &addresses, &self.contacts).await?;
        let records: BTreeMap<_, _> = self.records.into_iter().chain(more).map(|record| (record.id, record)).collect();
        self.records = records.into_values().collect();
        self.refs.extend(self.records.iter().map(StoreRecordId::capture_ref));
        let mut former = rows::contacts_recorded(tx, account, &self.refs()).await?;
        former.extend(self.records.iter().filter_map(|record| record.contact));
        former.retain(|contact| !self.contacts.contains(contact));
        let former = people::addresses_of(tx, account, &former.into_iter().collect::<Vec<_>>()).await?;
        let asked: Vec<(&str, Option<ContactId>)> =
            former.iter().map(|(contact, address)| (address.as_str(), Some(*contact))).collect();
        let known = rows::known_otherwise(tx, account, &asked, Apart::Records(&self.refs)).await?;
        for (contact, address) in former {
            if known.contains(&address) {
                self.shared.push(contact);
            } else {
                self.contacts.push(contact);
                self.addresses.insert(address);
            }
        }
        self.contacts.sort_unstable();
        Ok(self)
    }

    /// What the consent records made from their store records refer to.
    pub(super) fn refs(&self) -> Vec<&str> {
        self.refs.iter().map(String::as_str).collect()
    }

    /// Whether a consent record was made from one of their store records.
    pub(super) fn is_source_of(&self, capture_ref: Option<&str>) -> bool {
        capture_ref.is_some_and(|of| self.refs.contains(of))
    }
}
