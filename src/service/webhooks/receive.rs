//! Taking a delivery in: verified, remembered, answered at once.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use sea_orm::{DbErr, SqlErr};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{endpoint, handed_on, self_test};
use crate::app::App;
use crate::connectors::hooks::{Arrived, Delivery, Hint, MAX_HINTS, Urgency};
use crate::domain::ids::{IntegrationId, new_uuid};
use crate::domain::people::bounded;
use crate::error::Error;
use crate::service::{stores, syncs};
use crate::store::hints::NewHint;
use crate::store::installed::InstalledStore;
use crate::store::{begin, departed, hints, installed, source_records, webhooks};
use crate::telemetry::DELIVERIES;

/// Largest body of a delivery. The largest that platforms send are orders with hundreds of lines, some hundred kilobytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Longest topic that is kept, in bytes.
const MAX_TOPIC_BYTES: usize = 64;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is noted which records are to be read again.
    Taken,
    /// It was taken before.
    Duplicate,
    /// Nobody signed it, and it asks for nothing.
    Unsigned,
}

impl Received {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Duplicate => "duplicate",
            Self::Unsigned => "unsigned",
        }
    }
}

/// Whether deliveries may come for this integration: asked before a body is read.
///
/// # Errors
/// There is no such integration, and never was one of which privacy requests may still come.
pub async fn is_expected(app: &App, id: IntegrationId) -> Result<(), Error> {
    if installed::find(&app.db, id).await?.is_none() {
        departed::find(&app.db, id).await?.ok_or(Error::NotFound("integration"))?;
    }
    Ok(())
}

/// Takes a delivery in. What is written is which records of the store are to be read again; of a privacy request all that
/// it asks for, to be carried out.
///
/// # Errors
/// There is no such integration, its platform has no webhooks, or the delivery is not the store's.
pub async fn receive(
    app: &App,
    id: IntegrationId,
    headers: &HeaderMap,
    query: &str,
    body: &[u8],
) -> Result<Received, Error> {
    let arrived = Arrived { headers, query, body, now: app.clock.now() };
    let (platform, result) = if let Some(store) = installed::find(&app.db, id).await? {
        (store.platform, to_installed(app, &store, &arrived).await)
    } else {
        let store = departed::find(&app.db, id).await?.ok_or(Error::NotFound("integration"))?;
        (store.platform, handed_on::to_departed(app, &store, &arrived).await)
    };
    let outcome = match &result {
        Ok(received) => received.as_str(),
        Err(Error::DeliveryRefused(refusal)) => refusal.as_str(),
        Err(_) => "failed",
    };
    metrics::counter!(DELIVERIES, "platform" => platform.as_str(), "outcome" => outcome).increment(1);
    result
}

async fn to_installed(app: &App, store: &InstalledStore, arrived: &Arrived<'_>) -> Result<Received, Error> {
    let (endpoint, _) = endpoint(app, store.id).await?;
    if let Some(read) = self_test::read(&endpoint, arrived) {
        return note(app, store, read.map_err(Error::DeliveryRefused)?, None).await;
    }
    let connector = stores::open(app, store)?;
    let hooks = connector.hooks().ok_or(Error::NotFound("webhooks of this platform"))?;
    let delivery = hooks.receive(&endpoint, arrived).map_err(Error::DeliveryRefused)?;
    note(app, store, delivery, connector.privacy_desk().and_then(|desk| desk.key).as_ref()).await
}

/// One short transaction: the delivery is remembered and what it asks for is noted, both or neither. Of one that names too
/// many records it is noted that the whole store is to be read. Privacy requests are taken as signed with `privacy_key`.
async fn note(
    app: &App,
    store: &InstalledStore,
    delivery: Delivery,
    privacy_key: Option<&SecretString>,
) -> Result<Received, Error> {
    if delivery.topic.is_empty() {
        return Ok(Received::Unsigned);
    }
    let now = app.clock.now();
    let topic = bounded(delivery.topic, MAX_TOPIC_BYTES);
    let key = dedupe_key(&topic, delivery.id.as_deref(), now);
    let reads_all = delivery.hints.len() > MAX_HINTS;
    let new = if reads_all { Vec::new() } else { to_read(app, store, delivery.hints).await? };
    let tx = begin(&app.db).await?;
    if !webhooks::remember(&tx, store.id, key, &topic, now).await.map_err(or_gone)? {
        tx.rollback().await?;
        return Ok(Received::Duplicate);
    }
    hints::add(&tx, store.id, &new, now).await.map_err(or_gone)?;
    if let (Some(request), Some(key)) = (&delivery.privacy, privacy_key) {
        handed_on::record(app, &tx, (store.account_id, store.platform), key, request).await?;
    }
    if reads_all {
        installed::read_all_again(&tx, store.id, now).await?;
    }
    if topic != self_test::TOPIC {
        webhooks::note_delivery(&tx, store.id, now).await?;
    }
    tx.commit().await?;
    if reads_all {
        syncs::start_reading_all(app, store).await?;
    }
    app.wake_hints.notify_one();
    Ok(Received::Taken)
}

/// The records with whether they go first, as far as what is known of them decides that.
async fn to_read(app: &App, store: &InstalledStore, named: Vec<Hint>) -> Result<Vec<NewHint>, DbErr> {
    let mut hints = Vec::with_capacity(named.len());
    for Hint { stream, store_id, urgent } in named {
        let urgent = match urgent {
            Urgency::No => false,
            Urgency::IfGranted => {
                source_records::is_granted(&app.db, store.account_id, store.id, stream, &store_id).await?
            }
            Urgency::Yes => true,
        };
        hints.push(NewHint { stream, store_id, urgent });
    }
    Ok(hints)
}

/// The integration was deleted since it was found.
fn or_gone(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::NotFound("integration"),
        _ => error.into(),
    }
}

/// Under what a delivery is remembered. One without an id is never taken for another.
pub(super) fn dedupe_key(topic: &str, id: Option<&str>, at: DateTime<Utc>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(topic);
    hasher.update([0]);
    match id {
        Some(id) => hasher.update(id),
        None => hasher.update(new_uuid(at)),
    }
    hasher.finalize().into()
}
