//! What operators and people at a browser ask: is it alive, is it ready, how is it, how do I use it.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::error::Error;
use crate::service;
use crate::telemetry::render_metrics;

/// Routes that are no part of the API's contract.
pub(super) fn router() -> Router<App> {
    // The page and its scripts are part of the program: no other host is asked.
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json").validator_url("none"));
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(document))
        .merge(page)
}

/// The process answers.
async fn healthy() -> &'static str {
    "ok\n"
}

/// The database answers and has every table.
async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    if service::health::is_ready(&app).await { Ok("ok\n") } else { Err(Error::NotReady) }
}

/// Counts and durations in the text format of Prometheus.
async fn metrics() -> Result<Response, Error> {
    let text = render_metrics().ok_or(Error::NoRoute)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], super::export()).into_response()
}
