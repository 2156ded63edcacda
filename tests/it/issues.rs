//! Records that a run could not use: retried, settled, filtered.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeMap;

use ::entity::{integration, pending_hint, quarantined_record, sync_run};
use assent::auth::Caller;
use assent::domain::Platform;
use assent::domain::ids::{IntegrationId, SyncRunId};
use assent::domain::run::Retry;
use assent::domain::sync::RunMode;
use assent::error::Error;
use assent::sandbox::{Fault, FaultPlan, SandboxStore, StoreOptions, Target};
use assent::service::{self, retries};
use assent::sync::hints;
use chrono::TimeDelta;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait, PaginatorTrait as _,
    QueryFilter, QuerySelect as _, Set, Statement,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::app::TestApp;
use crate::support::databases::{Engine, TestDatabase, both_databases};
use crate::support::shop::{Installed, Shop};

both_databases!(
    a_record_that_is_good_again_is_settled_by_a_retry,
    a_record_that_is_good_again_is_settled_by_the_next_run,
    a_retry_of_many_queues_each_record_once_and_leaves_out_those_without_identity,
    what_can_not_be_retried_is_refused,
    a_retry_waits_for_a_pause_that_is_under_way,
    the_api_retries_and_shows_what_is_settled,
);

/// A store of which one good record came malformed in the first run.
async fn spoilt(test: &TestApp) -> (Shop, sync_run::Model, quarantined_record::Model) {
    let shop = Shop::open(test, Platform::WooCommerce, StoreOptions { people: 40, ..StoreOptions::default() }).await;
    let usual = shop.sync(RunMode::Full).await.quarantined_count;
    test.clock.advance(TimeDelta::minutes(5));
    let plan = FaultPlan { on: Target::Customers, ..FaultPlan::once(Fault::MalformedRecord) };
    assert!(shop.store.plan_fault(plan));
    let run = shop.sync(RunMode::Full).await;
    assert_eq!((run.status.as_str(), run.quarantined_count), ("succeeded", usual + 1));
    let found = of_run(&shop, run.id).await;
    let good: Vec<String> = shop
        .store
        .truths(0, 40)
        .into_iter()
        .filter(|truth| truth.problem.is_none())
        .flat_map(|truth| {
            truth.records.into_iter().filter(|record| record.stream == "customers").map(|record| record.store_id)
        })
        .collect();
    let is_good = |row: &quarantined_record::Model| row.store_id.as_ref().is_some_and(|id| good.contains(id));
    let row = found.into_iter().find(|row| row.stream == "customers" && is_good(row)).expect("a good one was spoilt");
    test.clock.advance(TimeDelta::minutes(5));
    (shop, run, row)
}

async fn of_run(shop: &Shop, run: Uuid) -> Vec<quarantined_record::Model> {
    let of_run = quarantined_record::Column::RunId.eq(run);
    quarantined_record::Entity::find().filter(of_run).all(&shop.app.db).await.unwrap()
}

async fn resolved(shop: &Shop, id: Uuid) -> bool {
    let row = quarantined_record::Entity::find_by_id(id).one(&shop.app.db).await.unwrap().unwrap();
    row.resolved_at.is_some()
}

async fn waiting(shop: &Shop) -> u64 {
    pending_hint::Entity::find().count(&shop.app.db).await.unwrap()
}

async fn a_record_that_is_good_again_is_settled_by_a_retry(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, run, spoilt) = spoilt(&test).await;
    let some = [spoilt.id];
    let retry = retries::retry(&shop.app, &shop.caller, run.id.into(), Some(&some)).await.unwrap();
    assert_eq!(retry, Retry { queued: 1, ..Retry::default() });
    assert!(!resolved(&shop, spoilt.id).await, "it was not read yet");
    assert_eq!(hints::run_due(&shop.app).await, 1);
    assert!(resolved(&shop, spoilt.id).await);
    assert_eq!(waiting(&shop).await, 0);
    let others = of_run(&shop, run.id).await;
    assert_eq!(others.iter().filter(|row| row.resolved_at.is_some()).count(), 1, "nothing else was read");
    let again = retries::retry(&shop.app, &shop.caller, run.id.into(), Some(&some)).await.unwrap();
    assert_eq!(again, Retry { resolved: 1, ..Retry::default() });
}

async fn a_record_that_is_good_again_is_settled_by_the_next_run(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, run, spoilt) = spoilt(&test).await;
    let next = shop.sync(RunMode::Full).await;
    assert!(resolved(&shop, spoilt.id).await);
    // Those that are as bad as before are found again, and wait in both runs.
    let waiting = |rows: Vec<quarantined_record::Model>| rows.iter().filter(|row| row.resolved_at.is_none()).count();
    let usual = usize::try_from(next.quarantined_count).unwrap();
    assert_eq!(waiting(of_run(&shop, run.id).await), usual);
    assert_eq!(waiting(of_run(&shop, next.id).await), usual);
}

async fn a_retry_of_many_queues_each_record_once_and_leaves_out_those_without_identity(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, run, spoilt) = spoilt(&test).await;
    let nameless =
        quarantined_record::ActiveModel { id: Set(Uuid::from_u128(7)), store_id: Set(None), ..spoilt.clone().into() };
    let twice = quarantined_record::ActiveModel { id: Set(Uuid::from_u128(8)), ..spoilt.into() };
    for row in [nameless, twice] {
        row.insert(&shop.app.db).await.unwrap();
    }
    let named = run.quarantined_count.unsigned_abs();
    for _ in 0..2 {
        let retry = retries::retry(&shop.app, &shop.caller, run.id.into(), None).await.unwrap();
        assert_eq!(retry, Retry { queued: named, unidentified: 1, resolved: 0 });
        assert_eq!(waiting(&shop).await, named, "one that waits already is not doubled");
    }
    let urgent = pending_hint::Entity::find().filter(pending_hint::Column::Urgent.eq(true));
    assert_eq!(urgent.count(&shop.app.db).await.unwrap(), 0, "opt-outs go first");
    hints::run_due(&shop.app).await;
    assert_eq!(
        of_run(&shop, run.id).await.iter().filter(|row| row.resolved_at.is_some()).count(),
        2,
        "both rows of it"
    );
}

async fn what_can_not_be_retried_is_refused(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let (shop, run, spoilt) = spoilt(&test).await;
    let (id, stranger) = (SyncRunId::from(run.id), Uuid::from_u128(9));
    let field = |refused: Result<Retry, Error>| match refused {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let some = [spoilt.id, stranger];
    assert_eq!(field(retries::retry(&shop.app, &shop.caller, id, Some(&some)).await), "ids.1");
    for some in [vec![], vec![stranger; retries::MAX_NAMED + 1]] {
        assert_eq!(field(retries::retry(&shop.app, &shop.caller, id, Some(&some)).await), "ids");
    }
    let rival = service::accounts::create(&shop.app, "Rival", "owner@rival.example").await.unwrap();
    let rival = Caller::operator(rival.account_id);
    assert!(matches!(retries::retry(&shop.app, &rival, id, None).await, Err(Error::NotFound("sync run"))));
    service::integrations::pause(&shop.app, &shop.caller, shop.integration).await.unwrap();
    let refused = retries::retry(&shop.app, &shop.caller, id, None).await;
    assert!(matches!(&refused, Err(Error::Conflict(sentence)) if sentence.contains("paused")), "{refused:?}");
    assert_eq!(waiting(&shop).await, 0);
}

async fn a_retry_waits_for_a_pause_that_is_under_way(db: TestDatabase) {
    if db.engine() == Engine::Sqlite {
        // It has one writer.
        return;
    }
    let test = TestApp::new(db).await;
    let (shop, run, _) = spoilt(&test).await;
    let is_waited = Statement::from_string(
        DbBackend::Postgres,
        "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    let pausing = assent::store::begin(&shop.app.db).await.unwrap();
    let row = integration::Entity::find_by_id(shop.integration.0).lock_exclusive().one(&pausing).await.unwrap();
    let paused = integration::ActiveModel { state: Set("paused".to_owned()), ..row.unwrap().into() };
    paused.update(&pausing).await.unwrap();
    let (app, caller) = (shop.app.clone(), shop.caller.clone());
    let retrying = tokio::spawn(async move { retries::retry(&app, &caller, run.id.into(), None).await });
    while !retrying.is_finished() && shop.app.db.query_one_raw(is_waited.clone()).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    pausing.commit().await.unwrap();
    let refused = retrying.await.unwrap();
    assert!(matches!(&refused, Err(Error::Conflict(sentence)) if sentence.contains("paused")), "{refused:?}");
    assert_eq!(waiting(&shop).await, 0);
}

async fn the_api_retries_and_shows_what_is_settled(db: TestDatabase) {
    let api = Api::new(db).await;
    let options = StoreOptions { people: 40, clock: api.test.clock.clone(), ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    let input = json!({"platform": "woocommerce", "name": "Shop", "settings": store.settings()});
    let id: Uuid = api.post("/v1/integrations", input).await.created().parse().unwrap();
    let caller = Caller::operator(api.account.account_id);
    let integration = IntegrationId::from(id);
    let installed = Installed { app: api.test.app.clone(), caller, integration, lists: BTreeMap::new() };
    assert!(store.plan_fault(FaultPlan { on: Target::Customers, ..FaultPlan::once(Fault::MalformedRecord) }));
    let run = installed.sync(RunMode::Full).await;
    let path = format!("/v1/syncs/{}/issues", run.id);
    let count = usize::try_from(run.quarantined_count).unwrap();
    assert_eq!(api.walk(&path, 50).await.len(), count);
    let retried = api.call("POST", &format!("{path}/retry"), Some(&api.token), None).await;
    assert_eq!(retried.status, 202, "{}", retried.text);
    assert_eq!(retried.json()["queued"], count);
    let retry = async |body: Value| api.post(&format!("{path}/retry"), body).await;
    assert_eq!(retry(Value::Null).await.json(), retried.json(), "as no body at all");
    assert_eq!(retry(json!([])).await.problem(), (400, "MALFORMED".to_owned(), String::new()));
    api.test.clock.advance(TimeDelta::minutes(1));
    hints::run_due(&api.test.app).await;
    let unresolved = api.walk(&format!("{path}?unresolved=true"), 50).await;
    assert_eq!(unresolved.len(), count - 1);
    assert!(unresolved.iter().all(|issue| issue["resolvedAt"].is_null()));
    let all = api.walk(&path, 50).await;
    assert_eq!(all.iter().filter(|issue| issue["resolvedAt"].is_string()).count(), 1);
    let document = "query($run: UUID!) { syncRun(id: $run) { issues { nodes { id resolvedAt } }
        left: issues(unresolved: true) { nodes { id } } } }";
    let asked = json!({"query": document, "variables": {"run": run.id}});
    let answer = api.post("/graphql", asked).await.json();
    let shown = |name: &str| answer["data"]["syncRun"][name]["nodes"].as_array().map(Vec::len);
    assert_eq!((shown("issues"), shown("left")), (Some(count), Some(count - 1)), "{answer}");
    let wrong = api.get(&format!("{path}?unresolved=maybe")).await;
    assert_eq!(wrong.problem(), (422, "INVALID".to_owned(), "?unresolved".to_owned()));
    let wrong = api.post(&format!("{path}/retry"), json!({"ids": [all[0]["id"], Uuid::from_u128(9)]})).await;
    assert_eq!(wrong.problem(), (422, "INVALID".to_owned(), "#/ids/1".to_owned()));
    let (_, rival) = api.another_account().await;
    let foreign = api.call("POST", &format!("{path}/retry"), Some(&rival), None).await;
    assert_eq!(foreign.status, 404, "{}", foreign.text);
}
