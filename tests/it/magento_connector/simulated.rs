//! The connector against the simulated shop, which knows nothing of it and who ought to be found.

use std::collections::BTreeSet;

use assent::connectors::{Connector, Pass, PeoplePage, Watermark};
use assent::domain::people::{PersonKind, StoreRecord, Stream};
use assent::domain::statement::OptIn;
use assent::domain::{Audience, Email, Platform};
use assent::sandbox::{Change, MagentoOptions, PastTheEnd, SandboxStore, StoreOptions};

use super::shop::{all_records, open, pass};

/// Enough people for several pages, of which one is full to the last row.
const PEOPLE: u64 = 700;

async fn shop(magento: MagentoOptions) -> (SandboxStore, Box<dyn Connector>) {
    let options = StoreOptions { people: PEOPLE, magento, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::Magento, options).await.unwrap();
    let connector = open(&store.settings());
    (store, connector)
}

fn addresses(records: &[StoreRecord], fits: impl Fn(PersonKind, OptIn) -> bool) -> BTreeSet<String> {
    let people = records.iter().filter_map(|record| match record {
        StoreRecord::Person(person) if fits(person.kind, person.statement.value) => person.email.as_deref(),
        _ => None,
    });
    people.filter_map(|email| Some(email.parse::<Email>().ok()?.normalized().to_owned())).collect()
}

fn expected(store: &SandboxStore, audience: Audience) -> BTreeSet<String> {
    let truths = store.truths(0, PEOPLE).into_iter().filter(|truth| truth.audiences.contains(&audience));
    let expected: BTreeSet<String> = truths.filter_map(|truth| truth.address).collect();
    assert!(!expected.is_empty());
    expected
}

async fn everything(connector: &dyn Connector) -> Vec<StoreRecord> {
    let mut records = Vec::new();
    for stream in connector.streams() {
        records.extend(all_records(connector, *stream, Pass::Full).await);
    }
    records
}

async fn expect_the_truth(store: &SandboxStore, connector: &dyn Connector) {
    let records = everything(connector).await;
    let says_yes = |_: PersonKind, value| value == OptIn::Granted;
    // A full pass alone can't tell that an address of two accounts said no on one of them later.
    let subscribers = addresses(&records, says_yes);
    assert_eq!(subscribers, expected(store, Audience::Subscribers));
    let customers = addresses(&records, |kind, _| kind == PersonKind::Account);
    assert_eq!(customers, expected(store, Audience::Customers));
    let guests = addresses(&records, |kind, _| kind == PersonKind::Guest);
    assert_eq!(guests, expected(store, Audience::Guests));
}

#[tokio::test]
async fn subscribers_customers_and_guests_are_those_of_the_shop() {
    let (store, connector) = shop(MagentoOptions::default()).await;
    expect_the_truth(&store, &*connector).await;
}

#[tokio::test]
async fn the_same_people_are_found_whatever_the_shop_does_past_the_end_of_a_list() {
    let (store, connector) =
        shop(MagentoOptions { past_the_end: PastTheEnd::LastPage, bearer: true, ..MagentoOptions::default() }).await;
    expect_the_truth(&store, &*connector).await;
}

#[tokio::test]
async fn the_same_people_are_found_on_an_old_release_with_small_pages() {
    let options = MagentoOptions { list_hides_flag: true, largest_page: Some(70), ..MagentoOptions::default() };
    let (store, connector) = shop(options).await;
    expect_the_truth(&store, &*connector).await;
}

#[tokio::test]
async fn guest_subscribers_are_found_where_the_merchant_lists_them() {
    let (store, connector) = shop(MagentoOptions { subscribers_endpoint: true, ..MagentoOptions::default() }).await;
    expect_the_truth(&store, &*connector).await;
    let records = all_records(&*connector, Stream::Subscribers, Pass::Full).await;
    assert!(addresses(&records, |kind, _| kind == PersonKind::Newsletter).len() > 20);
}

fn last_watermark(pages: &[PeoplePage]) -> Watermark {
    pages.last().unwrap().watermark.clone().unwrap()
}

#[tokio::test]
async fn an_opt_out_by_mail_moves_no_date_and_is_seen_by_the_next_incremental_pass() {
    let (store, connector) = shop(MagentoOptions::default()).await;
    let full = pass(&*connector, Stream::Customers, Pass::Full, None).await.unwrap();
    let subscriber = expected(&store, Audience::Subscribers).into_iter().next().unwrap();
    let truth = store.change(&Change::OptOut { email: subscriber.clone() }).unwrap();
    assert!(!truth.audiences.contains(&Audience::Subscribers));
    let pages = pass(&*connector, Stream::Customers, Pass::Since(last_watermark(&full)), None).await.unwrap();
    assert!(
        !pages[0]
            .records
            .iter()
            .any(|record| addresses(std::slice::from_ref(record), |_, _| true).contains(&subscriber)),
        "the walk by change does not show it"
    );
    let records: Vec<StoreRecord> = pages.into_iter().flat_map(|page| page.records).collect();
    assert!(addresses(&records, |_, _| true).contains(&subscriber), "the sweep does");
    assert!(!addresses(&records, |_, value| value == OptIn::Granted).contains(&subscriber));
}

#[tokio::test]
async fn an_unchanged_shop_has_next_to_no_orders_to_read_the_next_time() {
    let (store, connector) = shop(MagentoOptions::default()).await;
    let full = pass(&*connector, Stream::Orders, Pass::Full, None).await.unwrap();
    let before = store.requests();
    let next = all_records(&*connector, Stream::Orders, Pass::Since(last_watermark(&full))).await;
    assert!((1..=10).contains(&next.len()), "{}", next.len());
    assert_eq!(store.requests() - before, 1);
}

#[tokio::test]
async fn the_simulated_shop_passes_the_connection_test_unless_a_right_is_missing() {
    for (missing, name) in [
        (None, ""),
        (Some("Magento_Customer::customer"), "read customers"),
        (Some("Magento_Sales::actions_view"), "read orders"),
        (Some("Magento_Backend::store"), "read store views"),
    ] {
        let (_store, connector) = shop(MagentoOptions { missing_right: missing, ..MagentoOptions::default() }).await;
        let report = connector.check().await.unwrap();
        let failed: Vec<_> = report.checks.iter().filter(|check| check.problem.is_some()).collect();
        match missing {
            None => assert!(report.is_ok(), "{report:?}"),
            Some(right) => {
                assert_eq!(failed.len(), 1, "{report:?}");
                assert_eq!(failed[0].name, name);
                assert!(failed[0].problem.as_ref().unwrap().contains(right), "{report:?}");
            }
        }
    }
}
