//! Erasing everything that a store brought, after its owner removed the app: a batch of people at a time, those whom
//! nothing else keeps known wholly, of the others what this store said. Nobody asked not to be mailed, so no address is
//! passed over afterwards.

use std::collections::{BTreeMap, HashSet};

use sea_orm::DatabaseTransaction;

use super::erasure::{Erased, Eraser};
use super::privacy::{LEASE, done, proof};
use crate::app::App;
use crate::domain::ids::{AccountId, ContactId, IntegrationId};
use crate::error::Error;
use crate::store::erasure::{self as rows, Records};
use crate::store::people::Contact;
use crate::store::person::{Apart, StoreRecordId, contacts_recorded_by, known_otherwise, records_of};
use crate::store::privacy_requests::Claimed;
use crate::store::{begin, cancelling, departed, installed, ledger, people, privacy_requests, source_records};

/// People of a store that are erased in one transaction.
const BATCH: u64 = 100;
/// Code of an integration whose store has left.
const STORE_LEFT: &str = "STORE_LEFT";

/// Carries a store's request out.
pub(super) async fn carry_out(app: &App, request: &Claimed) -> Result<(), Error> {
    let Some(integration) = request.integration else {
        return Err(Error::Internal("a request of a store names no store".to_owned()));
    };
    let mut erased = Erased::default();
    close(app, request.account, integration).await?;
    loop {
        let tx = begin(&app.db).await?;
        ledger::lock(&tx, request.account).await?;
        let leaving = Leaving {
            erasing: Eraser { app, tx: &tx, account: request.account, proof: proof(app, request) },
            integration,
        };
        let addresses = leaving.next_addresses().await?;
        if addresses.is_empty() {
            rows::remove_rest(&tx, request.account, integration).await?;
            departed::forget(&tx, integration).await?;
            done(&tx, request, erased, app.clock.now()).await?;
            tx.commit().await?;
            return Ok(());
        }
        erased.add(leaving.take(&addresses).await?);
        privacy_requests::prolong(&tx, request.id, app.clock.now() + LEASE).await?;
        tx.commit().await?;
    }
}

/// Stops the store's syncing, so that nothing comes back while it is erased; one that is connected again reads everything.
async fn close(app: &App, account: AccountId, integration: IntegrationId) -> Result<(), Error> {
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, account).await?;
    let detail =
        "the store removed the app and asked for its data to be erased; delete the integration, or connect it anew";
    installed::need_attention(&tx, integration, None, (STORE_LEFT, detail)).await?;
    installed::read_all_again(&tx, integration, now).await?;
    cancelling::request_of(&tx, account, integration, now).await?;
    tx.commit().await?;
    Ok(())
}

/// A store that leaves, within one transaction.
struct Leaving<'a> {
    erasing: Eraser<'a>,
    integration: IntegrationId,
}

impl Leaving<'_> {
    fn tx(&self) -> &DatabaseTransaction {
        self.erasing.tx
    }

    /// People of whom the store still has something here; none once all is gone.
    async fn next_addresses(&self) -> Result<Vec<String>, Error> {
        let (tx, account) = (self.tx(), self.erasing.account);
        let addresses = source_records::next_addresses(tx, account, self.integration, "", BATCH).await?;
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        // Those who are known only by what they once said.
        let contacts = contacts_recorded_by(tx, account, self.integration, BATCH).await?;
        let found = people::addresses_of(tx, account, &contacts).await?;
        let there: HashSet<ContactId> = found.iter().map(|(contact, _)| *contact).collect();
        let gone: Vec<ContactId> = contacts.into_iter().filter(|contact| !there.contains(contact)).collect();
        self.erasing.blank(&gone, Records::Of(self.integration)).await?;
        if found.is_empty() && !gone.is_empty() {
            return Box::pin(self.next_addresses()).await;
        }
        Ok(found.into_iter().map(|(_, address)| address).collect())
    }

    /// Takes what the store brought of these people.
    async fn take(&self, addresses: &[String]) -> Result<Erased, Error> {
        let (tx, account) = (self.tx(), self.erasing.account);
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let contacts = people::contacts_by_address(tx, account, &addresses).await?;
        let ids: Vec<ContactId> = contacts.values().map(|contact| contact.id).collect();
        let asked: Vec<(&str, Option<ContactId>)> =
            addresses.iter().map(|address| (*address, contacts.get(*address).map(|contact| contact.id))).collect();
        let known = known_otherwise(tx, account, &asked, Apart::Store(self.integration)).await?;
        let (stay, go): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(address, _)| known.contains(*address));
        // What people no longer wanted elsewhere is not this store's to take, also of those who go.
        rows::forget_opt_outs(tx, account, &addresses, Some(self.integration)).await?;
        let ids_of = |people: &[(&str, Option<ContactId>)]| people.iter().filter_map(|(_, id)| *id).collect::<Vec<_>>();
        let (stay_ids, go_ids) = (ids_of(&stay), ids_of(&go));
        let (removed, others): (Vec<_>, Vec<_>) = records_of(tx, account, &addresses, &ids)
            .await?
            .into_iter()
            .partition(|record| record.integration == self.integration);

        let mut erased = self.erasing.contacts(&go_ids).await?;
        self.erasing.leave(&stay_ids, Some(self.integration)).await?;
        erased.consents += self.erasing.blank(&stay_ids, Records::Of(self.integration)).await?;
        rows::remove_records(tx, &removed).await?;
        let renamed =
            renamed(contacts.into_values().filter(|contact| stay_ids.contains(&contact.id)), &removed, &others);
        people::save_contacts(tx, account, &renamed, self.erasing.proof.at).await?;
        erased.source_records = removed.len() as u64;
        Ok(erased)
    }
}

/// The contacts whose name only the leaving store told, each with the name that another store tells, if one does.
fn renamed(
    contacts: impl Iterator<Item = Contact>,
    removed: &[StoreRecordId],
    others: &[StoreRecordId],
) -> Vec<Contact> {
    type Names<'a> = BTreeMap<ContactId, Vec<&'a (Option<String>, Option<String>)>>;
    fn names(records: &[StoreRecordId]) -> Names<'_> {
        let mut names = Names::new();
        for record in records {
            if let Some(contact) = record.contact {
                names.entry(contact).or_default().push(&record.name);
            }
        }
        names
    }
    let (removed, others) = (names(removed), names(others));
    contacts
        .filter_map(|mut contact| {
            let name = (contact.first_name.clone(), contact.last_name.clone());
            let told = |names: &Names<'_>| names.get(&contact.id).is_some_and(|names| names.contains(&&name));
            if !told(&removed) || told(&others) {
                return None;
            }
            let other = others.get(&contact.id).and_then(|names| names.last());
            (contact.first_name, contact.last_name) = other.map(|name| (*name).clone()).unwrap_or_default();
            Some(contact)
        })
        .collect()
}
