//! Everything that the connector sends and the simulated shop answers, against the vendor's own description.

use std::sync::Arc;

use assent::connectors::hooks::{Endpoint, Hooks};
use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Connector, Http, Pass, Settings};
use assent::domain::people::{StoreId, Stream};
use assent::domain::{Platform, SystemClock};
use assent::sandbox::{Fault, FaultPlan, SandboxStore, ShopwareOptions, StoreOptions};
use serde_json::{Value, json};

use super::shop::{pass, since};
use crate::support::openapi::{Allowance, Contract, not_allowed};
use crate::support::recording_proxy::{Exchange, RecordingProxy};
use crate::support::vendors;

/// What is wrong with the vendor's description of answers: the list on top of `vendors/shopware.md`, by its numbers.
/// Nulls (1) are taken out before. Nothing is allowed of requests.
const ALLOWANCES: &[Allowance] = &[
    Allowance {
        problem: "is a required property",
        because: "2, 4: no meta in OAuth errors; includes leave columns out",
    },
    Allowance { problem: "/errors/0/meta: value is not of type", because: "2: meta is an object" },
    Allowance { problem: "POST /oauth/token: the status 401", because: "section 5: wrong client id or secret" },
    Allowance { problem: "POST /webhook: the status 204", because: "example webhook_create_204.json" },
    Allowance { problem: "PATCH /webhook/{id}: the status 204", because: "as webhook_create_204.json" },
];

#[tokio::test]
async fn every_request_and_every_answer_fits_the_vendors_description() {
    let Some(folder) = vendors() else { return };
    let contract = Contract::load(&[folder.join("shopware/admin-api.openapi.json")]);
    let said = everything().await;
    assert!(said.len() >= 40, "{}", said.len());
    let problems = said.iter().flat_map(|exchange| {
        let answer = exchange.response_body.clone().map(without_nulls);
        let (method, path) = (&exchange.method, &exchange.path);
        contract.check(method, path, &exchange.query, exchange.request_body.as_ref(), exchange.status, answer.as_ref())
    });
    let (of_requests, of_answers): (Vec<String>, Vec<String>) =
        problems.partition(|problem| !problem.contains("answer") && !problem.contains("the status"));
    let mut problems = not_allowed(of_answers, ALLOWANCES);
    problems.extend(of_requests);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        other => other,
    }
}

/// Every kind of exchange there is, good and bad.
async fn everything() -> Vec<Exchange> {
    let shopware = ShopwareOptions { max_limit: 40, ..ShopwareOptions::default() };
    let options = StoreOptions { people: 120, shopware, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::Shopware, options).await.unwrap();
    let proxy = RecordingProxy::start(store.base_url()).await;
    let connector = connect(&store, &proxy, &json!({}));
    connector.check().await.unwrap();
    let chosen = connector.streams();
    for stream in chosen {
        let pages = pass(&*connector, *stream, Pass::Full, None).await.unwrap();
        pass(&*connector, *stream, since("2025-12-01T00:00:00Z"), None).await.unwrap();
        let first = super::shop::ids(&pages).remove(0);
        connector.record(*stream, &StoreId::new(first)).await.unwrap();
    }
    assert!(store.plan_fault(FaultPlan::once(Fault::RejectedCredentials)));
    connector.record(Stream::Customers, &StoreId::new("0".repeat(32))).await.unwrap();
    webhooks(connector.hooks().unwrap(), &store).await;
    connect(&store, &proxy, &json!({"secretAccessKey": "wrong"})).check().await.unwrap_err();
    proxy.said()
}

/// Registers, registers again with another token and with a webhook that sleeps, removes.
async fn webhooks(hooks: &dyn Hooks, store: &SandboxStore) {
    let address = "https://assent.example/hooks/0198c1f0-0000-7000-8000-000000000001".parse().unwrap();
    let old = Endpoint { address, secret: "old".into() };
    hooks.register(&old).await.unwrap();
    send_one_to_sleep(store).await;
    hooks.register(&old).await.unwrap();
    let new = Endpoint { secret: "new".into(), ..old };
    hooks.register(&new).await.unwrap();
    hooks.remove(&new).await.unwrap();
}

/// As a shop does after ten deliveries in a row that failed.
async fn send_one_to_sleep(store: &SandboxStore) {
    let http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
    let (url, settings) = (store.base_url(), store.settings());
    let post = async |path: &str, token: &str, body: Value| -> Value {
        let address = format!("{url}/api/{path}").parse().unwrap();
        let request = http.request(reqwest::Method::POST, address).bearer_auth(token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let credentials = json!({"grant_type": "client_credentials", "client_id": settings["accessKeyId"],
        "client_secret": settings["secretAccessKey"]});
    let token = post("oauth/token", "", credentials).await["access_token"].as_str().unwrap().to_owned();
    let webhook =
        post("search/webhook", &token, json!({"limit": 1})).await["data"][0]["id"].as_str().unwrap().to_owned();
    let address = format!("{url}/api/webhook/{webhook}").parse().unwrap();
    let asleep = http.request(reqwest::Method::PATCH, address).bearer_auth(token).json(&json!({"active": false}));
    assert_eq!(asleep.send().await.unwrap().status().as_u16(), 204);
}

fn connect(store: &SandboxStore, proxy: &RecordingProxy, more: &Value) -> Box<dyn Connector> {
    let mut settings = store.settings();
    settings["storeUrl"] = proxy.url.as_str().into();
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let fields = connectors::settings_of(Platform::Shopware);
    let settings = Settings::parse(fields, settings.as_object().unwrap().clone()).unwrap();
    let http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
    connectors::open(Platform::Shopware, &settings, &http, Arc::new(SystemClock)).unwrap()
}
