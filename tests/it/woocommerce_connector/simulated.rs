//! The connector against the simulated shop, which knows nothing of it and who ought to be found.

use std::collections::BTreeSet;

use assent::connectors::{Connector, Pass, Watermark};
use assent::domain::people::{PersonKind, StoreRecord, Stream};
use assent::domain::{Audience, Email, Platform};
use assent::sandbox::{OrderStorage, SandboxStore, StoreOptions, WooCommerceOptions};

use super::shop::{all_records, open, pass};

const STORAGES: [OrderStorage; 2] = [OrderStorage::Tables, OrderStorage::Posts];

async fn shop(order_storage: OrderStorage) -> (SandboxStore, Box<dyn Connector>) {
    let woocommerce = WooCommerceOptions { order_storage, ..WooCommerceOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, StoreOptions { woocommerce, ..StoreOptions::default() });
    let store = store.await.unwrap();
    let connector = open(&store.settings(), None);
    (store, connector)
}

fn addresses(records: &[StoreRecord]) -> BTreeSet<String> {
    let people = records.iter().filter_map(|record| match record {
        StoreRecord::Person(person) if person.kind != PersonKind::AccountOrder => person.email.as_deref(),
        _ => None,
    });
    people.filter_map(|email| Some(email.parse::<Email>().ok()?.normalized().to_owned())).collect()
}

#[tokio::test]
async fn account_holders_and_guest_buyers_are_found_and_nobody_else() {
    for storage in STORAGES {
        let (store, connector) = shop(storage).await;
        let mut records = all_records(&*connector, Stream::Customers, Pass::Full).await;
        records.extend(all_records(&*connector, Stream::Orders, Pass::Full).await);
        let truths = store.truths(0, 1000).into_iter().filter(|truth| truth.audiences.contains(&Audience::Customers));
        let expected: BTreeSet<String> = truths.filter_map(|truth| truth.address).collect();
        assert!(!expected.is_empty());
        assert_eq!(addresses(&records), expected, "{storage:?}");
    }
}

#[tokio::test]
async fn an_unchanged_shop_has_next_to_nothing_to_read_the_next_time() {
    for storage in STORAGES {
        let (store, connector) = shop(storage).await;
        let first = pass(&*connector, Stream::Orders, Pass::Full, None).await.unwrap();
        let watermark: Watermark = first.last().unwrap().watermark.clone().unwrap();
        let before = store.requests();
        let next = all_records(&*connector, Stream::Orders, Pass::Since(watermark)).await;
        assert!((1..=10).contains(&next.len()), "{storage:?}: {}", next.len());
        assert_eq!(store.requests() - before, 2, "{storage:?}");
    }
}

#[tokio::test]
async fn the_simulated_shop_passes_the_connection_test() {
    let (_store, connector) = shop(OrderStorage::Tables).await;
    assert!(connector.check().await.unwrap().is_ok());
}
