//! Runs that are watched while they go on: over real sockets, on both databases.

mod command;
mod events;
mod protocol;
mod silence;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use assent::app::App;
use assent::auth::token;
use assent::domain::access::Scope;
use assent::domain::ids::{AccountId, SyncRunId};
use assent::domain::sync::RunMode;
use assent::domain::{Clock as _, Platform, SystemClock};
use assent::sandbox::{Fault, FaultPlan, SandboxStore, StoreOptions, Target};
use assent::service;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::support::app::{TestApp, TestClock};
use crate::support::databases::TestDatabase;
use crate::support::shop::Shop;

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service that listens, in real time, with a simulated store that takes its time for each page.
struct Live {
    app: App,
    shop: Shop,
    /// Where it is served.
    url: String,
    /// Of the store's account, with every scope.
    token: String,
    _server: DropGuard,
    /// Last, so that the database goes after its connections.
    _test: TestApp,
}

impl Live {
    async fn new(db: TestDatabase) -> Self {
        Self::with(db, |_| ()).await
    }

    /// The same with something changed before it starts.
    async fn with(db: TestDatabase, change: impl FnOnce(&mut App)) -> Self {
        let mut test = TestApp::new(db).await;
        change(&mut test.app);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let app = App { clock: Arc::new(SystemClock), ..test.app.clone() };
        let until = CancellationToken::new();
        tokio::spawn(assent::server::serve(listener, app.clone(), until.clone()));
        let shop = slow_shop(&app).await;
        let token = token_of(&app, shop.caller.account_id, Scope::ALL).await;
        Self { app, shop, url, token, _server: until.drop_guard(), _test: test }
    }

    /// Queues a run that nobody carries out yet.
    async fn queue(&self) -> SyncRunId {
        queue(&self.shop).await
    }

    /// Carries a run out.
    fn carry(&self, run: SyncRunId) -> JoinHandle<()> {
        let app = self.app.clone();
        tokio::spawn(async move { assent::sync::worker::run_one(&app, run, &CancellationToken::new()).await })
    }

    /// Where a run is followed.
    fn events_of(&self, run: SyncRunId) -> String {
        format!("{}/v1/syncs/{run}/events", self.url)
    }

    /// A token of the store's account that is good for two seconds more.
    async fn short_token(&self) -> String {
        let clock = TestClock::default();
        clock.advance(self.app.clock.now() - clock.now() - token::LIFETIME + chrono::TimeDelta::seconds(2));
        let app = App { clock: Arc::new(clock), ..self.app.clone() };
        token_of(&app, self.shop.caller.account_id, Scope::ALL).await
    }
}

/// A store of four pages, each of which takes longer than the time between two looks.
async fn slow_shop(app: &App) -> Shop {
    let latency = Duration::from_millis(300);
    let options = StoreOptions { people: 300, latency, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    Shop::over(app, store).await
}

/// Lets a store answer nothing but "later".
fn hold_up(shop: &Shop) {
    assert!(shop.store.plan_fault(FaultPlan { fault: Fault::Throttled, times: 1_000, after: 0, on: Target::Any }));
}

async fn queue(shop: &Shop) -> SyncRunId {
    service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.expect("a run can be queued")
}

async fn token_of(app: &App, account: AccountId, scopes: &[Scope]) -> String {
    token::issue(app, account, Uuid::new_v4().into(), scopes).await.expect("a token can be signed")
}

/// A count of a run as it is told.
fn count(progress: &Value, name: &str) -> u64 {
    progress["run"][name].as_u64().unwrap_or_else(|| panic!("{name} is no count of {progress}"))
}

/// Asserts that what is told of a run, from its first page to a good end, goes up and adds up.
fn assert_course(told: &[Value]) {
    assert!(told.len() >= 4, "the run was hardly seen: {told:?}");
    for (before, after) in told.iter().zip(told.iter().skip(1)) {
        assert!(count(before, "read") <= count(after, "read"), "{before} {after}");
        assert!(before["percent"].as_f64() <= after["percent"].as_f64(), "{before} {after}");
    }
    for progress in told {
        let parts = ["created", "updated", "unchanged", "skipped", "quarantined"].map(|name| count(progress, name));
        assert_eq!(count(progress, "read"), parts.iter().sum::<u64>(), "{progress}");
        assert!(progress["percent"].as_f64().is_none_or(|percent| percent <= 100.0), "{progress}");
    }
    assert!(told.iter().any(|progress| progress["recordsPerSecond"].as_f64().is_some_and(|rate| rate > 0.0)));
    let last = told.last().expect("there is one");
    assert_eq!(last["percent"], 100.0, "{last}");
    assert_eq!(last["secondsLeft"], Value::Null, "{last}");
}
