//! Consents and the people they are about.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::api::{Api, consent};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_submitted_consent_joins_a_list_and_says_why,
    the_same_evidence_is_kept_once,
    a_record_shows_what_was_submitted,
    the_chain_verifies,
    what_an_erased_person_agreed_to_before_is_refused,
    a_suppressed_contact_comes_back_only_by_a_newer_consent,
    contacts_are_found_by_address_list_and_store,
);

async fn a_submitted_consent_joins_a_list_and_says_why(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let record = api.submit("Anna@Example.com", &[&list]).await;
    assert_eq!((&record["joined"], &record["refused"]), (&json!([list]), &json!([])));
    let contact = record["contactId"].as_str().expect("a contact");
    let memberships = api.walk(&format!("/v1/contacts/{contact}/memberships"), 50).await;
    assert_eq!(memberships.len(), 1);
    assert_eq!(memberships[0]["listName"], "News");
    let cause = &memberships[0]["causes"][0];
    assert_eq!((&cause["kind"], &cause["consentRecordId"]), (&json!("api"), &record["id"]));
    assert_eq!(cause["actor"], format!("client:{}", api.account.client_id));
    assert_eq!(api.walk(&format!("/v1/lists/{list}/contacts"), 50).await[0]["email"], "Anna@Example.com");
}

async fn the_same_evidence_is_kept_once(db: TestDatabase) {
    let api = Api::new(db).await;
    let first = api.submit("anna@example.com", &[]).await;
    let again = api.submit("ANNA@example.com", &[]).await;
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &json!(true)));
    assert_eq!(api.walk("/v1/consents", 50).await.len(), 1);
}

async fn a_record_shows_what_was_submitted(db: TestDatabase) {
    let api = Api::new(db).await;
    let record = api.submit("anna@example.com", &[]).await;
    let mut shown = api.get(&format!("/v1/consents/{}", record["id"].as_str().expect("an id"))).await.json();
    for (name, member) in shown.as_object_mut().expect("an object") {
        let varies = ["id", "contactId", "recordHash", "recordedBy"].contains(&name.as_str());
        if varies && member.is_string() {
            *member = json!(format!("[{name}]"));
        }
    }
    insta::assert_json_snapshot!("consent_record", shown);
}

async fn the_chain_verifies(db: TestDatabase) {
    let api = Api::new(db).await;
    assert_eq!(api.get("/v1/consents/verify").await.json()["records"], 0);
    api.submit("anna@example.com", &[]).await;
    let last = api.submit("bert@example.com", &[]).await;
    let verification = api.get("/v1/consents/verify").await.json();
    let mut expected =
        json!({"ok": true, "records": 2, "erased": 0, "firstBadSequence": null, "headHash": last["recordHash"]});
    assert_eq!(verification, expected);
    api.post(&format!("/v1/contacts/{}/erase", last["contactId"].as_str().expect("a contact")), json!({})).await;
    expected["erased"] = json!(1);
    assert_eq!(api.get("/v1/consents/verify").await.json(), expected, "erasing keeps the chain and is counted");
}

async fn what_an_erased_person_agreed_to_before_is_refused(db: TestDatabase) {
    let api = Api::new(db).await;
    let contact = api.submit("anna@example.com", &[]).await["contactId"].as_str().expect("a contact").to_owned();
    let erased = api.post(&format!("/v1/contacts/{contact}/erase"), json!({})).await;
    assert_eq!((erased.status, &erased.json()["state"]), (StatusCode::OK, &json!("done")));
    let again = api.post("/v1/consents", consent("Anna@example.com", &[])).await;
    assert_eq!((again.status, again.problem().1.as_str()), (StatusCode::CONFLICT, "CONFLICT"), "{}", again.text);
    assert_eq!(api.get("/v1/contacts").await.json()["items"], json!([]));
}

async fn a_suppressed_contact_comes_back_only_by_a_newer_consent(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let record = api.submit("anna@example.com", &[&list]).await;
    let path = format!("/v1/contacts/{}", record["contactId"].as_str().expect("a contact"));
    let suppressed = api.post(&format!("{path}/suppress"), json!({"reason": "asked us to"})).await;
    assert_eq!(suppressed.status, StatusCode::OK, "{}", suppressed.text);
    assert!(suppressed.json()["suppressedAt"].is_string());
    assert!(api.walk(&format!("{path}/memberships"), 50).await.is_empty());
    let old = api.post(&format!("{path}/resubscribe"), consent("anna@example.com", &[&list])).await;
    assert_eq!(old.problem(), (422, "INVALID".to_owned(), "#/dateTimeConsented".to_owned()));
    api.test.clock.advance(TimeDelta::minutes(10));
    let mut newer = consent("anna@example.com", &[&list]);
    newer["dateTimeConsented"] = json!("2026-04-04T12:09:00Z");
    let back = api.post(&format!("{path}/resubscribe"), newer).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.text);
    assert_eq!(api.get(&path).await.json()["suppressedAt"], json!(null));
    assert_eq!(api.walk(&format!("{path}/memberships"), 50).await.len(), 1);
}

async fn contacts_are_found_by_address_list_and_store(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let store = api.make_integration("Shop").await;
    api.submit("anna@example.com", &[&list]).await;
    api.submit("bert@example.com", &[]).await;
    for (filter, expected) in [
        ("email=ANNA%40Example.com".to_owned(), vec!["anna@example.com"]),
        ("email=carl%40example.com".to_owned(), vec![]),
        (format!("listId={list}"), vec!["anna@example.com"]),
        (format!("listId={list}&email=bert%40example.com"), vec![]),
        (format!("integrationId={store}"), vec![]),
        (format!("listId={list}&integrationId={store}"), vec![]),
    ] {
        let found = api.walk(&format!("/v1/contacts?{filter}"), 1).await;
        let found: Vec<_> = found.iter().map(|contact| contact["email"].as_str().expect("an address")).collect();
        assert_eq!(found, expected, "{filter}");
    }
}
