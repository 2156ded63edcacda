//! Sync runs, as they are shown. Starting and stopping them: [`super::syncs`].

use uuid::Uuid;

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{IntegrationId, SyncRunId};
use crate::domain::page::{Slice, Window};
use crate::domain::run::{Issues, QuarantinedRecord, SyncRun};
use crate::error::Error;
use crate::store::view::{integrations, runs};

/// A page of an integration's runs, newest first.
///
/// # Errors
/// The integration is not there.
pub async fn list(
    app: &App,
    caller: &Caller,
    integration: IntegrationId,
    page: &Window<Uuid>,
) -> Result<Slice<SyncRun>, Error> {
    caller.require(Scope::SyncsRead)?;
    let found = integrations::names(&app.db, caller.account_id, &[integration.0]).await?;
    (!found.is_empty()).then_some(()).ok_or(Error::NotFound("integration"))?;
    Ok(runs::page(&app.db, caller.account_id, integration, page).await?)
}

/// One run.
///
/// # Errors
/// It is not there.
pub async fn get(app: &App, caller: &Caller, id: SyncRunId) -> Result<SyncRun, Error> {
    by_ids(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("sync run"))
}

/// Those of the runs that are there, in no order.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn by_ids(app: &App, caller: &Caller, ids: &[SyncRunId]) -> Result<Vec<SyncRun>, Error> {
    caller.require(Scope::SyncsRead)?;
    Ok(runs::by_ids(&app.db, caller.account_id, ids).await?)
}

/// A run that the caller has just started or cancelled; needs no right to read others.
///
/// # Errors
/// It is not there.
pub async fn of_own(app: &App, caller: &Caller, id: SyncRunId) -> Result<SyncRun, Error> {
    caller.require(Scope::SyncsWrite)?;
    runs::by_ids(&app.db, caller.account_id, &[id]).await?.pop().ok_or(Error::NotFound("sync run"))
}

/// A page of the records that a run could not use, in the order found.
///
/// # Errors
/// The run is not there.
pub async fn issues(
    app: &App,
    caller: &Caller,
    (id, which): (SyncRunId, Issues),
    page: &Window<Uuid>,
) -> Result<Slice<QuarantinedRecord>, Error> {
    get(app, caller, id).await?;
    Ok(runs::issues(&app.db, caller.account_id, (id, which), page).await?)
}
