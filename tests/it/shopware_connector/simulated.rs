//! The connector against the simulated shop, which knows the truth about its people.

use std::collections::BTreeMap;
use std::sync::Arc;

use assent::connectors::http::HostPolicy;
use assent::connectors::{self, Connector, Http, Pass, Settings, Watermark};
use assent::domain::contact_rules::{self, Evidence};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use assent::domain::statement::Held;
use assent::domain::{Audience, Email, Platform, SystemClock};
use assent::sandbox::{Change, SandboxStore, ShopwareOptions, StoreOptions};
use chrono::{DateTime, Utc};

use super::shop::{id_of, pass};

async fn start(people: u64, shopware: ShopwareOptions) -> SandboxStore {
    let options = StoreOptions { people, shopware, ..StoreOptions::default() };
    SandboxStore::start(Platform::Shopware, options).await.unwrap()
}

fn connect(store: &SandboxStore, http: &Http) -> Box<dyn Connector> {
    let serde_json::Value::Object(settings) = store.settings() else { unreachable!("settings are an object") };
    let settings = Settings::parse(connectors::settings_of(Platform::Shopware), settings).unwrap();
    connectors::open(Platform::Shopware, &settings, http, Arc::new(SystemClock)).unwrap()
}

fn http() -> Http {
    Http::new(HostPolicy::AllowPrivate, None).unwrap()
}

/// Every record by stream and id, and the watermarks of the streams.
async fn read(
    connector: &dyn Connector,
    how: impl Fn(Stream) -> Pass,
) -> (BTreeMap<(Stream, String), StoreRecord>, BTreeMap<Stream, Watermark>) {
    let (mut records, mut watermarks) = (BTreeMap::new(), BTreeMap::new());
    for stream in connector.streams() {
        for page in pass(connector, *stream, how(*stream), None).await.unwrap() {
            records.extend(page.records.into_iter().map(|record| ((*stream, id_of(&record)), record)));
            watermarks.extend(page.watermark.map(|watermark| (*stream, watermark)));
        }
    }
    (records, watermarks)
}

/// The audiences of every address, by the contact rules.
fn audiences<'a>(records: impl IntoIterator<Item = &'a StoreRecord>) -> BTreeMap<String, Vec<Audience>> {
    let now: DateTime<Utc> = "2100-01-01T00:00:00Z".parse().unwrap();
    let mut evidence = BTreeMap::<String, Vec<Evidence>>::new();
    for record in records {
        let StoreRecord::Person(person) = record else { continue };
        let Some(Ok(email)) = person.email.as_deref().map(str::parse::<Email>) else { continue };
        let word = Held::next(None, true, &person.statement, now).word.map(|word| (word, person.statement.source));
        evidence.entry(email.normalized().to_owned()).or_default().push(Evidence { kind: person.kind, word });
    }
    let rules = contact_rules::of(Platform::Shopware);
    let wanted = |evidence: Vec<Evidence>| {
        contact_rules::apply(rules, &evidence, None).iter().map(|(audience, _)| audience).collect::<Vec<_>>()
    };
    let all = evidence.into_iter().map(|(email, evidence)| (email, wanted(evidence)));
    all.filter(|(_, audiences)| !audiences.is_empty()).collect()
}

fn truths(store: &SandboxStore) -> BTreeMap<String, Vec<Audience>> {
    let truths = store.truths(0, u64::MAX).into_iter();
    truths
        .filter_map(|truth| Some((truth.address?, truth.audiences)))
        .filter(|(_, audiences)| !audiences.is_empty())
        .collect()
}

#[tokio::test]
async fn everybody_is_found_where_they_ought_to_be_and_nobody_else() {
    for max_limit in [500, 37] {
        let store = start(400, ShopwareOptions { max_limit, ..ShopwareOptions::default() }).await;
        let connector = connect(&store, &http());
        let (records, watermarks) = read(&*connector, |_| Pass::Full).await;
        assert_eq!(audiences(records.values()), truths(&store), "pages of {max_limit}");
        assert_eq!(watermarks.len(), 3);
    }
}

#[tokio::test]
async fn an_incremental_pass_finds_what_changed_and_little_else() {
    let store = start(300, ShopwareOptions::default()).await;
    let connector = connect(&store, &http());
    let (mut known, watermarks) = read(&*connector, |_| Pass::Full).await;
    let since = |stream| Pass::Since(watermarks[&stream].clone());
    let (unchanged, _) = read(&*connector, since).await;
    let orphans = unchanged.keys().filter(|(stream, _)| *stream == Stream::Orders).count();
    assert_eq!(unchanged.len(), orphans, "only orders without customer are read each time");
    let both = |(_, audiences): &(&String, &Vec<Audience>)| audiences.len() == 2;
    let members: Vec<String> = truths(&store).iter().filter(both).map(|(email, _)| email.clone()).collect();
    let mut movable = members.iter().filter(|email| {
        let to = format!("moved.{email}");
        store.change(&Change::ChangeEmail { email: (*email).clone(), to, keep_opt_in: true }).is_ok()
    });
    movable.next().expect("somebody with an account is subscribed");
    for change in [
        Change::OptOut { email: members.last().unwrap().clone() },
        Change::GuestOrder { email: "guest.of.today@example.com".into(), opt_in: Some(true) },
        Change::NewCustomer { email: "customer.of.today@example.com".into(), opt_in: None },
    ] {
        store.change(&change).unwrap();
    }
    known.extend(read(&*connector, since).await.0);
    assert_eq!(audiences(known.values()), truths(&store));
}

#[tokio::test]
async fn a_record_is_read_again_by_its_id_until_it_is_gone() {
    let store = start(60, ShopwareOptions::default()).await;
    let connector = connect(&store, &http());
    let (records, _) = read(&*connector, |_| Pass::Full).await;
    for ((stream, id), record) in &records {
        let again = connector.record(*stream, &StoreId::new(id.clone())).await.unwrap();
        assert_eq!(format!("{again:?}"), format!("{:?}", Some(record)));
    }
    let person = store.truths(0, 60).into_iter().find(|truth| truth.audiences.len() == 2).unwrap();
    store.change(&Change::Delete { email: person.address.unwrap() }).unwrap();
    for record in person.records.iter().filter(|record| record.stream != "orders") {
        let stream: Stream = record.stream.parse().unwrap();
        let gone = connector.record(stream, &StoreId::new(record.store_id.clone())).await.unwrap();
        assert!(gone.is_none(), "{}", record.stream);
    }
}

#[tokio::test]
async fn the_clouds_ten_token_calls_a_minute_are_enough_for_any_number_of_hints() {
    let store = start(30, ShopwareOptions { tokens_per_minute: Some(10), ..ShopwareOptions::default() }).await;
    let http = http();
    for _ in 0..40 {
        // A connector is opened anew for every hint.
        connect(&store, &http).record(Stream::Customers, &StoreId::new("0".repeat(32))).await.unwrap();
    }
}

#[tokio::test]
async fn the_connection_test_names_the_privilege_that_the_role_lacks() {
    for (lacks, failed) in [
        (&["customer:read"], vec!["read customers"]),
        (&["order_customer:read"], vec!["read customers", "read orders"]),
        (&["newsletter_recipient:read"], vec!["read newsletter recipients"]),
        (&["order:read"], vec!["read orders"]),
        (&["sales_channel:read"], vec!["find the sales channels"]),
    ] {
        let store = start(30, ShopwareOptions { lacks, ..ShopwareOptions::default() }).await;
        let report = connect(&store, &http()).check().await.unwrap();
        let found: Vec<_> = report.checks.iter().filter(|check| check.problem.is_some()).collect();
        assert_eq!(found.len(), failed.len(), "{lacks:?}: {report:?}");
        for (check, name) in found.iter().zip(failed) {
            assert!(check.name.starts_with(name), "{lacks:?}: {check:?}");
            assert!(check.problem.as_ref().unwrap().contains(lacks[0]), "{lacks:?}: {check:?}");
        }
    }
}

#[tokio::test]
async fn a_role_without_rights_to_webhooks_syncs_and_is_told_what_is_missing() {
    use assent::connectors::hooks::Endpoint;
    let address = "https://assent.example/hooks/0198c1f0-0000-7000-8000-000000000001".parse().unwrap();
    let endpoint = Endpoint { address, secret: "0123456789abcdef".into() };
    for lacks in [&["webhook:read"], &["webhook:create"]] {
        let store = start(30, ShopwareOptions { lacks, ..ShopwareOptions::default() }).await;
        let connector = connect(&store, &http());
        let report = connector.check().await.unwrap();
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(report.warnings.len(), usize::from(lacks[0] == "webhook:read"), "only reading can be tried");
        let registered = connector.hooks().unwrap().register(&endpoint).await.unwrap();
        assert!(registered.topics.is_empty() && registered.problems[0].contains(lacks[0]), "{registered:?}");
        read(&*connector, |_| Pass::Full).await;
    }
}

#[tokio::test]
async fn the_simulated_shop_passes_the_connection_test_and_keeps_webhooks() {
    use assent::connectors::hooks::Endpoint;
    let store = start(30, ShopwareOptions::default()).await;
    let connector = connect(&store, &http());
    let report = connector.check().await.unwrap();
    assert!(report.is_ok() && report.warnings.is_empty(), "{report:?}");
    assert_eq!(report.api_version.as_deref(), Some("6.7.10.1"));
    let address = "https://assent.example/hooks/0198c1f0-0000-7000-8000-000000000001".parse().unwrap();
    let endpoint = Endpoint { address, secret: "0123456789abcdef".into() };
    let hooks = connector.hooks().unwrap();
    for _ in 0..2 {
        let registered = hooks.register(&endpoint).await.unwrap();
        assert_eq!((registered.topics.len(), registered.problems.len()), (5, 0));
    }
    hooks.remove(&endpoint).await.unwrap();
    hooks.remove(&endpoint).await.unwrap();
}
