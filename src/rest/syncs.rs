//! `/v1/integrations/{id}/syncs` and `/v1/syncs`: passes over a store.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header::LOCATION};
use utoipa::IntoParams;
use uuid::Uuid;

use super::document::{PageParameters, Problems};
use super::extract::{Body, OptionalBody, Parameters, PathId};
use crate::api::page::Page;
use crate::api::sync::{QuarantinedRecordView, RetryInput, RetryView, SyncInput, SyncRunView};
use crate::app::App;
use crate::auth::Caller;
use crate::domain::run::Issues;
use crate::error::Error;
use crate::service::{decisions, retries, runs, syncs};

/// List the runs of an integration, newest first.
#[utoipa::path(get, path = "/v1/integrations/{id}/syncs", operation_id = "listSyncs", tag = "syncs",
    params(("id" = Uuid, Path), PageParameters), responses((status = 200, body = Page<SyncRunView>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Json<Page<SyncRunView>>, Error> {
    let found = runs::list(&app, &caller, id.into(), &parameters.page()?).await?;
    Ok(Json(Page::of(found, |run| Uuid::from(run.id))))
}

/// Start a run. It is done later: ask the run.
#[utoipa::path(post, path = "/v1/integrations/{id}/syncs", operation_id = "startSync", tag = "syncs",
    params(("id" = Uuid, Path)), request_body = SyncInput,
    responses((status = 202, body = SyncRunView, headers(("Location" = String, description = "Its path"))), Problems))]
pub(super) async fn start(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(input): Body<SyncInput>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<SyncRunView>), Error> {
    let run = syncs::start(&app, &caller, id.into(), input.mode.into()).await?;
    let run = runs::of_own(&app, &caller, run).await?;
    let location = format!("/v1/syncs/{}", run.id);
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(run.into())))
}

/// Show one run, also while it goes on.
#[utoipa::path(get, path = "/v1/syncs/{id}", operation_id = "getSync", tag = "syncs",
    params(("id" = Uuid, Path)), responses((status = 200, body = SyncRunView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<SyncRunView>, Error> {
    Ok(Json(runs::get(&app, &caller, id.into()).await?.into()))
}

/// Ask a run to stop after the page it is at. One that has ended stays as it is; one that asks for a confirmation is given up,
/// and the next one reads anew. After a pass over the whole store the next such pass is a day later: who is absent from the
/// store is asked about then.
#[utoipa::path(post, path = "/v1/syncs/{id}/cancel", operation_id = "cancelSync", tag = "syncs",
    params(("id" = Uuid, Path)), responses((status = 200, body = SyncRunView), Problems))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<SyncRunView>, Error> {
    syncs::cancel(&app, &caller, id.into()).await?;
    Ok(Json(runs::of_own(&app, &caller, id.into()).await?.into()))
}

/// Confirm that a run which stopped with `CONFIRMATION_NEEDED` may take as many people off lists as it would. Another run goes
/// on from where it stopped: ask that one. If the run stopped more than 24 hours ago, its settings were changed since, or a webhook
/// named so many records that the whole store is to be read, it
/// reads anew, and asks again.
#[utoipa::path(post, path = "/v1/syncs/{id}/confirm", operation_id = "confirmSync", tag = "syncs",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = SyncRunView, headers(("Location" = String, description = "Its path"))), Problems))]
pub(super) async fn confirm(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<SyncRunView>), Error> {
    let run = decisions::confirm(&app, &caller, id.into()).await?;
    let run = runs::of_own(&app, &caller, run).await?;
    let location = format!("/v1/syncs/{}", run.id);
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(run.into())))
}

/// Which of the records that a run could not use.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the parameters; Parameters reads them")]
struct IssueParameters {
    /// `true`: only those that are not settled.
    unresolved: Option<bool>,
}

/// List the records that a run could not use, with the reasons.
#[utoipa::path(get, path = "/v1/syncs/{id}/issues", operation_id = "listSyncIssues", tag = "syncs",
    params(("id" = Uuid, Path), IssueParameters, PageParameters),
    responses((status = 200, body = Page<QuarantinedRecordView>), Problems))]
pub(super) async fn issues(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    mut parameters: Parameters,
) -> Result<Json<Page<QuarantinedRecordView>>, Error> {
    let unresolved =
        parameters.take("unresolved", |text| text.parse().map_err(|_| "must be true or false".to_owned()))?;
    let which = if unresolved.unwrap_or_default() { Issues::Unresolved } else { Issues::All };
    let found = runs::issues(&app, &caller, (id.into(), which), &parameters.page()?).await?;
    Ok(Json(Page::of(found, |record| record.id)))
}

/// Have records read again that a run could not use: all of them, or those named. It is done soon: list the issues again.
#[utoipa::path(post, path = "/v1/syncs/{id}/issues/retry", operation_id = "retrySyncIssues", tag = "syncs",
    params(("id" = Uuid, Path)), request_body = Option<RetryInput>,
    responses((status = 202, body = RetryView), Problems))]
pub(super) async fn retry(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    OptionalBody(input): OptionalBody<RetryInput>,
) -> Result<(StatusCode, Json<RetryView>), Error> {
    let retry = retries::retry(&app, &caller, id.into(), input.ids.as_deref()).await?;
    Ok((StatusCode::ACCEPTED, Json(retry.into())))
}
