//! A simulated Shopware.

mod options;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::StartError;
use super::server::{Answer, Shared};

pub use options::ShopwareOptions;

#[expect(clippy::unnecessary_wraps, reason = "the routers of all platforms are alike")]
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    Ok(Router::new().fallback(not_found).with_state(shared))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    json!({ "storeUrl": shared.base_url, "accessKeyId": "SWIASANDBOX", "secretAccessKey": shared.secret(1) })
}

async fn not_found(State(shared): State<Arc<Shared>>) -> Response {
    Answer::text(404, "text/plain", shared.name()).into_response()
}
