//! From the simulated shop to lists.

use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, Fault, FaultPlan, StoreOptions, Target};
use chrono::TimeDelta;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    everybody_gets_where_they_belong_whatever_goes_wrong,
    a_changed_address_takes_the_old_one_off_every_list_in_the_next_incremental_run,
    a_vanished_newsletter_row_ends_a_subscription_in_a_full_pass,
);

async fn open(test: &TestApp, people: u64) -> Shop {
    Shop::open(test, Platform::Shopware, StoreOptions { people, ..StoreOptions::default() }).await
}

async fn everybody_gets_where_they_belong_whatever_goes_wrong(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, 300).await;
    let faults = [
        (Fault::Throttled, 0),
        (Fault::ServerError, 1),
        (Fault::RejectedCredentials, 1),
        (Fault::TruncatedBody, 1),
        (Fault::Html, 1),
        (Fault::DuplicateRows, 0),
    ];
    for (fault, after) in faults {
        assert!(shop.store.plan_fault(FaultPlan { fault, times: 1, after, on: Target::Any }), "{fault:?}");
    }
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    shop.assert_true().await;
}

async fn a_changed_address_takes_the_old_one_off_every_list_in_the_next_incremental_run(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, 100).await;
    shop.sync(RunMode::Full).await;
    for keep_opt_in in [false, true] {
        test.clock.advance(TimeDelta::hours(2));
        let to = format!("moved.{keep_opt_in}@example.net");
        let (subscribers, customers) = (shop.on(Audience::Subscribers).await, shop.on(Audience::Customers).await);
        let change = |email: &String| Change::ChangeEmail { email: email.clone(), to: to.clone(), keep_opt_in };
        let old = subscribers.intersection(&customers).find(|email| shop.store.change(&change(email)).is_ok());
        let old = old.expect("somebody with an account is subscribed");
        test.clock.advance(TimeDelta::minutes(1));
        let run = shop.sync(RunMode::Incremental).await;
        assert_eq!(run.status, "succeeded");
        assert!(!shop.on(Audience::Subscribers).await.contains(old), "the row moved no date and is found all the same");
        let inherits = shop.on(Audience::Subscribers).await.contains(&to);
        assert_eq!(inherits, keep_opt_in, "only where the shop states the opt-in for the new address");
        shop.assert_true().await;
    }
}

async fn a_vanished_newsletter_row_ends_a_subscription_in_a_full_pass(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = open(&test, 100).await;
    shop.sync(RunMode::Full).await;
    let both = shop.on(Audience::Subscribers).await;
    let email = both.iter().find(|email| !email.is_empty()).expect("somebody is subscribed").clone();
    test.clock.advance(TimeDelta::minutes(30));
    shop.store.change(&Change::Delete { email: email.clone() }).expect("anybody can be deleted");
    assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    assert!(!shop.on(Audience::Subscribers).await.contains(&email));
    shop.assert_true().await;
}
