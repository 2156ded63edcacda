//! Privacy requests of stores. A platform sends those of all shops of an app to one address, also after the app was
//! removed: so each is recorded for the shop that it names, whichever integration the address was of, and whether that
//! shop is still installed or not.

use sea_orm::ConnectionTrait;
use secrecy::{ExposeSecret as _, SecretString};

use super::receive::Received;
use crate::app::App;
use crate::connectors::hooks::{Arrived, HandedOn, HookRefusal};
use crate::connectors::{PrivacyDesk, receive_departed};
use crate::domain::Platform;
use crate::domain::ids::{AccountId, IntegrationId};
use crate::error::Error;
use crate::service::{privacy, stores};
use crate::store::departed::Departed;
use crate::store::installed::InstalledStore;
use crate::store::{begin, departed, installed};

/// Where a departed store's key is sealed to.
fn seal_place(integration: IntegrationId) -> String {
    format!("departed_store/{integration}")
}

/// Keeps what is needed to take a store's privacy requests after its integration is deleted: until it has asked for the
/// erasure of everything, and that is done.
pub(in crate::service) async fn part(
    app: &App,
    tx: &impl ConnectionTrait,
    store: &InstalledStore,
) -> Result<(), Error> {
    let Ok(connector) = stores::open(app, store) else {
        tracing::warn!(sync.integration = %store.id, "its settings can't be opened; privacy requests will meet a 404");
        return Ok(());
    };
    let Some(PrivacyDesk { shop, key: Some(key) }) = connector.privacy_desk() else { return Ok(()) };
    let sealed = app.sealer.seal(&seal_place(store.id), key.expose_secret().as_bytes());
    let key = sealed.map_err(|error| Error::Internal(error.to_string()))?;
    let departed = Departed { id: store.id, account_id: store.account_id, platform: store.platform, shop, key };
    Ok(departed::add(tx, departed, app.clock.now()).await?)
}

/// Takes a delivery to the address of a deleted integration: a privacy request, or nothing for us. One that is sent again
/// is recorded again, which does no harm.
pub(super) async fn to_departed(app: &App, store: &Departed, arrived: &Arrived<'_>) -> Result<Received, Error> {
    let key = unseal(app, store)?;
    let read = receive_departed(store.platform, &store.shop, &key, arrived).map_err(Error::DeliveryRefused)?;
    let handed_on = read.ok_or(Error::NotFound("integration"))?;
    let tx = begin(&app.db).await?;
    record(app, &tx, (store.account_id, store.platform), &key, &handed_on).await?;
    tx.commit().await?;
    Ok(Received::Taken)
}

fn unseal(app: &App, store: &Departed) -> Result<SecretString, Error> {
    let opened =
        app.sealer.open(&seal_place(store.id), &store.key).map_err(|error| Error::Internal(error.to_string()))?;
    String::from_utf8(opened)
        .map(SecretString::from)
        .map_err(|_| Error::Internal("a sealed key is not text".to_owned()))
}

/// Whether the public settings of an integration that can't be opened may mean this shop.
fn may_be_of(store: &InstalledStore, shop: &str) -> bool {
    let name = shop.split('.').next().unwrap_or(shop);
    store.settings.to_string().to_lowercase().contains(name)
}

/// Records a request with every installation of its shop in the account, present and deleted. Of a shop that was never
/// installed nothing is kept, so that there is nothing to do.
///
/// # Errors
/// The shop is here with another key only, which the signature does not speak for; or storage fails.
pub(super) async fn record(
    app: &App,
    tx: &impl ConnectionTrait,
    (account, platform): (AccountId, Platform),
    signed_with: &SecretString,
    handed_on: &HandedOn,
) -> Result<(), Error> {
    let mut installations: Vec<(IntegrationId, Option<SecretString>)> = Vec::new();
    for store in installed::of_platform(tx, account, platform).await? {
        match stores::open(app, &store).map(|connector| connector.privacy_desk()) {
            Ok(Some(desk)) if desk.shop == handed_on.shop => installations.push((store.id, desk.key)),
            Ok(_) => {}
            // Of this shop: the platform sends the request again later. Another shop's trouble is none of this one's.
            Err(error) if may_be_of(&store, &handed_on.shop) => return Err(error),
            Err(error) => {
                let code = error.code().as_str();
                tracing::warn!(sync.integration = %store.id, error.code = code, "its settings can't be opened");
            }
        }
    }
    for store in departed::of_shop(tx, account, platform, &handed_on.shop).await? {
        installations.push((store.id, Some(unseal(app, &store)?)));
    }
    let is_known = !installations.is_empty();
    // Another key is another app in that shop, whose owner did not ask for anything.
    installations.retain(|(_, key)| key.as_ref().is_none_or(|key| key.expose_secret() == signed_with.expose_secret()));
    if is_known && installations.is_empty() {
        return Err(Error::DeliveryRefused(HookRefusal::BadSignature));
    }
    for (integration, _) in installations {
        privacy::record(app, tx, account, integration, &handed_on.request).await?;
    }
    Ok(())
}
