//! `/v1/integrations`: installed stores.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header::LOCATION};
use uuid::Uuid;

use super::document::{PageParameters, Problems};
use super::extract::{Body, Parameters, PathId};
use crate::api::integration::{ConnectionReportView, IntegrationInput, IntegrationPatch, IntegrationView};
use crate::api::page::Page;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::ids::IntegrationId;
use crate::domain::integration::Integration;
use crate::error::Error;
use crate::service::{integrations as stores, statistics};

/// List the integrations, oldest first.
#[utoipa::path(get, path = "/v1/integrations", operation_id = "listIntegrations", tag = "integrations",
    params(PageParameters), responses((status = 200, body = Page<IntegrationView>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Page<IntegrationView>>, Error> {
    let found = stores::list(&app, &caller, &parameters.page()?).await?;
    let mut page = Page::of(found, |integration| Uuid::from(integration.id));
    note_latency(&app, &caller, &mut page.items).await?;
    Ok(Json(page))
}

/// Install a store. Its subscribers are mapped to the list `Store subscribers`, unless the mappings say otherwise.
#[utoipa::path(post, path = "/v1/integrations", operation_id = "createIntegration", tag = "integrations",
    request_body = IntegrationInput,
    responses((status = 201, body = IntegrationView, headers(("Location" = String, description = "Its path"))),
        Problems))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<IntegrationInput>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<IntegrationView>), Error> {
    let made = stores::create(&app, &caller, input.try_into()?).await?;
    let location = format!("/v1/integrations/{}", made.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], whole(&app, &caller, made).await?))
}

/// Show one integration. Secrets are never shown.
#[utoipa::path(get, path = "/v1/integrations/{id}", operation_id = "getIntegration", tag = "integrations",
    params(("id" = Uuid, Path)), responses((status = 200, body = IntegrationView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<IntegrationView>, Error> {
    whole(&app, &caller, stores::get(&app, &caller, id.into()).await?).await
}

/// Change an integration. What is absent stays, `null` takes a setting away.
#[utoipa::path(patch, path = "/v1/integrations/{id}", operation_id = "updateIntegration", tag = "integrations",
    params(("id" = Uuid, Path)), request_body = IntegrationPatch,
    responses((status = 200, body = IntegrationView), Problems))]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(patch): Body<IntegrationPatch>,
) -> Result<Json<IntegrationView>, Error> {
    whole(&app, &caller, stores::update(&app, &caller, id.into(), patch.try_into()?).await?).await
}

/// Remove an integration. Everything it holds on lists ends, each with an event.
#[utoipa::path(delete, path = "/v1/integrations/{id}", operation_id = "deleteIntegration", tag = "integrations",
    params(("id" = Uuid, Path)), responses((status = 204), Problems))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, Error> {
    stores::delete(&app, &caller, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Test the connection to the store: its address, the credentials and every right that syncing needs.
#[utoipa::path(post, path = "/v1/integrations/{id}/test", operation_id = "testIntegration", tag = "integrations",
    params(("id" = Uuid, Path)), responses((status = 200, body = ConnectionReportView), Problems))]
pub(super) async fn test(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<ConnectionReportView>, Error> {
    Ok(Json(stores::test(&app, &caller, id.into()).await?.into()))
}

/// Pause an integration: it is not synced until it is resumed.
#[utoipa::path(post, path = "/v1/integrations/{id}/pause", operation_id = "pauseIntegration", tag = "integrations",
    params(("id" = Uuid, Path)), responses((status = 200, body = IntegrationView), Problems))]
pub(super) async fn pause(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<IntegrationView>, Error> {
    whole(&app, &caller, stores::pause(&app, &caller, id.into()).await?).await
}

/// Resume an integration, also one that needed attention.
#[utoipa::path(post, path = "/v1/integrations/{id}/resume", operation_id = "resumeIntegration", tag = "integrations",
    params(("id" = Uuid, Path)), responses((status = 200, body = IntegrationView), Problems))]
pub(super) async fn resume(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<IntegrationView>, Error> {
    whole(&app, &caller, stores::resume(&app, &caller, id.into()).await?).await
}

/// One integration with all that is shown of it.
async fn whole(app: &App, caller: &Caller, integration: Integration) -> Result<Json<IntegrationView>, Error> {
    let mut view = IntegrationView::from(integration);
    note_latency(app, caller, std::slice::from_mut(&mut view)).await?;
    Ok(Json(view))
}

async fn note_latency(app: &App, caller: &Caller, views: &mut [IntegrationView]) -> Result<(), Error> {
    let ids: Vec<IntegrationId> = views.iter().map(|view| view.id.into()).collect();
    let mut found = statistics::opt_out_latencies(app, caller, &ids).await?;
    for view in views {
        view.opt_out_latency = found.remove(&IntegrationId::from(view.id)).map(Into::into);
    }
    Ok(())
}
