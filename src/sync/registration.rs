//! Keeps the webhooks registered at the stores, and the memory of deliveries short.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Error;
use crate::service::webhooks as service;
use crate::store::{begin, hints, installed, webhooks};

/// How often the database is asked for registrations that are due.
const POLL: Duration = Duration::from_secs(1);
/// How often old deliveries are forgotten.
const PURGE: TimeDelta = TimeDelta::hours(1);
/// How long a registration may take before another worker tries: more than it can.
const LEASE: TimeDelta = TimeDelta::seconds(90);
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

/// Registers the webhooks of all integrations that are due now, one after the other, at most a thousand.
///
/// # Errors
/// Storage fails.
pub async fn run_due(app: &App) -> Result<(), Error> {
    for integration in webhooks::without(&app.db, MAX_MADE).await? {
        service::make(app, &app.db, integration).await?;
    }
    for _ in 0..1000 {
        let now = app.clock.now();
        if !webhooks::any_due(&app.db, now).await? {
            return Ok(());
        }
        let tx = begin(&app.db).await?;
        let claimed = webhooks::claim(&tx, LEASE, now).await?;
        tx.commit().await?;
        let Some((integration, token)) = claimed else { return Ok(()) };
        let Some(store) = installed::find(&app.db, integration).await? else { continue };
        match service::register(app, &store).await {
            Ok(outcome) => webhooks::note(&app.db, integration, Some(token), &outcome, app.clock.now()).await?,
            // Its lease runs out, and it is tried again.
            Err(error) => report(Err(error), "webhooks of an integration can't be registered"),
        }
    }
    Ok(())
}
