//! The connector against the simulated store, which knows nothing of it and who ought to be found.

use std::collections::{BTreeMap, BTreeSet};

use assent::connectors::hooks::Endpoint;
use assent::connectors::{Connector, Pass, Watermark};
use assent::domain::contact_rules::{self, Evidence};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use assent::domain::source_record::SourceRecord;
use assent::domain::{Audience, Clock as _, Email, Platform, SystemClock};
use assent::sandbox::{BigCommerceOptions, Change, Fault, FaultPlan, SandboxStore, StoreOptions, Target};

use super::shop::{STREAMS, all_records, ids, open, pass};

async fn store(people: u64) -> (SandboxStore, Box<dyn Connector>) {
    let options = StoreOptions { people, ..StoreOptions::generous() };
    let store = SandboxStore::start(Platform::BigCommerce, options).await.unwrap();
    let connector = open(&store.settings());
    (store, connector)
}

/// The addresses that the contact rules put on an audience, when only these records are known.
fn on_audience(records: &[(Stream, StoreRecord)], audience: Audience) -> BTreeSet<String> {
    let now = SystemClock.now();
    let mut evidence: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
    for (stream, record) in records {
        let StoreRecord::Person(person) = record else { continue };
        let Some(Ok(email)) = person.email.as_deref().map(str::parse::<Email>) else { continue };
        let address = email.normalized().to_owned();
        let record = SourceRecord::first_seen(*stream, person, email, person.payload_hash(), now);
        evidence.entry(address).or_default().push(record.evidence());
    }
    let rules = contact_rules::of(Platform::BigCommerce);
    let is_on = |records: &Vec<Evidence>| {
        contact_rules::apply(rules, records, None).iter().any(|(wanted, _)| wanted == audience)
    };
    evidence.into_iter().filter(|(_, records)| is_on(records)).map(|(address, _)| address).collect()
}

async fn everything(connector: &dyn Connector) -> Vec<(Stream, StoreRecord)> {
    let mut records = Vec::new();
    for stream in STREAMS {
        let read = all_records(connector, stream, Pass::Full).await;
        records.extend(read.into_iter().map(|record| (stream, record)));
    }
    records
}

#[tokio::test]
async fn everybody_is_found_where_they_ought_to_be() {
    let (store, connector) = store(1_200).await;
    let records = everything(&*connector).await;
    for audience in [Audience::Customers, Audience::Subscribers] {
        let truths = store.truths(0, 2_000).into_iter().filter(|truth| truth.audiences.contains(&audience));
        let expected: BTreeSet<String> = truths.filter_map(|truth| truth.address).collect();
        assert!(expected.len() > 100, "{}", expected.len());
        assert_eq!(on_audience(&records, audience), expected, "{audience}");
    }
}

#[tokio::test]
async fn an_incremental_pass_reads_what_changed_and_little_more() {
    let (store, connector) = store(1_000).await;
    let mut watermarks: BTreeMap<&str, Watermark> = BTreeMap::new();
    for stream in STREAMS {
        let pages = pass(&*connector, stream, Pass::Full, None).await.unwrap();
        watermarks.insert(stream.as_str(), pages.last().unwrap().watermark.clone().unwrap());
    }
    for change in [
        Change::NewCustomer { email: "new@example.com".to_owned(), opt_in: Some(true) },
        Change::GuestOrder { email: "guest@example.com".to_owned(), opt_in: None },
    ] {
        store.change(&change).unwrap();
    }
    for stream in STREAMS {
        let before = store.requests();
        let since = Pass::Since(watermarks[stream.as_str()].clone());
        let records = all_records(&*connector, stream, since).await;
        assert!((1..=20).contains(&records.len()), "{stream}: {}", records.len());
        assert!(store.requests() - before <= 2, "{stream}");
        let newest = ids(&records).into_iter().max().unwrap().to_string();
        let again = connector.record(stream, &StoreId::new(newest.as_str())).await.unwrap();
        assert!(again.is_some(), "{stream} {newest}");
        assert!(connector.record(stream, &StoreId::new("99999999")).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_page_that_shifts_hides_nobody() {
    let (store, connector) = store(2_000).await;
    let all = ids(&all_records(&*connector, Stream::Subscribers, Pass::Full).await);
    let plan = FaultPlan { fault: Fault::ShiftedPage, times: 3, after: 0, on: Target::Subscribers };
    assert!(store.plan_fault(plan));
    let read: BTreeSet<u64> =
        ids(&all_records(&*connector, Stream::Subscribers, Pass::Full).await).into_iter().collect();
    assert_eq!(store.struck(Fault::ShiftedPage), 3);
    let still_there = ids(&all_records(&*connector, Stream::Subscribers, Pass::Full).await);
    assert!(still_there.len() < all.len());
    assert!(still_there.iter().all(|id| read.contains(id)));
}

#[tokio::test]
async fn the_simulated_store_passes_the_connection_test() {
    let (_store, connector) = store(30).await;
    let report = connector.check().await.unwrap();
    assert!(report.is_ok() && report.warnings.is_empty());
    assert_eq!(report.store_name.as_deref(), Some("BigCommerce sandbox"));
}

#[tokio::test]
async fn webhooks_are_registered_once_woken_and_removed() {
    let (store, connector) = store(30).await;
    let hooks = connector.hooks().unwrap();
    let endpoint =
        |secret: &str| Endpoint { address: "https://assent.example/hooks/1".parse().unwrap(), secret: secret.into() };
    let scopes = ["store/customer/*", "store/subscriber/*", "store/order/*"];
    for (secret, requests) in [("first", 4), ("first", 1), ("second", 4), ("second", 1)] {
        let before = store.requests();
        let registration = hooks.register(&endpoint(secret)).await.unwrap();
        assert_eq!((registration.topics.as_slice(), registration.problems.len()), (&scopes.map(str::to_owned)[..], 0));
        assert_eq!(store.requests() - before, requests, "{secret}");
    }
    hooks.remove(&endpoint("second")).await.unwrap();
    hooks.remove(&endpoint("second")).await.unwrap();
    let before = store.requests();
    hooks.register(&endpoint("third")).await.unwrap();
    assert_eq!(store.requests() - before, 4, "they were gone");
}

#[tokio::test]
async fn an_address_that_the_store_refuses_is_told() {
    let (_store, connector) = store(30).await;
    let endpoint = Endpoint { address: "https://assent.example:8443/hooks/1".parse().unwrap(), secret: "s".into() };
    let registration = connector.hooks().unwrap().register(&endpoint).await.unwrap();
    assert!(registration.topics.is_empty());
    assert_eq!(registration.problems.len(), 3);
    assert!(registration.problems.iter().all(|problem| problem.contains("port 443")));
}

#[tokio::test]
async fn the_whole_budget_is_used_and_never_overdrawn() {
    let window = std::time::Duration::from_millis(400);
    let bigcommerce = BigCommerceOptions { quota: 6, window };
    let options = StoreOptions { people: 1_000, bigcommerce, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::BigCommerce, options).await.unwrap();
    let connector = open(&store.settings());
    for stream in STREAMS {
        // An answer 429 would be an error here, as the connector itself never tries again.
        pass(&*connector, stream, Pass::Full, None).await.unwrap();
    }
    assert!(store.requests() > 6, "more than one window: {}", store.requests());
}
