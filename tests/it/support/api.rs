//! A client of the service in process: requests go through the real router, without a socket.

use std::fmt::Write as _;

use assent::app::App;
use assent::service::accounts::{self, NewAccount};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::app::TestApp;
use super::databases::TestDatabase;

/// Largest answer read.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// The service with one account, signed in.
pub(crate) struct Api {
    pub(crate) test: TestApp,
    router: Router,
    /// The first account.
    pub(crate) account: NewAccount,
    /// Its token, with every scope.
    pub(crate) token: String,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Api {
    pub(crate) async fn new(db: TestDatabase) -> Self {
        Self::with(db, |_| ()).await
    }

    /// The same with something changed before it starts.
    pub(crate) async fn with(db: TestDatabase, change: impl FnOnce(&mut App)) -> Self {
        let mut test = TestApp::new(db).await;
        change(&mut test.app);
        let router = assent::server::router(test.app.clone());
        let account = accounts::create(&test.app, "Acme", "owner@acme.example").await.expect("an account can be made");
        let mut api = Self { test, router, account, token: String::new() };
        api.token = api.sign_in(&api.account, None).await;
        api
    }

    /// Another account and its token.
    pub(crate) async fn another_account(&self) -> (NewAccount, String) {
        let made = accounts::create(&self.test.app, "Rival", "owner@rival.example").await;
        let account = made.expect("an account can be made");
        let token = self.sign_in(&account, None).await;
        (account, token)
    }

    /// A token of an account's client.
    pub(crate) async fn sign_in(&self, account: &NewAccount, scope: Option<&str>) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &account.client_id.to_string())
            .append_pair("client_secret", &account.client_secret);
        if let Some(scope) = scope {
            form.append_pair("scope", scope);
        }
        let answer = self.form(&form.finish(), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// Posts a form to the token endpoint.
    pub(crate) async fn form(&self, form: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post("/oauth/token").header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form.to_owned())).expect("a request")).await
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, MAX_ANSWER).await.expect("the answer can be read");
        let text = String::from_utf8(bytes.to_vec()).expect("answers are text");
        let answer = Answer { status: parts.status, headers: parts.headers, text };
        answer.is_a_problem_if_it_is_an_error();
        answer
    }

    /// Sends a request with or without a token and with or without a JSON body.
    pub(crate) async fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let method: Method = method.parse().expect("a method");
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a request")).await
    }

    /// Reads with the account's token.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Some(&self.token), None).await
    }

    /// Posts with the account's token.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(&self.token), Some(body)).await
    }

    /// Makes a list and tells its id.
    pub(crate) async fn make_list(&self, name: &str, purpose: &str) -> String {
        self.post("/v1/lists", json!({"name": name, "purpose": purpose})).await.created()
    }

    /// Installs a store that nobody calls and tells its id.
    pub(crate) async fn make_integration(&self, name: &str) -> String {
        self.post("/v1/integrations", shop(name)).await.created()
    }

    /// Submits a consent and tells the record.
    pub(crate) async fn submit(&self, email: &str, lists: &[&str]) -> Value {
        let answer = self.post("/v1/consents", consent(email, lists)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()
    }

    /// Walks all pages of a list and tells the items.
    pub(crate) async fn walk(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = None::<String>;
        for _ in 0..1000 {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut page = format!("{path}{separator}limit={limit}");
            if let Some(after) = &after {
                write!(page, "&after={after}").expect("texts can be written");
            }
            let answer = self.get(&page).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let page = answer.json();
            let found = page["items"].as_array().expect("items");
            assert!(found.len() <= limit);
            items.extend(found.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return items,
            }
        }
        panic!("{path} has no end");
    }
}

/// A WooCommerce store at an address where nobody listens.
pub(crate) fn shop(name: &str) -> Value {
    json!({
        "platform": "woocommerce",
        "name": name,
        "settings": {"storeUrl": "http://127.0.0.1:9", "consumerKey": "ck_key", "consumerSecret": "cs_secret"},
    })
}

/// A consent that anybody could give.
pub(crate) fn consent(email: &str, lists: &[&str]) -> Value {
    json!({
        "email": email,
        "text": "Yes, send me news.",
        "dateTimeConsented": "2026-04-01T10:00:00Z",
        "url": "https://shop.example/signup",
        "ipAddress": "203.0.113.7",
        "userAgent": "Test",
        "lists": lists,
    })
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} is not JSON: {}", self.status, self.text))
    }

    /// The id of what was made; it has to be 201 with its place.
    pub(crate) fn created(&self) -> String {
        assert_eq!(self.status, StatusCode::CREATED, "{}", self.text);
        let id = self.json()["id"].as_str().expect("an id").to_owned();
        let location = self.headers[header::LOCATION].to_str().expect("a path");
        assert!(location.ends_with(&id), "{location}");
        id
    }

    /// The code of a problem and the field it names (empty if none).
    pub(crate) fn problem(&self) -> (u16, String, String) {
        let problem = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text(&problem["code"]), text(&problem["errors"][0]["pointer"]))
    }

    fn is_a_problem_if_it_is_an_error(&self) {
        let is_graphql = self.text.contains("\"errors\":[{\"message\"");
        if self.status.as_u16() < 400 || is_graphql {
            return;
        }
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        assert_eq!(kind, "application/problem+json", "{}: {}", self.status, self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        for member in ["type", "title", "code"] {
            assert!(problem[member].is_string(), "{member} is missing: {problem}");
        }
    }
}
