//! Do deliveries arrive? Asks the store what is registered, and sends one to our own public address.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use super::receive::dedupe_key;
use super::{endpoint, registration};
use crate::app::App;
use crate::auth::Caller;
use crate::connectors::hooks::{Arrived, Delivery, Endpoint, HookRefusal};
use crate::connectors::http::Pace;
use crate::connectors::{ConnectorError, Http};
use crate::domain::Platform;
use crate::domain::access::Scope;
use crate::domain::ids::{IntegrationId, new_uuid};
use crate::domain::webhook::{RegistrationState, WebhookTest};
use crate::error::Error;
use crate::store::installed::{self, InstalledStore};
use crate::store::webhooks::{self, Outcome};

/// Topic of a delivery that we sent ourselves.
pub(super) const TOPIC: &str = "assent.test";
/// Header that marks it and signs it, with the secret of the endpoint, whatever the platform's own scheme is.
const HEADER: &str = "x-assent-test";
/// How long a delivery to ourselves may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Reads a delivery that we sent ourselves; `None` if it does not say that it is one.
pub(super) fn read(endpoint: &Endpoint, arrived: &Arrived<'_>) -> Option<Result<Delivery, HookRefusal>> {
    let signature = arrived.headers.get(HEADER)?;
    let verified =
        hex(signature.as_bytes()).is_some_and(|signature| mac(endpoint, arrived.body).verify_slice(&signature).is_ok());
    let id = std::str::from_utf8(arrived.body).ok().filter(|_| verified);
    Some(match id {
        Some(id) => Ok(Delivery { id: Some(id.to_owned()), topic: TOPIC.to_owned(), ..Delivery::default() }),
        None => Err(HookRefusal::BadSignature),
    })
}

fn mac(endpoint: &Endpoint, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(endpoint.secret.expose_secret().as_bytes())
        .expect("a key of any length is one for HMAC");
    mac.update(TOPIC.as_bytes());
    mac.update(body);
    mac
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())?
}

/// Tests whether the store's webhooks arrive: asks the store what is registered and puts it right, then sends a signed
/// delivery to the public address of this service and waits for it, for five seconds at most.
///
/// # Errors
/// The integration is not there, or its webhooks are being registered already. Whatever is wrong with them is in the
/// result.
pub async fn test(app: &App, caller: &Caller, id: IntegrationId) -> Result<WebhookTest, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    let store = installed::find_of(&app.db, caller.account_id, id).await?.ok_or(Error::NotFound("integration"))?;
    let outcome = register(app, &store).await?;
    let (endpoint, row) = endpoint(app, id).await?;
    let mut problems: Vec<String> = outcome.detail.into_iter().chain(row.problems).collect();
    let arrived = if outcome.state == RegistrationState::Unsupported {
        None
    } else {
        let sent = arrives(app, store.platform, id, &endpoint).await?;
        sent.map_err(|problem| problems.push(problem)).ok()
    };
    problems.dedup();
    Ok(WebhookTest {
        ok: outcome.state == RegistrationState::Registered && arrived.is_some() && problems.is_empty(),
        topics: row.topics,
        problems,
        arrived: arrived.is_some(),
        arrived_after_ms: arrived.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        last_delivery_at: row.last_delivery_at,
    })
}

/// Registers as the worker does, and never beside it: two at once would make each webhook twice.
async fn register(app: &App, store: &InstalledStore) -> Result<Outcome, Error> {
    endpoint(app, store.id).await?;
    let token = webhooks::claim_one(&app.db, store.id, registration::LEASE, app.clock.now()).await?;
    let token = token.ok_or_else(|| {
        Error::Conflict("the webhooks of this integration are being registered; test them in a minute".to_owned())
    })?;
    let outcome = registration::register(app, store).await?;
    webhooks::note(&app.db, store.id, token, &outcome, app.clock.now()).await?;
    Ok(outcome)
}

/// Sends a delivery to our own public address and looks for it in the database, where any replica may have put it.
/// Tells how long it took, or why it did not come.
async fn arrives(
    app: &App,
    platform: Platform,
    id: IntegrationId,
    endpoint: &Endpoint,
) -> Result<Result<Duration, String>, Error> {
    let now = app.clock.now();
    let body = new_uuid(now).to_string();
    let key = dedupe_key(TOPIC, Some(&body), now);
    let started = tokio::time::Instant::now();
    let sent = tokio::time::timeout(PATIENCE, send(&app.http, platform, endpoint, body)).await;
    match sent.unwrap_or(Err(ConnectorError::TimedOut)) {
        Ok(200) => {}
        Ok(status) => return Ok(Err(format!("{} answers a delivery with status {status}", public(app)))),
        Err(ConnectorError::PrivateHost) => return Ok(Err(registration::UNREACHABLE.to_owned())),
        Err(_) => return Ok(Err(format!("{} can't be reached from here", public(app)))),
    }
    while started.elapsed() < PATIENCE {
        if webhooks::is_known(&app.db, id, key).await? {
            return Ok(Ok(started.elapsed()));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(Err(format!("{} takes deliveries, but they do not arrive here; check where it leads", public(app))))
}

fn public(app: &App) -> String {
    format!("the public address of this service ({}, ASSENT_PUBLIC_URL)", app.public_url)
}

/// Sends a delivery to ourselves; gives the status of the answer.
async fn send(http: &Http, platform: Platform, endpoint: &Endpoint, body: String) -> Result<u16, ConnectorError> {
    let signature = crate::domain::ledger::hex(&mac(endpoint, body.as_bytes()).finalize().into_bytes());
    let request = http.request(Method::POST, endpoint.address.clone()).header(HEADER, signature).body(body);
    Ok(http.send(platform, &Pace::default(), 0.0, request).await?.status.as_u16())
}
