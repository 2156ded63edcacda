//! REST: an index of operations. Router and OpenAPI document come from the same lines, so they can't drift apart.
//!
//! A handler does four things: extract, call, convert, return.

mod connectors;
mod consents;
mod contacts;
mod document;
mod extract;
mod hooks;
mod integrations;
mod lists;
mod mappings;
mod operations;
mod privacy;
mod progress;
mod syncs;
mod tokens;
mod webhooks;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// All operations.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::Document::openapi())
        .routes(routes!(connectors::list))
        .routes(routes!(connectors::show))
        .routes(routes!(integrations::list, integrations::create))
        .routes(routes!(integrations::show, integrations::update, integrations::delete))
        .routes(routes!(integrations::test))
        .routes(routes!(integrations::pause))
        .routes(routes!(integrations::resume))
        .routes(routes!(webhooks::show))
        .routes(routes!(webhooks::test))
        .routes(routes!(mappings::show, mappings::put))
        .routes(routes!(mappings::preview))
        .routes(routes!(syncs::list, syncs::start))
        .routes(routes!(syncs::show))
        .routes(routes!(syncs::cancel))
        .routes(routes!(syncs::confirm))
        .routes(routes!(syncs::issues))
        .routes(routes!(progress::events))
        .routes(routes!(syncs::retry))
        .routes(routes!(lists::list, lists::create))
        .routes(routes!(lists::show, lists::update, lists::delete))
        .routes(routes!(lists::contacts))
        .routes(routes!(contacts::list))
        .routes(routes!(contacts::show))
        .routes(routes!(contacts::memberships))
        .routes(routes!(contacts::events))
        .routes(routes!(contacts::sources))
        .routes(routes!(contacts::consents))
        .routes(routes!(contacts::suppress))
        .routes(routes!(contacts::resubscribe))
        .routes(routes!(privacy::erase_contact))
        .routes(routes!(privacy::export_contact))
        .routes(routes!(privacy::list))
        .routes(routes!(privacy::show))
        .routes(routes!(privacy::export_request))
        .routes(routes!(privacy::complete))
        .routes(routes!(consents::list, consents::submit))
        .routes(routes!(consents::verify))
        .routes(routes!(consents::show))
        .routes(routes!(hooks::receive))
        .routes(routes!(tokens::issue))
        .routes(routes!(tokens::keys))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut document = api().into_openapi();
    document::describe_answers(&mut document);
    document
}

/// The document as it is served and committed: JSON with line breaks, and one at the end.
#[must_use]
pub fn export() -> String {
    let json = openapi().to_pretty_json().expect("a document that was built has a JSON form");
    format!("{json}\n")
}

/// Every route of REST and of operations. Unknown paths and methods: [`no_route`], [`no_method`].
pub fn router(app: App) -> Router {
    let (router, _) = api().split_for_parts();
    router.merge(operations::router()).with_state(app)
}

/// Answers a path that nothing else does.
pub async fn no_route() -> crate::error::Error {
    crate::error::Error::NoRoute
}

/// Answers a method that a path does not know; the router adds `Allow`.
pub async fn no_method() -> crate::error::Error {
    crate::error::Error::MethodNotAllowed
}
