//! Relations: the way from one thing to the next, at a cost that does not grow with the page.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::operations::filled;
use super::{data, nodes};
use crate::support::api::{Api, shop};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    who_is_on_a_list_and_why_is_one_question,
    relations_cost_the_same_for_many_as_for_one,
    what_opt_outs_took_is_looked_at_only_where_it_is_asked_for,
    each_parent_gets_its_own_page,
    mappings_lead_to_lists_and_runs_to_their_store,
);

async fn who_is_on_a_list_and_why_is_one_question(db: TestDatabase) {
    let api = Api::new(db).await;
    let all = filled(&api).await;
    let document = "query($list: UUID!) { list(id: $list) { contacts { nodes { email
        memberships { nodes { list { name } causes { kind actor consentRecord { id text supersedes { id } } sourceRecord { id } integration { id } } } }
        events { nodes { kind cause list { name } consentRecord { id } contact { email } run { id } } }
        consents { nodes { id contact { email } } } sources { nodes { id } } } } } }";
    let answer = data(&api, document, json!({"list": all["list"]})).await;
    let actor = format!("client:{}", api.account.client_id);
    let consent = &all["consent"];
    assert_eq!(
        nodes(&with_edges(&answer["list"]["contacts"])),
        [json!({
            "email": "ann@example.com",
            "memberships": {"nodes": [{"list": {"name": "News"}, "causes": [{
                "kind": "API", "actor": actor, "sourceRecord": null, "integration": null,
                "consentRecord": {"id": consent, "text": "Yes, send me news.", "supersedes": null},
            }]}]},
            "events": {"nodes": [{
                "kind": "JOINED", "cause": "CONSENT_SUBMITTED", "list": {"name": "News"}, "run": null,
                "consentRecord": {"id": consent}, "contact": {"email": "ann@example.com"},
            }]},
            "consents": {"nodes": [{"id": consent, "contact": {"email": "ann@example.com"}}]},
            "sources": {"nodes": []},
        })]
    );
}

/// A connection that was asked for its nodes only, in the form with edges.
fn with_edges(connection: &Value) -> Value {
    let nodes = connection["nodes"].as_array().expect("nodes");
    json!({"edges": nodes.iter().map(|node| json!({"node": node})).collect::<Vec<_>>()})
}

/// Executes a document and tells how many statements it took.
async fn statements(api: &Api, document: &str) -> (usize, Value) {
    let count = Arc::new(AtomicUsize::new(0));
    let mut app = api.test.app.clone();
    let counter = Arc::clone(&count);
    app.db.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", api.token))
        .body(Body::from(json!({"query": document}).to_string()))
        .expect("a request");
    let answer = assent::server::router(app).oneshot(request).await.expect("the router never fails");
    let bytes = to_bytes(answer.into_body(), 8 * 1024 * 1024).await.expect("the answer can be read");
    let answer: Value = serde_json::from_slice(&bytes).expect("the answer is JSON");
    assert!(answer.get("errors").is_none(), "{answer}");
    (count.load(Ordering::Relaxed), answer)
}

async fn relations_cost_the_same_for_many_as_for_one(db: TestDatabase) {
    let api = Api::new(db).await;
    let lists = [api.make_list("One", "marketing").await, api.make_list("Two", "marketing").await];
    for store in ["A", "B", "C"] {
        let made = api.post("/v1/integrations", shop(store)).await.created();
        api.post(&format!("/v1/integrations/{made}/syncs"), json!({"mode": "full"})).await;
    }
    for person in 0..12 {
        api.submit(&format!("person{person}@example.com"), &[&lists[0], &lists[1]]).await;
    }
    let documents = [
        "{ contacts(first: SIZE) { nodes { memberships(first: 3) { nodes { list { name } contact { id }
            causes { consentRecord { id } integration { id } sourceRecord { id } } } } } } }",
        "{ contacts(first: SIZE) { nodes { consents(first: 5) { nodes { id contact { id } } } sources { nodes { id } }
            events(last: 3) { nodes { list { id } consentRecord { id } } } } } }",
        "{ lists(first: SIZE) { nodes { memberCount contacts(first: 10) { nodes { email suppressedAt } } } } }",
        "{ integrations(first: SIZE) { nodes { mappings { subscribers { name } customers { name } }
            syncRuns(first: 2) { nodes { status integration { name } issues { nodes { id } } } } } } }",
        "{ integrations(first: SIZE) { nodes { optOutLatency { count p99Seconds } } } }",
        "{ integrations(first: SIZE) { nodes { webhooks { state pending deliveries givenUp lastGivenUp { code } } } } }",
    ];
    for document in documents {
        let (one, _) = statements(&api, &document.replace("SIZE", "1")).await;
        let (many, answer) = statements(&api, &document.replace("SIZE", "100")).await;
        assert!(one > 0);
        assert_eq!(one, many, "{document}: {answer}");
    }
}

async fn what_opt_outs_took_is_looked_at_only_where_it_is_asked_for(db: TestDatabase) {
    let api = Api::new(db).await;
    let id = api.make_integration("Shop").await;
    for others in
        ["{ integrations { nodes { name MORE } } }", &format!("{{ integration(id: \"{id}\") {{ name MORE }} }}")]
    {
        let (without, _) = statements(&api, &others.replace("MORE", "")).await;
        let (with, _) = statements(&api, &others.replace("MORE", "optOutLatency { count }")).await;
        assert_eq!(with, without + 1, "{others}");
    }
}

async fn each_parent_gets_its_own_page(db: TestDatabase) {
    let api = Api::new(db).await;
    let (long, short) = (api.make_list("Long", "marketing").await, api.make_list("Short", "marketing").await);
    for person in 0..5 {
        let lists: &[&str] = if person == 0 { &[&long, &short] } else { &[&long] };
        api.submit(&format!("person{person}@example.com"), lists).await;
    }
    api.make_list("Empty", "other").await;
    for (arguments, expected) in [
        ("first: 2", json!([[["person0", "person1"], true, false], [["person0"], false, false], [[], false, false]])),
        ("last: 2", json!([[["person3", "person4"], false, true], [["person0"], false, false], [[], false, false]])),
    ] {
        let document = format!(
            "{{ lists(first: 3) {{ nodes {{ contacts({arguments}) {{ nodes {{ email }} pageInfo {{ hasNextPage hasPreviousPage }} }} }} }} }}"
        );
        let answer = data(&api, &document, json!({})).await;
        let pages: Vec<Value> = answer["lists"]["nodes"]
            .as_array()
            .expect("lists")
            .iter()
            .map(|list| {
                let page = &list["contacts"];
                let who: Vec<&str> = page["nodes"]
                    .as_array()
                    .expect("contacts")
                    .iter()
                    .map(|contact| contact["email"].as_str().expect("an address").trim_end_matches("@example.com"))
                    .collect();
                json!([who, page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]])
            })
            .collect();
        assert_eq!(json!(pages), expected, "{arguments}");
    }
}

async fn mappings_lead_to_lists_and_runs_to_their_store(db: TestDatabase) {
    let api = Api::new(db).await;
    let all = filled(&api).await;
    let document = "query($integration: UUID!) { integration(id: $integration) {
        connector { title } mappings { subscribersId subscribers { name purpose } customers { id } guestsId guests { id } }
        syncRuns { nodes { id status integration { name } issues { nodes { id } } } } } }";
    let answer = data(&api, document, json!({"integration": all["integration"]})).await;
    let integration = &answer["integration"];
    assert_eq!(integration["connector"], json!({"title": "WooCommerce"}));
    assert_eq!(integration["mappings"]["subscribers"], json!({"name": "Store subscribers", "purpose": "MARKETING"}));
    assert_eq!(integration["mappings"]["customers"], Value::Null);
    assert_eq!(integration["mappings"]["guestsId"], Value::Null);
    assert_eq!(
        integration["syncRuns"]["nodes"],
        json!([{"id": all["run"], "status": "QUEUED", "integration": {"name": "Shop one"}, "issues": {"nodes": []}}])
    );
}
