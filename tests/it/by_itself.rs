//! The whole promise: an empty place, six stores installed by the API, and the lists follow the stores by themselves.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeSet;
use std::time::Duration;

use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, SandboxStore, StoreOptions};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::databases::{Engine, TestDatabase};
use crate::support::program::Program;

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_follow_six_stores_from_an_empty_folder() {
    follow(Program::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_follow_six_stores_from_an_empty_postgresql() {
    let Some(db) = TestDatabase::empty(Engine::Postgres) else { return };
    follow(Program::over(db.url())).await;
}

/// A partner's program: it has a token and knows nothing but the API.
struct Partner {
    client: Client,
    url: String,
    token: String,
}

impl Partner {
    async fn sign_in(url: &str, account: &Value) -> Self {
        let client = Client::builder().no_proxy().build().expect("a client can be built");
        let text = |name: &str| account[name].as_str().expect("a text").to_owned();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &text("clientId"))
            .append_pair("client_secret", &text("clientSecret"))
            .finish();
        let asked = client.post(format!("{url}/oauth/token")).body(form);
        let asked = asked.header("content-type", "application/x-www-form-urlencoded");
        let answer = asked.send().await.expect("the service answers").bytes().await.expect("the answer comes");
        let token: Value = serde_json::from_slice(&answer).expect("it is JSON");
        let token = token["access_token"].as_str().expect("there is a token").to_owned();
        Self { client, url: url.to_owned(), token }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.expect("the service answers");
        let (status, text) = (answer.status(), answer.text().await.expect("the answer comes"));
        let is_well = [StatusCode::OK, StatusCode::CREATED, StatusCode::ACCEPTED].contains(&status);
        assert!(is_well, "{path}: {status} {text}");
        serde_json::from_str(&text).expect("it is JSON")
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn made(&self, path: &str, body: Value) -> String {
        self.post(path, body).await["id"].as_str().expect("it has an id").to_owned()
    }

    async fn on(&self, list: &str) -> BTreeSet<String> {
        let page = self.call(Method::GET, &format!("/v1/lists/{list}/contacts?limit=200"), None).await;
        assert_eq!(page["next"], Value::Null, "few enough for one page");
        let items = page["items"].as_array().expect("there are items");
        items.iter().map(|item| item["emailNormalized"].as_str().expect("an address").to_owned()).collect()
    }
}

/// A store with its integration and the list of its subscribers.
struct Followed {
    store: SandboxStore,
    integration: String,
    list: String,
}

impl Followed {
    async fn install(partner: &Partner, platform: Platform) -> Self {
        let options = StoreOptions { people: 40, ..StoreOptions::generous() };
        let store = SandboxStore::start(platform, options).await.expect("a simulated store starts");
        let list = json!({"name": format!("Subscribers of {platform}"), "purpose": "marketing"});
        let list = partner.made("/v1/lists", list).await;
        let new = json!({"platform": platform.as_str(), "name": store.name(), "settings": store.settings(),
            "mappings": {"subscribers": list}, "schedule": {"intervalSeconds": 60}});
        let integration = partner.made("/v1/integrations", new).await;
        Self { store, integration, list }
    }

    fn subscribers(&self) -> BTreeSet<String> {
        let truths = self.store.truths(0, 500).into_iter();
        let subscribers = truths.filter(|truth| truth.audiences.contains(&Audience::Subscribers));
        subscribers.filter_map(|truth| truth.address).collect()
    }

    /// Makes the change on the first subscriber on whom it can be made, and tells who that was.
    fn change_one(&self, change: impl Fn(String) -> Change) -> String {
        let has_account = |email: &String| {
            let truth = self.store.truth(email);
            truth.is_some_and(|truth| truth.records.iter().any(|record| record.stream == "customers"))
        };
        let mut people = self.subscribers().into_iter().filter(has_account);
        people.find(|email| self.store.change(&change(email.clone())).is_ok()).expect("somebody can be changed")
    }

    async fn follows(&self, partner: &Partner) {
        let mut last = BTreeSet::new();
        let followed = async {
            loop {
                last = partner.on(&self.list).await;
                if last == self.subscribers() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let is_in_time = tokio::time::timeout(PATIENCE, followed).await.is_ok();
        let truth = self.subscribers();
        let (missing, surplus): (Vec<_>, Vec<_>) =
            (truth.difference(&last).collect(), last.difference(&truth).collect());
        assert!(is_in_time, "{}: missing {missing:?}, surplus {surplus:?}", self.store.name());
    }
}

async fn follow(program: Program) {
    let program = program.with("ASSENT_ALLOW_PRIVATE_HOSTS", "true");
    let create = ["account", "create", "--name", "Acme", "--owner-email", "owner@acme.example", "--format", "json"];
    let account = program.run(&create).await.json();
    let serving = program.serve().await;
    let partner = Partner::sign_in(&serving.url, &account).await;
    let mut all = Vec::new();
    for platform in Platform::ALL {
        all.push(Followed::install(&partner, *platform).await);
    }
    for one in &all {
        assert!(!one.subscribers().is_empty());
        one.follows(&partner).await;
    }

    let mut gone = Vec::new();
    for one in &all {
        gone.push(one.change_one(|email| Change::OptOut { email }));
        let fresh = Change::NewCustomer { email: "fresh@example.org".to_owned(), opt_in: Some(true) };
        one.store.change(&fresh).expect("anybody may make an account");
    }
    for one in &all {
        one.follows(&partner).await;
    }
    for (one, gone) in all.iter().zip(&gone) {
        let on = partner.on(&one.list).await;
        assert!(on.contains("fresh@example.org") && !on.contains(gone), "{}", one.store.name());
    }

    for one in &all {
        one.change_one(|email| Change::Delete { email });
        let to = "moved@example.net".to_owned();
        one.change_one(|email| Change::ChangeEmail { email, to: to.clone(), keep_opt_in: true });
        // What only the daily pass finds is not waited for until tomorrow.
        partner.post(&format!("/v1/integrations/{}/syncs", one.integration), json!({"mode": "full"})).await;
    }
    for one in &all {
        one.follows(&partner).await;
        let shown = partner.call(Method::GET, &format!("/v1/integrations/{}", one.integration), None).await;
        assert_eq!(shown["health"], "healthy", "{shown}");
        assert_eq!(shown["schedule"]["intervalSeconds"], 60);
        assert!(shown["schedule"]["nextRunAt"].is_string() && shown["lagSeconds"].is_u64(), "{shown}");
    }
    assert!(serving.terminate().await.success());
}
