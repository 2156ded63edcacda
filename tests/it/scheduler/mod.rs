//! Stores are synced by themselves: when, in which order, and what happens when it goes wrong.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ::entity::{schedule, sync_run};
use assent::domain::Platform;
use assent::domain::health::Health;
use assent::sandbox::StoreOptions;
use assent::service::integrations;
use assent::sync::{scheduler, worker};
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;
use crate::support::shop::{Installed, Shop};

mod due;
mod fenced;
mod going_on;
mod passes;
mod shown;
mod trouble;

struct Scheduled<S = Shop> {
    test: TestApp,
    shop: S,
}

/// A store whose list of customers ends in a 404 from some place on, which is no use asking for again.
struct Refusing {
    installed: Installed,
    refuses_from: Arc<AtomicUsize>,
    /// Whether it says nothing at all instead.
    is_silent: Arc<AtomicBool>,
    _store: AnsweringStore,
}

impl Deref for Refusing {
    type Target = Installed;

    fn deref(&self) -> &Installed {
        &self.installed
    }
}

const CUSTOMERS: u16 = 250;

impl Scheduled<Refusing> {
    async fn refusing(db: TestDatabase) -> Self {
        let test = TestApp::new(db).await;
        let refuses_from = Arc::new(AtomicUsize::new(usize::MAX));
        let is_silent = Arc::new(AtomicBool::new(false));
        let (refuses, silent) = (Arc::clone(&refuses_from), Arc::clone(&is_silent));
        let store = AnsweringStore::start(move |asked| {
            let offset = asked.number_of("offset").unwrap_or(0);
            if asked.path.ends_with("/customers") && offset >= refuses.load(Ordering::SeqCst) {
                return if silent.load(Ordering::SeqCst) { Reply::Silence } else { Reply::text(404, "{}") };
            }
            let size = asked.number_of("per_page").unwrap_or(10);
            let shown: Vec<Value> = if asked.path.ends_with("/customers") {
                (offset..usize::from(CUSTOMERS).min(offset + size)).map(customer).collect()
            } else {
                Vec::new()
            };
            let total = if asked.path.ends_with("/customers") { CUSTOMERS } else { 0 };
            Reply::json(&Value::Array(shown)).header("X-WP-Total", &total)
        })
        .await;
        let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
        let installed = Installed::new(&test.app, Platform::WooCommerce, settings).await;
        let this = Self { test, shop: Refusing { installed, refuses_from, is_silent, _store: store } };
        this.plan(this.now()).await;
        this
    }

    fn refuse_from(&self, offset: usize) {
        self.shop.refuses_from.store(offset, Ordering::SeqCst);
    }
}

fn customer(number: usize) -> Value {
    json!({"id": number + 1, "email": format!("person{number}@example.com"), "first_name": "", "last_name": "",
        "meta_data": [], "date_created_gmt": "2025-01-01T00:00:00"})
}

impl Scheduled {
    /// A store with a schedule as one that was just installed.
    async fn new(db: TestDatabase, people: u64) -> Self {
        let test = TestApp::new(db).await;
        let options = StoreOptions { people, ..StoreOptions::default() };
        let shop = Shop::open(&test, Platform::WooCommerce, options).await;
        let this = Self { test, shop };
        this.plan(this.now()).await;
        this
    }
}

impl<S: Deref<Target = Installed>> Scheduled<S> {
    fn now(&self) -> DateTime<Utc> {
        self.test.app.clock.now()
    }

    async fn plan(&self, at: DateTime<Utc>) {
        schedule::Entity::update_many()
            .col_expr(schedule::Column::NextRunAt, Expr::value(at))
            .filter(schedule::Column::IntegrationId.eq(self.shop.integration.0))
            .exec(&self.test.app.db)
            .await
            .unwrap();
    }

    async fn planned(&self) -> schedule::Model {
        schedule::Entity::find_by_id(self.shop.integration.0).one(&self.test.app.db).await.unwrap().unwrap()
    }

    async fn tick(&self) -> usize {
        scheduler::tick(&self.test.app).await.unwrap()
    }

    /// Carries out what the scheduler queues now; it must be one run.
    async fn due_run(&self) -> sync_run::Model {
        assert_eq!(self.tick().await, 1, "one run is due");
        let run = self.newest().await;
        worker::run_one(&self.test.app, run.id.into(), &CancellationToken::new()).await;
        self.newest().await
    }

    async fn newest(&self) -> sync_run::Model {
        let newest = sync_run::Entity::find().order_by_desc(sync_run::Column::Id).one(&self.test.app.db);
        newest.await.unwrap().expect("there is a run")
    }

    async fn health(&self) -> Health {
        integrations::get(&self.test.app, &self.shop.caller, self.shop.integration).await.unwrap().health
    }
}
