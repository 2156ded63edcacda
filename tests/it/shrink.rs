//! A run that would take unusually many off a list stops before it does, and asks.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::ops::Range;
use std::time::Duration;

use ::entity::{membership_event, schedule, sync_run};
use assent::auth::Caller;
use assent::domain::ids::SyncRunId;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::error::Error;
use assent::sandbox::{Change, StoreOptions};
use assent::service::integrations::{self, IntegrationChange};
use assent::service::leave_limits::LimitChange;
use assent::service::{self, decisions, syncs};
use assent::sync::{scheduler, worker};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, EntityTrait, PaginatorTrait as _, QueryFilter as _, QueryOrder as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::api::{Api, shop as input};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Shop;

both_databases!(
    a_few_leave_unasked_whatever_share_they_are,
    many_who_are_gone_stay_until_somebody_confirms,
    many_opt_outs_stop_before_the_page_that_crosses_the_limit,
    each_list_is_counted_by_itself,
    a_no_gives_the_run_up_and_the_next_one_asks_again,
    who_is_refused_twice_does_not_leave_in_parts,
    a_run_behind_one_that_asks_does_not_answer_it,
    a_confirmation_outlives_a_worker_that_wrote_nothing,
    a_confirmed_run_whose_worker_stops_goes_on_as_confirmed,
    a_confirmation_holds_for_the_pass_that_was_confirmed,
    what_asks_for_nothing_can_not_be_confirmed,
    an_integration_may_have_a_limit_of_its_own,
    the_api_takes_the_limit_and_the_decision,
);

fn email(number: u32) -> String {
    format!("person{number}@example.com")
}

struct Store {
    test: TestApp,
    shop: Shop,
}

impl Store {
    /// A store of so many subscribers with an account, whom a first full run has brought onto both lists.
    async fn of(db: TestDatabase, subscribers: u32) -> Self {
        let test = TestApp::new(db).await;
        let options = StoreOptions { people: 0, ..StoreOptions::generous() };
        let shop = Shop::open(&test, Platform::WooCommerce, options).await;
        let this = Self { test, shop };
        this.each(0..subscribers, |email| Change::NewCustomer { email, opt_in: Some(true) });
        let run = this.shop.sync(RunMode::Full).await;
        assert_eq!((run.status.as_str(), run.error_code), ("succeeded", None), "empty lists can't shrink");
        assert_eq!(this.sizes().await, (subscribers as usize, subscribers as usize));
        this.test.clock.advance(TimeDelta::minutes(5));
        this
    }

    fn each(&self, people: Range<u32>, change: impl Fn(String) -> Change) {
        self.test.clock.advance(TimeDelta::minutes(1));
        for number in people {
            self.shop.store.change(&change(email(number))).expect("the change can be made");
        }
        self.test.clock.advance(TimeDelta::minutes(1));
    }

    fn delete(&self, people: Range<u32>) {
        self.each(people, |email| Change::Delete { email });
    }

    /// How many are on the lists of subscribers and of customers.
    async fn sizes(&self) -> (usize, usize) {
        (self.shop.on(Audience::Subscribers).await.len(), self.shop.on(Audience::Customers).await.len())
    }

    async fn asks(&self, mode: RunMode) -> sync_run::Model {
        let run = self.shop.sync(mode).await;
        assert_eq!((run.status.as_str(), run.error_code.as_deref()), ("failed", Some("CONFIRMATION_NEEDED")));
        assert_eq!(self.held().await, Some(run.id), "the schedule waits for the decision");
        run
    }

    async fn planned(&self) -> schedule::Model {
        let id = self.shop.integration.0;
        schedule::Entity::find_by_id(id).one(&self.shop.app.db).await.unwrap().unwrap()
    }

    async fn held(&self) -> Option<uuid::Uuid> {
        self.planned().await.held_run_id
    }

    async fn confirm(&self, run: &sync_run::Model) -> Result<SyncRunId, Error> {
        decisions::confirm(&self.shop.app, &self.shop.caller, run.id.into()).await
    }

    async fn carry_out(&self, run: SyncRunId) -> sync_run::Model {
        worker::run_one(&self.shop.app, run, &CancellationToken::new()).await;
        self.shop.run(run).await
    }

    async fn leaves(&self) -> u64 {
        let left = membership_event::Column::Kind.eq("left");
        membership_event::Entity::find().filter(left).count(&self.shop.app.db).await.unwrap()
    }
}

async fn a_few_leave_unasked_whatever_share_they_are(db: TestDatabase) {
    let store = Store::of(db, 100).await;
    store.delete(0..30);
    assert_eq!(store.shop.sync(RunMode::Full).await.status, "succeeded");
    assert_eq!(store.sizes().await, (70, 70));
}

async fn many_who_are_gone_stay_until_somebody_confirms(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    store.delete(0..100);
    let asking = store.asks(RunMode::Full).await;
    let detail = asking.error_detail.clone().unwrap();
    assert!(detail.contains("100 or more of 300 members off the list \"Store "), "{detail}");
    assert_eq!((store.sizes().await, store.leaves().await), ((300, 300), 0), "nobody went first");
    let refused = syncs::start(&store.shop.app, &store.shop.caller, store.shop.integration, RunMode::Full).await;
    assert!(matches!(&refused, Err(Error::Conflict(sentence)) if sentence.contains("decision")), "{refused:?}");
    store.test.clock.advance(TimeDelta::hours(2));
    assert_eq!(scheduler::tick(&store.test.app).await.unwrap(), 0, "no scheduled run repeats it");
    let next = store.confirm(&asking).await.unwrap();
    assert_eq!(store.held().await, None);
    let confirmed = store.carry_out(next).await;
    assert_eq!((confirmed.status.as_str(), confirmed.continues), ("succeeded", Some(asking.id)));
    assert_eq!((confirmed.read_count, confirmed.left_count), (0, 200), "it goes on where the other stopped");
    assert_eq!(store.sizes().await, (200, 200));
    store.shop.assert_true().await;
    store.delete(100..200);
    store.asks(RunMode::Full).await;
}

async fn many_opt_outs_stop_before_the_page_that_crosses_the_limit(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    store.each(0..100, |email| Change::OptOut { email });
    let asking = store.asks(RunMode::Incremental).await;
    let (subscribers, customers) = store.sizes().await;
    assert!(subscribers >= 240 && customers == 300, "{subscribers} and {customers}");
    assert_eq!(asking.left_count, i64::try_from(300 - subscribers).unwrap(), "the page that crosses is not counted");
    let next = store.confirm(&asking).await.unwrap();
    let confirmed = store.carry_out(next).await;
    assert_eq!(confirmed.status, "succeeded");
    assert_eq!(confirmed.left_count + asking.left_count, 100);
    assert_eq!(store.sizes().await, (200, 300));
    store.shop.assert_true().await;
}

async fn each_list_is_counted_by_itself(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    // Sixty leave either list, together more than the limit of one.
    store.each(0..60, |email| Change::OptOut { email });
    assert_eq!(store.shop.sync(RunMode::Incremental).await.status, "succeeded");
    store.delete(0..60);
    assert_eq!(store.shop.sync(RunMode::Full).await.status, "succeeded");
    assert_eq!(store.sizes().await, (240, 240));
    store.each(60..130, |email| Change::OptOut { email });
    let asking = store.asks(RunMode::Full).await;
    let detail = asking.error_detail.unwrap();
    assert!(detail.contains("of 240 members off the list \"Store subscribers\""), "{detail}");
}

async fn a_no_gives_the_run_up_and_the_next_one_asks_again(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    store.delete(0..100);
    let asking = store.asks(RunMode::Full).await;
    syncs::cancel(&store.shop.app, &store.shop.caller, asking.id.into()).await.unwrap();
    let given_up = store.shop.run(asking.id.into()).await;
    assert_eq!((given_up.status.as_str(), given_up.is_resumable), ("failed", false));
    let planned = store.planned().await;
    assert_eq!((planned.held_code, planned.held_run_id), (None, None));
    assert!(planned.next_run_at > store.test.app.clock.now(), "not at once");
    assert!(matches!(store.confirm(&asking).await, Err(Error::Conflict(_))), "it is decided");
    store.test.clock.advance(TimeDelta::hours(1));
    let again = store.asks(RunMode::Full).await;
    assert_eq!((again.continues, again.read_count), (None, 200), "it read anew");
    assert_eq!(store.sizes().await, (300, 300));
}

async fn who_is_refused_twice_does_not_leave_in_parts(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    // Over all pages, so that the first of them is written.
    (0..300).step_by(3).for_each(|number| store.each(number..number + 1, |email| Change::OptOut { email }));
    let asking = store.asks(RunMode::Incremental).await;
    let left = store.sizes().await;
    assert!((240..300).contains(&left.0), "{left:?}");
    syncs::cancel(&store.shop.app, &store.shop.caller, asking.id.into()).await.unwrap();
    for mode in [RunMode::Incremental, RunMode::Full] {
        for _ in 0..3 {
            store.test.clock.advance(TimeDelta::hours(1));
            let again = store.asks(mode).await;
            assert_eq!(store.sizes().await, left, "nobody more");
            let detail = again.error_detail.unwrap();
            assert!(detail.contains("have left before"), "{detail}");
            syncs::cancel(&store.shop.app, &store.shop.caller, again.id.into()).await.unwrap();
        }
    }
    store.test.clock.advance(TimeDelta::hours(1));
    (0..300).step_by(3).for_each(|number| store.each(number..number + 1, |email| Change::OptIn { email }));
    assert_eq!(store.shop.sync(RunMode::Full).await.status, "succeeded", "the store was put right");
    assert_eq!(store.sizes().await, (300, 300));
}

async fn a_run_behind_one_that_asks_does_not_answer_it(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    store.delete(0..100);
    let (app, caller, integration) = (&store.shop.app, &store.shop.caller, store.shop.integration);
    let asking = syncs::start(app, caller, integration, RunMode::Full).await.unwrap();
    store.shop.store.set_latency(Duration::from_millis(500));
    let behind = async {
        while store.shop.run(asking).await.status != "running" {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        store.test.clock.advance(TimeDelta::seconds(1));
        let behind = syncs::start(app, caller, integration, RunMode::Incremental).await.unwrap();
        store.shop.store.set_latency(Duration::ZERO);
        behind
    };
    let never = CancellationToken::new();
    let ((), behind) = tokio::join!(worker::run_one(app, asking, &never), behind);
    assert_ne!(behind, asking);
    assert_eq!(store.shop.run(behind).await.status, "cancelled");
    assert_eq!(store.held().await, Some(asking.0));
    for refused in [
        integrations::resume(app, caller, integration).await.map(drop),
        syncs::start(app, caller, integration, RunMode::Incremental).await.map(drop),
    ] {
        assert!(matches!(&refused, Err(Error::Conflict(sentence)) if sentence.contains("decision")), "{refused:?}");
    }
    integrations::pause(app, caller, integration).await.unwrap();
    integrations::resume(app, caller, integration).await.unwrap();
    assert_eq!(store.held().await, Some(asking.0), "a pause decides nothing");
    let asking = store.shop.run(asking).await;
    let next = store.confirm(&asking).await.unwrap();
    store.carry_out(next).await;
    assert_eq!(store.sizes().await, (200, 200));
}

async fn a_confirmation_outlives_a_worker_that_wrote_nothing(db: TestDatabase) {
    let store = Store::of(db, 100).await;
    let leave_limit = LimitChange { percent: Some(1), at_least: Some(2) };
    let change = IntegrationChange { leave_limit, ..IntegrationChange::default() };
    integrations::update(&store.shop.app, &store.shop.caller, store.shop.integration, change).await.unwrap();
    store.each(0..10, |email| Change::OptOut { email });
    let asking = store.asks(RunMode::Incremental).await;
    assert_eq!(asking.page_count, 0, "it asks before its first page");
    let next = store.confirm(&asking).await.unwrap();
    store.shop.store.set_latency(Duration::from_secs(5));
    let app = store.shop.app.clone();
    let dying = tokio::spawn(async move { worker::run_one(&app, next, &CancellationToken::new()).await });
    let taken_up = async {
        while store.shop.run(next).await.continues.is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken_up).await.expect("it is taken up in time");
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    store.shop.store.set_latency(Duration::ZERO);
    store.test.clock.advance(TimeDelta::minutes(1));
    let confirmed = store.carry_out(next).await;
    assert_eq!((confirmed.status.as_str(), confirmed.continues), ("succeeded", Some(asking.id)));
    assert_eq!(store.sizes().await, (90, 100));
}

async fn a_confirmed_run_whose_worker_stops_goes_on_as_confirmed(db: TestDatabase) {
    let store = Store::of(db, 400).await;
    store.each(0..200, |email| Change::OptOut { email });
    let asking = store.asks(RunMode::Full).await;
    let next = store.confirm(&asking).await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    worker::run_one(&store.shop.app, next, &shutdown).await;
    let given_back = store.shop.run(next).await;
    assert_eq!((given_back.status.as_str(), given_back.confirmed), ("running", true));
    assert_eq!(store.carry_out(next).await.status, "succeeded");
    assert_eq!(store.sizes().await, (200, 400));
    store.shop.assert_true().await;
}

async fn a_confirmation_holds_for_the_pass_that_was_confirmed(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    store.delete(0..100);
    let asking = store.asks(RunMode::Full).await;
    // Too old to go on with: what the store shows now nobody has seen.
    store.test.clock.advance(TimeDelta::hours(25));
    let next = store.confirm(&asking).await.unwrap();
    let anew = store.carry_out(next).await;
    assert_eq!((anew.continues, anew.confirmed), (None, false));
    assert_eq!(anew.error_code.as_deref(), Some("CONFIRMATION_NEEDED"));
    let next = store.confirm(&anew).await.unwrap();
    assert_eq!(store.carry_out(next).await.status, "succeeded");
    assert_eq!(store.sizes().await, (200, 200));
}

async fn what_asks_for_nothing_can_not_be_confirmed(db: TestDatabase) {
    let store = Store::of(db, 300).await;
    let good = store.shop.sync(RunMode::Incremental).await;
    assert!(matches!(store.confirm(&good).await, Err(Error::Conflict(_))));
    store.delete(0..100);
    let asking = store.asks(RunMode::Full).await;
    let rival = service::accounts::create(&store.shop.app, "Rival", "owner@rival.example").await.unwrap();
    let rival = Caller::operator(rival.account_id);
    let foreign = decisions::confirm(&store.shop.app, &rival, asking.id.into()).await;
    assert!(matches!(foreign, Err(Error::NotFound("sync run"))), "{foreign:?}");
    assert!(store.confirm(&asking).await.is_ok());
    assert!(matches!(store.confirm(&asking).await, Err(Error::Conflict(_))), "once is enough");
}

async fn an_integration_may_have_a_limit_of_its_own(db: TestDatabase) {
    let store = Store::of(db, 100).await;
    let set = async |percent, at_least| {
        let leave_limit = LimitChange { percent, at_least };
        let change = IntegrationChange { leave_limit, ..IntegrationChange::default() };
        integrations::update(&store.shop.app, &store.shop.caller, store.shop.integration, change).await.unwrap();
        store.test.clock.advance(TimeDelta::minutes(1));
    };
    set(None, Some(10)).await;
    store.delete(0..30);
    let asking = store.asks(RunMode::Full).await;
    syncs::cancel(&store.shop.app, &store.shop.caller, asking.id.into()).await.unwrap();
    set(Some(100), None).await;
    store.test.clock.advance(TimeDelta::hours(1));
    assert_eq!(store.shop.sync(RunMode::Full).await.status, "succeeded", "switched off");
    assert_eq!(store.sizes().await, (70, 70));
}

async fn the_api_takes_the_limit_and_the_decision(db: TestDatabase) {
    let api = Api::new(db).await;
    let path = format!("/v1/integrations/{}", api.post("/v1/integrations", input("Shop")).await.created());
    let limit = |shown: &Value| shown["leaveLimit"].clone();
    assert_eq!(limit(&api.get(&path).await.json()), json!({"percent": 20, "atLeast": 50}));
    let set = async |body: Value| api.call("PATCH", &path, Some(&api.token), Some(body)).await;
    assert_eq!(limit(&set(json!({"leaveLimit": {"percent": 35}})).await.json()), json!({"percent": 35, "atLeast": 50}));
    for (wrong, field) in [
        (json!({"percent": 0}), "#/leaveLimit/percent"),
        (json!({"percent": 101}), "#/leaveLimit/percent"),
        (json!({"atLeast": 0}), "#/leaveLimit/atLeast"),
        (json!({"atLeast": 1_000_001}), "#/leaveLimit/atLeast"),
        (json!({"most": 1}), "#/leaveLimit/most"),
    ] {
        let refused = set(json!({"leaveLimit": wrong})).await;
        assert_eq!(refused.problem(), (422, "INVALID".to_owned(), field.to_owned()));
    }
    let run = api.post(&format!("{path}/syncs"), json!({"mode": "full"})).await.json();
    let run = run["id"].as_str().expect("an id").to_owned();
    let confirm = format!("/v1/syncs/{run}/confirm");
    let refused = api.call("POST", &confirm, Some(&api.token), None).await;
    assert_eq!(refused.problem().0, 409, "{}", refused.text);
    let (_, rival) = api.another_account().await;
    assert_eq!(api.call("POST", &confirm, Some(&rival), None).await.status, 404);
    let newest = sync_run::Entity::find().order_by_desc(sync_run::Column::Id).one(&api.test.app.db).await.unwrap();
    assert_eq!(newest.unwrap().id.to_string(), run, "nothing was queued");
}
