//! Webhooks of the stores: where they arrive, what is taken in, what is registered, and whether they come through.
//!
//! A delivery is a hint: [`receive`] verifies it and notes which records to read again; what they say is found by asking
//! the store ([`crate::sync::hints`]). The exception are privacy requests, which are recorded as they are (`handed_on`).

mod handed_on;
mod receive;
mod registration;
mod self_test;

use std::collections::HashMap;

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use secrecy::SecretString;
use url::Url;

use crate::app::App;
use crate::auth::Caller;
use crate::connectors::hooks::Endpoint;
use crate::domain::access::Scope;
use crate::domain::ids::IntegrationId;
use crate::domain::webhook::Webhooks;
use crate::error::Error;
use crate::secrets::random;
use crate::store::view::webhooks as view;
use crate::store::{begin, installed, webhooks};

pub(super) use handed_on::part;
pub use receive::{MAX_BODY_BYTES, Received, is_expected, receive};
pub(crate) use registration::{LEASE, register, remove};
pub use self_test::test;

/// How long a delivery is remembered, and a hint that was given up: longer than any platform sends one again.
pub(crate) const REMEMBERED: TimeDelta = TimeDelta::days(7);
/// Most given-up hints that are shown.
const MAX_SHOWN: u64 = 20;

/// Where an endpoint's secret is sealed to.
fn seal_place(integration: IntegrationId) -> String {
    format!("integration/{integration}/webhook")
}

/// The address of an integration's webhooks.
///
/// # Errors
/// The configured public address is none.
fn address(app: &App, integration: IntegrationId) -> Result<Url, Error> {
    format!("{}/hooks/{integration}", app.public_url)
        .parse()
        .map_err(|_| Error::Internal("the public address of this service is not an address".to_owned()))
}

/// Makes an endpoint with a secret of its own, to be registered at once; one that is there stays.
///
/// # Errors
/// The machine gives no random numbers, or storage fails.
pub(crate) async fn make(app: &App, tx: &impl ConnectionTrait, integration: IntegrationId) -> Result<(), Error> {
    let internal = |error: crate::secrets::SealError| Error::Internal(error.to_string());
    let secret = crate::domain::ledger::hex(&random::<32>().map_err(internal)?);
    let sealed = app.sealer.seal(&seal_place(integration), secret.as_bytes()).map_err(internal)?;
    Ok(webhooks::add(tx, integration, sealed, app.clock.now()).await?)
}

/// The endpoint of an integration, made if there is none, and what is known of it.
///
/// # Errors
/// The secret can't be opened, or storage fails.
pub(crate) async fn endpoint(app: &App, integration: IntegrationId) -> Result<(Endpoint, webhooks::Endpoint), Error> {
    let row = if let Some(row) = webhooks::find(&app.db, integration).await? {
        row
    } else {
        let tx = begin(&app.db).await?;
        make(app, &tx, integration).await?;
        tx.commit().await?;
        webhooks::find(&app.db, integration).await?.ok_or(Error::NotFound("integration"))?
    };
    let opened =
        app.sealer.open(&seal_place(integration), &row.secret).map_err(|error| Error::Internal(error.to_string()))?;
    let secret = String::from_utf8(opened).map_err(|_| Error::Internal("a webhook secret is not text".to_owned()))?;
    Ok((Endpoint { address: address(app, integration)?, secret: SecretString::from(secret) }, row))
}

/// The webhooks of an integration: what is registered, what arrives, what waits.
///
/// # Errors
/// The scope is missing, or the integration is not there.
pub async fn get(app: &App, caller: &Caller, id: IntegrationId) -> Result<Webhooks, Error> {
    by_ids(app, caller, &[id]).await?.remove(&id).ok_or(Error::NotFound("integration"))
}

/// The webhooks of those of the integrations that are there.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn by_ids(
    app: &App,
    caller: &Caller,
    ids: &[IntegrationId],
) -> Result<HashMap<IntegrationId, Webhooks>, Error> {
    caller.require(Scope::IntegrationsRead)?;
    let mut endpoints = webhooks::of_account(&app.db, caller.account_id, ids).await?;
    for id in ids {
        // One from before there were webhooks gets its endpoint here.
        if !endpoints.contains_key(id) && installed::find_of(&app.db, caller.account_id, *id).await?.is_some() {
            endpoints.insert(*id, endpoint(app, *id).await?.1);
        }
    }
    let ids: Vec<IntegrationId> = endpoints.keys().copied().collect();
    let since = app.clock.now() - REMEMBERED;
    let deliveries = view::deliveries(&app.db, &ids, since, self_test::TOPIC).await?;
    let waiting = view::waiting(&app.db, &ids).await?;
    let given_up = view::given_up(&app.db, &ids).await?;
    let mut last_given_up = view::last_given_up(&app.db, &ids, MAX_SHOWN).await?;
    let mut shown = HashMap::with_capacity(ids.len());
    for (id, row) in endpoints {
        let waiting = waiting.get(&id).copied();
        let webhooks = Webhooks {
            address: address(app, id)?.into(),
            state: row.state,
            detail: row.detail,
            topics: row.topics,
            problems: row.problems,
            checked_at: row.checked_at,
            last_delivery_at: row.last_delivery_at,
            deliveries: deliveries.get(&id).copied().unwrap_or_default(),
            pending: waiting.map(|(count, _)| count).unwrap_or_default(),
            oldest_pending_at: waiting.map(|(_, oldest)| oldest),
            handled: row.handled,
            last_handled_at: row.last_handled_at,
            last_handling_ms: row.last_handling_ms,
            given_up: given_up.get(&id).copied().unwrap_or_default(),
            last_given_up: last_given_up.remove(&id).unwrap_or_default(),
        };
        shown.insert(id, webhooks);
    }
    Ok(shown)
}
