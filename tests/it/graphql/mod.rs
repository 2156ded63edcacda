//! GraphQL over both databases, through the real router.

mod access;
mod bad_input;
mod limits;
mod operations;
mod pages;
mod relations;
mod transport;

use serde_json::{Value, json};

use crate::support::api::{Answer, Api};

/// Asks for the newer content type, whose status tells whether the request was executed.
async fn ask(api: &Api, token: Option<&str>, query: &str, variables: Value) -> Answer {
    let body = json!({"query": query, "variables": variables}).to_string();
    transport::post(api, token, &[("accept", "application/graphql-response+json")], &body).await
}

/// Executes a document with the account's token; there must be no error.
async fn data(api: &Api, query: &str, variables: Value) -> Value {
    let answer = ask(api, Some(&api.token), query, variables).await;
    let mut body = answer.json();
    assert!(body.get("errors").is_none(), "{query}: {body}");
    body["data"].take()
}

/// The code of the first error and the field that it names (empty if none).
fn refusal(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let extensions = &body["errors"][0]["extensions"];
    let text = |name: &str| extensions[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("field"))
}

/// The nodes of a connection.
fn nodes(connection: &Value) -> Vec<Value> {
    let edges = connection["edges"].as_array().unwrap_or_else(|| panic!("{connection} is no connection"));
    edges.iter().map(|edge| edge["node"].clone()).collect()
}
