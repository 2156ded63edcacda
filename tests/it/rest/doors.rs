//! Tenants: every door that takes an identifier is closed to the others, and looks as if nothing were behind it.

use serde_json::json;

use super::contract::operations;
use crate::support::api::{Api, consent};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(a_stranger_finds_nothing_behind_any_door, a_stranger_can_name_no_foreign_thing_in_a_body);

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

async fn a_stranger_finds_nothing_behind_any_door(db: TestDatabase) {
    let api = Api::new(db).await;
    let (_, stranger) = api.another_account().await;
    let list = api.make_list("News", "marketing").await;
    let store = api.make_integration("Shop").await;
    let record = api.submit("anna@example.com", &[&list]).await;
    let run = api.post(&format!("/v1/integrations/{store}/syncs"), json!({"mode": "full"})).await;
    let run = run.json()["id"].as_str().expect("a run").to_owned();
    let contact = record["contactId"].as_str().expect("a contact").to_owned();
    let consent_id = record["id"].as_str().expect("a record").to_owned();

    let somebody = api.submit("gone@example.com", &[]).await["contactId"].as_str().expect("a contact").to_owned();
    let erased = api.post(&format!("/v1/contacts/{somebody}/erase"), json!({})).await.json();
    let privacy = erased["id"].as_str().expect("a request").to_owned();

    let mut doors = 0;
    for (method, path, operation) in operations() {
        // A store's own door takes no token: its deliveries are believed by their signature (tests of webhooks).
        if !path.contains(NOBODY) || path.starts_with("/hooks/") {
            continue;
        }
        let own = match path.as_str() {
            path if path.starts_with("/v1/lists") => &list,
            path if path.starts_with("/v1/integrations") => &store,
            path if path.starts_with("/v1/syncs") => &run,
            path if path.starts_with("/v1/contacts") => &contact,
            path if path.starts_with("/v1/consents") => &consent_id,
            path if path.starts_with("/v1/privacy-requests") => &privacy,
            path => panic!("{path} is a new kind of door: say here what is behind it"),
        };
        let door = path.replace(NOBODY, own);
        let body = match operation["operationId"].as_str().expect("a name") {
            "startSync" => Some(json!({"mode": "full"})),
            "suppressContact" => Some(json!({"reason": "asked"})),
            "resubscribeContact" => Some(consent("anna@example.com", &[])),
            _ if operation["requestBody"].is_object() => Some(json!({})),
            _ => None,
        };
        let foreign = api.call(&method, &door, Some(&stranger), body.clone()).await;
        let missing = api.call(&method, &path, Some(&stranger), body).await;
        assert_eq!(foreign.status.as_u16(), 404, "{method} {path}: {}", foreign.text);
        assert_eq!(foreign.text, missing.text, "{method} {path} tells that there is something");
        doors += 1;
    }
    assert!(doors >= 25, "only {doors} doors were tried");
    for path in ["/v1/lists", "/v1/integrations", "/v1/contacts", "/v1/consents", "/v1/privacy-requests"] {
        let seen = api.call("GET", path, Some(&stranger), None).await.json();
        assert_eq!(seen["items"], json!([]), "{path}");
        assert_eq!(api.get(path).await.json()["items"].as_array().map(Vec::is_empty), Some(false), "{path}");
    }
}

async fn a_stranger_can_name_no_foreign_thing_in_a_body(db: TestDatabase) {
    let api = Api::new(db).await;
    let (_, stranger) = api.another_account().await;
    let list = api.make_list("News", "marketing").await;
    let other = api.make_list("Buyers", "other").await;
    let mut shop = crate::support::api::shop("Rival shop");
    shop["mappings"] = json!({"customers": other});
    let made = api.call("POST", "/v1/integrations", Some(&stranger), Some(shop)).await;
    assert_eq!(made.problem(), (422, "INVALID".to_owned(), "#/mappings/customers".to_owned()));
    let body = consent("anna@example.com", &[&list]);
    let answer = api.call("POST", "/v1/consents", Some(&stranger), Some(body)).await;
    assert_eq!(answer.problem(), (422, "INVALID".to_owned(), "#/lists/0".to_owned()));
    for filter in [format!("listId={list}"), format!("integrationId={list}")] {
        let answer = api.call("GET", &format!("/v1/contacts?{filter}"), Some(&stranger), None).await;
        assert_eq!(answer.status.as_u16(), 404, "{filter}");
    }
    let seen = api.call("GET", "/v1/contacts", Some(&stranger), None).await.json();
    assert_eq!(seen["items"], json!([]), "a refused consent makes no contact");
}
