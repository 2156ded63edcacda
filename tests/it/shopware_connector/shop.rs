//! How the tests open a shop and read it.

use std::sync::{Arc, Mutex};

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Checkpoint, Connector, ConnectorError, Http, Pass, PeoplePage, Settings, Watermark};
use assent::domain::people::{StoreRecord, Stream};
use assent::domain::{Clock, Platform};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::vendors;

pub(crate) const KEY_ID: &str = "SWIATEST";
pub(crate) const SECRET: &str = "test-secret";
pub(crate) const CHANNEL: &str = "1e03357025d2ad7a43f2e45e0e974cd2";
/// More pages than any test has.
const MAX_PAGES: usize = 500;

/// A clock that moves only when told.
#[derive(Debug)]
pub(crate) struct HandClock(Mutex<DateTime<Utc>>);

impl HandClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A shop and what talks to it.
pub(crate) struct Shop {
    pub(crate) store: AnsweringStore,
    pub(crate) clock: Arc<HandClock>,
    http: Http,
}

impl Shop {
    /// A shop that grants a token to whoever asks and answers the rest as told.
    pub(crate) async fn open(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_tokens(move |asked| if asked.path == "/api/oauth/token" { token("t", 600) } else { answer(asked) })
            .await
    }

    /// A shop that answers everything as told, token calls too.
    pub(crate) async fn with_tokens(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let store = AnsweringStore::start(answer).await;
        let clock = Arc::new(HandClock(Mutex::new("2026-03-10T12:00:00Z".parse().unwrap())));
        Self { store, clock, http: Http::new(HostPolicy::AllowPrivate, None).unwrap() }
    }

    /// A connector with the usual settings.
    pub(crate) fn connector(&self) -> Box<dyn Connector> {
        self.connector_with(&json!({}))
    }

    /// A connector with further settings.
    pub(crate) fn connector_with(&self, more: &Value) -> Box<dyn Connector> {
        let mut settings = json!({"storeUrl": self.store.url, "accessKeyId": KEY_ID, "secretAccessKey": SECRET});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let fields = connectors::settings_of(Platform::Shopware);
        let settings = Settings::parse(fields, settings.as_object().unwrap().clone()).unwrap();
        connectors::open(Platform::Shopware, &settings, &self.http, Arc::<HandClock>::clone(&self.clock)).unwrap()
    }

    /// What was asked beside tokens.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.store.asked().into_iter().filter(|asked| asked.path != "/api/oauth/token").collect()
    }

    /// How often a token was asked for.
    pub(crate) fn grants(&self) -> usize {
        self.store.asked().len() - self.asked().len()
    }
}

pub(crate) fn token(word: &str, lives: i64) -> Reply {
    Reply::json(&json!({"token_type": "Bearer", "expires_in": lives, "access_token": word}))
}

/// A page of a search.
pub(crate) fn page(rows: &[Value], total: usize) -> Reply {
    Reply::json(&json!({"total": total, "data": rows, "aggregations": []}))
}

/// A refusal as Shopware words them.
pub(crate) fn refusal(status: u16, code: &str, detail: &str, parameters: &Value) -> Reply {
    let error = json!({"status": status.to_string(), "code": code, "title": "x", "detail": detail,
        "meta": {"parameters": parameters}});
    Reply::text(status, &json!({"errors": [error]}).to_string())
}

/// An id of 32 digits.
pub(crate) fn id(number: u64) -> String {
    format!("{number:032x}")
}

pub(crate) fn customer(number: u64) -> Value {
    json!({"id": id(number), "autoIncrement": number, "email": format!("c{number}@example.com"), "firstName": "C",
        "lastName": null, "guest": false, "active": true, "doubleOptInRegistration": false,
        "doubleOptInConfirmDate": null, "apiAlias": "customer"})
}

pub(crate) fn recipient(number: u64, created: &str) -> Value {
    json!({"id": id(number), "email": format!("r{number}@example.com"), "firstName": null, "lastName": null,
        "status": "direct", "confirmedAt": null, "createdAt": created, "salesChannelId": CHANNEL,
        "apiAlias": "newsletter_recipient"})
}

/// The bound of a range filter on a field, wherever it stands in the criteria.
pub(crate) fn bound<'a>(criteria: &'a Value, field: &str, operator: &str) -> Option<&'a Value> {
    match criteria {
        Value::Array(items) => items.iter().find_map(|item| bound(item, field, operator)),
        Value::Object(fields) if fields.get("field").is_some_and(|name| name == field) => {
            fields.get("parameters")?.get(operator)
        }
        Value::Object(fields) => fields.values().find_map(|item| bound(item, field, operator)),
        _ => None,
    }
}

/// Customers above the number that was asked for.
pub(crate) fn customers_above(rows: &[Value], asked: &Asked) -> Reply {
    let criteria = asked.json();
    let above = bound(&criteria, "autoIncrement", "gt").and_then(Value::as_u64).unwrap_or_default();
    let rest: Vec<Value> = rows.iter().filter(|row| row["autoIncrement"].as_u64() > Some(above)).cloned().collect();
    let limit = usize::try_from(criteria["limit"].as_u64().unwrap()).unwrap();
    page(&rest[..limit.min(rest.len())], rest.len())
}

/// One pass to its end, or to its error.
pub(crate) async fn pass(
    connector: &dyn Connector,
    stream: Stream,
    pass: Pass,
    resume: Option<Checkpoint>,
) -> Result<Vec<PeoplePage>, ConnectorError> {
    let pages: Vec<_> = connector.pages(stream, pass, resume).take(MAX_PAGES).collect().await;
    assert!(pages.len() < MAX_PAGES, "the pass does not end");
    pages.into_iter().collect()
}

/// A pass since a time.
pub(crate) fn since(time: &str) -> Pass {
    Pass::Since(Watermark(json!({ "changedSince": time })))
}

pub(crate) fn ids(pages: &[PeoplePage]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.records).map(id_of).collect()
}

pub(crate) fn id_of(record: &StoreRecord) -> String {
    match record {
        StoreRecord::Person(person) => person.store_id.to_string(),
        StoreRecord::Skipped { store_id, .. } => store_id.to_string(),
        StoreRecord::Malformed { store_id, .. } => store_id.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// One of the vendor's examples; `None` where they are not there.
pub(crate) fn example(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(vendors()?.join(format!("shopware/examples/{name}.json"))).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The answer of an example.
pub(crate) fn answer_of(example: &Value) -> Reply {
    let status = u16::try_from(example["response"]["status"].as_u64().unwrap()).unwrap();
    Reply::text(status, &example["response"]["body"].to_string())
}
