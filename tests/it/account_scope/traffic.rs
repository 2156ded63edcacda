//! What a day brings: passes over a store, webhooks, consents, and people who look.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use assent::auth::token;
use assent::domain::access::Scope;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, StoreOptions};
use assent::sync::{hints, registration};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::api::consent;
use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;
use crate::support::shop::Shop;

/// All that front ends ask about contacts, lists, integrations and runs in one document.
const QUERY: &str = "query {
    lists(first: 5) { edges { node { id contacts(first: 5) { edges { node { id email } } } } } }
    contacts(first: 5) { edges { node { id email
        memberships(first: 5) { edges { node { id } } }
        consents(first: 5) { edges { node { id } } }
        sources(first: 5) { edges { node { id } } }
        events(first: 5) { edges { node { id } } } } } }
    integrations(first: 5) { edges { node { id health syncRuns(first: 5) { edges { node { id status } } } } } }
}";

/// A service with a store, whose statements are listened to.
pub(super) struct Traffic {
    shop: Shop,
    test: TestApp,
    router: Router,
}

impl Traffic {
    /// Has everything happen once. Tells the different statements that ran.
    pub(super) async fn of_everything(db: TestDatabase) -> BTreeSet<String> {
        let ran = Arc::new(Mutex::new(BTreeSet::new()));
        let heard = Arc::clone(&ran);
        let mut test = TestApp::new(db).await;
        test.app.db.set_metric_callback(move |info| {
            heard.lock().expect("nobody panics while it listens").insert(info.statement.sql.clone());
        });
        let until = CancellationToken::new();
        let _server = until.clone().drop_guard();
        let traffic = Self::new(test, &until).await;
        // Installing and signing in are rare.
        ran.lock().expect("nobody panics while it listens").clear();
        let contact = traffic.is_synced().await;
        traffic.is_told().await;
        traffic.is_agreed_to(&contact).await;
        traffic.is_looked_at(&contact).await;
        let ran = ran.lock().expect("nobody panics while it listens");
        ran.clone()
    }

    async fn new(mut test: TestApp, until: &CancellationToken) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        test.app.public_url = format!("http://{address}").into();
        tokio::spawn(assent::server::serve(listener, test.app.clone(), until.clone()));
        let options = StoreOptions { people: 60, ..StoreOptions::generous() };
        let shop = Shop::open(&test, Platform::WooCommerce, options).await;
        let router = assent::server::router(test.app.clone());
        Self { shop, test, router }
    }

    /// A first pass, one that finds nothing new, one that finds everything that can happen, and one of changes only. Tells
    /// the address of somebody who stays.
    async fn is_synced(&self) -> String {
        self.pass(RunMode::Full).await;
        self.pass(RunMode::Full).await;
        let customers = self.shop.truth(Audience::Customers);
        let mut with_account = customers
            .into_iter()
            .filter(|email| self.shop.store.change(&Change::OptIn { email: email.clone() }).is_ok());
        let mut next = || with_account.next().expect("enough people have an account");
        let (stays, out, moves, gone) = (next(), next(), next(), next());
        self.pass(RunMode::Full).await;
        self.change(&Change::OptOut { email: out });
        let to = "moved@example.com".to_owned();
        self.change(&Change::ChangeEmail { email: moves, to, keep_opt_in: true });
        self.change(&Change::Delete { email: gone });
        self.change(&Change::GuestOrder { email: "guest@example.com".to_owned(), opt_in: Some(true) });
        self.pass(RunMode::Incremental).await;
        self.pass(RunMode::Full).await;
        stays
    }

    async fn pass(&self, mode: RunMode) {
        self.test.clock.advance(TimeDelta::minutes(10));
        assert_eq!(self.shop.sync(mode).await.status, "succeeded");
        self.test.clock.advance(TimeDelta::minutes(10));
    }

    fn change(&self, change: &Change) {
        self.shop.store.change(change).expect("the change can be made");
    }

    /// Webhooks arrive and are carried out.
    async fn is_told(&self) {
        registration::run_due(&self.shop.app).await.expect("webhooks can be registered");
        self.shop.store.delivered().await;
        self.change(&Change::NewCustomer { email: "told@example.com".to_owned(), opt_in: Some(true) });
        self.shop.store.delivered().await;
        self.test.clock.advance(TimeDelta::minutes(1));
        assert!(hints::run_due(&self.shop.app).await > 0, "a webhook arrived");
        self.change(&Change::OptOut { email: "told@example.com".to_owned() });
        self.shop.store.delivered().await;
        hints::run_due(&self.shop.app).await;
    }

    /// Somebody says yes, and takes it back.
    async fn is_agreed_to(&self, email: &str) {
        let list = self.shop.new_list("News", "marketing").await.to_string();
        for email in [email, "new@example.com"] {
            self.ask("POST", "/v1/consents", Some(consent(email, &[&list]))).await;
        }
        let mut no = consent(email, &[]);
        no["eventType"] = json!("withdrawn");
        no["text"] = Value::Null;
        self.ask("POST", "/v1/consents", Some(no)).await;
    }

    /// Reads by both transports.
    async fn is_looked_at(&self, email: &str) {
        let found = self.ask("GET", &format!("/v1/contacts?email={}", email.replace('+', "%2B")), None).await;
        let contact = found["items"][0]["id"].as_str().expect("somebody").to_owned();
        let runs = self.ask("GET", &format!("/v1/integrations/{}/syncs", self.shop.integration), None).await;
        let run = runs["items"][0]["id"].as_str().expect("a run").to_owned();
        let list = self.shop.lists[&Audience::Customers];
        let integration = self.shop.integration;
        for path in [
            "/v1/contacts".to_owned(),
            format!("/v1/contacts?listId={list}&integrationId={integration}"),
            format!("/v1/contacts/{contact}"),
            format!("/v1/contacts/{contact}/memberships"),
            format!("/v1/contacts/{contact}/sources"),
            format!("/v1/contacts/{contact}/consents"),
            format!("/v1/contacts/{contact}/events"),
            format!("/v1/integrations/{integration}/webhooks"),
            "/v1/lists".to_owned(),
            format!("/v1/lists/{list}"),
            format!("/v1/lists/{list}/contacts?limit=5"),
            "/v1/integrations".to_owned(),
            format!("/v1/integrations/{integration}"),
            format!("/v1/integrations/{integration}/mappings"),
            format!("/v1/syncs/{run}"),
            format!("/v1/syncs/{run}/issues"),
            "/v1/consents".to_owned(),
        ] {
            self.ask("GET", &path, None).await;
        }
        let answer = self.ask("POST", "/graphql", Some(json!({"query": QUERY}))).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        // The clock went on since the last one.
        let token = token::issue(&self.test.app, self.shop.caller.account_id, Uuid::new_v4().into(), Scope::ALL).await;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expect("a token can be signed")))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1_000_000).await.expect("the answer can be read");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).expect("answers are JSON")
    }
}
