//! The recorded real WooCommerce, synced as a store: real input, down to the lists.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeSet;

use assent::domain::sync::RunMode;
use assent::domain::{Audience, Email, Platform};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::recorded::{CONSUMER_KEY, CONSUMER_SECRET, Records, recorded_records, recorded_store};
use crate::support::shop::Installed;

both_databases!(the_recorded_store_flows_through_to_the_right_lists);

/// The meta key that the recorded store's people opted in by; our own, see the recordings' description.
const META_KEY: &str = "dd_marketing_opt_in";
const ORDER_META_KEY: &str = "marketing_opt_in";

async fn the_recorded_store_flows_through_to_the_right_lists(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let store = recorded_store().await;
    let settings = json!({
        "storeUrl": store.url,
        "consumerKey": CONSUMER_KEY,
        "consumerSecret": CONSUMER_SECRET,
        "optInMetaKeys": [META_KEY, ORDER_META_KEY],
    });
    let installed = Installed::new(&test.app, Platform::WooCommerce, settings).await;
    let run = installed.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    let records = recorded_records();
    assert_eq!(run.read_count, i64::try_from(records.customers.len() + live_orders(&records).count()).unwrap());
    let customers: BTreeSet<String> = records
        .customers
        .values()
        .filter_map(|customer| normalized(&customer["email"]))
        .chain(
            live_orders(&records)
                .filter(|order| order["customer_id"] == 0)
                .filter_map(|order| normalized(&order["billing"]["email"])),
        )
        .collect();
    assert!(customers.len() > 10);
    assert_eq!(installed.on(Audience::Customers).await, customers);
    let said_yes = |row: &&Value| {
        row["meta_data"].as_array().is_some_and(|meta| {
            meta.iter().any(|entry| {
                [META_KEY, ORDER_META_KEY].iter().any(|key| entry["key"] == **key) && entry["value"] == "yes"
            })
        })
    };
    let subscribers: BTreeSet<String> = records
        .customers
        .values()
        .filter(said_yes)
        .filter_map(|customer| normalized(&customer["email"]))
        .chain(live_orders(&records).filter(said_yes).filter_map(|order| normalized(&order["billing"]["email"])))
        .collect();
    assert!(!subscribers.is_empty());
    assert_eq!(installed.on(Audience::Subscribers).await, subscribers);
}

/// Orders that a list shows: not those in the trash.
fn live_orders(records: &Records) -> impl Iterator<Item = &Value> {
    records.orders.values().filter(|order| order["status"] != "trash")
}

fn normalized(email: &Value) -> Option<String> {
    Some(email.as_str()?.parse::<Email>().ok()?.normalized().to_owned())
}
