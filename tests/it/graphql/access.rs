//! Who may ask for what.

use std::collections::BTreeSet;

use assent::domain::access::Scope;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::operations::{OPERATIONS, SUBSCRIPTIONS, filled};
use super::{ask, data, refusal};
use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    every_root_field_works_with_its_scopes,
    every_root_field_is_forbidden_without_each_of_its_scopes,
    another_account_reaches_nothing,
    a_relation_is_forbidden_without_its_scope,
);

/// The names of all root fields, from the schema itself.
async fn root_fields() -> BTreeSet<String> {
    let introspection = "{ __schema { queryType { fields { name } } mutationType { fields { name } }
        subscriptionType { fields { name } } } }";
    let response = assent::graphql::schema().execute(introspection).await;
    let schema = response.data.into_json().expect("the answer is JSON");
    let names = |root: &str| {
        let fields = schema["__schema"][root]["fields"].as_array().expect("fields").clone();
        fields.into_iter().map(|field| field["name"].as_str().expect("a name").to_owned())
    };
    ["queryType", "mutationType", "subscriptionType"].into_iter().flat_map(names).collect()
}

#[tokio::test]
async fn every_root_field_has_its_document_here() {
    let tested: BTreeSet<String> =
        OPERATIONS.iter().chain(SUBSCRIPTIONS).map(|operation| operation.field.to_owned()).collect();
    assert_eq!(tested, root_fields().await);
}

/// Below the HTTP edge, which lets nobody in without a token, the resolvers refuse as well.
#[tokio::test]
async fn every_root_field_is_denied_without_a_caller() {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let mut all =
        json!({"shop": crate::support::api::shop("Shop"), "again": crate::support::api::consent("a@example.com", &[])});
    for name in ["list", "other", "integration", "contact", "consent", "run", "privacy"] {
        all[name] = json!(id);
    }
    all["shop"]["platform"] = json!("WOOCOMMERCE");
    all["newer"] = all["again"].clone();
    for operation in OPERATIONS.iter().chain(SUBSCRIPTIONS) {
        let variables = async_graphql::Variables::from_json(operation.variables(&all));
        let request = async_graphql::Request::new(operation.document).variables(variables);
        let response = assent::graphql::schema().execute_stream(request).next().await.expect("there is an answer");
        let answer = serde_json::to_value(&response).expect("the answer is JSON");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{}: {answer}", operation.field);
        assert_eq!(answer["data"], Value::Null, "{}", operation.field);
    }
}

async fn every_root_field_works_with_its_scopes(db: TestDatabase) {
    let api = Api::new(db).await;
    let all = filled(&api).await;
    for operation in OPERATIONS {
        let scopes = if operation.scopes.is_empty() { "lists:read".to_owned() } else { operation.scopes.join(" ") };
        let token = api.sign_in(&api.account, Some(&scopes)).await;
        let answer = ask(&api, Some(&token), operation.document, operation.variables(&all)).await.json();
        let expected = match operation.field {
            // Nobody listens where the store should be; that is known only after everything else was in order.
            "testIntegration" => json!("UPSTREAM_UNAVAILABLE"),
            // The request was for an erasure; the run has asked nobody.
            "completePrivacyRequest" | "confirmSync" => json!("CONFLICT"),
            _ => Value::Null,
        };
        assert_eq!(answer["errors"][0]["extensions"]["code"], expected, "{}: {answer}", operation.field);
    }
}

async fn every_root_field_is_forbidden_without_each_of_its_scopes(db: TestDatabase) {
    let api = Api::new(db).await;
    let all = filled(&api).await;
    for operation in OPERATIONS {
        for missing in operation.scopes {
            let rest: Vec<&str> =
                Scope::ALL.iter().map(|scope| scope.as_str()).filter(|scope| scope != missing).collect();
            let token = api.sign_in(&api.account, Some(&rest.join(" "))).await;
            let answer = ask(&api, Some(&token), operation.document, operation.variables(&all)).await;
            assert_eq!(refusal(&answer).0, "FORBIDDEN", "{} without {missing}: {}", operation.field, answer.text);
        }
    }
}

async fn another_account_reaches_nothing(db: TestDatabase) {
    let api = Api::new(db).await;
    let mut all = filled(&api).await;
    let (_, rival) = api.another_account().await;
    // Its own contact with the same address is its own person.
    all["again"]["lists"] = json!([]);
    let ids: Vec<&str> = ["list", "other", "integration", "contact", "consent", "run", "privacy"]
        .map(|name| all[name].as_str().expect("an id"))
        .to_vec();
    for operation in OPERATIONS {
        let answer = ask(&api, Some(&rival), operation.document, operation.variables(&all)).await;
        for id in &ids {
            assert!(!answer.text.contains(id), "{} shows {id}: {}", operation.field, answer.text);
        }
        let names_an_id = ids.iter().any(|id| operation.variables(&all).to_string().contains(id));
        if names_an_id {
            assert_eq!(refusal(&answer).0, "NOT_FOUND", "{}: {}", operation.field, answer.text);
        }
    }
    let left =
        data(&api, "query($list: UUID!) { list(id: $list) { name memberCount } }", json!({"list": all["list"]})).await;
    assert_eq!(left["list"], json!({"name": "News", "memberCount": 1}));
}

async fn a_relation_is_forbidden_without_its_scope(db: TestDatabase) {
    let api = Api::new(db).await;
    filled(&api).await;
    let token = api.sign_in(&api.account, Some("lists:read")).await;
    let answer = ask(&api, Some(&token), "{ lists { nodes { name contacts { nodes { email } } } } }", json!({})).await;
    assert_eq!(refusal(&answer).0, "FORBIDDEN", "{}", answer.text);
    assert!(!answer.text.contains("ann@example.com"));
}
