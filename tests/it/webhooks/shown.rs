//! The webhooks of an integration, as both transports show them.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(both_transports_show_the_webhooks_and_test_them);

async fn both_transports_show_the_webhooks_and_test_them(db: TestDatabase) {
    let api = Api::new(db).await;
    let store = api.make_integration("Shop").await;
    let path = format!("/v1/integrations/{store}/webhooks");
    let shown = api.get(&path).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let shown = shown.json();
    assert_eq!(shown["address"], format!("http://assent.test/hooks/{store}"));
    assert_eq!((&shown["state"], &shown["pending"], &shown["lastGivenUp"]), (&json!("pending"), &json!(0), &json!([])));
    let tested = api.call("POST", &format!("{path}/test"), Some(&api.token), None).await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.text);
    assert_eq!((&tested.json()["ok"], &tested.json()["arrived"]), (&json!(false), &json!(false)));
    assert_eq!(tested.json()["problems"].as_array().map(Vec::is_empty), Some(false), "nobody listens at either end");
    let query = "query($id: UUID!) { integration(id: $id) { webhooks { state address detail pending topics } } }";
    let answer = api.post("/graphql", json!({"query": query, "variables": {"id": store}})).await.json();
    let webhooks = &answer["data"]["integration"]["webhooks"];
    assert_eq!((&webhooks["state"], &webhooks["address"]), (&json!("FAILED"), &shown["address"]), "{answer}");
    assert!(webhooks["detail"].as_str().is_some_and(|detail| detail.contains("could not be reached")), "{answer}");
}
