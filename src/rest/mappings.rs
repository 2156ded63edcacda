//! `/v1/integrations/{id}/mappings`: which audience goes to which list.

use axum::Json;
use axum::extract::State;

use super::document::Problems;
use super::extract::{Body, PathId};
use crate::api::integration::{IntegrationView, MappingEffectView, MappingsInput, MappingsView};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::{integrations, mappings};

/// Show the mappings.
#[utoipa::path(get, path = "/v1/integrations/{id}/mappings", operation_id = "getMappings", tag = "integrations",
    params(("id" = Uuid, Path)), responses((status = 200, body = MappingsView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<MappingsView>, Error> {
    let integration = IntegrationView::from(integrations::get(&app, &caller, id.into()).await?);
    Ok(Json(integration.mappings))
}

/// Change mappings, and move the members that this integration holds. What is absent stays, `null` ends a mapping.
#[utoipa::path(put, path = "/v1/integrations/{id}/mappings", operation_id = "putMappings", tag = "integrations",
    params(("id" = Uuid, Path)), request_body = MappingsInput,
    responses((status = 200, body = MappingsView), Problems))]
pub(super) async fn put(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(input): Body<MappingsInput>,
) -> Result<Json<MappingsView>, Error> {
    mappings::put(&app, &caller, id.into(), &input.into_change()).await?;
    let integration = integrations::of_own(&app, &caller, id.into()).await?;
    Ok(Json(IntegrationView::from(integration).mappings))
}

/// Tell what a change of mappings would do, and do nothing.
#[utoipa::path(post, path = "/v1/integrations/{id}/mappings/preview", operation_id = "previewMappings",
    tag = "integrations", params(("id" = Uuid, Path)), request_body = MappingsInput,
    responses((status = 200, body = MappingEffectView), Problems))]
pub(super) async fn preview(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(input): Body<MappingsInput>,
) -> Result<Json<MappingEffectView>, Error> {
    Ok(Json(mappings::preview(&app, &caller, id.into(), &input.into_change()).await?.into()))
}
