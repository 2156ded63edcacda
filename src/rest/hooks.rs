//! `/hooks/{id}`: where stores tell that something changed. Signed by the store, so that no access token is asked for.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::document::Problems;
use super::extract::PathId;
use crate::app::App;
use crate::error::Error;
use crate::service::webhooks::{self, MAX_BODY_BYTES};

/// Take a delivery of a store's webhooks. Its signature is checked by the platform's scheme on the raw body; it is
/// answered at once, and what it names is read again from the store afterwards. A delivery that was taken before is
/// answered in the same way and changes nothing.
#[utoipa::path(post, path = "/hooks/{id}", operation_id = "receiveWebhook", tag = "webhooks", security(()),
    params(("id" = Uuid, Path, description = "The integration")),
    request_body(content = String, content_type = "application/octet-stream",
        description = "The platform's own body, at most 1 MiB"),
    responses((status = 200, description = "Taken"), Problems))]
pub(super) async fn receive(State(app): State<App>, PathId(id): PathId, request: Request) -> Result<StatusCode, Error> {
    webhooks::is_expected(&app, id.into()).await?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Error::TooLarge(MAX_BODY_BYTES))?;
    let query = parts.uri.query().unwrap_or_default();
    webhooks::receive(&app, id.into(), &parts.headers, query, &body).await?;
    Ok(StatusCode::OK)
}
