//! The connector against the simulated shop, which knows the truth about its people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Checkpoint, Connector, Http, Pass, Settings, Watermark};
use assent::domain::contact_rules::{self, Evidence};
use assent::domain::people::{StoreRecord, Stream};
use assent::domain::statement::Held;
use assent::domain::{Audience, Clock, Email, Platform, SystemClock};
use assent::sandbox::{Change, Fault, FaultPlan, SandboxStore, ShopifyCredentials, ShopifyOptions, StoreOptions};
use chrono::{DateTime, Utc};
use futures::StreamExt;

use super::shop::line;

/// Most errors that a pass is resumed after.
const MAX_RESUMES: usize = 20;
/// So much budget that no test waits for it.
const RICH: f64 = 1e9;

async fn start(people: u64, shopify: ShopifyOptions) -> (SandboxStore, Box<dyn Connector>) {
    start_with(people, shopify, Arc::new(SystemClock), None).await
}

/// A store and a connector that exports from so many records on.
pub(super) async fn start_with(
    people: u64,
    shopify: ShopifyOptions,
    clock: Arc<dyn Clock>,
    export_from: Option<u64>,
) -> (SandboxStore, Box<dyn Connector>) {
    let shopify = ShopifyOptions { bucket: RICH, restore_per_second: RICH, ..shopify };
    let options = StoreOptions { people, shopify, clock: Arc::clone(&clock), ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::Shopify, options).await.unwrap();
    let serde_json::Value::Object(mut settings) = store.settings() else { unreachable!("settings are an object") };
    settings.extend(export_from.map(|number| ("exportFrom".to_owned(), number.to_string().into())));
    let settings = Settings::parse(connectors::settings_of(Platform::Shopify), settings).unwrap();
    let http = Http::new(HostPolicy::AllowPrivate, Some(Duration::from_secs(5))).unwrap();
    let connector = connectors::open(Platform::Shopify, &settings, &http, clock).unwrap();
    (store, connector)
}

/// The last state of every record of a stream and the watermark, read as the engine does: after an error that may be
/// retried, from the last checkpoint on.
pub(super) async fn read(
    connector: &dyn Connector,
    stream: Stream,
    pass: &Pass,
) -> (BTreeMap<String, StoreRecord>, Option<Watermark>) {
    let (mut records, mut watermark) = (BTreeMap::new(), None);
    let mut resume: Option<Checkpoint> = None;
    for _ in 0..MAX_RESUMES {
        let mut pages = connector.pages(stream, pass.clone(), resume.clone());
        let error = loop {
            match pages.next().await {
                Some(Ok(page)) => {
                    records.extend(page.records.into_iter().map(|record| (id_of(&record), record)));
                    watermark = page.watermark.or(watermark);
                    resume = Some(page.resume_from);
                }
                Some(Err(error)) => break error,
                None => return (records, watermark),
            }
        };
        assert_ne!(error.retry(), connectors::Retry::Never, "{error}");
    }
    panic!("the pass does not end");
}

fn id_of(record: &StoreRecord) -> String {
    line(record).split(' ').next().unwrap().to_owned()
}

pub(super) async fn read_all(connector: &dyn Connector) -> Vec<StoreRecord> {
    let mut records = Vec::new();
    for stream in connector.streams() {
        records.extend(read(connector, *stream, &Pass::Full).await.0.into_values());
    }
    records
}

/// The audiences of every address, by the contact rules.
fn audiences(records: &[StoreRecord]) -> BTreeMap<String, Vec<Audience>> {
    let now: DateTime<Utc> = "2100-01-01T00:00:00Z".parse().unwrap();
    let mut evidence = BTreeMap::<String, Vec<Evidence>>::new();
    for record in records {
        let StoreRecord::Person(person) = record else { continue };
        let Some(Ok(email)) = person.email.as_deref().map(str::parse::<Email>) else { continue };
        let word = Held::next(None, true, &person.statement, now).word.map(|word| (word, person.statement.source));
        evidence.entry(email.normalized().to_owned()).or_default().push(Evidence { kind: person.kind, word });
    }
    let rules = contact_rules::of(Platform::Shopify);
    let wanted = |evidence: Vec<Evidence>| {
        contact_rules::apply(rules, &evidence, None).iter().map(|(audience, _)| audience).collect()
    };
    evidence.into_iter().map(|(email, evidence)| (email, wanted(evidence))).collect()
}

/// Compares what was read with what the shop says is true, for every address.
pub(super) fn assert_true(store: &SandboxStore, records: &[StoreRecord]) {
    let read = audiences(records);
    let truths: BTreeMap<String, Vec<Audience>> = store
        .truths(0, u64::MAX)
        .into_iter()
        .filter_map(|truth| Some((truth.address?, truth.audiences)))
        .filter(|(_, audiences)| !audiences.is_empty())
        .collect();
    assert!(truths.len() > 100, "there are people");
    assert_eq!(read, truths);
}

pub(super) async fn first_subscriber(store: &SandboxStore, connector: &dyn Connector) -> (String, String) {
    let customers = read(connector, Stream::Customers, &Pass::Full).await.0;
    customers
        .into_iter()
        .find_map(|(id, record)| match record {
            StoreRecord::Person(person) => {
                let email: Email = person.email?.parse().ok()?;
                let truth = store.truth(email.normalized())?;
                truth.audiences.contains(&Audience::Subscribers).then(|| (id, email.normalized().to_owned()))
            }
            _ => None,
        })
        .unwrap()
}

#[tokio::test]
async fn a_full_pass_finds_the_truth_about_everybody() {
    let (store, connector) = start(700, ShopifyOptions::default()).await;
    let records = read_all(&*connector).await;
    assert_true(&store, &records);
}

#[tokio::test]
async fn short_lived_tokens_are_renewed_on_the_way() {
    let credentials = ShopifyCredentials::ClientCredentials { token_lives: Duration::from_secs(1) };
    let (store, connector) = start(700, ShopifyOptions { credentials, ..ShopifyOptions::default() }).await;
    let records = read_all(&*connector).await;
    assert_true(&store, &records);
}

#[tokio::test]
async fn a_pass_that_is_disturbed_ends_like_one_that_is_not() {
    let faults =
        [Fault::Throttled, Fault::ServerError, Fault::TruncatedBody, Fault::MalformedJson, Fault::Html, Fault::MaxCost];
    for fault in faults {
        let (store, connector) = start(700, ShopifyOptions::default()).await;
        assert!(store.plan_fault(FaultPlan { times: 2, after: 1, ..FaultPlan::once(fault) }));
        let records = read_all(&*connector).await;
        assert_eq!(store.struck(fault), 2, "{fault:?}");
        assert_true(&store, &records);
    }
}

#[tokio::test]
async fn an_opt_out_is_seen_by_the_next_incremental_pass() {
    for whole_day_customers in [false, true] {
        let (store, connector) = start(700, ShopifyOptions { whole_day_customers, ..ShopifyOptions::default() }).await;
        let watermark = read(&*connector, Stream::Customers, &Pass::Full).await.1.unwrap();
        let (id, email) = first_subscriber(&store, &*connector).await;
        store.change(&Change::OptOut { email }).unwrap();
        let changed = read(&*connector, Stream::Customers, &Pass::Since(watermark)).await.0;
        assert!(line(&changed[&id]).contains(" withdrawn "), "{}", line(&changed[&id]));
    }
}

#[tokio::test]
async fn an_incremental_pass_reads_few_records_again() {
    let (_store, connector) = start(700, ShopifyOptions::default()).await;
    let (all, watermark) = read(&*connector, Stream::Customers, &Pass::Full).await;
    let (again, next) = read(&*connector, Stream::Customers, &Pass::Since(watermark.clone().unwrap())).await;
    assert!(again.len() * 10 < all.len(), "{} of {}", again.len(), all.len());
    assert_eq!(next, watermark);
}

#[tokio::test]
async fn the_simulated_shop_passes_the_connection_test() {
    let (_store, connector) = start(50, ShopifyOptions::default()).await;
    let report = connector.check().await.unwrap();
    assert!(report.is_ok() && report.warnings.is_empty(), "{report:?}");
}
