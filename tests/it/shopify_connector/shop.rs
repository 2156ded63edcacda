//! A shop that answers as a test tells it to, over real HTTP, and remembers what it was asked.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Connector, ConnectorError, Http, Pass, PeoplePage, Settings};
use assent::domain::people::{StoreRecord, Stream};
use assent::domain::{Clock, Platform};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use serde_json::{Value, json};

/// One request as the shop saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    /// The JSON body; null for a form.
    pub(crate) body: Value,
    pub(crate) form: String,
}

impl Asked {
    /// Name of the operation that was asked for.
    pub(crate) fn operation(&self) -> &str {
        let text = self.body["query"].as_str().unwrap_or_default();
        text.split(|character: char| !character.is_alphanumeric()).nth(1).unwrap_or_default()
    }

    pub(crate) fn variable(&self, name: &str) -> &Value {
        &self.body["variables"][name]
    }
}

/// What the shop answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![], body: body.to_string() }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: vec![], body: body.to_owned() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The `response` of an example exchange.
    pub(crate) fn example(response: &Value) -> Self {
        let body = match &response["body"] {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        let status = response["status"].as_u64().map_or(200, |status| u16::try_from(status).unwrap());
        let headers = response["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        Self { status, headers, body }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let headers: HeaderMap = self
            .headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        (StatusCode::from_u16(self.status).unwrap(), headers, self.body).into_response()
    }
}

type Behaviour = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// The shop and a connector that is connected to it.
pub(crate) struct Shop {
    pub(crate) connector: Box<dyn Connector>,
    pub(crate) clock: Arc<HandClock>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Shop {
    /// A shop with this behaviour and a fixed token.
    pub(crate) async fn open(behaviour: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        Self::open_with(json!({ "accessToken": "shpat_1" }), behaviour).await
    }

    /// A shop that gives these answers, one after the other, and the last one for ever.
    pub(crate) async fn scripted(answers: Vec<Answer>) -> Self {
        let mut answers = VecDeque::from(answers);
        Self::open(move |_| if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }).await
    }

    /// A shop with this behaviour and these credentials.
    pub(crate) async fn open_with(
        mut settings: Value,
        behaviour: impl FnMut(&Asked) -> Answer + Send + 'static,
    ) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let address = serve(Arc::clone(&asked), Box::new(behaviour)).await;
        settings["shopDomain"] = json!("acme");
        settings["apiBaseUrl"] = json!(format!("http://{address}"));
        let Value::Object(settings) = settings else { unreachable!("settings are an object") };
        let settings = Settings::parse(connectors::settings_of(Platform::Shopify), settings).unwrap();
        let http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
        let clock = Arc::new(HandClock::default());
        let connector = connectors::open(Platform::Shopify, &settings, &http, Arc::<HandClock>::clone(&clock)).unwrap();
        Self { connector, clock, asked }
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    /// All pages of a pass.
    pub(crate) async fn read(&self, stream: Stream, pass: Pass) -> Result<Vec<PeoplePage>, ConnectorError> {
        self.connector.pages(stream, pass, None).try_collect().await
    }

    /// The error of a pass that must fail.
    pub(crate) async fn failure(&self, stream: Stream) -> ConnectorError {
        self.read(stream, since("2026-10-01T00:00:00Z")).await.expect_err("the pass must fail")
    }
}

async fn serve(asked: Arc<Mutex<Vec<Asked>>>, behaviour: Behaviour) -> std::net::SocketAddr {
    let behaviour = Arc::new(Mutex::new(behaviour));
    let handler = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let request = Asked {
            path: uri.path().to_owned(),
            token: headers.get("x-shopify-access-token").map(|token| token.to_str().unwrap().to_owned()),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            form: String::from_utf8(body.to_vec()).unwrap(),
        };
        let answer = lock(&behaviour)(&request);
        lock(&asked).push(request);
        async move { answer }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
    address
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// A clock that moves only when told.
#[derive(Debug)]
pub(crate) struct HandClock(Mutex<DateTime<Utc>>);

impl Default for HandClock {
    fn default() -> Self {
        Self(Mutex::new("2026-10-05T12:00:00Z".parse().unwrap()))
    }
}

impl HandClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        *lock(&self.0) += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.0)
    }
}

/// An incremental pass since this time.
pub(crate) fn since(time: &str) -> Pass {
    Pass::Since(connectors::Watermark(json!({ "updatedAt": time })))
}

/// An example exchange.
pub(crate) fn example(name: &str) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shopify/examples");
    let text = std::fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The answer of an example exchange.
pub(crate) fn example_answer(name: &str) -> Answer {
    Answer::example(&example(name)["response"])
}

/// A page of a list.
pub(crate) fn page(root: &str, nodes: &[Value], next: Option<&str>) -> Answer {
    let page_info = json!({ "hasNextPage": next.is_some(), "endCursor": next });
    Answer::json(&json!({ "data": { root: { "nodes": nodes, "pageInfo": page_info } } }))
}

/// A customer who subscribed.
pub(crate) fn customer(id: u64, updated_at: &str) -> Value {
    json!({
        "legacyResourceId": id.to_string(), "updatedAt": updated_at, "firstName": null, "lastName": null,
        "defaultEmailAddress": {
            "emailAddress": format!("c{id}@example.com"), "validFormat": true, "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "SINGLE_OPT_IN", "marketingUpdatedAt": updated_at
        }
    })
}

/// Records of all pages, each as one line.
pub(crate) fn lines(pages: &[PeoplePage]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.records).map(line).collect()
}

/// A record as one line: id, kind, address, names, statement.
pub(crate) fn line(record: &StoreRecord) -> String {
    match record {
        StoreRecord::Person(person) => {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let statement = &person.statement;
            let at = statement.at.map_or_else(|| "-".to_owned(), |at| at.format("%FT%TZ").to_string());
            format!(
                "{} {} {} {} {} {} {at} | {}",
                person.store_id,
                person.kind,
                text(&person.email),
                text(&person.first_name),
                text(&person.last_name),
                statement.value,
                statement.detail
            )
        }
        StoreRecord::Skipped { store_id, reason } => format!("{store_id} skipped {reason}"),
        StoreRecord::Malformed { store_id, detail } => {
            format!("{} malformed: {detail}", store_id.as_ref().map_or("-", |id| id.as_str()))
        }
    }
}
