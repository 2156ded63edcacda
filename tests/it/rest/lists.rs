//! Lists.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_list_is_made_shown_renamed_and_removed,
    two_lists_never_share_a_name,
    a_mapped_list_keeps_its_purpose_and_its_place,
    removing_a_list_lets_its_members_leave,
);

async fn a_list_is_made_shown_renamed_and_removed(db: TestDatabase) {
    let api = Api::new(db).await;
    let id = api.make_list("  News ", "marketing").await;
    let path = format!("/v1/lists/{id}");
    let made = api.get(&path).await.json();
    assert_eq!(
        (&made["name"], &made["purpose"], &made["memberCount"]),
        (&json!("News"), &json!("marketing"), &json!(0))
    );
    let changed = api.call("PATCH", &path, Some(&api.token), Some(json!({"name": "Neues"}))).await.json();
    assert_eq!((&changed["name"], &changed["purpose"]), (&json!("Neues"), &json!("marketing")));
    assert_eq!(api.call("DELETE", &path, Some(&api.token), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&path).await.status, StatusCode::NOT_FOUND);
}

async fn two_lists_never_share_a_name(db: TestDatabase) {
    let api = Api::new(db).await;
    api.make_list("Über uns", "marketing").await;
    let other = api.make_list("Other", "other").await;
    let taken = (409, "CONFLICT".to_owned(), "#/name".to_owned());
    let again = api.post("/v1/lists", json!({"name": "ÜBER UNS", "purpose": "other"})).await;
    assert_eq!(again.problem(), taken);
    let path = format!("/v1/lists/{other}");
    let renamed = api.call("PATCH", &path, Some(&api.token), Some(json!({"name": "über uns"}))).await;
    assert_eq!(renamed.problem(), taken);
    assert_eq!(api.walk("/v1/lists", 50).await.len(), 2);
}

async fn a_mapped_list_keeps_its_purpose_and_its_place(db: TestDatabase) {
    let api = Api::new(db).await;
    let buyers = api.make_list("Buyers", "other").await;
    let mut shop = crate::support::api::shop("Shop");
    shop["mappings"] = json!({"customers": buyers});
    api.post("/v1/integrations", shop).await.created();
    let path = format!("/v1/lists/{buyers}");
    let change = api.call("PATCH", &path, Some(&api.token), Some(json!({"purpose": "marketing"}))).await;
    assert_eq!(change.problem(), (409, "CONFLICT".to_owned(), String::new()));
    let removal = api.call("DELETE", &path, Some(&api.token), None).await;
    assert_eq!(removal.problem(), (409, "CONFLICT".to_owned(), String::new()));
    assert!(removal.text.contains("customers of Shop"), "{}", removal.text);
    assert_eq!(api.get(&path).await.json()["purpose"], "other");
}

async fn removing_a_list_lets_its_members_leave(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let record = api.submit("anna@example.com", &[&list]).await;
    let contact = record["contactId"].as_str().expect("a contact");
    assert_eq!(api.get(&format!("/v1/lists/{list}")).await.json()["memberCount"], 1);
    let removal = api.call("DELETE", &format!("/v1/lists/{list}"), Some(&api.token), None).await;
    assert_eq!(removal.status, StatusCode::NO_CONTENT);
    assert!(api.walk(&format!("/v1/contacts/{contact}/memberships"), 50).await.is_empty());
    let events = api.walk(&format!("/v1/contacts/{contact}/events"), 50).await;
    let causes: Vec<_> = events.iter().map(|event| (event["kind"].clone(), event["cause"].clone())).collect();
    assert_eq!(causes, [(json!("joined"), json!("consent_submitted")), (json!("left"), json!("list_deleted"))]);
}
