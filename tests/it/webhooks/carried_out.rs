//! What a delivery brings about: the store is asked, and lists follow, without any sync.

use std::collections::BTreeSet;
use std::time::Duration;

use ::entity::{membership_event, pending_hint, source_record};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, DeliveryFault, Fault, FaultPlan, StoreOptions, Target};
use assent::service;
use assent::sync::hints;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use tokio_util::sync::CancellationToken;

use super::post::{Connected, on_each_sender};
use crate::support::databases::TestDatabase;

on_each_sender!(
    an_opt_out_in_the_store_takes_the_person_off_the_list_without_a_sync,
    somebody_whom_only_a_webhook_named_is_known_then,
    a_deletion_takes_the_grounds_away,
    a_changed_address_leaves_the_list_under_its_old_name,
    an_opt_out_is_carried_out_while_the_whole_store_is_read,
    a_store_that_fails_is_asked_again_later_and_at_last_no_more,
    refused_credentials_need_attention_and_lose_no_hint,
    deliveries_that_are_lost_are_found_by_the_next_sync,
);

const ANNA: &str = "anna@example.com";

fn buys(opt_in: Option<bool>) -> Change {
    Change::GuestOrder { email: ANNA.to_owned(), opt_in }
}

impl Connected {
    pub(super) async fn subscribers(&self) -> BTreeSet<String> {
        self.shop.on(Audience::Subscribers).await
    }

    /// How many records wait to be read again.
    pub(super) async fn waiting(&self) -> u64 {
        let all = pending_hint::Entity::find().filter(pending_hint::Column::GivenUpAt.is_null());
        all.count(&self.shop.app.db).await.unwrap()
    }
}

async fn an_opt_out_in_the_store_takes_the_person_off_the_list_without_a_sync(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.happens(&buys(Some(true))).await;
    assert!(it.subscribers().await.contains(ANNA));
    it.happens(&buys(Some(false))).await;
    assert!(it.subscribers().await.is_empty());
    it.shop.assert_true().await;
    let events = membership_event::Entity::find().all(&it.shop.app.db).await.unwrap();
    assert!(events.iter().all(|event| event.run_id.is_none() && event.actor.as_deref() == Some("webhook")));
    let left = events.iter().find(|event| event.kind == "left").expect("a leave");
    assert_eq!(left.cause, "opted_out");
    assert_eq!(it.waiting().await, 0);
    let webhooks = service::webhooks::get(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!((webhooks.pending, webhooks.given_up), (0, 0));
    assert_eq!((webhooks.deliveries, webhooks.handled), (2 * u64::from(it.telling().per_order), 2), "of two records");
    assert_eq!(webhooks.last_handling_ms, Some(0), "the clock stands still");
    assert!(webhooks.last_delivery_at.is_some() && webhooks.last_handled_at.is_some());
}

async fn somebody_whom_only_a_webhook_named_is_known_then(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.happens(&Change::NewCustomer { email: ANNA.to_owned(), opt_in: Some(true) }).await;
    assert_eq!(source_record::Entity::find().count(&it.shop.app.db).await.unwrap(), 1);
    it.shop.assert_true().await;
    assert!(it.subscribers().await.contains(ANNA));
    let run = it.shop.sync(RunMode::Full).await;
    assert_eq!((run.created_count, run.updated_count, run.joined_count), (0, 0, 0), "the sync finds nothing new");
}

async fn a_deletion_takes_the_grounds_away(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.happens(&Change::NewCustomer { email: ANNA.to_owned(), opt_in: Some(true) }).await;
    assert_eq!(it.shop.on(Audience::Customers).await.len(), 1);
    it.happens(&Change::Delete { email: ANNA.to_owned() }).await;
    let told = String::from_utf8(it.last(it.telling().gone_account).body).unwrap();
    assert!(!told.contains(ANNA), "the store tells no more than the id: {told}");
    assert!(it.subscribers().await.is_empty() && it.shop.on(Audience::Customers).await.is_empty());
    let record = source_record::Entity::find().one(&it.shop.app.db).await.unwrap().unwrap();
    assert!(record.gone_at.is_some() && record.email.is_none());
}

async fn a_changed_address_leaves_the_list_under_its_old_name(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.happens(&Change::NewCustomer { email: ANNA.to_owned(), opt_in: Some(true) }).await;
    let to = "anna@example.org".to_owned();
    it.happens(&Change::ChangeEmail { email: ANNA.to_owned(), to, keep_opt_in: false }).await;
    assert!(it.subscribers().await.is_empty(), "the new address does not inherit the opt-in");
    assert!(it.shop.on(Audience::Customers).await.contains("anna@example.org"));
    it.shop.assert_true().await;
}

async fn an_opt_out_is_carried_out_while_the_whole_store_is_read(db: TestDatabase, platform: Platform) {
    let it = Connected::with(platform, db, StoreOptions { people: 1_500, ..StoreOptions::generous() }).await;
    it.happens(&buys(Some(true))).await;
    assert!(it.subscribers().await.contains(ANNA));
    it.shop.store.set_latency(Duration::from_millis(200));
    let (app, caller) = (it.shop.app.clone(), &it.shop.caller);
    let run = service::syncs::start(&app, caller, it.shop.integration, RunMode::Full).await.unwrap();
    let never = CancellationToken::new();
    let syncing = tokio::spawn(async move { assent::sync::worker::run_one(&app, run, &never).await });
    while it.shop.run(run).await.page_count == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    it.test.clock.advance(TimeDelta::minutes(1));
    it.shop.store.change(&buys(Some(false))).unwrap();
    it.carry_out().await;
    assert!(!it.subscribers().await.contains(ANNA));
    assert_eq!(it.shop.run(run).await.status, "running", "the hint did not wait for the run");
    it.shop.store.set_latency(Duration::ZERO);
    syncing.await.unwrap();
    assert_eq!(it.shop.run(run).await.status, "succeeded");
    it.shop.assert_true().await;
}

async fn a_store_that_fails_is_asked_again_later_and_at_last_no_more(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    let fails = FaultPlan { fault: Fault::ServerError, times: 1_000, after: 0, on: Target::Any };
    assert!(it.shop.store.plan_fault(fails));
    it.happens(&buys(Some(true))).await;
    assert_eq!(it.waiting().await, 1);
    assert_eq!(hints::run_due(&it.shop.app).await, 0, "not before its time");
    let mut tries = 1;
    while it.waiting().await > 0 && tries < 50 {
        it.test.clock.advance(TimeDelta::hours(1));
        tries += it.carry_out().await;
    }
    assert_eq!(tries, 25, "for a day");
    let webhooks = service::webhooks::get(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    let [given_up] = webhooks.last_given_up.as_slice() else { panic!("{webhooks:?}") };
    assert_eq!((given_up.code.as_str(), given_up.attempts), ("STORE_FAILED", 25));
    it.shop.store.clear_faults();
    it.happens(&buys(Some(false))).await;
    assert!(it.subscribers().await.is_empty());
    it.shop.sync(RunMode::Incremental).await;
    it.shop.assert_true().await;
}

async fn refused_credentials_need_attention_and_lose_no_hint(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.happens(&buys(Some(true))).await;
    let refuses = FaultPlan { fault: Fault::RejectedCredentials, times: 1_000, after: 0, on: Target::Any };
    assert!(it.shop.store.plan_fault(refuses));
    it.happens(&buys(Some(false))).await;
    let shown = service::integrations::get(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(shown.state_code.as_deref(), Some("STORE_CREDENTIALS_REJECTED"));
    assert_eq!((it.waiting().await, it.carry_out().await), (1, 0), "it waits until somebody acted");
    it.shop.store.clear_faults();
    service::integrations::resume(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    it.carry_out().await;
    assert!(it.subscribers().await.is_empty());
    it.shop.assert_true().await;
}

async fn deliveries_that_are_lost_are_found_by_the_next_sync(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.happens(&buys(Some(true))).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Dropped, it.telling().per_order);
    it.happens(&buys(Some(false))).await;
    assert!(it.subscribers().await.contains(ANNA), "nobody told");
    it.shop.sync(RunMode::Incremental).await;
    assert!(it.subscribers().await.is_empty());
    it.shop.store.plan_delivery_fault(DeliveryFault::Delayed, it.telling().per_order);
    it.happens(&buys(Some(true))).await;
    it.shop.store.clear_delivery_faults();
    it.carry_out().await;
    it.shop.assert_true().await;
}
