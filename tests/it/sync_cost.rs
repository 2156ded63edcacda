//! A page costs a fixed number of statements, whatever its size.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, StoreOptions};
use assent::service::integrations::{self, IntegrationChange};
use assent::service::leave_limits::LimitChange;
use chrono::TimeDelta;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    changed_people_cost_the_same_statements_however_many,
    new_people_cost_the_same_statements_however_many,
    an_unchanged_store_costs_few_statements,
    a_database_that_plans_by_statistics_has_them_while_tables_grow,
);

/// Statements of an unchanged page: the lock, the run, who was erased, what webhooks have under way, what is known, the
/// page's memory, what is unusable, what is settled, the progress. Those around the pages: queueing in turn, claiming, opening, what former runs
/// of either kind took off, when changes are due, holding what was seen against the store's count, finding what is gone, ending, planning the next one.
const UNCHANGED: u64 = 9 * PAGES as u64 + 35;
/// One page of customers and one of orders.
const PAGES: u32 = 2;

/// A store that fits into one page a stream, whose service counts its statements.
async fn counted(test: &TestApp, people: u64) -> (Shop, Arc<AtomicU64>) {
    let mut shop = Shop::open(test, Platform::WooCommerce, StoreOptions { people, ..StoreOptions::default() }).await;
    // More may leave unasked than there are, so that leaves are counted and stop nothing.
    let leave_limit = LimitChange { percent: None, at_least: Some(10_000) };
    let change = IntegrationChange { leave_limit, ..IntegrationChange::default() };
    integrations::update(&shop.app, &shop.caller, shop.integration, change).await.expect("the limit can be set");
    test.clock.advance(TimeDelta::minutes(1));
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    shop.app.db.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    shop.sync(RunMode::Full).await;
    (shop, count)
}

/// How many statements a sync takes after these changes, and how many records it found changed.
async fn cost(test: &TestApp, shop: &Shop, count: &AtomicU64, changes: &[Change]) -> (u64, i64) {
    test.clock.advance(TimeDelta::minutes(1));
    for change in changes {
        shop.store.change(change).expect("the change can be made");
    }
    test.clock.advance(TimeDelta::minutes(1));
    count.store(0, Ordering::SeqCst);
    let run = shop.sync(RunMode::Full).await;
    assert_eq!(run.status, "succeeded");
    assert_eq!(run.page_count.unsigned_abs(), PAGES, "one page a stream");
    (count.load(Ordering::SeqCst), run.created_count + run.updated_count)
}

/// The people with an account, whose flag can be changed.
async fn account_holders(shop: &Shop) -> Vec<String> {
    let customers = shop.on(Audience::Customers).await;
    customers.into_iter().filter(|email| shop.store.change(&Change::OptIn { email: email.clone() }).is_ok()).collect()
}

async fn changed_people_cost_the_same_statements_however_many(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, count) = counted(&test, 90).await;
    let all = account_holders(&shop).await;
    cost(&test, &shop, &count, &[]).await;
    let out = |emails: &[String]| -> Vec<Change> {
        emails.iter().map(|email| Change::OptOut { email: email.clone() }).collect()
    };
    let (few, many) = all.split_at(4);
    let (cost_of_few, changed_few) = cost(&test, &shop, &count, &out(few)).await;
    let (cost_of_many, changed_many) = cost(&test, &shop, &count, &out(many)).await;
    assert!(changed_many >= 10 * changed_few, "{changed_few} and {changed_many}");
    assert_eq!(cost_of_few, cost_of_many);
}

async fn new_people_cost_the_same_statements_however_many(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, count) = counted(&test, 30).await;
    let new = |from: u32, to: u32| -> Vec<Change> {
        (from..to).map(|n| Change::NewCustomer { email: format!("new{n}@example.com"), opt_in: Some(true) }).collect()
    };
    let (cost_of_few, created_few) = cost(&test, &shop, &count, &new(0, 5)).await;
    let (cost_of_many, created_many) = cost(&test, &shop, &count, &new(5, 60)).await;
    assert_eq!((created_few, created_many), (5, 55));
    assert_eq!(cost_of_few, cost_of_many);
}

async fn an_unchanged_store_costs_few_statements(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, count) = counted(&test, 90).await;
    let (cost, changed) = cost(&test, &shop, &count, &[]).await;
    assert_eq!(changed, 0);
    assert!(cost <= UNCHANGED, "{cost} statements");
}

async fn a_database_that_plans_by_statistics_has_them_while_tables_grow(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let options = StoreOptions { people: 1_500, ..StoreOptions::default() };
    let shop = Shop::open(&test, Platform::WooCommerce, options).await;
    assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    if shop.app.db.get_database_backend() != DbBackend::Postgres {
        return;
    }
    // The tests' PostgreSQL has no autovacuum: whatever it knows, the sync had it look.
    for table in ["source_record", "contact"] {
        let known = format!(
            "SELECT reltuples::float8, (SELECT count(*) FROM {table})::float8 FROM pg_class WHERE relname = '{table}'"
        );
        let row = shop.app.db.query_one_raw(Statement::from_string(DbBackend::Postgres, known)).await.unwrap().unwrap();
        let (known, rows): (f64, f64) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        assert!(known >= rows / 4.0, "{table}: {known} of {rows} rows are known");
    }
}
