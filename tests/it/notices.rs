//! Notices: what an integration says about itself, from its settings and from what a run found.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeMap;

use assent::auth::Caller;
use assent::domain::Platform;
use assent::domain::ids::IntegrationId;
use assent::domain::sync::RunMode;
use assent::sandbox::{SandboxStore, SfccOptions, StoreOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

both_databases!(
    a_missing_setting_is_said_at_once_and_until_it_is_there,
    what_a_run_finds_is_said_when_it_has_ended_well,
);

const SETTING: &str = "acceptsMarketingAttribute";

async fn store(api: &Api, has_attribute: bool) -> SandboxStore {
    let sfcc = SfccOptions { attribute: has_attribute, order_attribute: has_attribute, ..SfccOptions::default() };
    let options = StoreOptions { people: 10, clock: api.test.clock.clone(), sfcc, ..StoreOptions::default() };
    SandboxStore::start(Platform::Sfcc, options).await.expect("a simulated store starts")
}

/// Installs the store with or without the name of its attribute. Gives the answer.
async fn install(api: &Api, store: &SandboxStore, attribute: Option<&str>) -> Value {
    let mut settings = store.settings();
    settings[SETTING] = json!(attribute);
    let input = json!({"platform": "sfcc", "name": "Outfitters", "settings": settings});
    let made = api.post("/v1/integrations", input).await;
    assert_eq!(made.status, 201, "{}", made.text);
    serde_json::from_str(&made.text).expect("an integration")
}

async fn sync(api: &Api, integration: &Value) {
    let id: Uuid = integration["id"].as_str().and_then(|id| id.parse().ok()).expect("an integration has an id");
    let caller = Caller::operator(api.account.account_id);
    let installed =
        Installed { app: api.test.app.clone(), caller, integration: IntegrationId::from(id), lists: BTreeMap::new() };
    let run = installed.sync(RunMode::Full).await;
    assert_eq!(run.status, "succeeded", "{:?}", run.error_detail);
}

/// The codes of an integration's notices, each of which says what to do.
fn codes(integration: &Value) -> Vec<&str> {
    let notices = integration["notices"].as_array().expect("notices are a list");
    assert!(notices.iter().all(|notice| notice["detail"].as_str().is_some_and(|detail| detail.len() > 20)));
    notices.iter().filter_map(|notice| notice["code"].as_str()).collect()
}

async fn shown(api: &Api, integration: &Value) -> Value {
    api.get(&format!("/v1/integrations/{}", integration["id"].as_str().expect("it has an id"))).await.json()
}

async fn a_missing_setting_is_said_at_once_and_until_it_is_there(db: TestDatabase) {
    let api = Api::new(db).await;
    let store = store(&api, true).await;
    let integration = install(&api, &store, None).await;
    assert_eq!(codes(&integration), ["ACCEPTS_MARKETING_NOT_SET"]);
    sync(&api, &integration).await;
    assert_eq!(codes(&shown(&api, &integration).await), ["ACCEPTS_MARKETING_NOT_SET"]);
    let path = format!("/v1/integrations/{}", integration["id"].as_str().expect("it has an id"));
    let change = json!({"settings": {SETTING: "acceptsMarketing"}});
    let changed = api.call("PATCH", &path, Some(&api.token), Some(change)).await.json();
    assert!(!codes(&changed).contains(&"ACCEPTS_MARKETING_NOT_SET"), "{changed}");
}

async fn what_a_run_finds_is_said_when_it_has_ended_well(db: TestDatabase) {
    let api = Api::new(db).await;
    let store = store(&api, false).await;
    let integration = install(&api, &store, Some("acceptsMarketing")).await;
    assert!(!codes(&integration).contains(&"ACCEPTS_MARKETING_NOT_FOUND"), "nobody has asked the store yet");
    sync(&api, &integration).await;
    let after = shown(&api, &integration).await;
    assert!(codes(&after).contains(&"ACCEPTS_MARKETING_NOT_FOUND"), "{after}");
}
