//! A simulated Shopify: the Admin GraphQL API, executed by `apollo-compiler` against the vendor's own schema where a
//! folder with it is given, else against the part of it in `src/sandbox/shopify.graphql`.
//!
//! Sources: `vendors/shopify.md` and its examples.

mod access;
mod context;
mod cost;
mod exports;
mod known;
mod leaves;
mod mutations;
mod page;
mod resolve;
mod search;
mod subscriptions;
mod webhooks;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use apollo_compiler::executable::Operation;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{ExecutionResponse, JsonMap};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::access::Access;
use self::context::Context;
use self::cost::Bucket;
use self::exports::Exports;
use self::mutations::Mutation;
use self::page::Extent;
use self::resolve::{INTERNAL, Object};
use super::StartError;
use super::faults::{Fault, Target};
use super::server::{Answer, Shared};

pub(super) use webhooks::{MANNER, happened_to_the_app, parcels};

/// The version that answers; older supported ones have all that is served here (`vendors/shopify.md` section 1).
const VERSION: &str = "2026-07";
const SUPPORTED: &[&str] = &["2025-10", "2026-01", "2026-04", VERSION];
const VENDOR_SCHEMA: &str = "admin-2026-07.core.graphql";
const OWN_SCHEMA: &str = include_str!("../shopify.graphql");
/// Most documents kept parsed; a client has a handful.
const MAX_DOCUMENTS: usize = 256;
/// What `apollo-compiler` puts before a resolver's own words.
const RESOLVER: &str = "resolver error: ";
/// Largest request read.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

type Document = Arc<Result<Valid<ExecutableDocument>, Value>>;

struct Shop {
    shared: Arc<Shared>,
    schema: Valid<Schema>,
    documents: Mutex<HashMap<String, Document>>,
    bucket: Bucket,
    access: Access,
    exports: Exports,
}

pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    let schema = schema(shared.options.schema_dir.as_deref())?;
    let options = &shared.options.shopify;
    let bucket = Bucket::new(options.bucket, options.restore_per_second);
    let access = Access::new(&shared);
    let exports = Exports::new(options.exports.clone(), shared.base_url.clone());
    let shop = Shop { schema, documents: Mutex::default(), bucket, access, exports, shared };
    Ok(Router::new().fallback(serve).with_state(Arc::new(shop)))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    let mut settings = access::credentials(shared);
    settings["shopDomain"] = shop_domain(shared).into();
    settings["apiBaseUrl"] = shared.base_url.as_str().into();
    settings
}

fn shop_domain(shared: &Shared) -> String {
    format!("sandbox-{}.myshopify.com", shared.options.seed)
}

fn schema(folder: Option<&Path>) -> Result<Valid<Schema>, StartError> {
    let mut text = match folder.map(|folder| folder.join(VENDOR_SCHEMA)) {
        Some(path) => std::fs::read_to_string(&path).map_err(|source| StartError::ReadSchema { path, source })?,
        None => OWN_SCHEMA.to_owned(),
    };
    // Built into newer GraphQL and used by the vendor, not known to this parser.
    if text.contains("@oneOf") && !text.contains("directive @oneOf") {
        text.push_str("\ndirective @oneOf on INPUT_OBJECT\n");
    }
    Schema::parse_and_validate(text, "shopify.graphql").map_err(|error| StartError::BadSchema(error.errors.to_string()))
}

/// A GraphQL request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    #[serde(rename = "query")]
    text: String,
    #[serde(default)]
    variables: Option<JsonMap>,
    #[serde(default)]
    operation_name: Option<String>,
}

async fn serve(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.unwrap_or_default();
    let path = parts.uri.path();
    if (&parts.method, path) == (&Method::POST, "/admin/oauth/access_token") {
        let installed = shop.shared.app.is_installed();
        return if installed { shop.access.issue(&body, shop.shared.now()) } else { access::refused() }.into_response();
    }
    if parts.method == Method::GET && path.starts_with(exports::FOLDER) {
        let answer = || shop.exports.file(&parts.uri, &parts.headers);
        return shop.shared.answer(Target::Any, |fault, number| shop.fault_answer(fault, number), answer).await;
    }
    let version = path.strip_prefix("/admin/api/").and_then(|rest| rest.strip_suffix("/graphql.json"));
    let Some(version) = version.filter(|version| is_version(version) && parts.method == Method::POST) else {
        return Answer::json(404, &json!({ "errors": "Not Found" })).into_response();
    };
    let token = parts.headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
    let target = target(&body);
    let strikes = |fault, number| shop.fault_answer(fault, number);
    let answer = shop.shared.answer(target, strikes, || {
        let admits = shop.shared.app.is_installed() && shop.access.admits(token, shop.shared.now());
        if admits { shop.graphql(&body) } else { access::refused() }
    });
    let mut response = answer.await;
    let number = shop.shared.requests.load(std::sync::atomic::Ordering::Relaxed);
    let headers = response.headers_mut();
    // An expired version falls forward (vendors/shopify.md section 2).
    let answering = SUPPORTED.iter().find(|supported| **supported == version).unwrap_or(&SUPPORTED[0]);
    headers.insert("x-shopify-api-version", axum::http::HeaderValue::from_static(answering));
    if let Ok(id) = format!("00000000-0000-4000-8000-{number:012x}").parse() {
        headers.insert("x-request-id", id);
    }
    response
}

/// `2026-07`, also long ago; what is newer than the newest is not there yet.
fn is_version(version: &str) -> bool {
    let bytes = version.as_bytes();
    let dated = bytes.len() == 7
        && bytes.iter().enumerate().all(|(at, byte)| if at == 4 { *byte == b'-' } else { byte.is_ascii_digit() });
    dated && version <= VERSION
}

/// What a request is about, for faults that strike only one kind.
fn target(body: &Bytes) -> Target {
    let text = String::from_utf8_lossy(body);
    let asks = |root: &str| text.contains(&format!("{root}(")) || text.contains(&format!("{root} ("));
    if asks("orders") || asks("order") {
        Target::Orders
    } else if asks("customers") || asks("customer") {
        Target::Customers
    } else {
        Target::Any
    }
}

impl Shop {
    fn graphql(&self, body: &Bytes) -> Answer {
        let Ok(query) = serde_json::from_slice::<Query>(body) else {
            return Answer::json(400, &json!({ "errors": { "query": "Required parameter missing or invalid" } }));
        };
        let document = self.document(&query.text);
        let document = match document.as_ref() {
            Ok(document) => document,
            Err(errors) => return Answer::json(200, &json!({ "errors": errors })),
        };
        let operation = match document.operations.get(query.operation_name.as_deref()) {
            Ok(operation) => operation,
            Err(error) => return Answer::json(200, &errors(error.message(), "operationNotFound")),
        };
        let variables = query.variables.unwrap_or_default();
        match coerce_variable_values(&self.schema, operation, &variables) {
            Ok(variables) => self.execute(document, operation, &variables),
            Err(error) => Answer::json(200, &errors(error.message(), "INVALID_VARIABLE")),
        }
    }

    fn execute(
        &self,
        document: &Valid<ExecutableDocument>,
        operation: &Operation,
        variables: &Valid<JsonMap>,
    ) -> Answer {
        let requested = cost::requested(document, &operation.selection_set, variables);
        let most = self.shared.options.shopify.max_query_cost;
        if requested > most {
            return Answer::json(200, &max_cost(requested, most));
        }
        if !self.bucket.take(requested) {
            return Answer::json(200, &throttled(requested, &self.bucket.status()));
        }
        let context = Context::new(self, Extent::Page { ceiling: self.shared.options.shopify.paging_ceiling });
        let execution = Execution::new(&self.schema, document).operation(operation).coerced_variable_values(variables);
        let executed = if operation.is_mutation() {
            execution.execute_sync(&Mutation(self))
        } else {
            execution.execute_sync(&Object::query(&context))
        };
        let response = match executed {
            Ok(response) => response,
            Err(error) => return Answer::json(200, &errors(error.message(), "INVALID_REQUEST")),
        };
        // A mutation has its price whatever it gives back (`webhook-*.json`).
        let actual = if operation.is_mutation() { requested } else { context.objects.get().min(requested) };
        self.bucket.refund(requested, actual);
        self.shared.points.fetch_add(actual.into(), std::sync::atomic::Ordering::Relaxed);
        let extensions = json!({ "cost": { "requestedQueryCost": requested, "actualQueryCost": actual,
            "throttleStatus": self.bucket.status() } });
        let answer = if response.errors.is_empty() {
            // A whole page goes out as it is, without a second tree of it.
            Answer::json(200, &Sound { data: response.data.as_ref(), extensions })
        } else {
            let mut body = rendered(response);
            body["extensions"] = extensions;
            Answer::json(200, &body)
        };
        answer.with_listed(Target::Customers, context.accounts.take())
    }

    /// Parsed and validated once per text.
    fn document(&self, text: &str) -> Document {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = documents.get(text) {
            return Arc::clone(document);
        }
        let parsed = ExecutableDocument::parse_and_validate(&self.schema, text, "query.graphql");
        let document = Arc::new(parsed.map_err(|invalid| refusals(&invalid.errors)));
        if documents.len() >= MAX_DOCUMENTS {
            documents.clear();
        }
        documents.insert(text.to_owned(), Arc::clone(&document));
        document
    }

    /// `vendors/shopify.md` section 7 and `errors-*.json` of its examples.
    fn fault_answer(&self, fault: Fault, _number: u64) -> Option<Answer> {
        let odd = self.shared.faults.struck(fault) % 2 == 1;
        match (fault, odd) {
            (Fault::Throttled, true) => {
                let status = json!({ "maximumAvailable": 2000.0, "currentlyAvailable": 0.0, "restoreRate": 100.0 });
                Some(Answer::json(200, &throttled(100, &status)))
            }
            (Fault::Throttled, false) => {
                let message =
                    "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.";
                Some(Answer::json(429, &json!({ "errors": message })).with("retry-after", "1.0"))
            }
            (Fault::ServerError, true) => Some(Answer::json(200, &errors(INTERNAL, "INTERNAL_SERVER_ERROR"))),
            (Fault::ServerError, false) => {
                Some(Answer::text(500, "text/html", "<html><body>Internal Server Error</body></html>"))
            }
            (Fault::RejectedCredentials, _) => {
                self.access.revoke();
                Some(access::refused())
            }
            (Fault::MaxCost, _) => Some(Answer::json(200, &max_cost(1202, 1000))),
            _ => None,
        }
    }
}

fn errors(message: impl std::fmt::Display, code: &str) -> Value {
    json!({ "errors": [{ "message": message.to_string(), "extensions": { "code": code } }] })
}

/// HTTP 200, no `data`, no `Retry-After`.
fn throttled(requested: u32, status: &Value) -> Value {
    let mut body = errors("Throttled", "THROTTLED");
    body["errors"][0]["extensions"]["documentation"] = "https://shopify.dev/api/usage/rate-limits".into();
    body["extensions"] =
        json!({ "cost": { "requestedQueryCost": requested, "actualQueryCost": null, "throttleStatus": status } });
    body
}

fn max_cost(cost: u32, most: u32) -> Value {
    let message = format!("Query cost is {cost}, which exceeds the single query max cost limit ({most}).");
    let mut body = errors(message, "MAX_COST_EXCEEDED");
    body["errors"][0]["extensions"]["cost"] = cost.into();
    body["errors"][0]["extensions"]["maxCost"] = most.into();
    body
}

/// A response without errors.
#[derive(Serialize)]
struct Sound<'a> {
    data: Option<&'a JsonMap>,
    extensions: Value,
}

/// A response with the vendor's codes on its errors.
fn rendered(response: ExecutionResponse) -> Value {
    let ExecutionResponse { errors, data } = response;
    let mut body = json!({});
    if let Some(root) =
        errors.iter().find(|_| data.is_none()).and_then(|error| serde_json::to_value(error.path.first()).ok())
    {
        // A denied root field is null beside its error, also where the schema says non-null (errors-graphql.json).
        body["data"] = root.as_str().map_or(Value::Null, |field| json!({ field: null }));
    } else {
        body["data"] = serde_json::to_value(data).unwrap_or_default();
    }
    body["errors"] = errors.iter().map(coded).collect();
    if body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR" {
        body["data"].take();
    }
    body
}

fn coded(error: &apollo_compiler::response::GraphQLError) -> Value {
    let mut value = serde_json::to_value(error).unwrap_or_default();
    let message = error.message.strip_prefix(RESOLVER).unwrap_or(&error.message);
    value["message"] = message.into();
    let required = message.split_once("Required access: ").map(|(_, scope)| scope);
    value["extensions"] = match required {
        Some(scope) => json!({ "code": "ACCESS_DENIED", "documentation": "https://shopify.dev/api/usage/access-scopes",
            "requiredAccess": scope }),
        None if message == INTERNAL => json!({ "code": "INTERNAL_SERVER_ERROR" }),
        None => json!({ "code": "BAD_REQUEST" }),
    };
    value
}

/// Validation errors in the vendor's words where the examples show them.
fn refusals(diagnostics: &DiagnosticList) -> Value {
    let all = diagnostics.iter().map(|diagnostic| {
        let shown = diagnostic.unstable_to_json_compat();
        let quoted: Vec<_> = shown.message.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        let (message, extensions) = match (shown.message.starts_with("Cannot query field"), quoted.as_slice()) {
            (true, [field, kind, ..]) => (
                format!("Field '{field}' doesn't exist on type '{kind}'"),
                json!({ "code": "undefinedField", "typeName": kind, "fieldName": field }),
            ),
            _ => (shown.message.clone(), json!({ "code": "invalidQuery" })),
        };
        json!({ "message": message, "locations": shown.locations, "extensions": extensions })
    });
    let all: Vec<_> = all.collect();
    // An unknown field leaves an empty selection behind, which is worth no word of its own.
    let undefined = |error: &&Value| error["extensions"]["code"] == "undefinedField";
    if all.iter().any(|error| undefined(&error)) { all.iter().filter(undefined).cloned().collect() } else { all.into() }
}
