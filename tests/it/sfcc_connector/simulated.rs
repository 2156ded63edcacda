//! The connector against the simulated store, which knows nothing of it and who ought to be found.

use std::collections::BTreeSet;
use std::sync::Arc;

use assent::connectors::{Connector, Pass};
use assent::domain::people::{StoreRecord, Stream};
use assent::domain::statement::OptIn;
use assent::domain::{Audience, Email, Platform};
use assent::sandbox::{Change, SandboxStore, SearchableDates, SfccOptions, StoreOptions};
use chrono::TimeDelta;

use super::store::{ids, open, read, watermark};
use crate::support::app::TestClock;

const DATES: [SearchableDates; 3] = [SearchableDates::All, SearchableDates::CreationOnly, SearchableDates::None];

struct Simulated {
    store: SandboxStore,
    connector: Box<dyn Connector>,
    clock: Arc<TestClock>,
}

async fn simulated(people: u64, sfcc: SfccOptions) -> Simulated {
    let clock = Arc::new(TestClock::default());
    let options = StoreOptions { people, sfcc, clock: Arc::<TestClock>::clone(&clock), ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::Sfcc, options).await.unwrap();
    let connector = open(&store.settings(), Arc::<TestClock>::clone(&clock));
    Simulated { store, connector, clock }
}

fn with_dates(searchable_dates: SearchableDates) -> SfccOptions {
    SfccOptions { searchable_dates, ..SfccOptions::default() }
}

/// The addresses of a pass over everything, and those of them whose opt-in is granted.
async fn found(store: &Simulated) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut everybody = BTreeSet::new();
    let mut granted = BTreeSet::new();
    for stream in store.connector.streams() {
        for page in read(&*store.connector, *stream, Pass::Full, None).await.unwrap() {
            for record in page.records {
                let StoreRecord::Person(person) = record else { continue };
                let Some(email) = person.email.as_deref().and_then(|email| email.parse::<Email>().ok()) else {
                    continue;
                };
                everybody.insert(email.normalized().to_owned());
                if person.statement.value == OptIn::Granted {
                    granted.insert(email.normalized().to_owned());
                }
            }
        }
    }
    (everybody, granted)
}

fn truth(store: &SandboxStore, audience: Audience) -> BTreeSet<String> {
    let truths = store.truths(0, 100_000).into_iter().filter(|truth| truth.audiences.contains(&audience));
    truths.filter_map(|truth| truth.address).collect()
}

#[tokio::test]
async fn account_holders_and_guest_buyers_are_found_and_nobody_else() {
    for dates in DATES {
        let store = simulated(700, with_dates(dates)).await;
        let (everybody, granted) = found(&store).await;
        assert_eq!(everybody, truth(&store.store, Audience::Customers), "{dates:?}");
        let subscribers = truth(&store.store, Audience::Subscribers);
        assert!(!subscribers.is_empty() && subscribers.is_subset(&granted), "{dates:?}");
    }
}

#[tokio::test]
async fn everybody_beyond_the_cap_is_found_by_creation_and_by_last_change_alone() {
    for dates in [SearchableDates::All, SearchableDates::CreationOnly] {
        let store = simulated(25_000, with_dates(dates)).await;
        let mut pages = ids(&read(&*store.connector, Stream::Customers, Pass::Full, None).await.unwrap());
        pages.sort();
        let profiles = pages.len();
        pages.dedup();
        assert_eq!(pages.len(), profiles, "{dates:?}: nobody is shown twice");
        let records = store.store.truths(0, 100_000).into_iter().flat_map(|truth| truth.records);
        let expected: BTreeSet<String> =
            records.filter(|record| record.stream == "customers").map(|record| record.store_id).collect();
        assert!(expected.len() > 10_000, "the list is beyond the cap");
        assert!(BTreeSet::from_iter(pages) == expected, "{dates:?}");
    }
}

#[tokio::test]
async fn more_customers_than_a_search_without_dates_shows_are_refused_and_not_cut() {
    let store = simulated(25_000, with_dates(SearchableDates::None)).await;
    let error = read(&*store.connector, Stream::Customers, Pass::Full, None).await.unwrap_err();
    assert_eq!(error.code(), "STORE_LIST_TOO_LONG");
}

#[tokio::test]
async fn every_order_beyond_the_cap_is_found() {
    let store = simulated(30_000, SfccOptions::default()).await;
    let mut found = ids(&read(&*store.connector, Stream::Orders, Pass::Full, None).await.unwrap());
    found.sort();
    found.dedup();
    let records = store.store.truths(0, 100_000).into_iter().flat_map(|truth| truth.records);
    let expected: BTreeSet<String> =
        records.filter(|record| record.stream == "orders").map(|record| record.store_id).collect();
    assert!(expected.len() > 10_000, "the list is beyond the cap");
    assert!(BTreeSet::from_iter(found) == expected);
}

#[tokio::test]
async fn an_unchanged_store_has_next_to_nothing_to_read_the_next_time() {
    let store = simulated(600, SfccOptions::default()).await;
    for stream in store.connector.streams() {
        let pages = read(&*store.connector, *stream, Pass::Full, None).await.unwrap();
        let before = store.store.requests();
        store.clock.advance(TimeDelta::minutes(10));
        let next = read(&*store.connector, *stream, Pass::Since(watermark(&pages)), None).await.unwrap();
        assert_eq!(ids(&next), [""; 0]);
        assert_eq!(store.store.requests() - before, 1, "{stream}");
    }
}

#[tokio::test]
async fn an_opt_out_is_seen_by_the_next_pass_or_within_a_day() {
    for (dates, wait) in [(SearchableDates::All, 10), (SearchableDates::None, 24 * 60)] {
        let store = simulated(300, with_dates(dates)).await;
        let pages = read(&*store.connector, Stream::Customers, Pass::Full, None).await.unwrap();
        let person = store.store.truths(0, 1).remove(0);
        store.clock.advance(TimeDelta::minutes(5));
        store.store.change(&Change::OptOut { email: person.address.unwrap() }).unwrap();
        store.clock.advance(TimeDelta::minutes(wait));
        let next = read(&*store.connector, Stream::Customers, Pass::Since(watermark(&pages)), None).await.unwrap();
        let words: Vec<OptIn> = next
            .iter()
            .flat_map(|page| &page.records)
            .filter_map(|record| match record {
                StoreRecord::Person(found) if found.store_id.as_str() == person.records[0].store_id => {
                    Some(found.statement.value)
                }
                _ => None,
            })
            .collect();
        assert_eq!(words, [OptIn::Withdrawn], "{dates:?}");
    }
}

#[tokio::test]
async fn an_order_is_read_again_by_its_id() {
    let store = simulated(300, SfccOptions::default()).await;
    let records = store.store.truths(0, 300).into_iter().flat_map(|truth| truth.records);
    let order = records.into_iter().find(|record| record.stream == "orders" && record.counts).unwrap();
    let id = assent::domain::people::StoreId::new(order.store_id);
    let found = store.connector.record(Stream::Orders, &id).await.unwrap();
    assert!(matches!(found, Some(StoreRecord::Person(_))), "{found:?}");
}

#[tokio::test]
async fn the_simulated_store_passes_the_connection_test() {
    let store = simulated(30, SfccOptions::default()).await;
    let report = store.connector.check().await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.warnings, [""; 0]);
}

#[tokio::test]
async fn the_connection_test_names_what_the_api_client_lacks() {
    let lacking = |has_tenant, scopes| SfccOptions { has_tenant, scopes, ..SfccOptions::default() };
    for (options, expected) in [
        (lacking(false, SfccOptions::default().scopes), &["tenant scope"][..]),
        (lacking(true, &["sfcc.orders"]), &["scope sfcc.customerlists"]),
        (lacking(true, &["sfcc.customerlists"]), &["scope sfcc.orders"]),
        (lacking(false, &[]), &["tenant scope", "scope sfcc.customerlists", "scope sfcc.orders"]),
    ] {
        let store = simulated(30, options).await;
        let report = store.connector.check().await.unwrap();
        let failed: Vec<&str> =
            report.checks.iter().filter(|check| check.problem.is_some()).map(|check| check.name).collect();
        assert_eq!(failed, expected);
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_pass_is_renewed() {
    let token_lives = std::time::Duration::from_mins(1);
    let store = simulated(600, SfccOptions { token_lives, ..SfccOptions::default() }).await;
    for _ in 0..3 {
        read(&*store.connector, Stream::Orders, Pass::Full, None).await.unwrap();
        store.clock.advance(TimeDelta::seconds(61));
    }
}
