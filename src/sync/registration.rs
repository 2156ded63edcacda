//! Keeps the webhooks registered at the stores, and the memory of deliveries short.

use std::time::Duration;

use chrono::TimeDelta;
use futures::{TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::domain::ids::IntegrationId;
use crate::error::Error;
use crate::service::webhooks as service;
use crate::store::{begin, hints, installed, webhooks};

/// How often the database is asked for registrations that are due.
const POLL: Duration = Duration::from_secs(1);
/// How often old deliveries are forgotten.
const PURGE: TimeDelta = TimeDelta::hours(1);
/// Registrations at once: one store that does not answer holds up none of the others for its minute.
const SIDE_BY_SIDE: usize = 4;
/// Registrations of one look.
const MAX_AT_ONCE: u32 = 1000;
/// Integrations without an endpoint that get one at once.
const MAX_MADE: u64 = 50;

/// Works until `shutdown`.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut purged_at = None;
    if let Err(error) = webhooks::register_moved(&app.db, &app.public_url, app.clock.now()).await {
        tracing::warn!(error.detail = crate::error::storage_kind(&error), "moved webhooks can't be looked for now");
    }
    while !shutdown.is_cancelled() {
        let now = app.clock.now();
        if purged_at.is_none_or(|purged_at| now - purged_at >= PURGE) {
            purged_at = Some(now);
            report(purge(&app).await, "old deliveries can't be forgotten now");
        }
        let worked = tokio::select! {
            () = shutdown.cancelled() => return,
            worked = run_due(&app) => worked,
        };
        report(worked, "webhooks can't be registered now");
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

fn report(result: Result<(), Error>, what: &'static str) {
    if let Err(error) = result {
        tracing::warn!(error.code = error.code().as_str(), what);
    }
}

/// Forgets deliveries and given-up hints of long ago.
///
/// # Errors
/// Storage fails.
pub async fn purge(app: &App) -> Result<(), Error> {
    let before = app.clock.now() - service::REMEMBERED;
    webhooks::purge(&app.db, before).await?;
    hints::purge(&app.db, before).await?;
    Ok(())
}

/// Registers the webhooks of all integrations that are due now, a few side by side, at most a thousand.
///
/// # Errors
/// Storage fails.
pub async fn run_due(app: &App) -> Result<(), Error> {
    for integration in webhooks::without(&app.db, MAX_MADE).await? {
        service::make(app, &app.db, integration).await?;
    }
    // Claimed one by one, as there is room: a lease does not run while its store is not yet asked.
    let claimed = stream::try_unfold(0, |done| async move {
        let next = if done < MAX_AT_ONCE { take_up(app).await? } else { None };
        Ok::<_, Error>(next.map(|claimed| (claimed, done + 1)))
    });
    claimed.try_for_each_concurrent(SIDE_BY_SIDE, |(id, token)| register(app, id, token)).await
}

async fn take_up(app: &App) -> Result<Option<(IntegrationId, Uuid)>, Error> {
    let now = app.clock.now();
    if !webhooks::any_due(&app.db, now).await? {
        return Ok(None);
    }
    let tx = begin(&app.db).await?;
    let claimed = webhooks::claim(&tx, service::LEASE, now).await?;
    tx.commit().await?;
    Ok(claimed)
}

async fn register(app: &App, integration: IntegrationId, token: Uuid) -> Result<(), Error> {
    let Some(store) = installed::find(&app.db, integration).await? else { return Ok(()) };
    match service::register(app, &store).await {
        Ok(outcome) => webhooks::note(&app.db, integration, token, &outcome, app.clock.now()).await?,
        // Its lease runs out, and it is tried again.
        Err(error) => report(Err(error), "webhooks of an integration can't be registered"),
    }
    Ok(())
}
