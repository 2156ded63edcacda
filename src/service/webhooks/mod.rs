//! Webhooks of the stores: where they arrive, what is taken in, what is registered, and whether they come through.
//!
//! A delivery is never more than a hint. [`receive`] verifies it and notes which records to read again; what they say is
//! found by asking the store ([`crate::sync::hints`]).

mod receive;
mod registration;
mod self_test;

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
use crate::store::{begin, hints, installed, webhooks};

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
    caller.require(Scope::IntegrationsRead)?;
    installed::find_of(&app.db, caller.account_id, id).await?.ok_or(Error::NotFound("integration"))?;
    let (endpoint, row) = endpoint(app, id).await?;
    let since = app.clock.now() - REMEMBERED;
    let (pending, oldest_pending_at, given_up) = hints::counts(&app.db, id).await?;
    Ok(Webhooks {
        address: endpoint.address.into(),
        state: row.state,
        detail: row.detail,
        topics: row.topics,
        problems: row.problems,
        checked_at: row.checked_at,
        last_delivery_at: row.last_delivery_at,
        deliveries: webhooks::count_since(&app.db, id, since, self_test::TOPIC).await?,
        pending,
        oldest_pending_at,
        handled: row.handled,
        last_handled_at: row.last_handled_at,
        last_handling_ms: row.last_handling_ms,
        given_up,
        last_given_up: hints::given_up(&app.db, id, MAX_SHOWN).await?,
    })
}
