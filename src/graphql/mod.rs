//! GraphQL: the same use cases and views as REST, with relations and Relay connections.
//!
//! Every operation needs an access token, introspection too; `/schema.graphql` is open, as `/openapi.json` is.
//! Resolvers extract, call, convert, return. Limits and the reason for each number: `limits.rs`; what happens over
//! HTTP: `http.rs` and `answer.rs`, and over WebSocket: `socket/`.

mod answer;
mod context;
mod http;
mod limits;
mod loaders;
mod mutation;
mod operation;
mod pages;
mod query;
mod relations;
mod socket;
mod subscription;

use axum::Router;
use axum::extract::FromRef;
use axum::routing;

use crate::app::App;
use limits::{Guard, MAX_COMPLEXITY, MAX_DEPTH, MAX_DIRECTIVES, MAX_RECURSION};

/// The schema. Cheap to clone; holds no data.
pub type Schema = async_graphql::Schema<query::Query, mutation::Mutation, subscription::Subscriptions>;

/// Builds the schema with its limits.
#[must_use]
pub fn schema() -> Schema {
    Schema::build(query::Query::default(), mutation::Mutation::default(), subscription::Subscriptions)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .limit_recursive_depth(MAX_RECURSION)
        .limit_directives(MAX_DIRECTIVES)
        .extension(Guard)
        .finish()
}

/// The schema as text, as `schema/schema.graphql` holds it.
#[must_use]
pub fn export(schema: &Schema) -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items();
    format!("{}\n", schema.sdl_with_options(options).trim())
}

#[derive(Clone, FromRef)]
struct State {
    app: App,
    schema: Schema,
}

/// The routes `/graphql` and `/schema.graphql`.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/graphql", routing::post(http::post).get(http::get).fallback(http::other))
        .route("/schema.graphql", routing::get(http::sdl))
        .with_state(State { app, schema: schema() })
}
