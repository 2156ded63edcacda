//! The OpenAPI document: committed, unambiguous, and closed to callers without a token.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::Value;

use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::files::root;

both_databases!(
    every_operation_is_denied_without_a_token,
    every_operation_is_denied_without_its_scope,
    the_document_and_its_page_are_served_from_here,
    operations_tell_how_the_service_is,
);

const METHODS: &[&str] = &["get", "put", "post", "delete", "patch"];

fn document() -> Value {
    serde_json::from_str(&assent::rest::export()).expect("the document is JSON")
}

/// Every operation: method, path with identifiers filled in, and the operation itself.
pub(super) fn operations() -> Vec<(String, String, Value)> {
    let document = document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            if let Some(operation) = item.get(*method) {
                let path =
                    path.replace("{id}", "01890000-0000-7000-8000-000000000000").replace("{platform}", "woocommerce");
                found.push((method.to_uppercase(), path, operation.clone()));
            }
        }
    }
    assert!(found.len() >= 35, "only {} operations", found.len());
    found
}

fn is_open(operation: &Value) -> bool {
    operation["security"]
        .as_array()
        .is_some_and(|schemes| schemes.iter().all(|scheme| scheme == &serde_json::json!({})))
}

#[test]
fn the_committed_document_is_fresh() {
    let path = root().join("openapi/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == assent::rest::export(), "openapi/openapi.json is stale; renew it with: cargo run -- export");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(!name.is_empty() && names.insert(name.clone()), "{method} {path}: {name:?} is empty or taken");
        assert!(operation["summary"].is_string(), "{method} {path} says nothing about itself");
    }
}

#[test]
fn every_schema_is_named_for_what_callers_see_and_is_there() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in schemas.keys() {
        assert!(!name.contains("View") && !name.contains("Input"), "{name} is a name of ours");
    }
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap_or_default();
        assert!(schemas.contains_key(name), "{name} is named but not there");
    }
}

#[test]
fn closed_sets_are_described_by_their_words_on_the_wire() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let closed: Vec<_> = schemas.iter().filter_map(|(name, schema)| Some((name, schema["enum"].as_array()?))).collect();
    assert!(closed.len() > 20, "the closed sets are not found");
    for (name, words) in closed {
        let is_word = |word: &Value| word.as_str().is_some_and(|word| !word.contains(|c: char| c.is_ascii_uppercase()));
        assert!(words.iter().all(is_word), "{name}: {words:?}");
    }
}

#[test]
fn no_operation_is_open_but_those_that_give_tokens_or_check_a_signature() {
    let open: Vec<String> =
        operations().into_iter().filter(|(_, _, operation)| is_open(operation)).map(|(_, path, _)| path).collect();
    assert_eq!(open, ["/.well-known/jwks.json", "/hooks/01890000-0000-7000-8000-000000000000", "/oauth/token"]);
}

async fn every_operation_is_denied_without_a_token(db: TestDatabase) {
    let api = Api::new(db).await;
    for (method, path, operation) in operations() {
        if is_open(&operation) {
            continue;
        }
        let answer = api.call(&method, &path, None, Some(serde_json::json!({}))).await;
        assert_eq!(answer.problem(), (401, "UNAUTHENTICATED".to_owned(), String::new()), "{method} {path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{method} {path}");
    }
}

/// A body that each writing operation accepts as far as its form goes.
fn acceptable_body(operation_id: &str) -> Value {
    use crate::support::api::{consent, shop};
    match operation_id {
        "createIntegration" => shop("Shop"),
        "createList" => serde_json::json!({"name": "L", "purpose": "other"}),
        "submitConsent" | "resubscribeContact" => consent("anna@example.com", &[]),
        "startSync" => serde_json::json!({"mode": "full"}),
        "suppressContact" => serde_json::json!({"reason": "asked"}),
        _ => serde_json::json!({}),
    }
}

async fn every_operation_is_denied_without_its_scope(db: TestDatabase) {
    let api = Api::new(db).await;
    for (method, path, operation) in operations() {
        if is_open(&operation) {
            continue;
        }
        let id = operation["operationId"].as_str().expect("a name");
        // All scopes of other nouns, and the other scope of the own noun.
        let writes = method != "GET" && id != "previewMappings";
        let noun = match path.as_str() {
            path if path.ends_with("/erase") || path.ends_with("/export") || path.contains("/privacy") => "privacy",
            path if path.contains("/syncs") => "syncs",
            path if path.contains("/consents") && !path.contains("/contacts") => "consents",
            path if path.ends_with("/consents") => "consents",
            path if path.contains("/contacts") => "contacts",
            path if path.contains("/lists") => "lists",
            _ => "integrations",
        };
        let missing = format!("{noun}:{}", if writes { "write" } else { "read" });
        let others: Vec<&str> = assent::domain::access::Scope::ALL
            .iter()
            .map(|scope| scope.as_str())
            .filter(|scope| *scope != missing)
            .collect();
        let token = api.sign_in(&api.account, Some(&others.join(" "))).await;
        let body = (method != "GET").then(|| acceptable_body(id));
        let answer = api.call(&method, &path, Some(&token), body).await;
        assert_eq!(answer.problem().1, "FORBIDDEN", "{method} {path} without {missing}: {}", answer.text);
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text.contains(&missing), "{method} {path}: {}", answer.text);
    }
}

async fn the_document_and_its_page_are_served_from_here(db: TestDatabase) {
    let api = Api::new(db).await;
    let served = api.call("GET", "/openapi.json", None, None).await;
    assert_eq!(served.text, assent::rest::export());
    let page = api.call("GET", "/docs/", None, None).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("https://") && !page.text.contains("//cdn"), "{}", page.text);
    let script = api.call("GET", "/docs/swagger-initializer.js", None, None).await;
    assert!(script.text.contains("/openapi.json") && !script.text.contains("petstore"), "{}", script.text);
    assert_eq!(api.call("GET", "/docs/swagger-ui-bundle.js", None, None).await.status, StatusCode::OK);
}

async fn operations_tell_how_the_service_is(db: TestDatabase) {
    let api = Api::new(db).await;
    assert_eq!(api.call("GET", "/healthz", None, None).await.status, StatusCode::OK);
    assert_eq!(api.call("GET", "/readyz", None, None).await.status, StatusCode::OK);
    let nowhere = api.get("/v1/nowhere").await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(nowhere.headers[name], value, "{name}");
    }
    assert!(nowhere.headers.contains_key("x-request-id"));
    assert!(!nowhere.headers.contains_key("access-control-allow-origin"), "no other site may read answers");
    assert_eq!(nowhere.problem(), (404, "NOT_FOUND".to_owned(), String::new()));
    let method = api.call("DELETE", "/v1/lists", Some(&api.token), None).await;
    assert_eq!(method.problem(), (405, "METHOD_NOT_ALLOWED".to_owned(), String::new()));
    let allowed = method.headers["allow"].to_str().expect("text");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}
