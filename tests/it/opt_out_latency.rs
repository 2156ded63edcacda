//! How long an opt-out in a store took to take the person off the list: in the evidence, and as the interfaces show it.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::time::Duration;

use ::entity::{contact, membership_event};
use assent::app::App;
use assent::domain::ids::AccountId;
use assent::domain::integration::OptOutLatency;
use assent::domain::page::Window;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, StoreOptions};
use assent::service;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, Set};
use serde_json::json;
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    an_opt_out_that_a_sync_finds_is_timed_from_when_the_store_dates_it,
    an_opt_out_that_no_date_tells_is_not_timed,
    both_transports_show_the_latency_of_the_last_thirty_days,
    a_time_can_not_be_changed_afterwards,
);

async fn synced(test: &TestApp, platform: Platform) -> Shop {
    let shop = Shop::open(test, platform, StoreOptions { people: 60, ..StoreOptions::generous() }).await;
    assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    shop
}

/// People who opt out in the store, a minute after each other; tells whom that were.
async fn opt_out(test: &TestApp, shop: &Shop, people: usize) -> Vec<String> {
    let mut gone = Vec::new();
    for email in shop.on(Audience::Subscribers).await {
        if gone.len() == people {
            break;
        }
        test.clock.advance(TimeDelta::minutes(1));
        if shop.store.change(&Change::OptOut { email: email.clone() }).is_ok() {
            gone.push(email);
        } else {
            test.clock.advance(TimeDelta::minutes(-1));
        }
    }
    assert_eq!(gone.len(), people, "so many subscribers can opt out");
    gone
}

async fn latency(shop: &Shop) -> Option<OptOutLatency> {
    let found = service::statistics::opt_out_latencies(&shop.app, &shop.caller, &[shop.integration]).await.unwrap();
    found.get(&shop.integration).copied()
}

async fn an_opt_out_that_a_sync_finds_is_timed_from_when_the_store_dates_it(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, other) = (synced(&test, Platform::Shopify).await, synced(&test, Platform::Shopify).await);
    assert_eq!(latency(&shop).await, None);
    let first = test.app.clock.now() + TimeDelta::minutes(1);
    let gone = opt_out(&test, &shop, 4).await;
    // They took 6, 7, 8 and 9 minutes.
    test.clock.advance(TimeDelta::minutes(6));
    assert_eq!(shop.sync(RunMode::Incremental).await.status, "succeeded");
    let minutes = |minutes| Duration::from_mins(minutes);
    let since = test.app.clock.now() - TimeDelta::days(30);
    assert_eq!(latency(&shop).await, Some(OptOutLatency { count: 4, p50: minutes(7), p99: minutes(9), since }));
    assert_eq!(latency(&other).await, None, "another account's store");
    let left = contact::Column::EmailNormalized.eq(gone[0].as_str());
    let contacts = contact::Entity::find().filter(contact::Column::AccountId.eq(shop.caller.account_id.0)).filter(left);
    let contact = contacts.one(&shop.app.db).await.unwrap().expect("the first who left").id.into();
    let events = service::contacts::events(&shop.app, &shop.caller, contact, &Window::first(50, None)).await.unwrap();
    let said: Vec<_> = events.items.iter().filter_map(|event| event.said_at).collect();
    assert_eq!(said, [first], "of the leave and of no join");
}

async fn an_opt_out_that_no_date_tells_is_not_timed(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = synced(&test, Platform::WooCommerce).await;
    let gone = opt_out(&test, &shop, 1).await;
    test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    assert!(!shop.on(Audience::Subscribers).await.contains(&gone[0]));
    assert_eq!(latency(&shop).await, None, "it is known when we saw it, not when they said it");
}

/// Leaves of a list as a store's opt-outs, each with how many seconds it took, so long ago.
async fn left(app: &App, account: AccountId, integration: &str, took: impl Iterator<Item = i64>, ago: TimeDelta) {
    let at = app.clock.now() - ago;
    let integration: Uuid = integration.parse().unwrap();
    let rows = took.map(|seconds| membership_event::ActiveModel {
        id: Set(Uuid::new_v4()),
        account_id: Set(account.0),
        list_id: Set(Uuid::nil()),
        contact_id: Set(Uuid::nil()),
        kind: Set("left".to_owned()),
        cause: Set("opted_out".to_owned()),
        audience: Set(None),
        run_id: Set(None),
        integration_id: Set(Some(integration)),
        source_record_id: Set(None),
        consent_record_id: Set(None),
        actor: Set(None),
        at: Set(at),
        opt_out_micros: Set(Some(seconds * 1_000_000)),
    });
    membership_event::Entity::insert_many(rows).exec_without_returning(&app.db).await.unwrap();
}

async fn both_transports_show_the_latency_of_the_last_thirty_days(db: TestDatabase) {
    let api = Api::new(db).await;
    let (rival, token) = api.another_account().await;
    let app = &api.test.app;
    let account = api.account.account_id;
    let (busy, fast, quiet) =
        (api.make_integration("Busy").await, api.make_integration("Fast").await, api.make_integration("Quiet").await);
    left(app, account, &busy, 1..=200, TimeDelta::days(29)).await;
    left(app, account, &busy, [9_999].into_iter(), TimeDelta::days(31)).await;
    left(app, account, &fast, [-5].into_iter(), TimeDelta::zero()).await;
    left(app, rival.account_id, &quiet, [7].into_iter(), TimeDelta::zero()).await;
    let since = "2026-03-05T12:00:00Z";
    let of_busy = json!({"count": 200, "p50Seconds": 100.0, "p99Seconds": 198.0, "since": since});
    let of_fast = json!({"count": 1, "p50Seconds": 0.0, "p99Seconds": 0.0, "since": since});
    let all = api.get("/v1/integrations").await.json();
    let shown: Vec<_> = all["items"].as_array().unwrap().iter().map(|item| &item["optOutLatency"]).collect();
    assert_eq!(shown, [&of_busy, &of_fast, &json!(null)], "a store's clock that is ahead of ours counts as no time");
    assert_eq!(api.get(&format!("/v1/integrations/{busy}")).await.json()["optOutLatency"], of_busy);
    let theirs = api.call("GET", "/v1/integrations", Some(&token), None).await.json();
    assert_eq!(theirs["items"], json!([]));
    let query = "query($id: UUID!) { integration(id: $id) { optOutLatency { count p50Seconds p99Seconds since } } }";
    let answer = api.post("/graphql", json!({"query": query, "variables": {"id": busy}})).await.json();
    let shown = &answer["data"]["integration"]["optOutLatency"];
    assert_eq!((&shown["count"], &shown["p99Seconds"]), (&json!(200), &json!(198.0)), "{answer}");
}

async fn a_time_can_not_be_changed_afterwards(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let account = service::accounts::create(&test.app, "Acme", "owner@acme.example").await.unwrap().account_id;
    left(&test.app, account, &Uuid::new_v4().to_string(), [5].into_iter(), TimeDelta::zero()).await;
    let edit = "UPDATE membership_event SET opt_out_micros = 1";
    let refused = test.app.db.execute_unprepared(edit).await.expect_err("evidence is append-only");
    assert!(refused.to_string().contains("membership_event is append-only"), "{refused}");
    let kept = membership_event::Column::OptOutMicros.eq(5_000_000);
    assert!(membership_event::Entity::find().filter(kept).one(&test.app.db).await.unwrap().is_some());
}
