//! From a store over HTTP to lists: what a marketer relies on beside the contract of all platforms (`contract`).

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use ::entity::{consent_record, membership_event, sync_run};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform, Purpose};
use assent::sandbox::{Change, StoreOptions};
use assent::service::{self, integrations::IntegrationChange};
use assent::store::ledger;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    a_changed_mapping_moves_the_members,
    every_join_and_leave_has_its_cause,
    the_consent_ledger_verifies_after_syncs,
    two_stores_with_the_same_people_hold_their_own_grounds,
    changed_settings_make_the_next_run_read_everything,
    a_list_with_members_does_not_become_a_marketing_list,
);

async fn woo(test: &TestApp, people: u64) -> Shop {
    Shop::open(test, Platform::WooCommerce, StoreOptions { people, ..StoreOptions::default() }).await
}

fn assert_good(run: &sync_run::Model) {
    assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("succeeded", None));
    let parts = run.created_count + run.updated_count + run.unchanged_count + run.skipped_count + run.quarantined_count;
    assert_eq!(run.read_count, parts);
}

/// Somebody with an account who is on both lists, and on whom the change can be made.
async fn changed(test: &TestApp, shop: &Shop, change: impl Fn(String) -> Change) -> String {
    test.clock.advance(TimeDelta::minutes(1));
    let both: Vec<String> =
        shop.on(Audience::Subscribers).await.intersection(&shop.on(Audience::Customers).await).cloned().collect();
    let email = both.into_iter().find(|email| shop.store.change(&change(email.clone())).is_ok());
    test.clock.advance(TimeDelta::minutes(1));
    email.expect("somebody with an account is subscribed")
}

async fn a_changed_mapping_moves_the_members(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let mut shop = woo(&test, 150).await;
    shop.sync(RunMode::Full).await;
    let members = shop.on(Audience::Customers).await;
    let other = shop.new_list("Everybody", "other").await;
    let change = [(Audience::Customers, Some(other))].into();
    let preview = service::mappings::preview(&shop.app, &shop.caller, shop.integration, &change).await.unwrap();
    assert_eq!(shop.on(Audience::Customers).await, members, "a preview changes nothing");
    let effect = service::mappings::put(&shop.app, &shop.caller, shop.integration, &change).await.unwrap();
    assert_eq!(effect, preview);
    let customers = effect.iter().find(|effect| effect.audience == Audience::Customers).unwrap();
    assert_eq!((customers.joins, customers.leaves), (members.len() as u64, members.len() as u64));
    let former = shop.lists.insert(Audience::Customers, other).unwrap();
    assert_eq!(shop.on(Audience::Customers).await, members);
    shop.lists.insert(Audience::Customers, former);
    assert!(shop.on(Audience::Customers).await.is_empty());
}

async fn every_join_and_leave_has_its_cause(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = woo(&test, 100).await;
    shop.sync(RunMode::Full).await;
    changed(&test, &shop, |email| Change::OptOut { email }).await;
    let run = shop.sync(RunMode::Incremental).await;
    let events = membership_event::Entity::find()
        .filter(membership_event::Column::RunId.eq(run.id))
        .order_by_asc(membership_event::Column::Id)
        .all(&shop.app.db)
        .await
        .unwrap();
    let [event] = events.as_slice() else { panic!("one event, not {}", events.len()) };
    assert_eq!((event.kind.as_str(), event.cause.as_str()), ("left", "opted_out"));
    assert_eq!(event.audience.as_deref(), Some("subscribers"));
    assert_eq!(event.integration_id, Some(shop.integration.0));
    assert!(event.source_record_id.is_some());
    let consent = consent_record::Entity::find_by_id(event.consent_record_id.expect("a consent record is named"))
        .one(&shop.app.db)
        .await
        .unwrap()
        .expect("it is there");
    assert_eq!(consent.event_type, "withdrawn");
    assert!(consent.supersedes_id.is_some(), "it names the grant that it takes back");
}

async fn the_consent_ledger_verifies_after_syncs(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = woo(&test, 150).await;
    shop.sync(RunMode::Full).await;
    changed(&test, &shop, |email| Change::OptOut { email }).await;
    shop.sync(RunMode::Full).await;
    let stored = consent_record::Entity::find().count(&shop.app.db).await.unwrap();
    let verification = ledger::verify(&shop.app.db, shop.caller.account_id).await.unwrap();
    assert_eq!((verification.records, verification.first_bad_sequence), (stored, None));
    assert!(stored > 10);
    let forged = consent_record::Entity::delete_many().exec(&shop.app.db).await;
    assert!(forged.is_err(), "the ledger refuses to forget");
}

async fn two_stores_with_the_same_people_hold_their_own_grounds(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let first = woo(&test, 100).await;
    first.sync(RunMode::Full).await;
    let second = first.second(&test, StoreOptions { people: 100, ..StoreOptions::default() }).await;
    let run = second.sync(RunMode::Full).await;
    assert_good(&run);
    assert_eq!(run.joined_count, 0, "the same people are on the same lists already");
    let email = changed(&test, &second, |email| Change::OptOut { email }).await;
    second.sync(RunMode::Incremental).await;
    assert!(second.on(Audience::Subscribers).await.contains(&email), "the first store still holds its own ground");
    first.store.change(&Change::OptOut { email: email.clone() }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    first.sync(RunMode::Incremental).await;
    assert!(!second.on(Audience::Subscribers).await.contains(&email));
}

async fn changed_settings_make_the_next_run_read_everything(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = woo(&test, 100).await;
    shop.sync(RunMode::Full).await;
    assert!(!shop.on(Audience::Subscribers).await.is_empty());
    test.clock.advance(TimeDelta::hours(1));
    let settings = json!({"optInMetaKeys": ["a_key_that_no_plugin_writes"]}).as_object().cloned().unwrap();
    let change = IntegrationChange { settings, ..IntegrationChange::default() };
    service::integrations::update(&shop.app, &shop.caller, shop.integration, change).await.unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    assert_good(&shop.sync(RunMode::Incremental).await);
    assert!(shop.on(Audience::Subscribers).await.is_empty(), "nothing states an opt-in any more");
    assert_eq!(shop.on(Audience::Customers).await, shop.truth(Audience::Customers));
}

async fn a_list_with_members_does_not_become_a_marketing_list(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = woo(&test, 60).await;
    shop.sync(RunMode::Full).await;
    let list = shop.lists[&Audience::Customers];
    let to_marketing = || service::lists::update(&shop.app, &shop.caller, list, None, Some(Purpose::Marketing));
    let mapped = to_marketing().await.unwrap_err();
    assert!(mapped.to_string().contains("map them to another list first"), "{mapped}");
    let empty = shop.new_list("Empty", "other").await;
    service::lists::update(&shop.app, &shop.caller, empty, None, Some(Purpose::Marketing)).await.unwrap();
    let imposed = [(Audience::Customers, Some(empty))].into();
    let refused = service::mappings::put(&shop.app, &shop.caller, shop.integration, &imposed).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "INVALID");
}
