//! How the tests open a shop and read it.

use std::sync::Arc;
use std::time::Duration;

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Checkpoint, Connector, ConnectorError, Http, Pass, PeoplePage, Settings};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use assent::domain::{Platform, SystemClock};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::support::answering::AnsweringStore;
use crate::support::recorded::{CONSUMER_KEY, CONSUMER_SECRET};

thread_local! {
    /// A test's own client: making one reads the system's certificates, and its connections are its runtime's.
    static HTTP: Http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
}

/// More pages than any test has.
const MAX_PAGES: usize = 500;

pub(crate) fn connector(store: &AnsweringStore) -> Box<dyn Connector> {
    open(&json!({"storeUrl": store.url, "consumerKey": CONSUMER_KEY, "consumerSecret": CONSUMER_SECRET}), None)
}

pub(crate) fn connector_with(store: &AnsweringStore, keys: &Value) -> Box<dyn Connector> {
    let settings = json!({"storeUrl": store.url, "consumerKey": CONSUMER_KEY, "consumerSecret": CONSUMER_SECRET,
        "optInMetaKeys": keys});
    open(&settings, None)
}

/// The connector of a shop whose customers are the users of these roles.
pub(crate) fn connector_for(store: &AnsweringStore, roles: &[&str]) -> Box<dyn Connector> {
    let settings = json!({"storeUrl": store.url, "consumerKey": CONSUMER_KEY, "consumerSecret": CONSUMER_SECRET,
        "customerRoles": roles});
    open(&settings, None)
}

pub(crate) fn open(settings: &Value, timeout: Option<Duration>) -> Box<dyn Connector> {
    let fields = connectors::settings_of(Platform::WooCommerce);
    let settings = Settings::parse(fields, settings.as_object().unwrap().clone()).unwrap();
    let http = match timeout {
        None => HTTP.with(Http::clone),
        some => Http::new(HostPolicy::AllowPrivate, some).unwrap(),
    };
    connectors::open(Platform::WooCommerce, &settings, &http, Arc::new(SystemClock)).unwrap()
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

/// The first page of a full pass.
pub(crate) async fn first_page(store: &AnsweringStore, stream: Stream) -> Result<PeoplePage, ConnectorError> {
    let connector = connector(store);
    let mut pages = connector.pages(stream, Pass::Full, None);
    pages.next().await.expect("a stream gives a page or an error")
}

pub(crate) fn id_of(record: &StoreRecord) -> Option<&StoreId> {
    match record {
        StoreRecord::Person(person) => Some(&person.store_id),
        StoreRecord::Skipped { store_id, .. } => Some(store_id),
        StoreRecord::Malformed { store_id, .. } => store_id.as_ref(),
    }
}
