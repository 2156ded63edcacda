//! From evidence to memberships: the one way in which a store's people come onto lists and go off them.
//!
//! Given the addresses that something changed about, [`plan`] reads everything that is known of them in one store,
//! asks the contact rules what is wanted, and compares it with what is there; [`write()`] carries it out. A sync page, a
//! deletion, a changed mapping and a lifted suppression all come through here, so they can't disagree.
//!
//! **Invariant:** a fixed number of statements, however many addresses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::store_consent;
use super::story::Teller;
use crate::domain::consent::ConsentRecord;
use crate::domain::contact_rules::{self, Evidence, OrderWords};
use crate::domain::ids::{AccountId, ContactId, IntegrationId, ListId, SourceRecordId, SyncRunId};
use crate::domain::ledger::Head;
use crate::domain::membership::{Cause, MappingGround, MembershipEventKind, difference, may_join};
use crate::domain::people::PersonKind;
use crate::domain::source_record::{Recorded, SourceRecord};
use crate::domain::statement::OptIn;
use crate::domain::{Audience, Platform};
use crate::error::Error;
use crate::secrets::random;
use crate::store::memberships::{Event, NewGround, Target};
use crate::store::people::{Contact, OptOutScope, SuppressionKey};
use crate::store::{ledger, memberships, people, source_records};

/// One store, as settling sees it.
#[derive(Clone)]
pub(crate) struct StoreContext {
    pub(crate) account_id: AccountId,
    pub(crate) integration_id: IntegrationId,
    pub(crate) platform: Platform,
    /// Where its audiences go.
    pub(crate) targets: Vec<Target>,
    pub(crate) suppression: SuppressionKey,
}

/// What may have changed.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Source records that are new or say something else.
    pub(crate) records: Vec<SourceRecord>,
    /// Normalised addresses to look at, each with why a membership might end there.
    pub(crate) addresses: BTreeMap<String, Option<Touch>>,
    /// Those of them that lost a newsletter row: it was deleted, or has another address now.
    pub(crate) lost_rows: BTreeSet<String>,
}

/// Something that happened to a record of an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touch {
    pub(crate) cause: Cause,
    pub(crate) record: SourceRecordId,
    /// When the person opted out, if that is what happened and the store tells when.
    pub(crate) said_at: Option<DateTime<Utc>>,
}

/// What has to be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    contacts: Vec<Contact>,
    records: Vec<SourceRecord>,
    opt_outs: Vec<(String, DateTime<Utc>)>,
    /// Grounds to give, with the record each rests on.
    pub(crate) begin: Vec<(MappingGround, SourceRecordId)>,
    /// Grounds to end, with their identity and why.
    pub(crate) end: Vec<(MappingGround, Uuid, Touch)>,
    /// Grounds that stay.
    pub(crate) stay: Vec<MappingGround>,
}

/// How many contacts came onto a list and went off one, by the audience that caused it, and how long opt-outs took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) joined: BTreeMap<Audience, u64>,
    pub(crate) left: BTreeMap<Audience, u64>,
    /// From the opt-out in the store until the person was off the list, of each that the store dates.
    pub(crate) opt_outs: Vec<TimeDelta>,
    /// The same by list.
    pub(crate) lists: BTreeMap<ListId, Moved>,
}

/// How many contacts came onto a list and went off it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) joined: u64,
    pub(crate) left: u64,
}

/// All that is known of one address in one store.
#[derive(Default)]
struct Person {
    records: Vec<SourceRecord>,
    contact: Option<Contact>,
    opted_out_at: Option<DateTime<Utc>>,
    is_suppressed: bool,
    touch: Option<Touch>,
    /// Records that just got their contact.
    relinked: Vec<SourceRecordId>,
}

/// Decides what has to be written. Reads only.
pub(crate) async fn plan(
    tx: &impl ConnectionTrait,
    store: &StoreContext,
    change: Change,
    at: DateTime<Utc>,
) -> Result<Plan, DbErr> {
    let mut plan = Plan::default();
    let mut people = gather(tx, store, &change, &mut plan.opt_outs).await?;
    if contact_rules::of(store.platform).order_words == OrderWords::YieldToRows {
        opt_out_of_orders(&mut people, &change.lost_rows, &mut plan.opt_outs, at);
    }
    let mut wanted: HashMap<MappingGround, SourceRecordId> = HashMap::new();
    for person in people.values_mut() {
        person.records.sort_by_key(|record| (record.first_seen_at, record.id));
        decide(store, person, at, &mut wanted, &mut plan.contacts);
    }
    let contacts: Vec<ContactId> = people.values().filter_map(|person| Some(person.contact.as_ref()?.id)).collect();
    let present = memberships::mapping_grounds(tx, store.account_id, store.integration_id, &contacts).await?;
    let wanted_keys: Vec<MappingGround> = wanted.keys().copied().collect();
    let present_keys: Vec<MappingGround> = present.keys().copied().collect();
    let changes = difference(&wanted_keys, &present_keys);
    plan.stay = present_keys.into_iter().filter(|ground| wanted.contains_key(ground)).collect();
    plan.begin = changes.begin.into_iter().map(|ground| (ground, wanted[&ground])).collect();
    let by_contact: HashMap<ContactId, &Person> =
        people.values().filter_map(|person| Some((person.contact.as_ref()?.id, person))).collect();
    plan.end = changes
        .end
        .into_iter()
        .filter_map(|ground| {
            let person = by_contact.get(&ground.contact_id)?;
            Some((ground, present[&ground], why_it_ends(ground.audience, person)))
        })
        .collect();
    plan.records = to_save(people, change.records);
    Ok(plan)
}

/// Loads what is known of the addresses, with the changed records laid over the stored ones.
async fn gather(
    tx: &impl ConnectionTrait,
    store: &StoreContext,
    change: &Change,
    new_opt_outs: &mut Vec<(String, DateTime<Utc>)>,
) -> Result<BTreeMap<String, Person>, DbErr> {
    let addresses: Vec<&str> = change.addresses.keys().map(String::as_str).collect();
    let (account, integration) = (store.account_id, store.integration_id);
    let scope = OptOutScope::Store(integration);
    let stored = source_records::by_addresses(tx, account, integration, &addresses).await?;
    let mut contacts = people::contacts_by_address(tx, account, &addresses).await?;
    let mut opted_out = people::opt_outs(tx, account, scope, &addresses).await?;
    let suppressed = people::suppressed(tx, account, &store.suppression, &addresses).await?;

    let changed: HashMap<SourceRecordId, &SourceRecord> =
        change.records.iter().map(|record| (record.id, record)).collect();
    let unchanged = stored.iter().filter(|record| !changed.contains_key(&record.id));
    for record in &change.records {
        if let (Some(email), Some(word)) = (&record.email, record.opt_out()) {
            let newest = opted_out.entry(email.normalized().to_owned()).or_insert(DateTime::<Utc>::MIN_UTC);
            if word.at > *newest {
                *newest = word.at;
                new_opt_outs.retain(|(address, _)| address != email.normalized());
                new_opt_outs.push((email.normalized().to_owned(), word.at));
            }
        }
    }
    let mut people: BTreeMap<String, Person> = change
        .addresses
        .iter()
        .map(|(address, touch)| {
            let person = Person {
                contact: contacts.remove(address),
                opted_out_at: opted_out.get(address).copied(),
                is_suppressed: suppressed.contains(address.as_str()),
                touch: *touch,
                ..Person::default()
            };
            (address.clone(), person)
        })
        .collect();
    for record in unchanged.chain(&change.records) {
        let person = record.email.as_ref().and_then(|email| people.get_mut(email.normalized()));
        if let Some(person) = person {
            person.records.push(record.clone());
        }
    }
    Ok(people)
}

/// An address whose last newsletter row is gone has opted out of what its orders said before: without the row to
/// yield to, they would bring it back onto the list.
fn opt_out_of_orders(
    people: &mut BTreeMap<String, Person>,
    lost_rows: &BTreeSet<String>,
    new_opt_outs: &mut Vec<(String, DateTime<Utc>)>,
    at: DateTime<Utc>,
) {
    for (address, person) in people.iter_mut().filter(|(address, _)| lost_rows.contains(*address)) {
        let has_row = person.records.iter().any(|record| record.kind == PersonKind::Newsletter);
        if !has_row && person.opted_out_at.is_none_or(|before| before < at) {
            person.opted_out_at = Some(at);
            new_opt_outs.retain(|(known, _)| known != address);
            new_opt_outs.push((address.clone(), at));
        }
    }
}

/// Asks the rules what this person is wanted on, and makes the contact if it is anything.
fn decide(
    store: &StoreContext,
    person: &mut Person,
    at: DateTime<Utc>,
    wanted: &mut HashMap<MappingGround, SourceRecordId>,
    contacts: &mut Vec<Contact>,
) {
    let evidence: Vec<Evidence> = person.records.iter().map(SourceRecord::evidence).collect();
    let audiences = contact_rules::apply(contact_rules::of(store.platform), &evidence, person.opted_out_at);
    let targets: Vec<(&Target, SourceRecordId)> = audiences
        .iter()
        .filter_map(|(audience, index)| {
            let target = store.targets.iter().find(|target| target.audience == audience)?;
            may_join(target.purpose, Some(audience), person.is_suppressed).then_some((target, person.records[index].id))
        })
        .collect();
    let name = person
        .records
        .iter()
        .filter(|record| record.first_name.is_some() || record.last_name.is_some())
        .max_by_key(|record| (record.kind == PersonKind::Account, record.changed_at, record.id));
    let is_new = person.contact.is_none();
    if is_new && !targets.is_empty() {
        let email = person.records.iter().find_map(|record| record.email.clone());
        person.contact = email.map(|email| Contact { id: ContactId::at(at), email, first_name: None, last_name: None });
    }
    let Some(contact) = &mut person.contact else { return };
    let before = contact.clone();
    if let Some(name) = name {
        contact.first_name.clone_from(&name.first_name);
        contact.last_name.clone_from(&name.last_name);
    }
    if is_new || *contact != before {
        contacts.push(contact.clone());
    }
    for record in person.records.iter_mut().filter(|record| record.contact_id != Some(contact.id)) {
        record.contact_id = Some(contact.id);
        person.relinked.push(record.id);
    }
    let contact_id = contact.id;
    wanted.extend(targets.into_iter().map(|(target, record)| {
        (MappingGround { contact_id, list_id: target.list_id, audience: target.audience }, record)
    }));
}

fn why_it_ends(audience: Audience, person: &Person) -> Touch {
    let newest = person.records.iter().filter_map(|record| Some((record.held.word?, record.id))).max();
    let any_record = person.records.first().map(|record| record.id);
    let opted_out = newest.filter(|(word, _)| audience == Audience::Subscribers && word.value != OptIn::Granted);
    match (person.touch, opted_out, any_record) {
        (touch, ..) if person.is_suppressed => Touch {
            cause: Cause::Suppressed,
            record: touch.map(|touch| touch.record).or(any_record).unwrap_or(SourceRecordId(Uuid::nil())),
            said_at: None,
        },
        (_, Some((word, record)), _) => Touch { cause: Cause::OptedOut, record, said_at: word.opted_out_at() },
        (Some(touch), None, _) => touch,
        (None, None, record) => {
            Touch { cause: Cause::NoLongerFits, record: record.unwrap_or(SourceRecordId(Uuid::nil())), said_at: None }
        }
    }
}

/// The changed records, and those that just got a contact or still lack their consent record.
fn to_save(people: BTreeMap<String, Person>, changed: Vec<SourceRecord>) -> Vec<SourceRecord> {
    let mut records: BTreeMap<SourceRecordId, SourceRecord> =
        changed.into_iter().map(|record| (record.id, record)).collect();
    for person in people.into_values() {
        for record in person.records {
            if records.contains_key(&record.id) || person.relinked.contains(&record.id) || record.unrecorded().is_some()
            {
                records.insert(record.id, record);
            }
        }
    }
    records.into_values().collect()
}

/// On whose behalf something is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behalf {
    /// The run that found it.
    pub(crate) run_id: Option<SyncRunId>,
    /// Who asked for it.
    pub(crate) actor: Option<String>,
    /// The cause to name instead of the store's.
    pub(crate) cause: Option<Cause>,
}

/// Carries a plan out, behind the account's lock.
pub(crate) async fn write(
    tx: &impl ConnectionTrait,
    store: &StoreContext,
    head: Head,
    mut plan: Plan,
    behalf: &Behalf,
    at: DateTime<Utc>,
) -> Result<(Settled, Head), Error> {
    let account = store.account_id;
    people::save_contacts(tx, account, &plan.contacts, at).await?;
    people::save_opt_outs(tx, account, OptOutScope::Store(store.integration_id), &plan.opt_outs).await?;
    let head = record_consents(tx, store, head, &mut plan.records, at).await?;
    let teller = Teller::new(store, behalf, &plan.records);
    let begin: Vec<NewGround> = plan.begin.iter().map(|(ground, record)| teller.new_ground(ground, *record)).collect();
    let end: Vec<Uuid> = plan.end.iter().map(|(_, id, _)| *id).collect();
    // First give, then end: a contact whose ground changes on the same list neither leaves nor joins it.
    let joined = memberships::begin_grounds(tx, account, &begin, at).await?;
    let left = memberships::end_grounds(tx, account, &end).await?;
    let mut events = teller.joins(&begin, &joined);
    events.extend(teller.leaves(&plan.end, &left));
    memberships::record_events(tx, account, &events, at).await?;
    source_records::save(tx, account, store.integration_id, &plan.records).await?;
    Ok((Settled::of(&events, at), head))
}

impl Settled {
    fn of(events: &[Event], at: DateTime<Utc>) -> Self {
        let mut settled = Self::default();
        for event in events {
            let moved = settled.lists.entry(event.list_id).or_default();
            let (tally, count) = match event.kind {
                MembershipEventKind::Joined => (&mut settled.joined, &mut moved.joined),
                MembershipEventKind::Left => (&mut settled.left, &mut moved.left),
            };
            *count += 1;
            if let Some(audience) = event.story.audience {
                *tally.entry(audience).or_default() += 1;
            }
            settled.opt_outs.extend(event.story.said_at.map(|said_at| (at - said_at).max(TimeDelta::zero())));
        }
        settled
    }
}

/// Writes the consent records that are missing and notes them in the source records.
async fn record_consents(
    tx: &impl ConnectionTrait,
    store: &StoreContext,
    head: Head,
    records: &mut [SourceRecord],
    at: DateTime<Utc>,
) -> Result<Head, Error> {
    let mut missing: Vec<_> = records
        .iter_mut()
        .filter_map(|record| record.unrecorded().map(|(contact_id, word)| (record, contact_id, word)))
        .collect();
    if missing.is_empty() {
        return Ok(head);
    }
    missing.sort_by_key(|(record, _, word)| (word.at, record.id));
    let mut consents = Vec::with_capacity(missing.len());
    for (record, contact_id, word) in &missing {
        consents.push(store_consent::from_store(store, record, *contact_id, *word, at));
    }
    let keys: Vec<[u8; 32]> = consents.iter().map(ConsentRecord::dedupe_key).collect();
    let mut known = ledger::known(tx, store.account_id, &keys).await?;
    let mut new: Vec<(ConsentRecord, [u8; 32])> = Vec::with_capacity(consents.len());
    for (((record, contact_id, word), consent), key) in missing.into_iter().zip(consents).zip(keys) {
        let id = *known.entry(key).or_insert(consent.id);
        record.recorded = Some(Recorded { id, contact_id, value: word.value, at: word.at });
        if id == consent.id {
            new.push((consent, random().map_err(|error| Error::Internal(error.to_string()))?));
        }
    }
    Ok(ledger::append(tx, store.account_id, head, &new).await?)
}
