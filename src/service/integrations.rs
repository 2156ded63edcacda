//! Installed stores: installed, shown, changed, tested, paused, removed.

use std::collections::btree_map::Entry;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::mappings::{self, MappingChange};
use super::stores::{seal_place, unseal};
use super::{decisions, hosts, input, privacy, webhooks};
use crate::app::App;
use crate::auth::Caller;
use crate::connectors::{self, ConnectionReport, Settings};
use crate::domain::access::Scope;
use crate::domain::ids::{IntegrationId, ListId};
use crate::domain::integration::{Integration, Notice};
use crate::domain::page::{Slice, Window};
use crate::domain::schedule::{FIRST_RUN_AFTER, Schedule};
use crate::domain::sync::IntegrationState;
use crate::domain::words::DEFAULT_SUBSCRIBER_LIST;
use crate::domain::{Audience, Platform, Purpose};
use crate::error::Error;
use crate::service::leave_limits::LimitChange;
use crate::service::lists::MAX_NAME_CHARS;
use crate::service::schedules::ScheduleChange;
use crate::store::installed::{self, limit_of};
use crate::store::view::integrations::{self as rows, Change, NewRow, NewSettings, Sealed};
use crate::store::view::lists;
use crate::store::words::word;
use crate::store::{begin, cancelling, ledger, schedules, webhooks as endpoints};

/// A store to be installed.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    /// Platform.
    pub platform: Platform,
    /// Display name.
    pub name: String,
    /// Settings, secrets among them.
    pub settings: Map<String, Value>,
    /// Mappings. Subscribers, where not named, go to the list `Store subscribers`.
    pub mappings: MappingChange,
    /// When it is synced; what is not named is as by default.
    pub schedule: ScheduleChange,
}

/// A change of an integration.
#[derive(Debug, Clone, Default)]
pub struct IntegrationChange {
    /// New name.
    pub name: Option<String>,
    /// Settings to set, or with `null` to take away.
    pub settings: Map<String, Value>,
    /// When it is synced.
    pub schedule: ScheduleChange,
    /// How many a run may take off a list before it asks.
    pub leave_limit: LimitChange,
}

/// A page of the account's integrations, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn list(app: &App, caller: &Caller, page: &Window<Uuid>) -> Result<Slice<Integration>, Error> {
    caller.require(Scope::IntegrationsRead)?;
    let Slice { items, has_more } = rows::page(&app.db, caller.account_id, page, app.clock.now()).await?;
    Ok(Slice { items: all_shown(app, caller, items).await?, has_more })
}

/// One integration.
///
/// # Errors
/// It is not there.
pub async fn get(app: &App, caller: &Caller, id: IntegrationId) -> Result<Integration, Error> {
    by_ids(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("integration"))
}

/// Those of the integrations that are there, in no order.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn by_ids(app: &App, caller: &Caller, ids: &[IntegrationId]) -> Result<Vec<Integration>, Error> {
    caller.require(Scope::IntegrationsRead)?;
    read(app, caller, ids).await
}

/// An integration that the caller has just changed; needs no right to read others.
///
/// # Errors
/// It is not there.
pub async fn of_own(app: &App, caller: &Caller, id: IntegrationId) -> Result<Integration, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    read(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("integration"))
}

async fn read(app: &App, caller: &Caller, ids: &[IntegrationId]) -> Result<Vec<Integration>, Error> {
    let found = rows::by_ids(&app.db, caller.account_id, ids, app.clock.now()).await?;
    all_shown(app, caller, found).await
}

async fn all_shown(app: &App, caller: &Caller, found: Vec<Sealed>) -> Result<Vec<Integration>, Error> {
    let mut shown = found.into_iter().map(|sealed| shown(app, sealed)).collect::<Result<Vec<_>, _>>()?;
    privacy::note_waiting(app, caller.account_id, &mut shown).await?;
    Ok(shown)
}

async fn find(app: &App, caller: &Caller, id: IntegrationId) -> Result<Sealed, Error> {
    let found = rows::by_ids(&app.db, caller.account_id, &[id], app.clock.now()).await?;
    found.into_iter().next().ok_or(Error::NotFound("integration"))
}

/// Names the secrets that are there.
fn shown(app: &App, sealed: Sealed) -> Result<Integration, Error> {
    let Sealed { mut integration, credentials } = sealed;
    let opened = app
        .sealer
        .open(&seal_place(integration.id), &credentials)
        .map_err(|error| Error::Internal(error.to_string()))?;
    let secrets: Map<String, Value> =
        serde_json::from_slice(&opened).map_err(|_| Error::Internal("sealed settings are not JSON".to_owned()))?;
    integration.secrets = secrets.into_iter().map(|(name, _)| name).collect();
    Ok(integration)
}

/// Installs a store: its subscribers go to the list `Store subscribers`, unless the mappings say otherwise.
///
/// # Errors
/// A setting, the name or a mapping can't be used; a list `Store subscribers` is
/// there and is not for marketing.
pub async fn create(app: &App, caller: &Caller, new: NewIntegration) -> Result<Integration, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    let name = input::text("name", &new.name, MAX_NAME_CHARS)?;
    let schedule = new.schedule.apply(Schedule::default())?;
    let (settings, notices) = checked(app, new.platform, new.settings).await?;
    let at = app.clock.now();
    let id = IntegrationId::at(at);
    let credentials = seal(app, id, &settings)?;
    let row = NewRow { id, platform: new.platform, name, settings: settings.public, credentials, notices };
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    rows::insert(&tx, caller.account_id, row, at).await?;
    schedules::insert(&tx, caller.account_id, id, schedule, at + FIRST_RUN_AFTER).await?;
    webhooks::make(app, &tx, id).await?;
    let mut change = new.mappings;
    if let Entry::Vacant(subscribers) = change.entry(Audience::Subscribers) {
        subscribers.insert(Some(default_list(&tx, caller, at).await?));
    }
    mappings::write(&tx, caller, id, new.platform, &change).await.map_err(in_mappings)?;
    tx.commit().await?;
    of_own(app, caller, id).await
}

/// A mapping's problem names its audience; in this input mappings are one level down.
fn in_mappings(error: Error) -> Error {
    match error {
        Error::Invalid { field, problem } => Error::Invalid { field: format!("mappings.{field}"), problem },
        other => other,
    }
}

async fn default_list(
    tx: &sea_orm::DatabaseTransaction,
    caller: &Caller,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<ListId, Error> {
    match lists::find_named(tx, caller.account_id, DEFAULT_SUBSCRIBER_LIST).await? {
        Some((id, Purpose::Marketing)) => Ok(id),
        Some((_, Purpose::Other)) => Err(Error::Conflict(format!(
            "there is a list named {DEFAULT_SUBSCRIBER_LIST} that is not for marketing; rename it, or name another \
             list for the subscribers in mappings"
        ))),
        None => {
            let id = ListId::at(at);
            lists::insert(tx, caller.account_id, id, DEFAULT_SUBSCRIBER_LIST, Purpose::Marketing, at).await?;
            Ok(id)
        }
    }
}

/// Checks settings as far as that needs no store; with them, what people should know about a store set up so.
async fn checked(
    app: &App,
    platform: Platform,
    settings: Map<String, Value>,
) -> Result<(Settings, Vec<Notice>), Error> {
    let fields = connectors::settings_of(platform);
    let settings = Settings::parse(fields, settings)?;
    let store = connectors::open(platform, &settings, &app.http, app.clock.clone())?;
    hosts::check(app.http.policy(), fields, &settings).await?;
    Ok((settings, store.notices()))
}

fn seal(app: &App, id: IntegrationId, settings: &Settings) -> Result<Vec<u8>, Error> {
    use secrecy::ExposeSecret as _;
    let secrets = settings.secrets_json();
    app.sealer
        .seal(&seal_place(id), secrets.expose_secret().as_bytes())
        .map_err(|error| Error::Internal(error.to_string()))
}

/// Changes an integration. New settings make one that needed attention active again.
///
/// # Errors
/// It is not there, or the name or a setting can't be used.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: IntegrationId,
    change: IntegrationChange,
) -> Result<Integration, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    let name = change.name.map(|name| input::text("name", &name, MAX_NAME_CHARS)).transpose()?;
    // Checked before the transaction: resolving a host must not hold the lock.
    let settings =
        if change.settings.is_empty() { None } else { Some(merged(app, caller, id, change.settings).await?) };
    let tx = begin(&app.db).await?;
    let row = rows::lock(&tx, caller.account_id, id).await?.ok_or(Error::NotFound("integration"))?;
    let waits = word::<IntegrationState>("state", &row.state)? == IntegrationState::NeedsAttention;
    plan_anew(app, &tx, caller, id, change.schedule).await?;
    if settings.is_some() {
        // Another account of the store, or another secret.
        endpoints::register_again(&tx, id, app.clock.now()).await?;
        schedules::make_due(&tx, id, app.clock.now()).await?;
    }
    let before = limit_of(row.shrink_percent, row.shrink_at_least);
    let change = Change {
        name,
        leave_limit: change.leave_limit.over(before)?,
        state: (settings.is_some() && waits).then_some(IntegrationState::Active),
        settings: match settings {
            Some((settings, notices)) => {
                Some(NewSettings { credentials: seal(app, id, &settings)?, public: settings.public, notices })
            }
            None => None,
        },
    };
    rows::update(&tx, row, change, app.clock.now()).await?;
    tx.commit().await?;
    of_own(app, caller, id).await
}

/// Another schedule, and what follows for the runs that were planned by the old one.
async fn plan_anew(
    app: &App,
    tx: &sea_orm::DatabaseTransaction,
    caller: &Caller,
    id: IntegrationId,
    change: ScheduleChange,
) -> Result<(), Error> {
    if change.is_empty() {
        return Ok(());
    }
    let mut planned = schedules::lock(tx, id).await?.ok_or(Error::NotFound("integration"))?;
    let now = app.clock.now();
    let schedule = change.apply(planned.schedule)?;
    if schedule.full_pass != planned.schedule.full_pass && planned.next_full_pass_at.is_some() {
        planned.next_full_pass_at = Some(schedule.next_full_pass(now, 0.0));
    }
    // A shorter interval brings the next run forward; a longer one holds from the run after it.
    let next = schedule.next_run_before(planned.next_full_pass_at, now, 0.0);
    planned.next_run_at = planned.next_run_at.min(next);
    planned.schedule = schedule;
    Ok(schedules::update(tx, caller.account_id, id, &planned).await?)
}

/// The settings after a change, checked as a whole.
async fn merged(
    app: &App,
    caller: &Caller,
    id: IntegrationId,
    change: Map<String, Value>,
) -> Result<(Settings, Vec<Notice>), Error> {
    use secrecy::ExposeSecret as _;
    let found = find(app, caller, id).await?;
    let platform = found.integration.platform;
    let held = unseal(app, platform, id, Value::Object(found.integration.settings), &found.credentials)?;
    let mut all = held.public;
    for (name, secret) in held.secrets {
        all.insert(name.to_owned(), Value::String(secret.expose_secret().to_owned()));
    }
    all.extend(change);
    checked(app, platform, all).await
}

/// Removes an integration: its grounds end, each with an event; what the store said goes. Its webhooks are taken away at
/// the store first, if it answers within five seconds. Privacy requests of the store are still taken, where its platform
/// hands on any.
///
/// # Errors
/// It is not there.
pub async fn delete(app: &App, caller: &Caller, id: IntegrationId) -> Result<(), Error> {
    caller.require(Scope::IntegrationsWrite)?;
    let store = installed::find_of(&app.db, caller.account_id, id).await?.ok_or(Error::NotFound("integration"))?;
    webhooks::remove(app, &store).await;
    let tx = begin(&app.db).await?;
    mappings::end_integration(app, &tx, caller, id).await?;
    webhooks::part(app, &tx, &store).await?;
    rows::delete(&tx, caller.account_id, id).await?;
    tx.commit().await?;
    Ok(())
}

/// Tests the connection. If all is well, an integration that needed attention is active again.
///
/// # Errors
/// It is not there, or the store did not answer well; what is to be put right stands in the report.
pub async fn test(app: &App, caller: &Caller, id: IntegrationId) -> Result<ConnectionReport, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    let found = find(app, caller, id).await?;
    let Sealed { integration, credentials } = found;
    let settings = unseal(app, integration.platform, id, Value::Object(integration.settings), &credentials)?;
    let store = connectors::open(integration.platform, &settings, &app.http, app.clock.clone())?;
    let report = connectors::test(store.as_ref()).await?;
    if report.is_ok() && integration.state == IntegrationState::NeedsAttention {
        set_state(app, caller, id, IntegrationState::Active).await?;
    }
    Ok(report)
}

/// Stops syncing until it is resumed. A run that is under way goes on, one that waits is cancelled.
///
/// # Errors
/// It is not there.
pub async fn pause(app: &App, caller: &Caller, id: IntegrationId) -> Result<Integration, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    set_state(app, caller, id, IntegrationState::Paused).await
}

/// Allows syncing again.
///
/// # Errors
/// It is not there.
pub async fn resume(app: &App, caller: &Caller, id: IntegrationId) -> Result<Integration, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    set_state(app, caller, id, IntegrationState::Active).await
}

async fn set_state(
    app: &App,
    caller: &Caller,
    id: IntegrationId,
    state: IntegrationState,
) -> Result<Integration, Error> {
    let tx = begin(&app.db).await?;
    let row = rows::lock(&tx, caller.account_id, id).await?.ok_or(Error::NotFound("integration"))?;
    let was_active = row.state == IntegrationState::Active.as_str();
    let change = Change { state: Some(state), ..Change::default() };
    rows::update(&tx, row, change, app.clock.now()).await?;
    let now = app.clock.now();
    match state {
        IntegrationState::Active => match schedules::lock(&tx, id).await?.and_then(|planned| planned.held) {
            Some(held) if !was_active && decisions::refuse_while_asked(&held).is_err() => {}
            held => {
                held.as_ref().map_or(Ok(()), decisions::refuse_while_asked)?;
                schedules::make_due(&tx, id, now).await?;
            }
        },
        // One that waits could only fail.
        IntegrationState::Paused => cancelling::queued_of(&tx, caller.account_id, id, now).await?,
        IntegrationState::NeedsAttention => {}
    }
    tx.commit().await?;
    of_own(app, caller, id).await
}
