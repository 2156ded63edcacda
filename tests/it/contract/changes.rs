//! What people do in a store reaches the lists: by the next incremental pass, a deletion by the next full one.

use ::entity::{integration, suppression};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, ShopifyOptions, StoreOptions};
use assent::service;
use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use tokio_util::sync::CancellationToken;

use super::{assert_good, change_one, change_subscriber, every_platform, has_account, open, options};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

every_platform!(
    an_opt_out_is_seen_by_the_next_incremental_pass_and_suppresses_nobody,
    an_opt_out_of_somebody_without_account_is_seen_too,
    a_new_address_inherits_nothing_that_the_store_does_not_state,
    a_person_deleted_in_the_store_leaves_after_a_full_pass,
    incremental_passes_end_where_a_full_one_does,
    a_change_while_a_run_is_under_way_is_not_lost,
    an_opt_out_does_not_wait_for_the_end_of_a_full_pass,
);

both_databases!(a_shopify_order_that_is_only_too_old_to_be_shown_takes_nobody_off);

/// Without the right `read_all_orders`, which is the usual case, orders older than 60 days are simply absent.
async fn a_shopify_order_that_is_only_too_old_to_be_shown_takes_nobody_off(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shopify = options(60).shopify;
    let scopes = shopify.scopes.iter().filter(|scope| *scope != "read_all_orders").cloned().collect();
    let options = StoreOptions { shopify: ShopifyOptions { scopes, ..shopify }, ..options(60) };
    let shop = Shop::open(&test, Platform::Shopify, options).await;
    let guest = "guest@example.com".to_owned();
    shop.store.change(&Change::GuestOrder { email: guest.clone(), opt_in: Some(true) }).unwrap();
    let deleted = shop.store.truths(0, 1).remove(0).address.unwrap();
    assert_good(&shop.sync(RunMode::Full).await);
    assert!(shop.on(Audience::Subscribers).await.contains(&guest));
    test.clock.advance(TimeDelta::days(61));
    shop.store.change(&Change::Delete { email: deleted.clone() }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    assert_good(&shop.sync(RunMode::Full).await);
    for audience in [Audience::Subscribers, Audience::Customers] {
        assert!(shop.on(audience).await.contains(&guest), "{audience}");
        assert!(!shop.on(audience).await.contains(&deleted), "customers that are gone are still found");
    }
}

async fn an_opt_out_is_seen_by_the_next_incremental_pass_and_suppresses_nobody(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    shop.sync(RunMode::Full).await;
    let email = change_subscriber(&test, &shop, |email| Change::OptOut { email }).await;
    assert_good(&shop.sync(RunMode::Incremental).await);
    assert!(!shop.on(Audience::Subscribers).await.contains(&email));
    assert!(shop.on(Audience::Customers).await.contains(&email));
    assert_eq!(suppression::Entity::find().count(&shop.app.db).await.unwrap(), 0);
    shop.assert_true().await;
    change_one(&test, &shop, [email.clone()], |email| Change::OptIn { email });
    assert_good(&shop.sync(RunMode::Incremental).await);
    assert!(shop.on(Audience::Subscribers).await.contains(&email), "a newer yes counts again");
    shop.assert_true().await;
}

async fn an_opt_out_of_somebody_without_account_is_seen_too(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    shop.sync(RunMode::Full).await;
    let subscribers = shop.on(Audience::Subscribers).await;
    let others: Vec<_> = subscribers.into_iter().filter(|email| !has_account(&shop, email)).collect();
    if others.is_empty() {
        assert_eq!(platform, Platform::Magento, "without its endpoint Magento tells of account holders only");
        return;
    }
    // A guest says no by an order where there is no newsletter row.
    let out = |email: String| Change::OptOut { email };
    let by_order = |email: String| Change::GuestOrder { email, opt_in: Some(false) };
    let has_row = |email: &String| {
        let records = shop.store.truth(email).expect("an address").records;
        records.iter().any(|record| record.stream == "subscribers")
    };
    let (with_row, without): (Vec<_>, Vec<_>) = others.into_iter().partition(has_row);
    let email = if with_row.is_empty() {
        change_one(&test, &shop, without, by_order)
    } else {
        change_one(&test, &shop, with_row, out)
    };
    assert_good(&shop.sync(RunMode::Incremental).await);
    assert!(!shop.on(Audience::Subscribers).await.contains(&email));
    shop.assert_true().await;
}

async fn a_new_address_inherits_nothing_that_the_store_does_not_state(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    shop.sync(RunMode::Full).await;
    for (to, keep_opt_in) in [("moved.away@example.net", false), ("moved.whole@example.net", true)] {
        let change = |email| Change::ChangeEmail { email, to: to.to_owned(), keep_opt_in };
        let old = change_subscriber(&test, &shop, change).await;
        assert_good(&shop.sync(RunMode::Incremental).await);
        let customers = shop.on(Audience::Customers).await;
        assert!(customers.contains(to));
        assert_eq!(customers.contains(&old), shop.truth(Audience::Customers).contains(&old));
        let is_subscribed = shop.on(Audience::Subscribers).await.contains(to);
        assert!(!is_subscribed || shop.truth(Audience::Subscribers).contains(to), "an opt-in is not inherited");
        // What a store rewrites without a trace is seen by a full pass only (Shopware).
        test.clock.advance(TimeDelta::minutes(1));
        assert_good(&shop.sync(RunMode::Full).await);
        shop.assert_true().await;
    }
}

async fn a_person_deleted_in_the_store_leaves_after_a_full_pass(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    shop.sync(RunMode::Full).await;
    let email = change_subscriber(&test, &shop, |email| Change::Delete { email }).await;
    assert!(shop.on(Audience::Customers).await.contains(&email));
    assert_good(&shop.sync(RunMode::Full).await);
    assert!(!shop.on(Audience::Subscribers).await.contains(&email));
    shop.assert_true().await;
}

async fn incremental_passes_end_where_a_full_one_does(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 120).await;
    shop.sync(RunMode::Full).await;
    change_subscriber(&test, &shop, |email| Change::OptOut { email }).await;
    change_subscriber(&test, &shop, |email| Change::GuestOrder { email, opt_in: Some(false) }).await;
    for (email, opt_in) in [("New.Guest@Example.com", Some(true)), ("quiet.guest@example.com", None)] {
        shop.store.change(&Change::GuestOrder { email: email.to_owned(), opt_in }).unwrap();
    }
    shop.store.change(&Change::NewCustomer { email: "fresh@example.org".to_owned(), opt_in: Some(true) }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    assert_good(&shop.sync(RunMode::Incremental).await);
    shop.assert_true().await;
    let incremental = shop.members().await;
    assert_good(&shop.sync(RunMode::Full).await);
    assert_eq!(shop.members().await, incremental);
}

async fn a_change_while_a_run_is_under_way_is_not_lost(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 430).await;
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    for mode in [RunMode::Full, RunMode::Incremental] {
        test.clock.advance(TimeDelta::minutes(1));
        let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, mode).await.unwrap();
        assent::sync::worker::run_one(&shop.app, run, &shutdown).await;
        // The run has read its first page and takes no notice of what happens to its people now.
        let subscribers: Vec<_> = shop.truth(Audience::Subscribers).into_iter().collect();
        let holders: Vec<_> = subscribers.into_iter().filter(|email| has_account(&shop, email)).collect();
        let (first, last) = (holders.first().cloned(), holders.last().cloned());
        change_one(&test, &shop, first, |email| Change::OptOut { email });
        change_one(&test, &shop, last, |email| Change::OptOut { email });
        let late = |who: &str| format!("late.{who}.{mode:?}@example.net").to_lowercase();
        shop.store.change(&Change::GuestOrder { email: late("guest"), opt_in: Some(true) }).unwrap();
        shop.store.change(&Change::NewCustomer { email: late("customer"), opt_in: Some(true) }).unwrap();
        assent::sync::worker::run_one(&shop.app, run, &CancellationToken::new()).await;
        assert_good(&shop.run(run).await);
        test.clock.advance(TimeDelta::minutes(1));
        assert_good(&shop.sync(RunMode::Incremental).await);
        shop.assert_true().await;
    }
}

async fn an_opt_out_does_not_wait_for_the_end_of_a_full_pass(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 430).await;
    assert_good(&shop.sync(RunMode::Full).await);
    test.clock.advance(TimeDelta::minutes(1));
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    assent::sync::worker::run_one(&shop.app, run, &shutdown).await;
    let is_told_what_changed = platform != Platform::WooCommerce;
    let subscribers = shop.on(Audience::Subscribers).await;
    let mut out = Vec::new();
    for email in subscribers.into_iter().filter(|email| has_account(&shop, email)).step_by(8).take(20) {
        test.clock.advance(TimeDelta::seconds(1));
        if shop.store.change(&Change::OptOut { email: email.clone() }).is_ok() {
            out.push(email);
        }
    }
    assert!(out.len() > 5, "some of them were read before they said so");
    test.clock.advance(TimeDelta::minutes(10));
    assent::sync::worker::run_one(&shop.app, run, &CancellationToken::new()).await;
    assert_good(&shop.run(run).await);
    let still_on = shop.on(Audience::Subscribers).await;
    // The pass alone would find only those whom it had not read yet; WooCommerce tells by webhooks.
    let waiting = out.iter().filter(|email| still_on.contains(*email)).count();
    let store = integration::Entity::find_by_id(shop.integration.0).one(&shop.app.db).await.unwrap().unwrap();
    assert_eq!(store.as_at > shop.run(run).await.began_at, is_told_what_changed, "what the lists show");
    assert_eq!(waiting > 0, !is_told_what_changed, "{waiting} of {} are still on the list", out.len());
}
