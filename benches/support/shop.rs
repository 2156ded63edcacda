//! An account with a store in it, and runs of that.

use std::time::Instant;

use assent::app::App;
use assent::auth::Caller;
use assent::domain::ids::IntegrationId;
use assent::domain::run::SyncRun;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform, Purpose};
use assent::service::accounts::{self, NewAccount};
use assent::service::integrations::{self, NewIntegration};
use assent::service::schedules::ScheduleChange;
use assent::service::{lists, runs, syncs};
use assent::sync::worker;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Failure;

/// Makes an account that nobody else has.
pub(crate) async fn new_account(app: &App) -> Result<NewAccount, Failure> {
    Ok(accounts::create(app, "Bench", &format!("{}@example.com", Uuid::new_v4())).await?)
}

/// Installs a store whose subscribers and customers are mapped.
pub(crate) async fn install(
    app: &App,
    caller: &Caller,
    platform: Platform,
    settings: serde_json::Value,
) -> Result<IntegrationId, Failure> {
    let name = format!("Bench {}", Uuid::new_v4());
    let list = lists::create(app, caller, &name, Purpose::Other).await?;
    let settings = serde_json::from_value(settings)?;
    let mappings = [(Audience::Customers, Some(list.id))].into();
    let new = NewIntegration { platform, name, settings, mappings, schedule: ScheduleChange::default() };
    Ok(integrations::create(app, caller, new).await?.id)
}

/// Carries a run out in this process. Tells what it did and how many seconds that took.
pub(crate) async fn run(
    app: &App,
    caller: &Caller,
    integration: IntegrationId,
    mode: RunMode,
) -> Result<(SyncRun, f64), Failure> {
    let started = Instant::now();
    let run = syncs::start(app, caller, integration, mode).await?;
    worker::run_one(app, run, &CancellationToken::new()).await;
    let seconds = started.elapsed().as_secs_f64();
    Ok((runs::get(app, caller, run).await?, seconds))
}
