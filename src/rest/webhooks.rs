//! `/v1/integrations/{id}/webhooks`: whether the store's webhooks are registered and arrive.

use axum::Json;
use axum::extract::State;

use super::document::Problems;
use super::extract::PathId;
use crate::api::webhook::{WebhookTestView, WebhooksView};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::webhooks;

/// Show the webhooks of an integration: what is registered at the store, what arrived, what waits.
#[utoipa::path(get, path = "/v1/integrations/{id}/webhooks", operation_id = "getWebhooks", tag = "webhooks",
    params(("id" = Uuid, Path)), responses((status = 200, body = WebhooksView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<WebhooksView>, Error> {
    Ok(Json(webhooks::get(&app, &caller, id.into()).await?.into()))
}

/// Test the webhooks of an integration: asks the store what is registered, puts it right, and sends a delivery to the
/// public address of this service.
#[utoipa::path(post, path = "/v1/integrations/{id}/webhooks/test", operation_id = "testWebhooks", tag = "webhooks",
    params(("id" = Uuid, Path)), responses((status = 200, body = WebhookTestView), Problems))]
pub(super) async fn test(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<WebhookTestView>, Error> {
    Ok(Json(webhooks::test(&app, &caller, id.into()).await?.into()))
}
