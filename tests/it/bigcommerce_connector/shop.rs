//! How the tests open a store and read it.

use std::sync::Arc;

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Checkpoint, Connector, ConnectorError, Http, Pass, PeoplePage, Settings};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use assent::domain::{Platform, SystemClock};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Reply};

thread_local! {
    /// A test's own client: making one reads the system's certificates, and its connections are its runtime's.
    static HTTP: Http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
}

/// More pages than any test has.
const MAX_PAGES: usize = 500;
/// Every stream, in reading order.
pub(crate) const STREAMS: [Stream; 3] = [Stream::Customers, Stream::Subscribers, Stream::Orders];

pub(crate) fn settings(base: &str) -> Value {
    json!({"storeHash": "abc123fixt", "accessToken": "bcfixturetoken", "clientSecret": "bc_test_client_secret_0001",
        "apiBaseUrl": base})
}

pub(crate) fn connector(store: &AnsweringStore) -> Box<dyn Connector> {
    open(&settings(&store.url))
}

pub(crate) fn open(settings: &Value) -> Box<dyn Connector> {
    open_with(&HTTP.with(Http::clone), settings)
}

pub(crate) fn open_with(http: &Http, settings: &Value) -> Box<dyn Connector> {
    let fields = connectors::settings_of(Platform::BigCommerce);
    let settings = Settings::parse(fields, settings.as_object().unwrap().clone()).unwrap();
    connectors::open(Platform::BigCommerce, &settings, http, Arc::new(SystemClock)).unwrap()
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

pub(crate) async fn all_records(connector: &dyn Connector, stream: Stream, how: Pass) -> Vec<StoreRecord> {
    let pages = pass(connector, stream, how, None).await.unwrap();
    pages.into_iter().flat_map(|page| page.records).collect()
}

pub(crate) fn ids(records: &[StoreRecord]) -> Vec<u64> {
    let id = |record: &StoreRecord| match record {
        StoreRecord::Person(person) => Some(person.store_id.clone()),
        StoreRecord::Skipped { store_id, .. } => Some(store_id.clone()),
        StoreRecord::Malformed { store_id, .. } => store_id.clone(),
    };
    records.iter().filter_map(id).map(|id: StoreId| id.as_str().parse().unwrap()).collect()
}

/// A page of V3 with the block of numbers.
pub(crate) fn numbered(rows: &[Value], total: usize, limit: usize, page: usize) -> Reply {
    let pagination = json!({"total": total, "count": rows.len(), "per_page": limit, "current_page": page,
        "total_pages": total.div_ceil(limit)});
    Reply::json(&json!({"data": rows, "meta": {"pagination": pagination}}))
}

pub(crate) fn customer(id: u64, modified: &str) -> Value {
    json!({"id": id, "email": format!("c{id}@example.com"), "first_name": "", "last_name": "", "channel_ids": [1],
        "date_created": modified, "date_modified": modified})
}

pub(crate) fn subscriber(id: u64, modified: &str) -> Value {
    json!({"id": id, "email": format!("s{id}@example.com"), "first_name": "", "last_name": "", "source": "storefront",
        "channel_id": 1, "consents": ["marketing_newsletter"], "date_created": modified, "date_modified": modified})
}

pub(crate) fn order(id: u64, modified: &str) -> Value {
    json!({"id": id, "customer_id": 0, "status_id": 11, "is_deleted": false, "is_email_opt_in": false, "channel_id": 1,
        "date_created": modified, "date_modified": modified,
        "billing_address": {"email": format!("g{id}@example.com"), "first_name": "", "last_name": ""}})
}
