//! Telling a store where its webhooks go, and telling it to stop.

use std::time::Duration;

use chrono::TimeDelta;
use url::{Host, Url};

use super::endpoint;
use crate::app::App;
use crate::connectors::hooks::{Endpoint, Registration};
use crate::connectors::http::{HostPolicy, is_private};
use crate::connectors::{ConnectorError, Hooks};
use crate::domain::webhook::RegistrationState;
use crate::error::Error;
use crate::service::stores;
use crate::store::installed::InstalledStore;
use crate::store::webhooks::Outcome;

/// Time for all requests of one registration.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a registration may take before another worker tries: more than it can.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(90);
/// Time for taking webhooks away before an integration goes; what is left at the store is answered with 404.
const FAREWELL: Duration = Duration::from_secs(5);
/// BigCommerce and WooCommerce switch webhooks off without a word after failures, so that they are looked at daily
/// (`vendors/traps.md`, BigCommerce 5, WooCommerce 8).
const DAILY: TimeDelta = TimeDelta::days(1);
/// First wait after a failure; doubles with each further one up to [`DAILY`].
const BACKOFF_START: TimeDelta = TimeDelta::seconds(30);

/// Why no store can reach us.
pub(super) const UNREACHABLE: &str =
    "the public address of this service is private; set ASSENT_PUBLIC_URL to the address under which stores reach it";

/// Makes the webhooks at the store what they ought to be. What goes wrong at the store is in the outcome.
///
/// # Errors
/// The integration's secrets or settings can't be used, or storage fails.
pub(crate) async fn register(app: &App, store: &InstalledStore) -> Result<Outcome, Error> {
    let now = app.clock.now();
    let (endpoint, row) = endpoint(app, store.id).await?;
    let connector = stores::open(app, store)?;
    let ended = |state, detail: Option<&str>| Outcome {
        address: row.address.clone(),
        state,
        detail: detail.map(str::to_owned),
        registration: Some(Registration::default()),
        attempts: 0,
        next_at: now + DAILY,
    };
    let Some(hooks) = connector.hooks() else { return Ok(ended(RegistrationState::Unsupported, None)) };
    if app.http.policy() == HostPolicy::PublicOnly && is_out_of_reach(&endpoint.address) {
        return Ok(ended(RegistrationState::Unreachable, Some(UNREACHABLE)));
    }
    let told = tokio::time::timeout(PATIENCE, tell(hooks, &endpoint, &row.address)).await;
    Ok(match told.unwrap_or(Err(ConnectorError::TimedOut)) {
        Ok(registration) => Outcome {
            address: endpoint.address.into(),
            state: if registration.topics.is_empty() {
                RegistrationState::Failed
            } else {
                RegistrationState::Registered
            },
            registration: Some(registration),
            ..ended(RegistrationState::Registered, None)
        },
        Err(error) => {
            let wait = BACKOFF_START * (1 << row.attempts.min(12));
            // Some may have been made before it failed.
            let address = if row.address.is_empty() { endpoint.address.into() } else { row.address.clone() };
            Outcome {
                address,
                registration: None,
                attempts: row.attempts + 1,
                next_at: now + wait.min(DAILY),
                ..ended(RegistrationState::Failed, Some(&error.to_string()))
            }
        }
    })
}

/// Takes the webhooks of a former address away, then makes those of the present one.
async fn tell(hooks: &dyn Hooks, endpoint: &Endpoint, former: &str) -> Result<Registration, ConnectorError> {
    if let Ok(address) = former.parse::<Url>()
        && address != endpoint.address
    {
        hooks.remove(&Endpoint { address, secret: endpoint.secret.clone() }).await?;
    }
    hooks.register(endpoint).await
}

/// Whether no store of the public internet can reach an address, as far as the address tells.
fn is_out_of_reach(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => is_private(ip.into()),
        Some(Host::Ipv6(ip)) => is_private(ip.into()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    }
}

/// Takes the webhooks away at the store, as far as it answers in time, before the integration goes.
pub(crate) async fn remove(app: &App, store: &InstalledStore) {
    let removed = tokio::time::timeout(FAREWELL, async {
        let (endpoint, row) = endpoint(app, store.id).await?;
        let Ok(address) = row.address.parse() else { return Ok(()) };
        let endpoint = Endpoint { address, ..endpoint };
        let connector = stores::open(app, store)?;
        match connector.hooks() {
            Some(hooks) => Ok::<(), Error>(hooks.remove(&endpoint).await?),
            None => Ok(()),
        }
    });
    if !matches!(removed.await, Ok(Ok(()))) {
        tracing::warn!(sync.integration = %store.id, "the store keeps its webhooks; deliveries are answered with 404");
    }
}
