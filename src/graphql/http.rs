//! GraphQL over HTTP: one request in, one answer out.
//!
//! Statuses and content types follow the audits of the npm package `graphql-http` 1.23.1 (`vendors/conventions.md`
//! section 6), gathered in [`answer`]: what the draft changes later is changed there.
//!
//! What is wrong with the HTTP request itself (no token, wrong method, wrong content type, a body that is no JSON) is
//! a problem document, as everywhere in the service; what is wrong with the GraphQL request is a GraphQL error.
//! A browser can't be made to send any of this from another site: it takes an `Authorization` header, and a POST has
//! to be JSON. Batches are refused: each operation is its own request, with its own limits.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Response as Execution, Variables};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::answer::{Media, answer};
use super::limits::{Executed, MAX_DOCUMENT_BYTES, too_long};
use super::{Schema, loaders};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::telemetry::GRAPHQL_OPERATIONS;

/// Largest body in bytes: a document of [`MAX_DOCUMENT_BYTES`] and variables of fifteen times that.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Methods that the path knows.
pub(super) const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");

/// One GraphQL request, checked for its form.
struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Map<String, Value>,
}

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

/// Executes a query, which is all that GET may: it is cached, repeated and prefetched.
pub(super) async fn get(
    caller: Caller,
    State(app): State<App>,
    State(schema): State<Schema>,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let parameters = from_query(pairs)?;
    execute(app, caller, &schema, parameters, Media::accepted(&headers), Allowed::QueriesOnly).await
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
    let Parameters { query, operation_name, variables } = parameters;
    if query.len() > MAX_DOCUMENT_BYTES {
        return Ok(answer(Execution::from_errors(vec![too_long()]), &Executed::default(), media));
    }
    let mut request = async_graphql::Request::new(query).variables(Variables::from_json(Value::Object(variables)));
    request.operation_name = operation_name;
    let name = request.operation_name.clone();
    let kind = match request.parsed_query() {
        Ok(document) => kind_of(document, name.as_deref()),
        Err(error) => return Ok(answer(Execution::from_errors(vec![error]), &Executed::default(), media)),
    };
    if allowed == Allowed::QueriesOnly && matches!(kind, Some(OperationType::Mutation | OperationType::Subscription)) {
        return Ok(refuse_method(HeaderValue::from_static("POST")));
    }
    let executed = Executed::default();
    let (loader, batches) = loaders::for_request(&app, &caller);
    let request = request.data(executed.clone()).data(loader).data(app).data(caller);
    let execution = batches.run(schema.execute(request)).await;
    count(kind, &executed, &execution);
    Ok(answer(execution, &executed, media))
}

/// What kind of operation will be executed; `None` if the document leaves it open.
fn kind_of(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation.node.ty),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|found| found.node.ty),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1).map(|only| only.node.ty)
        }
    }
}

fn count(kind: Option<OperationType>, executed: &Executed, execution: &Execution) {
    let kind = match kind {
        Some(OperationType::Query) => "query",
        Some(OperationType::Mutation) => "mutation",
        Some(OperationType::Subscription) => "subscription",
        None => "unknown",
    };
    let outcome = match (executed.get(), execution.errors.is_empty()) {
        (false, _) => "refused",
        (true, true) => "ok",
        (true, false) => "errors",
    };
    metrics::counter!(GRAPHQL_OPERATIONS, "kind" => kind, "outcome" => outcome).increment(1);
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}

fn from_body(bytes: &Bytes) -> Result<Parameters, Error> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => from_members(members),
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
    from_members(members)
}

/// Members beyond these four are ignored, as the specification of the transport asks.
fn from_members(mut members: Map<String, Value>) -> Result<Parameters, Error> {
    let Some(Value::String(query)) = members.remove("query") else {
        return Err(Error::Malformed("query must be there, as text".into()));
    };
    let operation_name = match members.remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(Error::Malformed("operationName must be text".into())),
    };
    let mut object = |name: &str| match members.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(Error::Malformed(format!("{name} must be an object"))),
    };
    object("extensions")?;
    Ok(Parameters { query, operation_name, variables: object("variables")? })
}

/// The schema as text, for tools. Open like the OpenAPI document: the program is open, only data needs a token.
pub(super) async fn sdl(State(schema): State<Schema>) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    (StatusCode::OK, [kind], super::export(&schema)).into_response()
}
