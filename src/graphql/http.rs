//! GraphQL over HTTP: one request in, one answer out.
//!
//! Statuses and content types follow the audits of the npm package `graphql-http` 1.23.1 (`vendors/conventions.md`
//! section 6), gathered in [`answer`]: what the draft changes later is changed there.
//!
//! What is wrong with the HTTP request itself (no token, wrong method, wrong content type, a body that is no JSON) is
//! a problem document, as everywhere in the service; what is wrong with the GraphQL request is a GraphQL error.
//! A browser can't be made to send any of this from another site: it takes an `Authorization` header, and a POST has
//! to be JSON. Batches are refused: each operation is its own request, with its own limits.

use async_graphql::Response as Execution;
use async_graphql::parser::types::OperationType;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::answer::{Media, answer};
use super::limits::{Executed, refused};
use super::operation::{Operation, Parameters, Ready, count};
use super::{Schema, socket};
use crate::app::App;
use crate::auth::{Admission, Caller};
use crate::error::Error;

/// Largest body in bytes, and largest message of a socket: a document of 64 KiB and variables of fifteen times that.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// What a subscription over HTTP is told.
const SUBSCRIPTIONS_ARE_ELSEWHERE: &str =
    "subscriptions need a WebSocket at /graphql with the subprotocol graphql-transport-ws";
/// Methods that the path knows.
pub(super) const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");

/// Executes an operation.
pub(super) async fn post(
    caller: Caller,
    State(app): State<App>,
    State(schema): State<Schema>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    if !is_json(&headers) {
        return Err(Error::UnsupportedMediaType("application/json"));
    }
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Error::TooLarge(MAX_BODY_BYTES))?;
    let parameters = from_body(&bytes)?;
    execute(app, caller, &schema, parameters, Media::accepted(&headers), Allowed::Everything).await
}

/// Executes a query, which is all that GET may: it is cached, repeated and prefetched. A handshake opens a socket.
pub(super) async fn get(
    State(app): State<App>,
    State(schema): State<Schema>,
    admission: Result<Admission, Error>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Error> {
    if asks_for_socket(&headers) {
        let upgrade = upgrade.map_err(|_| Error::Malformed("this is not a whole WebSocket handshake".to_owned()))?;
        // Without the header the first message has to bring a token; a bad one is refused here.
        let admission = if headers.contains_key(header::AUTHORIZATION) { Some(admission?) } else { None };
        return socket::open(upgrade, app, schema, admission);
    }
    let caller = admission?.caller;
    let parameters = from_query(pairs)?;
    execute(app, caller, &schema, parameters, Media::accepted(&headers), Allowed::QueriesOnly).await
}

/// Whether a handshake is begun. What else a client offers to change to, such as `h2c`, may be passed over (RFC 9110, 7.8).
fn asks_for_socket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers any other method.
pub(super) async fn other() -> Response {
    refuse_method(METHODS)
}

fn refuse_method(allowed: HeaderValue) -> Response {
    let mut response = Error::MethodNotAllowed.into_response();
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Everything,
    QueriesOnly,
}

async fn execute(
    app: App,
    caller: Caller,
    schema: &Schema,
    parameters: Parameters,
    media: Media,
    allowed: Allowed,
) -> Result<Response, Error> {
    let not_executed = |error| answer(Execution::from_errors(vec![error]), &Executed::default(), media);
    let operation = match Operation::read(parameters) {
        Ok(operation) => operation,
        Err(error) => return Ok(not_executed(error)),
    };
    let kind = operation.kind;
    if kind == Some(OperationType::Subscription) {
        return Ok(not_executed(refused(Error::Malformed(SUBSCRIPTIONS_ARE_ELSEWHERE.to_owned()))));
    }
    if allowed == Allowed::QueriesOnly && kind == Some(OperationType::Mutation) {
        return Ok(refuse_method(HeaderValue::from_static("POST")));
    }
    let Ready { request, executed, batches } = operation.of(app, caller);
    let execution = batches.run(schema.execute(request)).await;
    count(kind, &executed, &execution);
    Ok(answer(execution, &executed, media))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}

fn from_body(bytes: &Bytes) -> Result<Parameters, Error> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Parameters::from_members(members),
        Ok(Value::Array(_)) => Err(Error::Malformed("batches are not supported: send one operation a request".into())),
        Ok(_) => Err(Error::Malformed("the body must be a JSON object with a query".into())),
        Err(error) => {
            Err(Error::Malformed(format!("the body is not JSON (line {}, column {})", error.line(), error.column())))
        }
    }
}

fn from_query(pairs: Vec<(String, String)>) -> Result<Parameters, Error> {
    let mut members = Map::new();
    for (name, text) in pairs {
        let value = match name.as_str() {
            "variables" | "extensions" => {
                serde_json::from_str(&text).map_err(|_| Error::invalid(format!("?{name}"), "must be a JSON object"))?
            }
            _ => Value::String(text),
        };
        members.insert(name, value);
    }
    Parameters::from_members(members)
}

/// The schema as text, for tools. Open like the OpenAPI document: the program is open, only data needs a token.
pub(super) async fn sdl(State(schema): State<Schema>) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    (StatusCode::OK, [kind], super::export(&schema)).into_response()
}
