//! From a store over HTTP to lists: what a marketer relies on.

use assent::domain::Audience;
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{Change, StoreOptions};
use chrono::TimeDelta;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    a_first_sync_puts_everybody_where_they_belong,
    an_opted_out_person_leaves_the_subscribers_and_stays_a_customer,
);

async fn woo(test: &TestApp, people: u64) -> Shop {
    Shop::open(test, Platform::WooCommerce, StoreOptions { people, ..StoreOptions::default() }).await
}

async fn a_first_sync_puts_everybody_where_they_belong(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = woo(&test, 400).await;
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    assert_eq!(
        run.read_count,
        run.created_count + run.updated_count + run.unchanged_count + run.skipped_count + run.quarantined_count
    );
    shop.assert_true().await;
}

async fn an_opted_out_person_leaves_the_subscribers_and_stays_a_customer(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = woo(&test, 100).await;
    shop.sync(RunMode::Full).await;
    let both: Vec<String> =
        shop.on(Audience::Subscribers).await.intersection(&shop.on(Audience::Customers).await).cloned().collect();
    let email = both
        .into_iter()
        .find(|email| {
            test.clock.advance(TimeDelta::minutes(1));
            shop.store.change(&Change::OptOut { email: email.clone() }).is_ok()
        })
        .expect("somebody with an account is subscribed");
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Incremental).await;
    assert!(!shop.on(Audience::Subscribers).await.contains(&email));
    assert!(shop.on(Audience::Customers).await.contains(&email));
    shop.assert_true().await;
}
