//! Privacy requests that stores hand on: recorded with their deadline, carried out by the worker, tried again until
//! they are done.
//!
//! **Invariant:** whom a request is about stands in it sealed, and only as long as it is needed.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::erasure::{Erased, Eraser};
use super::export::{self, PersonExport};
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, IntegrationId, new_uuid};
use crate::domain::page::{Slice, Window};
use crate::domain::privacy::{
    PrivacyKind, PrivacyRequest, PrivacyState, PrivacySubject, RecordedRequest, TIME_TO_CARRY_OUT,
};
use crate::error::{Error, storage_kind};
use crate::store::erasure::{self as rows, Records};
use crate::store::privacy_requests::{Claimed, NewRequest};
use crate::store::view::privacy_requests as view;
use crate::store::{begin, erased, installed, ledger, people, privacy_requests, source_records, sync_runs};

/// How long one try may take before another worker tries.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// First wait after a failure; doubles with each further one.
const BACKOFF_START: TimeDelta = TimeDelta::seconds(30);
/// Longest wait between two tries: there are thirty days.
const BACKOFF_LIMIT: TimeDelta = TimeDelta::hours(1);
/// People of a store that are erased in one transaction.
const BATCH: u64 = 100;
/// Requests that are carried out at a time, before the worker looks at other things.
const AT_A_TIME: usize = 100;
/// Code of an integration whose store has left.
const STORE_LEFT: &str = "STORE_LEFT";

/// Records a request in the transaction that takes its delivery in. It is due in thirty days.
///
/// # Errors
/// It can't be sealed or stored.
pub async fn record(
    app: &App,
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    request: &PrivacyRequest,
) -> Result<(), Error> {
    let at = app.clock.now();
    let id = new_uuid(at);
    let subject = match request.kind {
        PrivacyKind::ShopRedact => None,
        PrivacyKind::DataRequest | PrivacyKind::Redact => Some(seal(app, id, &request.subject)?),
    };
    let kind = request.kind;
    let new = NewRequest { id, integration: Some(integration), kind, subject, actor: None, outcome: None };
    Ok(privacy_requests::insert(tx, account, new, at).await?)
}

fn place(id: Uuid) -> String {
    format!("privacy_request/{id}")
}

fn seal(app: &App, id: Uuid, subject: &PrivacySubject) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(subject).map_err(|error| Error::Internal(error.to_string()))?;
    app.sealer.seal(&place(id), &json).map_err(|error| Error::Internal(error.to_string()))
}

/// Whom a request is about.
pub(super) fn unseal(app: &App, id: Uuid, sealed: &[u8]) -> Result<PrivacySubject, Error> {
    let json = app.sealer.open(&place(id), sealed).map_err(|error| Error::Internal(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|_| Error::Internal("a sealed subject is not of its shape".to_owned()))
}

/// A page of the account's requests, newest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn list(
    app: &App,
    caller: &Caller,
    state: Option<PrivacyState>,
    page: &Window<Uuid>,
) -> Result<Slice<RecordedRequest>, Error> {
    caller.require(Scope::PrivacyRead)?;
    Ok(view::page(&app.db, caller.account_id, state, page).await?)
}

/// One request.
///
/// # Errors
/// It is not there.
pub async fn get(app: &App, caller: &Caller, id: Uuid) -> Result<RecordedRequest, Error> {
    caller.require(Scope::PrivacyRead)?;
    find(app, caller, id).await.map(|(request, _)| request)
}

/// A request that the caller has just made; needs no right to read others.
pub(super) async fn of_own(app: &App, caller: &Caller, id: Uuid) -> Result<RecordedRequest, Error> {
    find(app, caller, id).await.map(|(request, _)| request)
}

async fn find(app: &App, caller: &Caller, id: Uuid) -> Result<(RecordedRequest, Option<Vec<u8>>), Error> {
    let found = privacy_requests::find(&app.db, caller.account_id, id).await?;
    found.ok_or(Error::NotFound("privacy request"))
}

/// Everything about the person whose data a store asks for, as it is now.
///
/// # Errors
/// The request is not there, asks for something else, or is so long done that nobody knows any more whom it was about.
pub async fn export(app: &App, caller: &Caller, id: Uuid) -> Result<PersonExport, Error> {
    caller.require(Scope::PrivacyRead)?;
    let (request, sealed) = find(app, caller, id).await?;
    let asked = request.integration_id.filter(|_| request.kind == PrivacyKind::DataRequest);
    let (Some(integration), Some(sealed)) = (asked, sealed) else {
        return Err(Error::Conflict("the request has no data to be handed over, or no longer".to_owned()));
    };
    export::of_subject(app, caller.account_id, integration, &unseal(app, id, &sealed)?).await
}

/// Carries out what is due now, at most a hundred requests. Tells how many there were.
pub async fn carry_out_due(app: &App) -> usize {
    for done in 0..AT_A_TIME {
        match privacy_requests::claim(&app.db, LEASE, app.clock.now()).await {
            Ok(Some(claimed)) => carry_out(app, claimed).await,
            Ok(None) => return done,
            Err(error) => {
                tracing::warn!(error.detail = storage_kind(&error), "no privacy requests can be carried out now");
                return done;
            }
        }
    }
    AT_A_TIME
}

async fn carry_out(app: &App, request: Claimed) {
    let (id, attempts) = (request.id, request.attempts);
    let result = match (request.kind, request.state) {
        // Done, and handed over or not: whom it was about is no longer needed.
        (_, PrivacyState::Done) => privacy_requests::forget_subject(&app.db, id).await.map_err(Error::from),
        (PrivacyKind::DataRequest, _) => hand_over(app, &request).await,
        (PrivacyKind::Redact, _) => redact(app, &request).await,
        (PrivacyKind::ShopRedact, _) => redact_shop(app, &request).await,
    };
    match result {
        Ok(()) => tracing::info!(privacy.request = %id, privacy.kind = request.kind.as_str(), "request carried out"),
        Err(error) => {
            let code = error.code().as_str();
            tracing::error!(privacy.request = %id, error.code = code, "request failed; it is tried again");
            let now = app.clock.now();
            let wait = BACKOFF_START * 2_i32.saturating_pow(u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0));
            let again = Some(now + wait.min(BACKOFF_LIMIT));
            let outcome = format!("failed with {code}; it is tried again");
            let noted = privacy_requests::note(&app.db, id, PrivacyState::Failed, &outcome, (now, again), true).await;
            if let Err(error) = noted {
                // The lease runs out by itself and the request is tried again.
                tracing::error!(privacy.request = %id, error.detail = storage_kind(&error), "failure not noted");
            }
        }
    }
}

fn subject_of(app: &App, request: &Claimed) -> Result<(IntegrationId, PrivacySubject), Error> {
    let gone = || Error::Internal("a request of a store has no subject".to_owned());
    let sealed = request.subject.as_deref().ok_or_else(gone)?;
    Ok((request.integration.ok_or_else(gone)?, unseal(app, request.id, sealed)?))
}

async fn hand_over(app: &App, request: &Claimed) -> Result<(), Error> {
    let (integration, subject) = subject_of(app, request)?;
    let export = export::of_subject(app, request.account, integration, &subject).await?;
    let now = app.clock.now();
    let until = Some(now + TIME_TO_CARRY_OUT);
    let outcome = export.in_words();
    Ok(privacy_requests::note(&app.db, request.id, PrivacyState::Done, &outcome, (now, until), true).await?)
}

async fn redact(app: &App, request: &Claimed) -> Result<(), Error> {
    let (integration, subject) = subject_of(app, request)?;
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, request.account).await?;
    let erasing = Eraser::new(app, &tx, request.account, None).await?;
    let erased = erasing.subject(integration, &subject).await?;
    done(&tx, request, erased, app.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

async fn done(tx: &impl ConnectionTrait, request: &Claimed, erased: Erased, now: DateTime<Utc>) -> Result<(), Error> {
    let outcome = erased.in_words();
    Ok(privacy_requests::note(tx, request.id, PrivacyState::Done, &outcome, (now, None), false).await?)
}

/// Erases everything that a store brought, a batch of people at a time: those whom nothing else keeps known wholly, of
/// the others what this store said. Nobody asked not to be mailed, so no address is passed over afterwards.
async fn redact_shop(app: &App, request: &Claimed) -> Result<(), Error> {
    let Some(integration) = request.integration else {
        return Err(Error::Internal("a request of a store names no store".to_owned()));
    };
    let mut erased = Erased::default();
    close(app, request.account, integration).await?;
    loop {
        let tx = begin(&app.db).await?;
        ledger::lock(&tx, request.account).await?;
        let erasing = Eraser::new(app, &tx, request.account, None).await?;
        let mut addresses = source_records::next_addresses(&tx, integration, "", BATCH).await?;
        if addresses.is_empty() {
            // Those who are known only by what they once said.
            for contact in rows::contacts_recorded_by(&tx, request.account, integration, BATCH).await? {
                match people::address_of(&tx, request.account, contact).await? {
                    Some(email) => addresses.push(email.normalized().to_owned()),
                    None => drop(rows::blank_consents(&tx, request.account, contact, Records::Of(integration)).await?),
                }
            }
        }
        if addresses.is_empty() {
            rows::remove_rest(&tx, request.account, integration).await?;
            done(&tx, request, erased, app.clock.now()).await?;
            tx.commit().await?;
            return Ok(());
        }
        for address in &addresses {
            erased.add(take_from_store(&erasing, &tx, request.account, integration, address).await?);
        }
        tx.commit().await?;
    }
}

async fn take_from_store(
    erasing: &Eraser<'_>,
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    address: &str,
) -> Result<Erased, Error> {
    let found = people::contacts_by_address(tx, account, &[address]).await?;
    let contact = found.into_values().next().map(|contact| contact.id);
    if !rows::is_known_otherwise(tx, account, (address, contact), integration).await? {
        return Ok(erasing.everything_of(address).await?.0);
    }
    let mut erased = Erased::default();
    if let Some(contact) = contact {
        erasing.leave(contact, Some(integration)).await?;
        erased.consents = rows::blank_consents(tx, account, contact, Records::Of(integration)).await?;
    }
    let mut records = rows::records_of(tx, account, address, contact).await?;
    records.retain(|record| record.integration == integration);
    rows::remove_records(tx, &records).await?;
    rows::forget_opt_outs(tx, account, address, Some(integration)).await?;
    erased.source_records = records.len() as u64;
    Ok(erased)
}

/// Stops the store's syncing, so that nothing comes back while it is erased; one that is connected again reads everything.
async fn close(app: &App, account: AccountId, integration: IntegrationId) -> Result<(), Error> {
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, account).await?;
    let detail =
        "the store removed the app and asked for its data to be erased; delete the integration, or connect it anew";
    installed::need_attention(&tx, integration, STORE_LEFT, detail).await?;
    installed::forget_reading(&tx, integration).await?;
    sync_runs::request_cancel_of(&tx, account, integration, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes a person known again who was erased and then agreed to something later.
///
/// # Errors
/// The person was erased, and this is no consent of theirs that came later.
pub(super) async fn welcome_back(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &people::SuppressionKey,
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
