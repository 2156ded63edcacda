//! What REST refuses, GraphQL refuses with the same code and the same field, and nothing is changed.

use serde_json::{Value, json};

use super::operations::filled;
use super::{ask, data, refusal};
use crate::support::api::{Api, consent, shop};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(both_transports_refuse_alike);

/// How an input is sent by REST and by GraphQL.
struct Door {
    method: &'static str,
    path: &'static str,
    document: &'static str,
}

const NEW_LIST: Door = Door {
    method: "POST",
    path: "/v1/lists",
    document: "mutation($input: NewList!) { createList(input: $input) { id } }",
};
const LIST: Door = Door {
    method: "PATCH",
    path: "/v1/lists/LIST",
    document: "mutation($input: ListChange!) { updateList(id: \"LIST\", input: $input) { id } }",
};
const NEW_STORE: Door = Door {
    method: "POST",
    path: "/v1/integrations",
    document: "mutation($input: NewIntegration!) { createIntegration(input: $input) { id } }",
};
const STORE: Door = Door {
    method: "PATCH",
    path: "/v1/integrations/STORE",
    document: "mutation($input: IntegrationChange!) { updateIntegration(id: \"STORE\", input: $input) { id } }",
};
const CONSENT: Door = Door {
    method: "POST",
    path: "/v1/consents",
    document: "mutation($input: NewConsent!) { submitConsent(input: $input) { joined } }",
};
const MAPPINGS: Door = Door {
    method: "PUT",
    path: "/v1/integrations/STORE/mappings",
    document: "mutation($input: MappingsChange!) { setMappings(integrationId: \"STORE\", input: $input) { id } }",
};
const SUPPRESS: Door = Door {
    method: "POST",
    path: "/v1/contacts/CONTACT/suppress",
    document: "mutation($input: Suppress!) { suppressContact(id: \"CONTACT\", input: $input) { id } }",
};

/// A good input with one member changed.
fn with(mut good: Value, name: &str, value: Value) -> Value {
    good[name] = value;
    good
}

async fn both_transports_refuse_alike(db: TestDatabase) {
    let api = Api::new(db).await;
    let all = filled(&api).await;
    let id = |name: &str| all[name].as_str().expect("an id").to_owned();
    let list = || json!({"name": "Another", "purpose": "other"});
    let ann = || consent("ann@example.com", &[]);
    let nobody = "0190163d-8694-739b-aea5-966c26f8ad91";
    let cases: Vec<(&Door, Value)> = vec![
        (&NEW_LIST, with(list(), "name", json!(""))),
        (&NEW_LIST, with(list(), "name", json!("x".repeat(256)))),
        (&NEW_LIST, with(list(), "name", json!("NEWS"))),
        (&NEW_LIST, with(list(), "name", json!(7))),
        (&NEW_LIST, with(list(), "purpose", json!("selling"))),
        (&NEW_LIST, with(list(), "colour", json!("red"))),
        (&NEW_LIST, json!({"purpose": "other"})),
        (&LIST, json!({"name": "customers"})),
        (&NEW_STORE, with(shop("Shop one"), "platform", json!("etsy"))),
        (&NEW_STORE, shop("shop ONE")),
        (&NEW_STORE, with(shop("Next"), "settings", json!({"storeUrl": "http://127.0.0.1:9"}))),
        (&NEW_STORE, with(shop("Next"), "settings", json!([]))),
        (&NEW_STORE, with(shop("Next"), "mappings", json!({"customers": id("list")}))),
        (&NEW_STORE, with(shop("Next"), "mappings", json!({"guests": id("other")}))),
        (&NEW_STORE, with(shop("Next"), "schedule", json!({"intervalSeconds": 59}))),
        (&NEW_STORE, with(shop("Next"), "schedule", json!({"timeZone": "Europe/Berlin"}))),
        (&STORE, json!({"schedule": {"intervalSeconds": 86_401}})),
        (&STORE, json!({"schedule": {"intervalSeconds": "300"}})),
        (&STORE, json!({"schedule": {"interval": 300}})),
        (&STORE, json!({"schedule": {"fullPassTime": "24:00"}})),
        (&STORE, json!({"schedule": {"fullPassTime": 330}})),
        (&STORE, json!({"schedule": {"fullPassTime": "03:30", "timeZone": "Berlin"}})),
        (&MAPPINGS, json!({"customers": id("list")})),
        (&MAPPINGS, json!({"customers": nobody})),
        (&CONSENT, with(ann(), "email", json!("not an address"))),
        (&CONSENT, with(ann(), "text", json!("x".repeat(1001)))),
        (&CONSENT, with(ann(), "dateTimeConsented", json!("2027-01-01T00:00:00Z"))),
        (&CONSENT, with(ann(), "ipAddress", json!("1.2.3"))),
        (&CONSENT, with(ann(), "url", json!("javascript:alert(1)"))),
        (&CONSENT, with(ann(), "lists", json!([nobody]))),
        (&CONSENT, with(ann(), "metadata", json!([]))),
        (&SUPPRESS, json!({"reason": ""})),
    ];
    let before = state(&api).await;
    for (door, input) in cases {
        let place = |text: &str| {
            let text = text.replace("LIST", &id("list")).replace("STORE", &id("integration"));
            text.replace("CONTACT", &id("contact"))
        };
        let rest = api.call(door.method, &place(door.path), Some(&api.token), Some(input.clone())).await;
        let (status, code, field) = rest.problem();
        assert!((400..500).contains(&status), "{input}: {}", rest.text);
        let answer = ask(&api, Some(&api.token), &place(door.document), json!({"input": shouted(input.clone())})).await;
        assert_eq!(refusal(&answer), (code, field), "{input}: REST says {} and GraphQL {}", rest.text, answer.text);
    }
    assert_eq!(state(&api).await, before);
}

/// Enumerations are in capitals here.
fn shouted(mut input: Value) -> Value {
    for name in ["platform", "purpose"] {
        if let Some(word) = input.get(name).and_then(Value::as_str) {
            input[name] = json!(word.to_uppercase());
        }
    }
    input
}

async fn state(api: &Api) -> Value {
    let document = "{ lists { nodes { id name purpose memberCount } } integrations { nodes { id name updatedAt } }
        contacts { nodes { id suppressedAt updatedAt } } consents { nodes { id } } }";
    data(api, document, json!({})).await
}
