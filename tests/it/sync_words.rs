//! The latest word wins: what people say to us and what their stores say, in any order.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::entity::{contact, source_record};
use assent::domain::consent::{Channel, ConsentEvent};
use assent::domain::ids::ContactId;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform, Purpose};
use assent::error::Error;
use assent::sandbox::{Change, StoreOptions};
use assent::service;
use assent::service::consents::NewConsent;
use assent::service::integrations::IntegrationChange;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::TestApp;
use crate::support::consent::consent;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Installed, Shop};

both_databases!(
    a_withdrawal_ends_marketing_whoever_gave_it_until_the_store_has_a_newer_yes,
    an_old_yes_of_a_store_installed_later_undoes_no_withdrawal,
    an_old_yes_of_another_flag_undoes_no_withdrawal,
    an_account_that_is_back_has_said_what_it_said_and_no_more,
    an_older_yes_that_arrives_late_undoes_no_withdrawal,
    a_suppression_beats_every_ground,
    only_a_newer_consent_for_email_lifts_a_suppression,
    a_consent_that_has_run_out_joins_no_marketing_list,
    a_list_never_becomes_a_marketing_list_under_its_members,
);

async fn synced(test: &TestApp) -> Shop {
    let shop = Shop::open(test, Platform::WooCommerce, StoreOptions { people: 60, ..StoreOptions::default() }).await;
    assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    test.clock.advance(TimeDelta::minutes(1));
    shop
}

/// A subscriber with an account, so that the flag can be changed.
async fn subscriber(shop: &Shop) -> String {
    let both: Vec<String> =
        shop.on(Audience::Subscribers).await.intersection(&shop.on(Audience::Customers).await).cloned().collect();
    let has_account = |email: &String| shop.store.change(&Change::OptIn { email: email.clone() }).is_ok();
    both.into_iter().find(has_account).expect("somebody with an account is subscribed")
}

/// The store's flag goes off and on again, each seen by a sync.
async fn says_yes_anew_in_the_store(test: &TestApp, shop: &Shop, email: &str) {
    for change in [Change::OptOut { email: email.to_owned() }, Change::OptIn { email: email.to_owned() }] {
        test.clock.advance(TimeDelta::minutes(1));
        shop.store.change(&change).expect("the account is there");
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    }
}

async fn a_withdrawal_ends_marketing_whoever_gave_it_until_the_store_has_a_newer_yes(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let mut shop = synced(&test).await;
    let email = subscriber(&shop).await;
    let news = shop.new_list("News", "marketing").await;
    let notices = shop.new_list("Notices", "other").await;
    assert_eq!(shop.agrees(&email, &[news, notices]).await.joined.len(), 2);
    test.clock.advance(TimeDelta::minutes(1));
    shop.withdraws(&email).await;
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Full).await;
    assert!(!shop.on(Audience::Subscribers).await.contains(&email), "what the store gave");
    assert!(shop.on(Audience::Customers).await.contains(&email), "a customer all the same");
    let subscribers = shop.lists.insert(Audience::Subscribers, news).unwrap();
    assert!(!shop.on(Audience::Subscribers).await.contains(&email), "what the API gave");
    shop.lists.insert(Audience::Subscribers, notices);
    assert!(shop.on(Audience::Subscribers).await.contains(&email), "not marketing");
    shop.lists.insert(Audience::Subscribers, subscribers);
    says_yes_anew_in_the_store(&test, &shop, &email).await;
    assert!(shop.on(Audience::Subscribers).await.contains(&email), "the newer yes counts");
}

async fn an_old_yes_of_a_store_installed_later_undoes_no_withdrawal(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test).await;
    let email = subscriber(&shop).await;
    shop.withdraws(&email).await;
    test.clock.advance(TimeDelta::minutes(1));
    let second = shop.second(&test, StoreOptions { people: 60, ..StoreOptions::default() }).await;
    assert_eq!(second.sync(RunMode::Full).await.status, "succeeded");
    assert!(second.truth(Audience::Subscribers).contains(&email), "its flag is an old yes");
    assert!(!second.on(Audience::Subscribers).await.contains(&email));
    says_yes_anew_in_the_store(&test, &second, &email).await;
    assert!(second.on(Audience::Subscribers).await.contains(&email), "the newer yes counts");
}

async fn an_old_yes_of_another_flag_undoes_no_withdrawal(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test).await;
    let before = shop.on(Audience::Subscribers).await;
    let email = subscriber(&shop).await;
    for keys in [json!(["a_key_that_no_plugin_writes"]), json!(null)] {
        test.clock.advance(TimeDelta::minutes(1));
        shop.withdraws(&email).await;
        let settings = json!({ "optInMetaKeys": keys }).as_object().cloned().unwrap();
        let change = IntegrationChange { settings, ..IntegrationChange::default() };
        service::integrations::update(&shop.app, &shop.caller, shop.integration, change).await.unwrap();
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    }
    let expected: BTreeSet<String> = before.into_iter().filter(|other| *other != email).collect();
    assert_eq!(shop.on(Audience::Subscribers).await, expected, "and looking elsewhere for a while is no opt-out");
}

async fn an_account_that_is_back_has_said_what_it_said_and_no_more(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let is_there = Arc::new(AtomicBool::new(true));
    let there = Arc::clone(&is_there);
    let store = AnsweringStore::start(move |asked| {
        let is_shown = there.load(Ordering::SeqCst) && asked.path.ends_with("/customers");
        let all = if is_shown { vec![account(1, "anna"), account(2, "bert"), account(3, "carl")] } else { Vec::new() };
        let shown = all.iter().skip(asked.number_of("offset").unwrap_or(0)).cloned().collect();
        Reply::json(&Value::Array(shown)).header("X-WP-Total", &all.len())
    })
    .await;
    let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
    let shop = Installed::new(&test.app, Platform::WooCommerce, settings).await;
    shop.sync(RunMode::Full).await;
    assert_eq!(shop.on(Audience::Subscribers).await.len(), 3);
    is_there.store(false, Ordering::SeqCst);
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Full).await;
    assert_eq!(shop.on(Audience::Subscribers).await, BTreeSet::new());
    let remembered = || source_record::Entity::find().filter(source_record::Column::FormerAddress.is_not_null());
    assert_eq!(remembered().count(&shop.app.db).await.unwrap(), 3);
    let (no, erased) = (shop.withdraws("bert@example.com").await, contact_of(&shop, "carl@example.com").await);
    service::erasure::erase(&shop.app, &shop.caller, erased).await.unwrap();
    assert_eq!(remembered().count(&shop.app.db).await.unwrap(), 2, "erasure lets go of it");
    is_there.store(true, Ordering::SeqCst);
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Full).await;
    assert_eq!(
        shop.on(Audience::Subscribers).await,
        ["anna@example.com".to_owned()].into(),
        "{no:?} said no meanwhile"
    );
    assert_eq!(remembered().count(&shop.app.db).await.unwrap(), 0);
}

/// An account of WooCommerce that says yes without a date.
fn account(id: u64, name: &str) -> Value {
    json!({"id": id, "email": format!("{name}@example.com"), "first_name": "", "last_name": "",
        "date_created_gmt": "2025-01-01T00:00:00",
        "meta_data": [{"id": id, "key": "assent_marketing_opt_in", "value": "yes"}]})
}

async fn contact_of(shop: &Installed, email: &str) -> ContactId {
    let of_address = contact::Entity::find().filter(contact::Column::EmailNormalized.eq(email));
    of_address.one(&shop.app.db).await.unwrap().expect("there is a contact").id.into()
}

async fn an_older_yes_that_arrives_late_undoes_no_withdrawal(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test).await;
    let email = "late@example.com".to_owned();
    shop.store.change(&Change::GuestOrder { email: email.clone(), opt_in: Some(true) }).expect("guests may buy");
    test.clock.advance(TimeDelta::minutes(1));
    shop.withdraws(&email).await;
    for mode in [RunMode::Incremental, RunMode::Full] {
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(shop.sync(mode).await.status, "succeeded");
        assert!(shop.on(Audience::Customers).await.contains(&email));
        assert!(!shop.on(Audience::Subscribers).await.contains(&email), "{mode:?}");
    }
    shop.store.change(&Change::GuestOrder { email: email.clone(), opt_in: Some(true) }).expect("guests may buy");
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Incremental).await;
    assert!(shop.on(Audience::Subscribers).await.contains(&email), "a newer order says yes");
}

async fn a_suppression_beats_every_ground(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let mut shop = synced(&test).await;
    let email = subscriber(&shop).await;
    let news = shop.new_list("News", "marketing").await;
    let contact = shop.agrees(&email, &[news]).await.contact_id;
    service::suppressions::suppress(&shop.app, &shop.caller, contact, "asked us to").await.unwrap();
    says_yes_anew_in_the_store(&test, &shop, &email).await;
    let again = shop.agrees(&email, &[news]).await;
    assert_eq!((again.joined.as_slice(), again.refused.len()), ([].as_slice(), 1));
    assert!(!shop.on(Audience::Subscribers).await.contains(&email), "what the store gave");
    assert!(shop.on(Audience::Customers).await.contains(&email), "not marketing");
    let subscribers = shop.lists.insert(Audience::Subscribers, news).unwrap();
    assert!(!shop.on(Audience::Subscribers).await.contains(&email), "what the API gave");
    shop.lists.insert(Audience::Subscribers, subscribers);
    test.clock.advance(TimeDelta::minutes(1));
    let newer = consent(&email, ConsentEvent::Granted, shop.app.clock.now());
    service::suppressions::resubscribe(&shop.app, &shop.caller, contact, newer).await.unwrap();
    assert!(shop.on(Audience::Subscribers).await.contains(&email), "the store's yes counts again");
}

async fn only_a_newer_consent_for_email_lifts_a_suppression(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test).await;
    let email = subscriber(&shop).await;
    let before = shop.app.clock.now();
    test.clock.advance(TimeDelta::minutes(1));
    let contact = shop.agrees(&email, &[]).await.contact_id;
    service::suppressions::suppress(&shop.app, &shop.caller, contact, "asked us to").await.unwrap();
    test.clock.advance(TimeDelta::minutes(2));
    let now = shop.app.clock.now();
    let yes = consent(&email, ConsentEvent::Granted, now);
    let over = now - TimeDelta::seconds(30);
    let refused = [
        ("dateTimeConsented", consent(&email, ConsentEvent::Granted, before)),
        ("eventType", consent(&email, ConsentEvent::Withdrawn, now)),
        ("email", consent("somebody.else@example.com", ConsentEvent::Granted, now)),
        ("channel", NewConsent { channel: Channel::Sms, ..yes.clone() }),
        ("expiresAt", NewConsent { consented_at: now - TimeDelta::minutes(1), expires_at: Some(over), ..yes.clone() }),
    ];
    for (expected, consent) in refused {
        let answer = service::suppressions::resubscribe(&shop.app, &shop.caller, contact, consent).await;
        assert!(matches!(answer, Err(Error::Invalid { ref field, .. }) if field == expected), "{expected}: {answer:?}");
        assert!(!shop.on(Audience::Subscribers).await.contains(&email));
    }
    service::suppressions::resubscribe(&shop.app, &shop.caller, contact, yes).await.unwrap();
    assert!(shop.on(Audience::Subscribers).await.contains(&email));
}

async fn a_consent_that_has_run_out_joins_no_marketing_list(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test).await;
    let news = shop.new_list("News", "marketing").await;
    let now = shop.app.clock.now();
    let over = NewConsent {
        lists: vec![news],
        expires_at: Some(now - TimeDelta::minutes(1)),
        ..consent("anna@example.com", ConsentEvent::Granted, now - TimeDelta::minutes(2))
    };
    let submitted = service::consents::submit(&shop.app, &shop.caller, over).await.unwrap();
    assert_eq!((submitted.joined, submitted.refused), (vec![], vec![(news, "the consent has run out")]));
}

async fn a_list_never_becomes_a_marketing_list_under_its_members(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test).await;
    let notices = shop.new_list("Notices", "other").await;
    let become_marketing = || service::lists::update(&shop.app, &shop.caller, notices, None, Some(Purpose::Marketing));
    let contact = shop.agrees("anna@example.com", &[notices]).await.contact_id;
    service::suppressions::suppress(&shop.app, &shop.caller, contact, "asked us to").await.unwrap();
    assert!(matches!(become_marketing().await, Err(Error::Conflict(_))), "a suppressed person is on it");
    let to_notices = [(Audience::Subscribers, Some(notices))].into();
    service::mappings::put(&shop.app, &shop.caller, shop.integration, &to_notices).await.unwrap();
    assert!(become_marketing().await.is_err(), "and still is");
    let away = [(Audience::Subscribers, None)].into();
    service::mappings::put(&shop.app, &shop.caller, shop.integration, &away).await.unwrap();
    let fresh = shop.new_list("Fresh", "other").await;
    let to_fresh = [(Audience::Subscribers, Some(fresh))].into();
    service::mappings::put(&shop.app, &shop.caller, shop.integration, &to_fresh).await.unwrap();
    let list = service::lists::update(&shop.app, &shop.caller, fresh, None, Some(Purpose::Marketing)).await.unwrap();
    assert_eq!(list.purpose, Purpose::Marketing, "a store's subscribers may be on it");
    assert!(list.member_count > 0);
}
