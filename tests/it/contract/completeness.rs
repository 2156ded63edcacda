//! A full pass is held against the store's own count; who is missing is looked for, and nobody goes while somebody is.

use std::time::Duration;

use ::entity::{integration, sync_run};
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{Change, Concealment, Target};
use assent::service;
use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{assert_good, change_subscriber, every_platform, open};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

every_platform!(
    somebody_whom_a_page_left_out_once_is_found,
    somebody_whom_the_store_never_shows_is_told_of_and_nobody_leaves,
);

both_databases!(
    a_search_of_woocommerce_that_is_interrupted_goes_on,
    a_search_of_salesforce_that_is_interrupted_goes_on,
);

/// Time for a search to begin, far above what it takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// Enough for several pages of customers where pages are small.
const PEOPLE: u64 = 430;

/// An account so far down the list of customers, in percent, that belongs on a list of ours.
fn somebody(shop: &Shop, percent: usize) -> String {
    let mut accounts: Vec<(u64, String)> = Vec::new();
    for truth in shop.store.truths(0, PEOPLE) {
        let mut records = truth.records.iter().filter(|record| record.stream == "customers");
        if let (Some(only), None, Some(address)) = (records.next(), records.next(), truth.address)
            && only.counts
        {
            accounts.push((only.id, address));
        }
    }
    accounts.sort();
    let index = accounts.len() * percent / 100;
    accounts.swap_remove(index).1
}

fn conceal(shop: &Shop, email: &str, times: Option<u32>) {
    assert!(shop.store.conceal(&Concealment { email: email.to_owned(), on: Target::Customers, times }));
}

/// What a run's comparison of customers came to: counted, seen, swept.
fn compared(run: &sync_run::Model) -> (u64, u64, u64) {
    let compared = &run.progress["customers"]["completeness"];
    let number = |name: &str| compared[name].as_u64().unwrap_or_else(|| panic!("{name} of {compared}"));
    (number("storeTotal"), number("seen"), number("swept"))
}

async fn notices(shop: &Shop) -> Vec<Value> {
    let row = integration::Entity::find_by_id(shop.integration.0).one(&shop.app.db).await.unwrap().unwrap();
    let notices = row.notices.as_array().expect("notices are a list").clone();
    notices.into_iter().filter(|notice| notice["code"] == "COMPLETENESS_GAP").collect()
}

async fn somebody_whom_a_page_left_out_once_is_found(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, PEOPLE).await;
    conceal(&shop, &somebody(&shop, 50), Some(1));
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    let (counted, seen, swept) = compared(&run);
    assert_eq!((seen, swept), (counted, 1));
    assert!(notices(&shop).await.is_empty());
    shop.assert_true().await;
    // Nobody leaves by a page that leaves out one who is there, and who is deleted does.
    let members = shop.members().await;
    conceal(&shop, &somebody(&shop, 50), Some(1));
    // Too soon for a look at what changed, which would be shown the page that leaves somebody out.
    test.clock.advance(TimeDelta::minutes(1));
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    assert_eq!((run.left_count, compared(&run).2), (0, 1));
    assert_eq!(shop.members().await, members);
    change_subscriber(&test, &shop, |email| Change::Delete { email }).await;
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    let (counted_then, seen, swept) = compared(&run);
    assert_eq!((seen, swept), (counted_then, 0), "the store counts one less: no gap");
    assert!(run.left_count > 0);
    shop.assert_true().await;
}

async fn somebody_whom_the_store_never_shows_is_told_of_and_nobody_leaves(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, PEOPLE).await;
    assert_good(&shop.sync(RunMode::Full).await);
    let members = shop.members().await;
    conceal(&shop, &somebody(&shop, 50), None);
    test.clock.advance(TimeDelta::minutes(5));
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    let (counted, seen, swept) = compared(&run);
    assert_eq!((counted - seen, swept), (1, 0));
    assert_eq!((run.left_count, shop.members().await), (0, members));
    let said = notices(&shop).await;
    assert_eq!(said.len(), 1);
    assert!(said[0]["detail"].as_str().unwrap().contains("1 missing"), "{said:?}");
    test.clock.advance(TimeDelta::minutes(5));
    assert_good(&shop.sync(RunMode::Incremental).await);
    assert_eq!(notices(&shop).await.len(), 1, "an incremental run knows nothing new about it");
    shop.store.show_all();
    test.clock.advance(TimeDelta::minutes(5));
    assert_good(&shop.sync(RunMode::Full).await);
    assert!(notices(&shop).await.is_empty());
    shop.assert_true().await;
}

async fn a_search_of_woocommerce_that_is_interrupted_goes_on(db: TestDatabase) {
    a_search_that_is_interrupted_goes_on(db, Platform::WooCommerce).await;
}

async fn a_search_of_salesforce_that_is_interrupted_goes_on(db: TestDatabase) {
    a_search_that_is_interrupted_goes_on(db, Platform::Sfcc).await;
}

async fn a_search_that_is_interrupted_goes_on(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, PEOPLE).await;
    conceal(&shop, &somebody(&shop, 90), Some(1));
    // Time to see that the search has begun, before it has found anybody.
    shop.store.set_latency(Duration::from_millis(200));
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let shutdown = CancellationToken::new();
    let until_it_searches = async {
        while !shop.run(run).await.progress["customers"]["sweep"]["checkpoint"].is_object() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        shutdown.cancel();
    };
    let watched = async { tokio::time::timeout(PATIENCE, until_it_searches).await.expect("it begins to search") };
    tokio::join!(assent::sync::worker::run_one(&shop.app, run, &shutdown), watched);
    let row = shop.run(run).await;
    assert_eq!(row.finished_at, None, "it was given back in the middle");
    assert!(row.progress["customers"]["sweep"]["checkpoint"].is_object(), "and goes on where it was");
    shop.store.set_latency(Duration::ZERO);
    assent::sync::worker::run_one(&shop.app, run, &CancellationToken::new()).await;
    let row = shop.run(run).await;
    assert_good(&row);
    let (counted, seen, swept) = compared(&row);
    assert_eq!((seen, swept), (counted, 1));
    shop.assert_true().await;
}
