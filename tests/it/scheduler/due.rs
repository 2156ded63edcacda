//! When stores are synced by themselves, and in which order.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeMap;
use std::time::Duration;

use ::entity::{integration, sync_run};
use assent::auth::Caller;
use assent::domain::Platform;
use assent::domain::health::Health;
use assent::domain::ids::{IntegrationId, SyncRunId};
use assent::domain::sync::RunMode;
use assent::sandbox::StoreOptions;
use assent::service::integrations::{self, IntegrationChange, NewIntegration};
use assent::service::schedules::ScheduleChange;
use assent::service::syncs;
use assent::sync::{scheduler, worker};
use chrono::TimeDelta;
use sea_orm::{EntityTrait as _, PaginatorTrait as _, QueryOrder as _};
use tokio_util::sync::CancellationToken;

use super::Scheduled;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Shop, never};

/// Later than the first run of what was just installed, earlier than anything after it.
const SOON: TimeDelta = TimeDelta::seconds(15);

both_databases!(
    an_installed_store_is_synced_by_itself,
    the_whole_store_is_read_once_a_day,
    a_paused_store_is_left_alone,
    a_run_is_never_scheduled_twice,
    accounts_take_turns,
    a_second_run_waits_behind_the_first,
    a_cancelled_run_is_not_made_up_for_at_once,
    a_schedule_can_be_changed,
);

async fn an_installed_store_is_synced_by_itself(db: TestDatabase) {
    let it = Scheduled::new(db, 40).await;
    let settings = it.shop.store.settings();
    let new = NewIntegration {
        platform: Platform::WooCommerce,
        name: "By itself".to_owned(),
        settings: settings.as_object().unwrap().clone(),
        mappings: BTreeMap::new(),
        schedule: ScheduleChange::default(),
    };
    it.plan(never()).await;
    let id = integrations::create(&it.test.app, &it.shop.caller, new).await.unwrap().id;
    assert_eq!(it.tick().await, 0, "there is a moment to map more audiences");
    it.test.clock.advance(SOON);
    let first = it.due_run().await;
    assert_eq!((first.integration_id, first.status.as_str(), first.cause.as_str()), (id.0, "succeeded", "schedule"));
    assert_eq!(first.mode, "full");
    assert_eq!(it.tick().await, 0, "the interval counts from the end");
    it.test.clock.advance(TimeDelta::minutes(5));
    it.test.clock.advance(TimeDelta::seconds(31));
    let second = it.due_run().await;
    assert_eq!(
        (second.mode.as_str(), second.lane.as_str(), second.status.as_str()),
        ("incremental", "changes", "succeeded")
    );
}

async fn the_whole_store_is_read_once_a_day(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    assert_eq!(it.due_run().await.lane, "whole");
    let mut lanes = Vec::new();
    for _ in 0..26 {
        it.test.clock.advance(TimeDelta::hours(1));
        lanes.push(it.due_run().await.lane);
    }
    assert_eq!(lanes.iter().filter(|lane| *lane == "whole").count(), 1);
    assert!(lanes[..22].iter().all(|lane| lane == "changes"), "not before 23 hours");
}

async fn a_paused_store_is_left_alone(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    integrations::pause(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    it.test.clock.advance(TimeDelta::hours(1));
    assert_eq!((it.tick().await, it.health().await), (0, Health::Paused));
    integrations::resume(&it.test.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(it.due_run().await.status, "succeeded");
}

async fn a_run_is_never_scheduled_twice(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    let ticks = (0..8).map(|_| {
        let app = it.test.app.clone();
        tokio::spawn(async move { scheduler::tick(&app).await.unwrap() })
    });
    let mut queued = 0;
    for tick in ticks.collect::<Vec<_>>() {
        queued += tick.await.unwrap();
    }
    assert_eq!(queued, 1);
    assert_eq!(sync_run::Entity::find().count(&it.test.app.db).await.unwrap(), 1);
    let run = it.newest().await;
    worker::run_one(&it.test.app, run.id.into(), &CancellationToken::new()).await;
    assert_eq!(it.tick().await, 0);
}

async fn accounts_take_turns(db: TestDatabase) {
    let it = Scheduled::new(db, 5).await;
    it.plan(never()).await;
    let mut of_large = Vec::new();
    for number in 0..6 {
        of_large.push(installed(&it, &it.shop.caller, &format!("Large {number}")).await);
    }
    it.test.clock.advance(TimeDelta::seconds(1));
    let other =
        Shop::open(&it.test, Platform::WooCommerce, StoreOptions { people: 5, ..StoreOptions::default() }).await;
    let small = installed(&it, &other.caller, "Small").await;
    it.test.clock.advance(SOON);
    assert_eq!(it.tick().await, 4, "few passes over whole stores wait at a time");
    let queued = sync_run::Entity::find().order_by_asc(sync_run::Column::Id).all(&it.test.app.db).await.unwrap();
    let stores: Vec<IntegrationId> = queued.iter().map(|run| run.integration_id.into()).collect();
    assert_eq!(stores, [of_large[0], small, of_large[1], of_large[2]]);
}

async fn installed(it: &Scheduled, caller: &Caller, name: &str) -> IntegrationId {
    let new = NewIntegration {
        platform: Platform::WooCommerce,
        name: name.to_owned(),
        settings: it.shop.store.settings().as_object().unwrap().clone(),
        mappings: BTreeMap::new(),
        schedule: ScheduleChange::default(),
    };
    integrations::create(&it.test.app, caller, new).await.unwrap().id
}

async fn a_second_run_waits_behind_the_first(db: TestDatabase) {
    let it = Scheduled::new(db, 40).await;
    let (app, caller, store) = (&it.test.app, &it.shop.caller, it.shop.integration);
    let first = syncs::start(app, caller, store, RunMode::Full).await.unwrap();
    it.shop.store.set_latency(Duration::from_millis(300));
    let running = tokio::spawn({
        let app = app.clone();
        async move { worker::run_one(&app, first, &CancellationToken::new()).await }
    });
    wait_for(&it, first, "running").await;
    let second = syncs::start(app, caller, store, RunMode::Incremental).await.unwrap();
    let third = syncs::start(app, caller, store, RunMode::Full).await.unwrap();
    assert!(second != first && third == second, "who asks again gets the run that waits");
    assert_eq!(it.shop.run(second).await.mode, "full", "which then reads as much as was asked for");
    worker::run_one(app, second, &CancellationToken::new()).await;
    assert_eq!(it.shop.run(second).await.status, "queued", "one run of an integration at a time");
    it.shop.store.set_latency(Duration::ZERO);
    running.await.unwrap();
    worker::run_one(app, second, &CancellationToken::new()).await;
    assert_eq!(it.shop.run(first).await.status, "succeeded");
    assert_eq!(it.shop.run(second).await.status, "succeeded");
}

async fn wait_for(it: &Scheduled, run: SyncRunId, status: &str) {
    let reached = async {
        while it.shop.run(run).await.status != status {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.expect("the run gets there in time");
}

async fn a_cancelled_run_is_not_made_up_for_at_once(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    assert_eq!(it.tick().await, 1);
    let run = it.newest().await;
    syncs::cancel(&it.test.app, &it.shop.caller, run.id.into()).await.unwrap();
    assert_eq!(it.newest().await.status, "cancelled");
    assert_eq!(it.tick().await, 0);
    it.test.clock.advance(TimeDelta::minutes(6));
    assert_eq!(it.tick().await, 1);
}

async fn a_schedule_can_be_changed(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    it.due_run().await;
    let change = |schedule| IntegrationChange { schedule, ..IntegrationChange::default() };
    let set = |schedule| integrations::update(&it.test.app, &it.shop.caller, it.shop.integration, change(schedule));
    let hourly = set(ScheduleChange { interval_seconds: Some(3600), ..ScheduleChange::default() }).await.unwrap();
    assert!(hourly.planned.next_run_at - it.now() <= TimeDelta::seconds(331), "the run that was planned stays");
    let minutely = set(ScheduleChange { interval_seconds: Some(60), ..ScheduleChange::default() }).await.unwrap();
    assert_eq!(minutely.planned.next_run_at, it.now() + TimeDelta::minutes(1));
    let at_night = ScheduleChange {
        full_pass_time: Some(Some("03:30".to_owned())),
        time_zone: Some(Some("Europe/Berlin".to_owned())),
        ..ScheduleChange::default()
    };
    let nightly = set(at_night).await.unwrap();
    assert_eq!(nightly.planned.next_full_pass_at, Some("2026-04-05T01:30:00Z".parse().unwrap()));
    let row = integration::Entity::find_by_id(it.shop.integration.0).one(&it.test.app.db).await.unwrap().unwrap();
    assert!(row.watermarks.get("orders").is_some(), "what was read is not forgotten");
    assert_eq!(nightly.health, Health::Healthy);
}
