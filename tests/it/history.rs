//! Old runs are removed, and nothing that is still needed goes with them.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeSet;

use ::entity::{membership_event, quarantined_record, schedule, sync_run};
use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::StoreOptions;
use assent::service;
use assent::sync::history;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait, PaginatorTrait as _, QueryFilter as _};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    old_runs_go_with_what_they_could_not_use,
    what_is_needed_stays_however_old,
    several_processes_remove_each_run_once,
);

async fn shop(test: &TestApp) -> Shop {
    Shop::open(test, Platform::WooCommerce, StoreOptions { people: 20, ..StoreOptions::default() }).await
}

async fn runs(shop: &Shop) -> BTreeSet<Uuid> {
    let rows = sync_run::Entity::find().all(&shop.app.db).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

async fn old_runs_go_with_what_they_could_not_use(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shop(&test).await;
    let first = shop.sync(RunMode::Full).await;
    assert!(first.quarantined_count > 0 && first.joined_count > 0);
    test.clock.advance(TimeDelta::days(1));
    let newest = shop.sync(RunMode::Full).await;
    test.clock.advance(TimeDelta::days(89));
    assert_eq!(history::purge(&shop.app).await.unwrap(), 0, "it is 90 days old and not older");
    test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(history::purge(&shop.app).await.unwrap(), 1);
    assert_eq!(runs(&shop).await, BTreeSet::from([newest.id]));
    let left = quarantined_record::Entity::find().all(&shop.app.db).await.unwrap();
    assert!(left.iter().all(|record| record.run_id == newest.id));
    // Events are for ever, and go on naming it.
    let events = membership_event::Entity::find().all(&shop.app.db).await.unwrap();
    let named = events.iter().find(|event| event.run_id == Some(first.id)).expect("an event of the run");
    let shown = service::contacts::get(&shop.app, &shop.caller, named.contact_id.into()).await;
    assert!(shown.is_ok());
    let found = service::runs::by_ids(&shop.app, &shop.caller, &[first.id.into()]).await.unwrap();
    assert!(found.is_empty(), "which is null where a relation leads to it");
}

async fn what_is_needed_stays_however_old(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shop(&test).await;
    let mut made = Vec::new();
    for mode in [RunMode::Full, RunMode::Full, RunMode::Incremental, RunMode::Incremental] {
        made.push(shop.sync(mode).await.id);
        test.clock.advance(TimeDelta::minutes(5));
    }
    let cancelled = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    service::syncs::cancel(&shop.app, &shop.caller, cancelled).await.unwrap();
    test.clock.advance(TimeDelta::minutes(5));
    let waiting = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let asking = schedule::Entity::update_many()
        .col_expr(schedule::Column::HeldCode, Expr::value("CONFIRMATION_NEEDED"))
        .col_expr(schedule::Column::HeldRunId, Expr::value(made[2]));
    asking.filter(schedule::Column::IntegrationId.eq(shop.integration.0)).exec(&shop.app.db).await.unwrap();
    test.clock.advance(TimeDelta::days(1000));
    assert_eq!(history::purge(&shop.app).await.unwrap(), 2);
    let left = BTreeSet::from([made[1], made[2], cancelled.0, waiting.0]);
    assert_eq!(runs(&shop).await, left, "good and full, asking, ended, waiting");
    assert_eq!(history::purge(&shop.app).await.unwrap(), 0);
}

async fn several_processes_remove_each_run_once(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shop(&test).await;
    for _ in 0..6 {
        shop.sync(RunMode::Incremental).await;
        test.clock.advance(TimeDelta::minutes(5));
    }
    shop.sync(RunMode::Full).await;
    test.clock.advance(TimeDelta::days(100));
    let (one, other) = tokio::join!(history::purge(&shop.app), history::purge(&shop.app));
    assert_eq!(one.unwrap() + other.unwrap(), 6);
    assert_eq!(sync_run::Entity::find().count(&shop.app.db).await.unwrap(), 1);
}
