//! What is taken in and what is not.

use ::entity::{pending_hint, sync_run, webhook_delivery, webhook_endpoint};
use assent::app::App;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, DeliveryFault, StoreOptions};
use assent::service;
use assent::sync::registration;
use axum::body::Body;
use axum::http::StatusCode;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::json;
use sha2::Sha256;

use super::post::{Connected, on_each_sender, post, post_signed};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::Installed;

on_each_sender!(
    the_same_delivery_is_taken_once,
    a_tampered_delivery_is_refused,
    a_delivery_for_another_store_is_refused,
    a_paused_integration_keeps_its_hints,
);
both_databases!(
    forged_and_tampered_deliveries_change_nothing,
    what_is_too_large_or_goes_nowhere_is_refused,
    a_ping_and_an_error_document_do_no_harm,
    old_deliveries_are_forgotten,
    a_delivery_that_names_too_many_has_the_whole_store_read,
);

const SECRET: &str = "made by hand";
const APP_SECRET: &str = "made-for-an-app";

/// A shop that nobody answers for, whose webhooks somebody made by hand.
async fn silent_shop(db: TestDatabase) -> (TestApp, Installed) {
    let test = TestApp::new(db).await;
    let settings = json!({"storeUrl": "http://127.0.0.1:9", "consumerKey": "ck_key", "consumerSecret": "cs_secret",
        "webhookSecret": SECRET});
    let installed = Installed::new(&test.app, Platform::WooCommerce, settings).await;
    (test, installed)
}

async fn hints(app: &App) -> Vec<pending_hint::Model> {
    pending_hint::Entity::find().all(&app.db).await.unwrap()
}

async fn the_same_delivery_is_taken_once(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    let telling = it.telling();
    it.shop.store.plan_delivery_fault(DeliveryFault::Doubled, telling.per_order);
    it.shop.store.change(&Change::GuestOrder { email: "a@example.com".to_owned(), opt_in: Some(true) }).unwrap();
    it.shop.store.delivered().await;
    assert_eq!(hints(&it.shop.app).await.len(), 1, "one record, however often it is named");
    let version = hints(&it.shop.app).await[0].version;
    assert_eq!(u32::try_from(version), Ok(telling.per_order), "once a topic; the repetitions do not count");
    it.carry_out().await;
    let sent = it.last(telling.new_order);
    assert_eq!(sent.answers, [Some(200)]);
    // A replay, an hour later: answered alike, and nothing is done.
    it.test.clock.advance(TimeDelta::hours(1));
    assert_eq!(it.send_again(&sent).await, StatusCode::OK);
    assert!(hints(&it.shop.app).await.is_empty());
}

async fn a_tampered_delivery_is_refused(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    it.shop.store.plan_delivery_fault(DeliveryFault::Tampered, it.telling().per_order);
    it.shop.store.change(&Change::GuestOrder { email: "a@example.com".to_owned(), opt_in: Some(true) }).unwrap();
    assert_eq!(it.carry_out().await, 0);
    let sent = it.last(it.telling().new_order);
    assert!(!sent.answers.is_empty() && sent.answers.iter().all(|answer| *answer == Some(401)), "{:?}", sent.answers);
    assert!(hints(&it.shop.app).await.is_empty());
    let endpoint = webhook_endpoint::Entity::find_by_id(it.shop.integration.0).one(&it.shop.app.db).await.unwrap();
    assert!(endpoint.unwrap().last_delivery_at.is_none(), "no sign of life of the store's");
}

async fn forged_and_tampered_deliveries_change_nothing(db: TestDatabase) {
    let (_test, shop) = silent_shop(db).await;
    let (app, id) = (&shop.app, shop.integration);
    let topic = ("customer.deleted", "1");
    assert_eq!(post_signed(app, id, "guessed", topic, r#"{"id":7}"#).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(app, id, &[("x-wc-webhook-topic", topic.0)], r#"{"id":7}"#).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(app, id, &[("x-assent-test", "00ff")], "x").await, StatusCode::UNAUTHORIZED);
    assert_eq!(post_signed(app, id, SECRET, topic, r#"{"id":"#).await, StatusCode::BAD_REQUEST);
    assert!(hints(app).await.is_empty());
    assert_eq!(webhook_delivery::Entity::find().count(&app.db).await.unwrap(), 0);
    assert_eq!(post_signed(app, id, SECRET, topic, r#"{"id":7}"#).await, StatusCode::OK);
    let [hint] = <[_; 1]>::try_from(hints(app).await).unwrap();
    assert_eq!((hint.stream.as_str(), hint.store_id.as_str(), hint.urgent), ("customers", "7", true));
}

async fn a_delivery_for_another_store_is_refused(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    let other = it.shop.second(&it.test, StoreOptions { people: 0, seed: 2, ..StoreOptions::default() }).await;
    registration::run_due(&it.shop.app).await.unwrap();
    it.shop.store.change(&Change::NewCustomer { email: "a@example.com".to_owned(), opt_in: None }).unwrap();
    it.shop.store.delivered().await;
    let sent = it.last(it.telling().new_account);
    let headers: Vec<(&str, &str)> = sent.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = post(&it.shop.app, other.integration, &headers, sent.body.clone()).await;
    assert_eq!(answer, StatusCode::UNAUTHORIZED, "each store signs with a secret of its own");
}

async fn what_is_too_large_or_goes_nowhere_is_refused(db: TestDatabase) {
    let (_test, shop) = silent_shop(db).await;
    let large = Body::from(vec![b' '; 1024 * 1024 + 1]);
    assert_eq!(post(&shop.app, shop.integration, &[], large).await, StatusCode::PAYLOAD_TOO_LARGE);
    let nobody = uuid::Uuid::nil().into();
    assert_eq!(post(&shop.app, nobody, &[], "{}").await, StatusCode::NOT_FOUND);
    service::integrations::delete(&shop.app, &shop.caller, shop.integration).await.unwrap();
    let late = post_signed(&shop.app, shop.integration, SECRET, ("customer.updated", "1"), r#"{"id":7}"#).await;
    assert_eq!(late, StatusCode::NOT_FOUND);
}

async fn a_ping_and_an_error_document_do_no_harm(db: TestDatabase) {
    let (_test, shop) = silent_shop(db).await;
    let (app, id) = (&shop.app, shop.integration);
    assert_eq!(post(app, id, &[], "webhook_id=2").await, StatusCode::OK);
    assert_eq!(webhook_delivery::Entity::find().count(&app.db).await.unwrap(), 0, "nobody signed it");
    let gone = r#"{"code":"wc_user_invalid_id","message":"Invalid user ID.","data":{"status":404}}"#;
    assert_eq!(post_signed(app, id, SECRET, ("customer.created", "1"), gone).await, StatusCode::OK);
    assert!(hints(app).await.is_empty());
    let endpoint = webhook_endpoint::Entity::find_by_id(id.0).one(&app.db).await.unwrap().unwrap();
    assert!(endpoint.last_delivery_at.is_some(), "it is a sign of life all the same");
}

async fn a_paused_integration_keeps_its_hints(db: TestDatabase, platform: Platform) {
    let it = Connected::empty(platform, db).await;
    service::integrations::pause(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    it.shop.store.change(&Change::NewCustomer { email: "a@example.com".to_owned(), opt_in: Some(true) }).unwrap();
    assert_eq!(it.carry_out().await, 0);
    assert_eq!(hints(&it.shop.app).await.len(), 1);
    service::integrations::resume(&it.shop.app, &it.shop.caller, it.shop.integration).await.unwrap();
    it.carry_out().await;
    assert_eq!(it.shop.on(Audience::Subscribers).await.len(), 1);
}

async fn old_deliveries_are_forgotten(db: TestDatabase) {
    let (test, shop) = silent_shop(db).await;
    let send = || post_signed(&shop.app, shop.integration, SECRET, ("customer.updated", "1"), r#"{"id":7}"#);
    let known = async || webhook_delivery::Entity::find().count(&shop.app.db).await.unwrap();
    assert_eq!(send().await, StatusCode::OK);
    test.clock.advance(TimeDelta::days(6));
    registration::purge(&shop.app).await.unwrap();
    assert_eq!(known().await, 1);
    test.clock.advance(TimeDelta::days(2));
    registration::purge(&shop.app).await.unwrap();
    assert_eq!(known().await, 0);
}

async fn a_delivery_that_names_too_many_has_the_whole_store_read(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let settings = json!({"storeUrl": "http://127.0.0.1:9", "accessKeyId": "SWIAKEY", "secretAccessKey": "secret",
        "appSecret": APP_SECRET});
    let shop = Installed::new(&test.app, Platform::Shopware, settings).await;
    let deliver = async |id: &str, rows: usize| {
        let row = |n: usize| json!({"entity": "customer", "operation": "update", "primaryKey": format!("{n:032x}")});
        let rows: Vec<_> = (0..rows).map(row).collect();
        let body = json!({"data": {"event": "customer.written", "payload": rows}, "source": {"eventId": id},
            "timestamp": test.app.clock.now().timestamp()})
        .to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = assent::domain::ledger::hex(&mac.finalize().into_bytes());
        post(&shop.app, shop.integration, &[("shopware-shop-signature", &signature)], body).await
    };
    let runs = async || sync_run::Entity::find().all(&shop.app.db).await.unwrap();
    assert_eq!(deliver("1", 500).await, StatusCode::OK);
    assert_eq!((hints(&shop.app).await.len(), runs().await.len()), (500, 0));
    for id in ["2", "3"] {
        assert_eq!(deliver(id, 501).await, StatusCode::OK);
    }
    let [run] = <[_; 1]>::try_from(runs().await).unwrap();
    assert_eq!((run.mode.as_str(), run.status.as_str()), ("full", "queued"));
}
