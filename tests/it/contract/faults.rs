//! A store that misbehaves: nobody is lost, nobody is doubled, nobody is removed.

use std::time::Duration;

use ::entity::integration;
use assent::connectors::Http;
use assent::connectors::http::HostPolicy;
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{Fault, FaultPlan, Target};
use assent::service;
use chrono::TimeDelta;
use sea_orm::EntityTrait;

use super::{assert_good, every_platform, has_tokens, open};
use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;
use crate::support::shop::Shop;

every_platform!(
    a_store_that_answers_badly_ends_where_a_good_one_does,
    an_answer_that_never_comes_is_asked_for_again,
    a_page_that_shifts_loses_nobody_who_stays,
    a_refused_token_is_renewed_and_refused_credentials_are_told,
    a_failed_full_pass_removes_nobody,
    a_record_that_was_malformed_once_is_there_the_next_time,
);

/// Enough for several pages of each kind.
const PEOPLE: u64 = 620;
/// Enough requests to have one for a page of people among them; some platforms are asked other things first.
const SOME: u32 = 20;

fn plan(shop: &Shop, fault: Fault, times: u32, after: u32, on: Target) {
    assert!(shop.store.plan_fault(FaultPlan { fault, times, after, on }), "{fault:?}");
}

async fn a_store_that_answers_badly_ends_where_a_good_one_does(db: TestDatabase, platform: Platform) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let quiet = TestApp::new(other).await;
    let calm = open(&quiet, platform, PEOPLE).await;
    let undisturbed = calm.sync(RunMode::Full).await;
    assert_good(&undisturbed);

    let test = TestApp::new(db).await;
    let shop = open(&test, platform, PEOPLE).await;
    // One after the other from the second answer on: the plan made first strikes first.
    let faults = [
        Fault::Throttled,
        Fault::ServerError,
        Fault::TruncatedBody,
        Fault::MalformedJson,
        Fault::Html,
        Fault::DuplicateRows,
    ];
    for fault in faults {
        plan(&shop, fault, 1, 1, Target::Any);
    }
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    for fault in faults {
        assert_eq!(shop.store.struck(fault), 1, "{fault:?}");
    }
    assert_eq!(shop.members().await, calm.members().await);
    assert_eq!(shop.story().await, calm.story().await);
    shop.assert_true().await;
}

async fn an_answer_that_never_comes_is_asked_for_again(db: TestDatabase, platform: Platform) {
    let mut test = TestApp::new(db).await;
    test.app.http = Http::new(HostPolicy::AllowPrivate, Some(Duration::from_secs(1))).expect("TLS is set up");
    let shop = open(&test, platform, 100).await;
    plan(&shop, Fault::TimeOut, 1, 1, Target::Any);
    assert_good(&shop.sync(RunMode::Full).await);
    assert_eq!(shop.store.struck(Fault::TimeOut), 1);
    shop.assert_true().await;
}

async fn a_page_that_shifts_loses_nobody_who_stays(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, PEOPLE).await;
    for target in [Target::Customers, Target::Subscribers] {
        plan(&shop, Fault::ShiftedPage, 1, 0, target);
    }
    assert_good(&shop.sync(RunMode::Full).await);
    assert!(shop.store.struck(Fault::ShiftedPage) >= 1);
    for audience in shop.lists.keys() {
        let (on, truth) = (shop.on(*audience).await, shop.truth(*audience));
        let missing: Vec<_> = truth.difference(&on).collect();
        assert!(missing.is_empty(), "{audience}: {missing:?}");
    }
    test.clock.advance(TimeDelta::minutes(10));
    assert_good(&shop.sync(RunMode::Full).await);
    shop.assert_true().await;
}

async fn a_refused_token_is_renewed_and_refused_credentials_are_told(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 200).await;
    plan(&shop, Fault::RejectedCredentials, 1, 1, Target::Any);
    let run = shop.sync(RunMode::Full).await;
    assert_eq!(shop.store.struck(Fault::RejectedCredentials), 1);
    if has_tokens(platform) {
        assert_good(&run);
        return shop.assert_true().await;
    }
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("failed", Some("STORE_CREDENTIALS_REJECTED")));
    let row = integration::Entity::find_by_id(shop.integration.0).one(&shop.app.db).await.unwrap().unwrap();
    assert_eq!(row.state, "needs_attention");
    assert!(row.state_detail.is_some_and(|detail| !detail.is_empty()));
    let refused = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await;
    assert!(refused.is_err());
}

async fn a_failed_full_pass_removes_nobody(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, PEOPLE).await;
    assert_good(&shop.sync(RunMode::Full).await);
    let members = shop.members().await;
    test.clock.advance(TimeDelta::minutes(5));
    plan(&shop, Fault::RejectedCredentials, 1_000, 1, Target::Any);
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("failed", Some("STORE_CREDENTIALS_REJECTED")));
    assert_eq!(shop.members().await, members);
}

async fn a_record_that_was_malformed_once_is_there_the_next_time(db: TestDatabase, platform: Platform) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    let quiet = TestApp::new(other).await;
    let usual = open(&quiet, platform, 100).await.sync(RunMode::Full).await.quarantined_count;
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    plan(&shop, Fault::MalformedRecord, SOME, 0, Target::Customers);
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    assert!(run.quarantined_count > usual, "{} and {usual}", run.quarantined_count);
    shop.store.clear_faults();
    test.clock.advance(TimeDelta::minutes(5));
    assert_good(&shop.sync(RunMode::Full).await);
    shop.assert_true().await;
    // What was known of a record stays while it can't be read.
    let members = shop.members().await;
    plan(&shop, Fault::MalformedRecord, SOME, 0, Target::Customers);
    test.clock.advance(TimeDelta::minutes(5));
    assert_good(&shop.sync(RunMode::Full).await);
    assert_eq!(shop.members().await, members);
}
