//! Opening an installed store: settings and secrets together again.

use serde_json::{Map, Value};

use crate::app::App;
use crate::connectors::{Connector, Settings, settings_of};
use crate::domain::Platform;
use crate::domain::ids::IntegrationId;
use crate::error::Error;
use crate::store::installed::InstalledStore;

/// Where an integration's secrets are sealed to.
#[must_use]
pub(crate) fn seal_place(integration: IntegrationId) -> String {
    format!("integration/{integration}")
}

/// Opens the store of an integration.
///
/// # Errors
/// The secrets can't be opened, or the settings no longer fit the connector.
pub(crate) fn open(app: &App, store: &InstalledStore) -> Result<Box<dyn Connector>, Error> {
    let settings = unseal(app, store.platform, store.id, store.settings.clone(), &store.credentials)?;
    Ok(crate::connectors::open(store.platform, &settings, &app.http, app.clock.clone())?)
}

/// The settings of an integration with its secrets.
///
/// # Errors
/// The secrets can't be opened, or the settings no longer fit the connector.
pub(crate) fn unseal(
    app: &App,
    platform: Platform,
    integration: IntegrationId,
    public: Value,
    credentials: &[u8],
) -> Result<Settings, Error> {
    let fields = settings_of(platform);
    let opened =
        app.sealer.open(&seal_place(integration), credentials).map_err(|error| Error::Internal(error.to_string()))?;
    let secrets: Map<String, Value> =
        serde_json::from_slice(&opened).map_err(|_| Error::Internal("sealed settings are not JSON".into()))?;
    let Value::Object(mut all) = public else {
        return Err(Error::Internal("settings are not an object".into()));
    };
    all.extend(secrets);
    Ok(Settings::parse(fields, all)?)
}
