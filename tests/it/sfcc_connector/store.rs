//! How the tests open a store and read it, and a store of a few rows that knows the platform's rules.

use std::sync::Arc;

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Checkpoint, Connector, ConnectorError, Http, Pass, PeoplePage, Settings, Watermark};
use assent::domain::people::{StoreRecord, Stream};
use assent::domain::{Clock, Platform};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::app::TestClock;

thread_local! {
    /// A test's own client: making one reads the system's certificates, and its connections are its runtime's.
    static HTTP: Http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
}

/// More pages than any test has.
const MAX_PAGES: usize = 500;
const ERRORS: &str = "https://api.commercecloud.salesforce.com/documentation/error/v1/errors";

pub(crate) const SEARCH: &str =
    "/customer/customers/v1/organizations/f_ecom_zzxy_prd/customer-lists/RefArch/customer-search";
pub(crate) const ORDERS: &str = "/checkout/orders/v1/organizations/f_ecom_zzxy_prd/orders";
pub(crate) const TOKEN: &str = "/dwsso/oauth2/access_token";

/// Settings of the store at an address.
pub(crate) fn settings(url: &str) -> Value {
    json!({"shortCode": "kv7kzm78", "organizationId": "f_ecom_zzxy_prd", "siteIds": ["RefArch"],
        "customerListId": "RefArch", "clientId": "assent", "clientSecret": "hush",
        "acceptsMarketingAttribute": "acceptsMarketing", "apiBaseUrl": url, "tokenUrl": format!("{url}{TOKEN}")})
}

pub(crate) fn open(settings: &Value, clock: Arc<dyn Clock>) -> Box<dyn Connector> {
    let fields = connectors::settings_of(Platform::Sfcc);
    let settings = Settings::parse(fields, settings.as_object().unwrap().clone()).unwrap();
    connectors::open(Platform::Sfcc, &settings, &HTTP.with(Http::clone), clock).unwrap()
}

/// A store whose answers beside tokens come from `answer`, and a connector to it.
pub(crate) struct Open {
    pub(crate) store: AnsweringStore,
    pub(crate) connector: Box<dyn Connector>,
    pub(crate) clock: Arc<TestClock>,
}

impl Open {
    pub(crate) async fn with(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_settings(&json!({}), answer).await
    }

    /// `changes` to the settings; null takes one out.
    pub(crate) async fn with_settings(
        changes: &Value,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let store =
            AnsweringStore::start(move |asked| if asked.path == TOKEN { token(asked) } else { answer(asked) }).await;
        let mut settings = settings(&store.url);
        for (name, value) in changes.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let clock = Arc::new(TestClock::default());
        let connector = open(&settings, Arc::<TestClock>::clone(&clock));
        Self { store, connector, clock }
    }

    /// What was asked for at a path.
    pub(crate) fn asked_at(&self, path: &str) -> Vec<Asked> {
        self.store.asked().into_iter().filter(|asked| asked.path == path).collect()
    }
}

/// A token with the scopes that were asked for, as Account Manager grants it.
pub(crate) fn token(asked: &Asked) -> Reply {
    let scope = asked.field("scope").unwrap();
    let token = format!("token-{}", asked.number);
    Reply::json(&json!({"access_token": token, "scope": scope, "token_type": "Bearer", "expires_in": 1799}))
}

/// A problem by the last part of its type.
pub(crate) fn problem(status: u16, kind: &str) -> Reply {
    let body = json!({"title": "A Problem", "type": format!("{ERRORS}/{kind}"), "detail": "Free text."});
    Reply::text(status, &body.to_string()).header("Content-Type", &"application/problem+json")
}

/// A pass to its end, or to its error.
pub(crate) async fn read(
    connector: &dyn Connector,
    stream: Stream,
    pass: Pass,
    resume: Option<Checkpoint>,
) -> Result<Vec<PeoplePage>, ConnectorError> {
    let pages: Vec<_> = connector.pages(stream, pass, resume).take(MAX_PAGES).collect().await;
    assert!(pages.len() < MAX_PAGES, "the pass does not end");
    pages.into_iter().collect()
}

pub(crate) fn watermark(pages: &[PeoplePage]) -> Watermark {
    pages.last().unwrap().watermark.clone().expect("the last page has a watermark")
}

/// Ids of everything on the pages, in order.
pub(crate) fn ids(pages: &[PeoplePage]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.records).map(id_of).collect()
}

pub(crate) fn id_of(record: &StoreRecord) -> String {
    let id = match record {
        StoreRecord::Person(person) => Some(&person.store_id),
        StoreRecord::Skipped { store_id, .. } => Some(store_id),
        StoreRecord::Malformed { store_id, .. } => store_id.as_ref(),
    };
    id.map(ToString::to_string).unwrap_or_default()
}

/// A profile made at a time.
pub(crate) fn profile(number: usize, created: DateTime<Utc>) -> Value {
    let date = created.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    json!({"customerId": format!("ab{number:08}"), "customerNo": format!("{number:08}"), "lastName": "Berg",
        "email": format!("c{number}@example.com"), "creationDate": date, "lastModified": date})
}

/// What the customer search of a store of a few rows does with dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dates {
    /// Filters and sorts by them.
    Known,
    /// Refuses them.
    Unknown,
    /// Refuses them, and to sort by anything else.
    Unsortable,
    /// Takes them and does nothing.
    Ignored,
    /// Finds only what has them, and the first row has none.
    Patchy,
}

/// Answers a search among rows that are sorted by their date. Not the sandbox: it has stores that it can't have.
pub(crate) fn search(rows: &[Value], dates: Dates, asked: &Asked) -> Reply {
    let body = asked.json();
    let number = |name: &str| usize::try_from(body[name].as_u64().unwrap()).unwrap();
    let (limit, offset) = (number("limit"), number("offset"));
    assert!((1..=200).contains(&limit) && offset + limit <= 10_000, "{body}");
    let range = &body["query"]["filteredQuery"]["filter"]["rangeFilter"];
    let sort = body["sorts"][0]["field"].as_str();
    let by_date = !range.is_null() || sort.is_some_and(|field| field != "customerNo");
    if (by_date && dates == Dates::Unknown) || (sort.is_some() && dates == Dates::Unsortable) {
        return problem(400, "invalid-query-parameter");
    }
    let within = |row: &&Value| {
        let date = row[range["field"].as_str().unwrap_or_default()].as_str().unwrap_or_default();
        let from = range["from"].as_str().is_none_or(|from| date >= from);
        let until = range["to"].as_str().is_none_or(|to| date < to);
        range.is_null() || dates == Dates::Ignored || (from && until)
    };
    let skipped = usize::from(dates == Dates::Patchy && !range.is_null());
    let found: Vec<&Value> = rows.iter().skip(skipped).filter(within).collect();
    let hits = found.iter().skip(offset).take(limit).map(|row| json!({"data": row, "relevance": 1.0}));
    let hits: Vec<Value> = hits.collect();
    Reply::json(&json!({"hits": hits, "query": body["query"], "limit": limit, "offset": offset, "total": found.len()}))
}
