//! Privacy requests that stores hand on: recorded with their deadline, carried out by the worker, tried again until
//! they are done. A request for data is done once somebody has said that the data was handed over.
//!
//! **Invariant:** whom a request is about stands in it sealed, and only as long as it is needed.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::erasure::{Erased, Eraser};
use super::export::{self, PersonExport};
use super::shop_redaction;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, IntegrationId, new_uuid};
use crate::domain::integration::{Integration, Notice};
use crate::domain::page::{Slice, Window};
use crate::domain::privacy::{PrivacyKind, PrivacyRequest, PrivacyState, PrivacySubject, RecordedRequest};
use crate::error::{Error, storage_kind};
use crate::store::erasure::Proof;
use crate::store::privacy_requests::{Claimed, NewRequest, Waiting};
use crate::store::view::privacy_requests as view;
use crate::store::{begin, ledger, privacy_requests};
use crate::telemetry::PRIVACY_OVERDUE;

/// How long one try may take before another worker tries.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(10);
/// First wait after a failure; doubles with each further one.
const BACKOFF_START: TimeDelta = TimeDelta::seconds(30);
/// Longest wait between two tries: there are thirty days.
const BACKOFF_LIMIT: TimeDelta = TimeDelta::hours(1);
/// Requests that are carried out at a time, before the worker looks at other things.
const AT_A_TIME: usize = 100;

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

/// Says that the data of a request was handed over. It can be exported for thirty days more.
///
/// # Errors
/// The scope is missing, or the request is not there or has no data that is ready.
pub async fn complete(app: &App, caller: &Caller, id: Uuid) -> Result<RecordedRequest, Error> {
    caller.require(Scope::PrivacyWrite)?;
    find(app, caller, id).await?;
    let now = app.clock.now();
    let done = privacy_requests::complete(&app.db, caller.account_id, id, &caller.actor, now).await?;
    if !done {
        return Err(Error::Conflict("the request has no data that is ready to be handed over".to_owned()));
    }
    of_own(app, caller, id).await
}

/// Adds to integrations what waits for somebody: data to be handed over, requests past their deadline.
pub(super) async fn note_waiting(app: &App, account: AccountId, integrations: &mut [Integration]) -> Result<(), Error> {
    let ids: Vec<IntegrationId> = integrations.iter().map(|integration| integration.id).collect();
    let waiting = privacy_requests::waiting(&app.db, account, &ids, app.clock.now()).await?;
    for integration in integrations {
        let Waiting { ready, overdue } = waiting.get(&integration.id).copied().unwrap_or_default();
        let mut note = |code: &str, detail: String| integration.notices.push(Notice { code: code.to_owned(), detail });
        if ready > 0 {
            note(
                "PERSONAL_DATA_READY",
                format!(
                    "people asked for their data, ready requests: {ready}; export each, hand it over to them, and complete \
                     the request"
                ),
            );
        }
        if overdue > 0 {
            note(
                "PRIVACY_REQUEST_OVERDUE",
                format!("privacy requests past their deadline: {overdue}; see what their outcome says"),
            );
        }
    }
    Ok(())
}

/// Shows how many requests are past their deadline, whoever's they are.
///
/// # Errors
/// Storage fails.
pub async fn count_overdue(app: &App) -> Result<u64, Error> {
    let overdue = privacy_requests::count_overdue(&app.db, app.clock.now()).await?;
    metrics::gauge!(PRIVACY_OVERDUE).set(f64::from(u32::try_from(overdue).unwrap_or(u32::MAX)));
    Ok(overdue)
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
        (PrivacyKind::ShopRedact, _) => shop_redaction::carry_out(app, &request).await,
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
    let outcome = export.in_words();
    Ok(privacy_requests::note(&app.db, request.id, PrivacyState::Ready, &outcome, (app.clock.now(), None), true)
        .await?)
}

async fn redact(app: &App, request: &Claimed) -> Result<(), Error> {
    let (integration, subject) = subject_of(app, request)?;
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, request.account).await?;
    let erasing = Eraser { app, tx: &tx, account: request.account, proof: proof(app, request) };
    let erased = erasing.subject(integration, &subject).await?;
    done(&tx, request, erased, app.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// What stands beside the consent records that a store's request erases: nobody of ours asked.
pub(super) fn proof(app: &App, request: &Claimed) -> Proof {
    Proof { request: request.id, actor: None, at: app.clock.now() }
}

/// Notes that an erasure is carried out.
pub(super) async fn done(
    tx: &impl ConnectionTrait,
    request: &Claimed,
    erased: Erased,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let outcome = erased.in_words();
    Ok(privacy_requests::note(tx, request.id, PrivacyState::Done, &outcome, (now, None), false).await?)
}
