//! From a Salesforce Commerce Cloud store over HTTP to lists, with what is special about it.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, Fault, FaultPlan, SearchableDates, SfccOptions, StoreOptions, Target};
use assent::service;
use chrono::TimeDelta;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    a_first_sync_puts_everybody_where_they_belong,
    passing_faults_lose_and_double_nobody,
    without_the_attribute_there_are_customers_and_no_subscribers,
    changes_are_found_at_once_or_within_a_day,
    a_deleted_profile_leaves_after_a_full_pass,
);

async fn sfcc(test: &TestApp, people: u64, sfcc: SfccOptions) -> Shop {
    Shop::open(test, Platform::Sfcc, StoreOptions { people, sfcc, ..StoreOptions::default() }).await
}

async fn a_first_sync_puts_everybody_where_they_belong(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = sfcc(&test, 400, SfccOptions::default()).await;
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    shop.assert_true().await;
}

async fn passing_faults_lose_and_double_nobody(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = sfcc(&test, 600, SfccOptions::default()).await;
    let faults = [
        (Fault::ServerError, 0),
        (Fault::TruncatedBody, 1),
        (Fault::MalformedJson, 2),
        (Fault::Html, 3),
        (Fault::RejectedCredentials, 4),
        (Fault::Throttled, 5),
        (Fault::DuplicateRows, 11),
        (Fault::ShiftedPage, 9),
    ];
    for (fault, after) in faults {
        assert!(shop.store.plan_fault(FaultPlan { fault, times: 1, after, on: Target::Any }), "{fault:?}");
    }
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    for (fault, _) in faults {
        assert!(shop.store.struck(fault) > 0, "{fault:?} has struck");
    }
    test.clock.advance(TimeDelta::minutes(10));
    shop.sync(RunMode::Full).await;
    shop.assert_true().await;
}

async fn without_the_attribute_there_are_customers_and_no_subscribers(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let options = SfccOptions { attribute: false, order_attribute: false, ..SfccOptions::default() };
    let shop = sfcc(&test, 200, options).await;
    shop.sync(RunMode::Full).await;
    assert!(shop.on(Audience::Subscribers).await.is_empty());
    assert!(!shop.on(Audience::Customers).await.is_empty());
    shop.assert_true().await;
    let integration = service::integrations::get(&shop.app, &shop.caller, shop.integration).await.unwrap();
    assert!(integration.notices.iter().any(|notice| notice.code == "ACCEPTS_MARKETING_NOT_SET"), "it says so");
}

async fn changes_are_found_at_once_or_within_a_day(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let dates = |searchable_dates| SfccOptions { searchable_dates, ..SfccOptions::default() };
    let known = sfcc(&test, 120, dates(SearchableDates::All)).await;
    let unknown = sfcc(&test, 120, dates(SearchableDates::None)).await;
    for shop in [&known, &unknown] {
        shop.sync(RunMode::Full).await;
        let email = shop.on(Audience::Subscribers).await.into_iter().find(|email| {
            let truth = shop.store.truth(email).expect("it is an address");
            truth.records.len() == 1 && truth.records[0].stream == "customers"
        });
        test.clock.advance(TimeDelta::minutes(1));
        shop.store.change(&Change::OptOut { email: email.expect("a profile is subscribed") }).unwrap();
        let guest = Change::GuestOrder { email: "new.guest@example.com".into(), opt_in: Some(true) };
        shop.store.change(&guest).unwrap();
    }
    test.clock.advance(TimeDelta::minutes(1));
    known.sync(RunMode::Incremental).await;
    known.assert_true().await;
    unknown.sync(RunMode::Incremental).await;
    assert!(unknown.on(Audience::Customers).await.contains("new.guest@example.com"), "orders have a date");
    test.clock.advance(TimeDelta::hours(24));
    unknown.sync(RunMode::Incremental).await;
    unknown.assert_true().await;
}

async fn a_deleted_profile_leaves_after_a_full_pass(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = sfcc(&test, 120, SfccOptions::default()).await;
    shop.sync(RunMode::Full).await;
    let email = shop.store.truths(0, 1).remove(0).address.unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    shop.store.change(&Change::Delete { email: email.clone() }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Full).await;
    assert!(!shop.on(Audience::Customers).await.contains(&email));
    shop.assert_true().await;
}
