//! What is registered at the store, and whether it comes through.

use std::collections::BTreeSet;
use std::time::Duration;

use ::entity::webhook_endpoint::{self, Column};
use assent::app::App;
use assent::connectors::hooks::Endpoint;
use assent::connectors::{self, Settings};
use assent::domain::webhook::{RegistrationState, Webhooks};
use assent::domain::{Platform, capabilities};
use assent::error::Error;
use assent::sandbox::{
    Change, DeliveryFault, Fault, FaultPlan, PLATFORMS, SandboxStore, StoreOptions, Target, WooCommerceOptions,
};
use assent::service;
use assent::service::integrations::IntegrationChange;
use assent::sync::registration;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::post::{Connected, on_each_sender};
use crate::support::answering::{AnsweringStore, Reply};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

on_each_sender!(
    an_installed_store_sends_its_webhooks_here,
    an_integration_that_goes_takes_its_webhooks_along,
    a_store_that_fails_is_told_again_later,
    a_service_that_moves_takes_its_webhooks_along,
    a_private_address_is_said_to_be_out_of_reach,
    a_self_test_says_whether_deliveries_arrive,
);
both_databases!(
    webhooks_that_the_store_switched_off_are_woken_daily,
    a_key_that_may_only_read_says_what_to_do,
    a_self_test_waits_for_a_registration_that_is_under_way,
    each_platform_registers_what_its_capabilities_tell,
    a_store_that_does_not_answer_holds_up_no_other,
);

fn nobody() -> StoreOptions {
    StoreOptions { people: 0, ..StoreOptions::generous() }
}

impl Connected {
    pub(super) async fn state(&self) -> Webhooks {
        service::webhooks::get(&self.shop.app, &self.shop.caller, self.shop.integration).await.unwrap()
    }
}

async fn an_installed_store_sends_its_webhooks_here(db: TestDatabase, platform: Platform) {
    let it = Connected::unregistered(platform, db, nobody()).await;
    assert_eq!(it.state().await.state, RegistrationState::Pending);
    registration::run_due(&it.shop.app).await.unwrap();
    let address = format!("{}/hooks/{}", it.shop.app.public_url, it.shop.integration);
    let there = it.shop.store.subscriptions();
    assert_eq!(there.len(), it.telling().topics);
    assert!(there.iter().all(|(_, to)| *to == address), "{there:?}");
    let state = it.state().await;
    assert_eq!(
        (state.state, state.topics.len(), state.address),
        (RegistrationState::Registered, it.telling().topics, address)
    );
    assert!(state.checked_at.is_some() && state.detail.is_none());
    assert!(state.problems.iter().all(|problem| problem.contains("8080")), "{:?}", state.problems);
    it.shop.store.delivered().await;
    let pings: Vec<_> = it.shop.store.sent();
    let expected = if platform == Platform::WooCommerce { there.len() } else { 0 };
    assert!(pings.len() == expected && pings.iter().all(|sent| sent.answers == [Some(200)]), "{pings:?}");
    // Doing it again changes nothing.
    it.test.clock.advance(TimeDelta::days(2));
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions(), there);
}

async fn webhooks_that_the_store_switched_off_are_woken_daily(db: TestDatabase) {
    let it = Connected::new(db, nobody()).await;
    // A new account is told of under two topics; the store switches a webhook off after seven failures in a row.
    let mut lost = it.shop.store.subscriptions();
    it.shop.store.plan_delivery_fault(DeliveryFault::Tampered, 14);
    for n in 0..7 {
        let email = format!("new{n}@example.com");
        it.shop.store.change(&Change::NewCustomer { email, opt_in: None }).unwrap();
    }
    it.shop.store.delivered().await;
    lost.retain(|one| !it.shop.store.subscriptions().contains(one));
    assert_eq!(lost.len(), 2, "{lost:?}");
    it.test.clock.advance(TimeDelta::hours(23));
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions().len(), it.telling().topics - 2);
    it.test.clock.advance(TimeDelta::hours(2));
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.shop.store.subscriptions().len(), it.telling().topics);
}

async fn an_integration_that_goes_takes_its_webhooks_along(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    service::integrations::delete(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert!(it.shop.store.subscriptions().is_empty());
}

async fn a_key_that_may_only_read_says_what_to_do(db: TestDatabase) {
    let woocommerce = WooCommerceOptions { read_only_keys: true, ..WooCommerceOptions::default() };
    let it = Connected::new(db, StoreOptions { woocommerce, ..nobody() }).await;
    let state = it.state().await;
    assert_eq!((state.state, state.topics.len()), (RegistrationState::Failed, 0));
    assert!(state.problems.iter().any(|problem| problem.contains("Read/Write")), "{:?}", state.problems);
    let shown = service::integrations::get(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    assert_eq!(shown.state_code, None, "syncing goes on");
}

async fn a_store_that_fails_is_told_again_later(db: TestDatabase, platform: Platform) {
    let it = Connected::unregistered(platform, db, nobody()).await;
    assert!(it.shop.store.plan_fault(FaultPlan { fault: Fault::Html, times: 1, after: 3, on: Target::Any }));
    registration::run_due(&it.shop.app).await.unwrap();
    let state = it.state().await;
    assert_eq!(state.state, RegistrationState::Failed);
    assert!(state.detail.is_some());
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.state().await.state, RegistrationState::Failed, "not before its time");
    it.test.clock.advance(TimeDelta::minutes(1));
    registration::run_due(&it.shop.app).await.unwrap();
    assert_eq!(it.state().await.state, RegistrationState::Registered);
    assert_eq!(
        it.shop.store.subscriptions().len(),
        it.telling().topics,
        "what was made before the failure is not made twice"
    );
}

async fn a_service_that_moves_takes_its_webhooks_along(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    let moved = App { public_url: "http://127.0.0.1:8080".into(), ..it.shop.app.clone() };
    let settings: Value = match platform {
        Platform::WooCommerce => json!({"webhookSecret": "another"}),
        _ => json!({"apiVersion": "2026-04"}),
    };
    let change = IntegrationChange { settings: settings.as_object().unwrap().clone(), ..IntegrationChange::default() };
    service::integrations::update(&moved, &it.shop.caller, it.shop.integration, change).await.unwrap();
    registration::run_due(&moved).await.unwrap();
    let there = it.shop.store.subscriptions();
    assert_eq!(there.len(), it.telling().topics);
    assert!(there.iter().all(|(_, to)| to.starts_with("http://127.0.0.1:8080/hooks/")), "{there:?}");
}

async fn a_private_address_is_said_to_be_out_of_reach(db: TestDatabase, platform: Platform) {
    use assent::connectors::Http;
    use assent::connectors::http::HostPolicy;
    let it = Connected::unregistered(platform, db, nobody()).await;
    let app = App { http: Http::new(HostPolicy::PublicOnly, None).unwrap(), ..it.shop.app.clone() };
    registration::run_due(&app).await.unwrap();
    let state = it.state().await;
    assert_eq!(state.state, RegistrationState::Unreachable);
    assert!(state.detail.unwrap().contains("ASSENT_PUBLIC_URL"));
    assert!(it.shop.store.subscriptions().is_empty());
}

async fn a_self_test_says_whether_deliveries_arrive(db: TestDatabase, platform: Platform) {
    let it = Connected::unregistered(platform, db, nobody()).await;
    let test = async |app: &App| service::webhooks::test(app, &it.shop.caller, it.shop.integration).await.unwrap();
    let found = test(&it.shop.app).await;
    assert!(found.arrived && found.topics.len() == it.telling().topics, "{found:?}");
    // WordPress does not send to a port like ours.
    assert_eq!((found.ok, found.problems.is_empty()), (platform != Platform::WooCommerce, found.ok), "{found:?}");
    assert!(found.last_delivery_at.is_none(), "our own delivery is none of the store's");
    assert_eq!(it.state().await.deliveries, 0);
    let elsewhere = App { public_url: "http://127.0.0.1:9".into(), ..it.shop.app.clone() };
    let found = test(&elsewhere).await;
    assert!(!found.ok && !found.arrived, "{found:?}");
    assert!(found.problems.iter().any(|problem| problem.contains("ASSENT_PUBLIC_URL")), "{found:?}");
}

async fn a_self_test_waits_for_a_registration_that_is_under_way(db: TestDatabase) {
    let it = Connected::unregistered(Platform::WooCommerce, db, nobody()).await;
    it.state().await;
    let leased = |until| webhook_endpoint::Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(until));
    let now = it.shop.app.clock.now();
    leased(now + TimeDelta::minutes(1)).exec(&it.shop.app.db).await.unwrap();
    let refused = service::webhooks::test(&it.shop.app, &it.shop.caller, it.shop.integration).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert!(it.shop.store.subscriptions().is_empty());
    leased(now - TimeDelta::minutes(1)).exec(&it.shop.app.db).await.unwrap();
    assert!(service::webhooks::test(&it.shop.app, &it.shop.caller, it.shop.integration).await.is_ok());
}

async fn a_store_that_does_not_answer_holds_up_no_other(db: TestDatabase) {
    let it = Connected::unregistered(Platform::WooCommerce, db, nobody()).await;
    let silent = AnsweringStore::start(|_| Reply::Silence).await;
    let settings = json!({"storeUrl": silent.url, "consumerKey": "ck_test", "consumerSecret": "cs_test"});
    let hanging = Installed::new(&it.shop.app, Platform::WooCommerce, settings).await;
    it.state().await;
    service::webhooks::get(&hanging.app, &hanging.caller, hanging.integration).await.unwrap();
    // The silent one's turn comes first.
    webhook_endpoint::Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(it.shop.app.clock.now() - TimeDelta::hours(1)))
        .filter(Column::IntegrationId.eq(hanging.integration.0))
        .exec(&it.shop.app.db)
        .await
        .unwrap();
    let app = it.shop.app.clone();
    let working = tokio::spawn(async move { registration::run_due(&app).await });
    let registered = async {
        while it.state().await.state != RegistrationState::Registered {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), registered).await.expect("the other store is registered meanwhile");
    working.abort();
}

async fn each_platform_registers_what_its_capabilities_tell(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let address = "https://assent.example.com/hooks/019a0000-0000-7000-8000-000000000001".parse().unwrap();
    let endpoint = Endpoint { address, secret: "of this integration".into() };
    for platform in PLATFORMS {
        let options = StoreOptions { people: 0, clock: test.clock.clone(), ..StoreOptions::generous() };
        let store = SandboxStore::start(*platform, options).await.unwrap();
        let settings = store.settings().as_object().unwrap().clone();
        let settings = Settings::parse(connectors::settings_of(*platform), settings).unwrap();
        let connector = connectors::open(*platform, &settings, &test.app.http, test.clock.clone()).unwrap();
        // Shopify registers by the names of its schema and delivers by others.
        let plain = |topic: &str| topic.replace('/', "_").to_lowercase();
        let registered: Option<BTreeSet<String>> = match connector.hooks() {
            Some(hooks) => {
                let registration = hooks.register(&endpoint).await.unwrap();
                assert!(registration.problems.is_empty(), "{platform}: {registration:?}");
                Some(registration.topics.iter().map(|topic| plain(topic)).collect())
            }
            None => None,
        };
        let told = capabilities::of(*platform).webhooks;
        let told = told.map(|webhooks| webhooks.topics.iter().map(|topic| plain(topic)).collect::<BTreeSet<_>>());
        // Merges need a scope that the simulated app lacks.
        let told = told.map(|topics| topics.into_iter().filter(|topic| topic != "customers_merge").collect());
        assert_eq!(registered, told, "{platform}");
    }
}
