//! Submitting consent: one use case behind the API, forms and imports.
//!
//! A yes may put the person on lists; a no takes them off every marketing list, whoever put them there, unless a
//! store has a newer yes. Evidence is kept either way.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use serde_json::{Value, json};

use super::erasure::welcome_back;
use super::resettle::settle_everywhere;
use super::settle::Behalf;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::Purpose;
use crate::domain::access::Scope;
use crate::domain::consent::{
    CaptureMethod, Channel, ConsentAction, ConsentEvent, ConsentRecord, LegalBasis, OptInType,
};
use crate::domain::email::Email;
use crate::domain::ids::{ConsentRecordId, ContactId, ListId};
use crate::domain::ledger::Head;
use crate::domain::membership::{Cause, GroundKind, MembershipEventKind, may_join};
use crate::error::Error;
use crate::secrets::random;
use crate::store::memberships::{Event, HeldGround, NewGround, Story};
use crate::store::people::{Contact, OptOutScope, SuppressionKey};
use crate::store::{begin, consents, ledger, lists_by_id, memberships, people};

/// Consent to be recorded, checked at the edge (`vendors/consent.md` section 5).
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// Who.
    pub email: Email,
    /// What happened.
    pub event: ConsentEvent,
    /// The record that it refers to.
    pub supersedes_id: Option<ConsentRecordId>,
    /// Channel.
    pub channel: Channel,
    /// Purposes.
    pub purposes: Vec<String>,
    /// What the person saw; always there for a grant.
    pub text: Option<String>,
    /// Language of the text.
    pub language: Option<String>,
    /// Privacy notice shown.
    pub policy_url: Option<String>,
    /// When the person said it.
    pub consented_at: DateTime<Utc>,
    /// Page.
    pub url: Option<String>,
    /// Device.
    pub ip_address: Option<IpAddr>,
    /// Browser.
    pub user_agent: Option<String>,
    /// How it reached us.
    pub capture_method: CaptureMethod,
    /// The caller's own reference.
    pub capture_ref: Option<String>,
    /// What the person did.
    pub action: Option<ConsentAction>,
    /// Ground in law.
    pub legal_basis: LegalBasis,
    /// How sure the address is the person's.
    pub opt_in_type: OptInType,
    /// Marketing preferences at that moment.
    pub preferences_snapshot: Option<Value>,
    /// Identity shown.
    pub controller_name: Option<String>,
    /// ISO 3166 code.
    pub jurisdiction: Option<String>,
    /// When it runs out.
    pub expires_at: Option<DateTime<Utc>>,
    /// Further evidence.
    pub evidence_ref: Option<String>,
    /// Anything else.
    pub metadata: Option<Value>,
    /// Lists to join.
    pub lists: Vec<ListId>,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedConsent {
    /// The record: a new one, or the one that holds the same evidence already.
    pub record_id: ConsentRecordId,
    /// Who.
    pub contact_id: ContactId,
    /// Whether the same evidence was there already; then nothing was changed.
    pub is_duplicate: bool,
    /// Lists that the contact is on by this consent.
    pub joined: Vec<ListId>,
    /// Lists that the contact may not join, each with the reason.
    pub refused: Vec<(ListId, &'static str)>,
}

/// Records consent and does what it says, in one transaction.
///
/// # Errors
/// A list or a superseded record is not of the account.
pub async fn submit(app: &App, caller: &Caller, new: NewConsent) -> Result<SubmittedConsent, Error> {
    caller.require(Scope::ConsentsWrite)?;
    let tx = begin(&app.db).await?;
    let head = ledger::lock(&tx, caller.account_id).await?;
    let (submitted, _) = submit_in(app, &tx, caller, head, new).await?;
    tx.commit().await?;
    Ok(submitted)
}

/// The same in the caller's transaction, behind the account's lock.
pub(super) async fn submit_in(
    app: &App,
    tx: &DatabaseTransaction,
    caller: &Caller,
    head: Head,
    new: NewConsent,
) -> Result<(SubmittedConsent, Head), Error> {
    let at = app.clock.now();
    let lists = lists_by_id::find(tx, caller.account_id, &new.lists).await?;
    if let Some(position) = new.lists.iter().position(|id| !lists.contains_key(id)) {
        return Err(Error::invalid(format!("lists.{position}"), "is not a list of this account"));
    }
    let key = SuppressionKey::load(tx, &app.sealer, caller.account_id).await?;
    let address = new.email.normalized();
    let granted_at = new.event.is_grant().then_some(new.consented_at);
    welcome_back(tx, caller.account_id, &key, address, granted_at, at).await?;
    let contact = contact_of(tx, caller, &new.email, at).await?;
    let supersedes = superseded(tx, caller, &new, contact).await?;
    let suppressed_since = people::suppressed_since(tx, caller.account_id, &key, address).await?;
    let opted_out_at = people::newest_opt_out(tx, caller.account_id, address).await?;

    let mut joined = Vec::new();
    let mut refused = Vec::new();
    for id in &new.lists {
        let purpose = lists[id].purpose;
        match refusal(&new, purpose, suppressed_since.is_some(), opted_out_at, at) {
            Some(reason) => refused.push((*id, reason)),
            None => joined.push(*id),
        }
    }
    joined.sort_unstable();
    joined.dedup();
    let snapshot: Vec<Value> = joined.iter().map(|id| json!({"listId": id, "name": lists[id].name})).collect();
    let record = record_of(caller, contact, supersedes, &new, snapshot, at);
    if let Some(known) = ledger::known(tx, caller.account_id, &[record.dedupe_key()]).await?.into_values().next() {
        let submitted = SubmittedConsent {
            record_id: known,
            contact_id: contact,
            is_duplicate: true,
            joined: Vec::new(),
            refused: Vec::new(),
        };
        return Ok((submitted, head));
    }
    let salt = random().map_err(|error| Error::Internal(error.to_string()))?;
    let head = ledger::append(tx, caller.account_id, head, &[(record.clone(), salt)]).await?;
    join(tx, caller, contact, &record, &joined, at).await?;
    let head = carry_out_a_no(app, tx, caller, head, &new, &record, contact).await?;
    let submitted =
        SubmittedConsent { record_id: record.id, contact_id: contact, is_duplicate: false, joined, refused };
    Ok((submitted, head))
}

/// Why a list may not be joined by this consent, if so.
fn refusal(
    new: &NewConsent,
    purpose: Purpose,
    is_suppressed: bool,
    opted_out_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    let is_marketing = purpose == Purpose::Marketing;
    if !new.event.is_grant() {
        Some("only a consent that was given can join lists")
    } else if !may_join(purpose, None, is_suppressed) {
        Some("the address is suppressed; resubscribe it with a newer consent")
    } else if is_marketing && !covers_email(new.channel) {
        Some("the consent does not cover email")
    } else if is_marketing && opted_out_at.is_some_and(|no| no >= new.consented_at) {
        Some("the person opted out at that time or later")
    } else if is_marketing && new.expires_at.is_some_and(|end| end <= now) {
        Some("the consent has run out")
    } else {
        None
    }
}

/// Whether what was said in a channel holds for email.
pub(super) const fn covers_email(channel: Channel) -> bool {
    matches!(channel, Channel::Email | Channel::All)
}

async fn contact_of(
    tx: &DatabaseTransaction,
    caller: &Caller,
    email: &Email,
    at: DateTime<Utc>,
) -> Result<ContactId, Error> {
    let found = people::contacts_by_address(tx, caller.account_id, &[email.normalized()]).await?;
    if let Some(contact) = found.into_values().next() {
        return Ok(contact.id);
    }
    let contact = Contact { id: ContactId::at(at), email: email.clone(), first_name: None, last_name: None };
    let id = contact.id;
    people::save_contacts(tx, caller.account_id, &[contact], at).await?;
    Ok(id)
}

/// The record that this one refers to: the named one, or for a withdrawal the newest grant of the channel.
async fn superseded(
    tx: &DatabaseTransaction,
    caller: &Caller,
    new: &NewConsent,
    contact: ContactId,
) -> Result<Option<ConsentRecordId>, Error> {
    match new.supersedes_id {
        Some(id) if consents::is_of_contact(tx, caller.account_id, contact, id).await? => Ok(Some(id)),
        Some(_) => Err(Error::invalid("supersedesId", "is not a consent record of this contact")),
        // A withdrawal is never refused for want of the record it refers to.
        None if new.event == ConsentEvent::Withdrawn => {
            Ok(consents::newest_grant(tx, caller.account_id, contact, new.channel).await?)
        }
        None => Ok(None),
    }
}

fn record_of(
    caller: &Caller,
    contact: ContactId,
    supersedes_id: Option<ConsentRecordId>,
    new: &NewConsent,
    lists: Vec<Value>,
    at: DateTime<Utc>,
) -> ConsentRecord {
    let new = new.clone();
    ConsentRecord {
        id: ConsentRecordId::at(at),
        account_id: caller.account_id,
        contact_id: Some(contact),
        event: new.event,
        supersedes_id,
        channel: new.channel,
        purposes: new.purposes,
        text: new.text,
        language: new.language,
        policy_url: new.policy_url,
        consented_at: new.consented_at,
        created_at: at,
        url: new.url,
        ip_address: new.ip_address,
        user_agent: new.user_agent,
        capture_method: new.capture_method,
        capture_ref: new.capture_ref,
        action: new.action,
        legal_basis: new.legal_basis,
        opt_in_type: new.opt_in_type,
        preferences_snapshot: new.preferences_snapshot,
        lists_snapshot: (!lists.is_empty()).then_some(Value::Array(lists)),
        controller_name: new.controller_name,
        jurisdiction: new.jurisdiction,
        expires_at: new.expires_at,
        recorded_by: caller.actor.clone(),
        evidence_ref: new.evidence_ref,
        metadata: new.metadata,
    }
}

/// What gives a ground by the API, unique in a membership.
const API_GROUND: &str = "api";

async fn join(
    tx: &DatabaseTransaction,
    caller: &Caller,
    contact: ContactId,
    record: &ConsentRecord,
    lists: &[ListId],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let held = memberships::grounds_of(tx, caller.account_id, contact).await?;
    let story = Story { consent_record_id: Some(record.id), actor: Some(caller.actor.clone()), ..Story::default() };
    // A newer consent replaces the ground of an older one.
    let replaced: Vec<_> = held
        .iter()
        .filter(|ground| ground.source_key == API_GROUND && lists.contains(&ground.list_id))
        .map(|ground| ground.id)
        .collect();
    memberships::forget_grounds(tx, caller.account_id, &replaced).await?;
    let grounds: Vec<NewGround> = lists
        .iter()
        .map(|list_id| NewGround {
            contact_id: contact,
            list_id: *list_id,
            kind: GroundKind::Api,
            source_key: API_GROUND.to_owned(),
            mapping: None,
            story: story.clone(),
        })
        .collect();
    let joined = memberships::begin_grounds(tx, caller.account_id, &grounds, at).await?;
    let events: Vec<Event> = joined
        .into_iter()
        .map(|(contact_id, list_id)| Event {
            contact_id,
            list_id,
            kind: MembershipEventKind::Joined,
            cause: Cause::ConsentSubmitted,
            story: story.clone(),
        })
        .collect();
    Ok(memberships::record_events(tx, caller.account_id, &events, at).await?)
}

/// Takes the person off marketing lists if the submission is a no.
async fn carry_out_a_no(
    app: &App,
    tx: &DatabaseTransaction,
    caller: &Caller,
    head: Head,
    new: &NewConsent,
    record: &ConsentRecord,
    contact: ContactId,
) -> Result<Head, Error> {
    let is_no = matches!(new.event, ConsentEvent::Withdrawn | ConsentEvent::Refused) && covers_email(new.channel);
    let is_void = matches!(new.event, ConsentEvent::Expired | ConsentEvent::Invalidated);
    if !is_no && !is_void {
        return Ok(head);
    }
    let grounds = memberships::grounds_of(tx, caller.account_id, contact).await?;
    let times =
        consents::times_of(tx, caller.account_id, grounds.iter().filter_map(|ground| ground.consent_record_id)).await?;
    let said_at = |ground: &HeldGround| {
        ground.consent_record_id.and_then(|id| times.get(&id).copied()).unwrap_or(ground.created_at)
    };
    let ends = |ground: &&HeldGround| {
        let is_ours = ground.kind != GroundKind::Mapping;
        let is_newer_no = is_no && ground.purpose == Purpose::Marketing && said_at(ground) <= new.consented_at;
        let rests_on_it =
            is_void && ground.consent_record_id.is_some() && ground.consent_record_id == record.supersedes_id;
        is_ours && (is_newer_no || rests_on_it)
    };
    let ended: Vec<_> = grounds.iter().filter(ends).map(|ground| ground.id).collect();
    let left = memberships::end_grounds(tx, caller.account_id, &ended).await?;
    let story = Story { consent_record_id: Some(record.id), actor: Some(caller.actor.clone()), ..Story::default() };
    let events: Vec<Event> = left
        .into_iter()
        .map(|(contact_id, list_id)| Event {
            contact_id,
            list_id,
            kind: MembershipEventKind::Left,
            cause: Cause::OptedOut,
            story: story.clone(),
        })
        .collect();
    memberships::record_events(tx, caller.account_id, &events, record.created_at).await?;
    if !is_no {
        return Ok(head);
    }
    let address = new.email.normalized().to_owned();
    let known = people::opt_outs(tx, caller.account_id, OptOutScope::Account, &[&address]).await?;
    if known.get(&address).is_none_or(|known| *known < new.consented_at) {
        let opt_out = [(address.clone(), new.consented_at)];
        people::save_opt_outs(tx, caller.account_id, OptOutScope::Account, &opt_out).await?;
    }
    let behalf = Behalf { actor: Some(caller.actor.clone()), cause: Some(Cause::OptedOut), ..Behalf::default() };
    settle_everywhere(app, tx, caller.account_id, head, &address, &behalf).await
}
