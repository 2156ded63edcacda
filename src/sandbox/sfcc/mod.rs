//! A simulated Salesforce Commerce Cloud.

mod options;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::StartError;
use super::server::{Answer, Shared};

pub use options::SfccOptions;

#[expect(clippy::unnecessary_wraps, reason = "the routers of all platforms are alike")]
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    Ok(Router::new().fallback(not_found).with_state(shared))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    json!({ "shortCode": "sandbox1", "organizationId": "f_ecom_zzxy_prd", "siteIds": ["RefArch"],
        "customerListId": "RefArch", "clientId": "assent", "clientSecret": shared.secret(1),
        "apiBaseUrl": shared.base_url, "tokenUrl": format!("{}/dwsso/oauth2/access_token", shared.base_url) })
}

async fn not_found(State(shared): State<Arc<Shared>>) -> Response {
    Answer::text(404, "text/plain", shared.name()).into_response()
}
