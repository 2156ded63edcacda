//! `assent sync`, the real program, beside a service on the same database, and where a store waits for somebody.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use ::entity::sync_run;
use assent::app::App;
use assent::domain::Platform;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::sandbox::{Change, Fault, FaultPlan, SandboxStore, StoreOptions};
use assent::service::{decisions, integrations, syncs};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::program::{Ended, Program};
use crate::support::shop::{Installed, Shop};

both_databases!(
    a_run_that_waits_is_joined,
    syncs_beside_a_service_wait_behind_its_run_together,
    a_run_that_asks_holds_up_its_store_alone,
    a_paused_store_says_what_to_do,
    rejected_credentials_are_told_until_somebody_acted,
);

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(1);

async fn app_on(db: &TestDatabase) -> App {
    assent::app::build(&configuration(db.url())).await.expect("the service starts")
}

async fn shop(app: &App, people: u64) -> Shop {
    let options = StoreOptions { people, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    Shop::over(app, store).await
}

/// Beside a service that this machine may slow down: nobody loses a lease for that.
fn beside(db: &TestDatabase) -> Program {
    Program::beside(db.url()).with("ASSENT_LEASE_SECONDS", "30")
}

async fn synced(db: &TestDatabase, more: &[&str]) -> Ended {
    let arguments: Vec<&str> = ["sync", "--format", "json"].iter().chain(more).copied().collect();
    beside(db).run(&arguments).await
}

/// What stdout tells of a store, whatever the exit code.
fn told(ended: &Ended, of: &Installed) -> Value {
    let all: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ended.stderr));
    let id = of.integration.to_string();
    let mut rows = all.as_array().expect("a list").iter();
    rows.find(|row| row["integrationId"] == id.as_str()).unwrap_or_else(|| panic!("{id} is missing: {all}")).clone()
}

async fn runs_of(store: &Installed) -> u64 {
    let of_store = sync_run::Column::IntegrationId.eq(store.integration.0);
    sync_run::Entity::find().filter(of_store).count(&store.app.db).await.expect("runs can be counted")
}

async fn a_run_that_waits_is_joined(db: TestDatabase) {
    let shop = shop(&app_on(&db).await, 40).await;
    let waits = syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Incremental).await.unwrap();
    let ended = synced(&db, &["--mode", "full"]).await;
    let run = told(&ended, &shop);
    assert_eq!((ended.code, &run["runId"], &run["status"]), (Some(0), &json!(waits), &json!("succeeded")), "{run}");
    assert_eq!((shop.run(waits).await.mode.as_str(), runs_of(&shop).await), ("full", 1));
    shop.assert_true().await;
}

/// Waits for the run that is queued for a store in this mode.
async fn queued(store: &Installed, mode: &str) -> SyncRunId {
    let waits = async {
        loop {
            let row = sync_run::Entity::find()
                .filter(sync_run::Column::IntegrationId.eq(store.integration.0))
                .filter(sync_run::Column::Status.eq("queued"))
                .filter(sync_run::Column::Mode.eq(mode))
                .one(&store.app.db)
                .await;
            if let Some(row) = row.expect("runs can be read") {
                return row.id.into();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("a run waits in time")
}

async fn syncs_beside_a_service_wait_behind_its_run_together(db: TestDatabase) {
    let app = app_on(&db).await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let empty = move |_: &_| Reply::json(&json!([])).header("X-WP-Total", &0).held(&held);
    let store = AnsweringStore::start(empty).await;
    let settings = json!({"storeUrl": store.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
    let shop = Installed::new(&app, Platform::WooCommerce, settings).await;
    let serving = beside(&db).serve().await;
    let first = syncs::start(&app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let taken_up = async {
        while shop.run(first).await.status != "running" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken_up).await.expect("the service takes the run up");

    let behind = async {
        let second = queued(&shop, "incremental").await;
        let (ended, ()) = tokio::join!(synced(&db, &["--mode", "full"]), async {
            // Who asks for more gets the same run, which then reads more.
            assert_eq!(queued(&shop, "full").await, second);
            gate.add_permits(Semaphore::MAX_PERMITS);
        });
        (ended, second)
    };
    let (one, (other, second)) = tokio::join!(synced(&db, &[]), behind);
    for ended in [&one, &other] {
        let run = told(ended, &shop);
        let expected = (Some(0), &json!(second), &json!("succeeded"));
        assert_eq!((ended.code, &run["runId"], &run["status"]), expected, "{run} {}", ended.stderr);
    }
    assert_eq!((shop.run(first).await.status.as_str(), runs_of(&shop).await), ("succeeded", 2));
    assert!(serving.terminate().await.success());
}

async fn a_run_that_asks_holds_up_its_store_alone(db: TestDatabase) {
    let app = app_on(&db).await;
    let (shrinks, other) = (shop(&app, 0).await, shop(&app, 30).await);
    let email = |number: u32| format!("person{number}@example.com");
    for number in 0..80 {
        let joins = Change::NewCustomer { email: email(number), opt_in: Some(true) };
        shrinks.store.change(&joins).expect("the change can be made");
    }
    assert_eq!(synced(&db, &["--mode", "full"]).await.code, Some(0));
    for number in 0..60 {
        shrinks.store.change(&Change::Delete { email: email(number) }).expect("the change can be made");
    }

    let asks = synced(&db, &["--mode", "full"]).await;
    let (run, well) = (told(&asks, &shrinks), told(&asks, &other));
    assert_eq!(
        (asks.code, &run["errorCode"], &well["status"]),
        (Some(1), &json!("CONFIRMATION_NEEDED"), &json!("succeeded"))
    );
    assert!(asks.stderr.contains("members off the list") && asks.stderr.contains("confirm the run"), "{}", asks.stderr);

    let held = synced(&db, &[]).await;
    let (none, well) = (told(&held, &shrinks), told(&held, &other));
    assert_eq!((held.code, &none["runId"], &well["status"]), (Some(1), &json!(null), &json!("succeeded")), "{none}");
    let sentence = format!(
        "Store {}: the run {} waits for a decision; confirm it or cancel it first",
        shrinks.integration,
        run["runId"].as_str().expect("an id")
    );
    assert!(held.stderr.contains(&sentence), "{}", held.stderr);
    assert_eq!(none["errorDetail"], sentence.split_once(": ").expect("two parts").1);
    let table = beside(&db).run(&["sync", &shrinks.integration.to_string()]).await;
    assert_eq!(table.code, Some(1));
    assert!(table.stdout.contains("not begun") && table.stderr.contains(&sentence), "{}", table.stdout);

    let asked: SyncRunId = serde_json::from_value(run["runId"].clone()).unwrap();
    let confirmed = decisions::confirm(&app, &shrinks.caller, asked).await.unwrap();
    let goes_on = synced(&db, &[]).await;
    assert_eq!((goes_on.code, &told(&goes_on, &shrinks)["runId"]), (Some(0), &json!(confirmed)), "{}", goes_on.stderr);
    shrinks.assert_true().await;
}

async fn a_paused_store_says_what_to_do(db: TestDatabase) {
    let app = app_on(&db).await;
    let (paused, other) = (shop(&app, 10).await, shop(&app, 10).await);
    integrations::pause(&app, &paused.caller, paused.integration).await.unwrap();
    let (one, another) = (paused.integration.to_string(), other.integration.to_string());
    let both = synced(&db, &[&one, &another]).await;
    assert_eq!((both.code, &told(&both, &other)["status"]), (Some(1), &json!("succeeded")));
    assert!(
        both.stderr.contains(&format!("Store {one}: the integration is paused; resume it first")),
        "{}",
        both.stderr
    );
    let all = synced(&db, &[]).await;
    assert_eq!((all.code, all.json().as_array().map(Vec::len)), (Some(0), Some(1)), "only what is active is meant");

    integrations::pause(&app, &other.caller, other.integration).await.unwrap();
    let none = synced(&db, &[]).await;
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("there is no active integration; install") && none.stderr.contains("resume"));
    let unknown = "019a0000-0000-7000-8000-000000000001";
    let nobody = synced(&db, &[unknown]).await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains(&format!("there is no integration {unknown}")), "{}", nobody.stderr);
    assert_eq!(runs_of(&paused).await, 0);
}

async fn rejected_credentials_are_told_until_somebody_acted(db: TestDatabase) {
    let app = app_on(&db).await;
    let shop = shop(&app, 10).await;
    assert!(shop.store.plan_fault(FaultPlan::once(Fault::RejectedCredentials)));
    let rejected = synced(&db, &[]).await;
    let code = &told(&rejected, &shop)["errorCode"];
    assert_eq!((rejected.code, code), (Some(1), &json!("STORE_CREDENTIALS_REJECTED")));
    let one = shop.integration.to_string();
    let held = synced(&db, &[&one]).await;
    let sentence = "put it right, then resume it (stateDetail: ";
    assert!(held.code == Some(1) && held.stderr.contains(sentence), "{}", held.stderr);
    let settings = shop.store.settings();
    let secret = settings["consumerSecret"].as_str().expect("it has a secret");
    assert!(!format!("{}{}", rejected.stderr, held.stderr).contains(secret));
    assert_eq!(runs_of(&shop).await, 1);
    integrations::resume(&app, &shop.caller, shop.integration).await.unwrap();
    assert_eq!(synced(&db, &[&one]).await.code, Some(0));
    shop.assert_true().await;
}
