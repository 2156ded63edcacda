//! Webhooks: whose they are, what they are about, and their registration.

use assent::connectors::hooks::{Arrived, Delivery, Endpoint, Hint, HookRefusal, Registration};
use assent::connectors::{Connector, ConnectorError};
use assent::domain::people::{StoreId, Stream};
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex};

use super::shop::{Shop, example, id, page, refusal};
use crate::support::answering::{Asked, Reply};

const APP_SECRET: &str = "test-app-secret-0123456789abcdef";
const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const TOPICS: [&str; 5] =
    ["customer.written", "customer.deleted", "newsletter.register", "newsletter.confirm", "newsletter.unsubscribe"];

fn endpoint() -> Endpoint {
    let address = "https://assent.example/hooks/0198c1f0-0000-7000-8000-000000000001".parse().unwrap();
    Endpoint { address, secret: SecretString::from(TOKEN) }
}

fn sent_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_700_000, 0).unwrap()
}

fn body(event: &str, payload: &Value) -> String {
    json!({"data": {"payload": payload, "event": event},
        "source": {"url": "https://shop.example.com", "eventId": "e1", "shopId": "s"}, "timestamp": 1_772_700_000})
    .to_string()
}

fn receive(
    connector: &dyn Connector,
    query: &str,
    signature: Option<&str>,
    body: &str,
    now: DateTime<Utc>,
) -> Result<Delivery, HookRefusal> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("shopware-shop-signature", signature.parse().unwrap());
    }
    let arrived = Arrived { headers: &headers, query, body: body.as_bytes(), now };
    connector.hooks().unwrap().receive(&endpoint(), &arrived)
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    assent::domain::ledger::hex(&mac.finalize().into_bytes())
}

async fn unsigned() -> Box<dyn Connector> {
    Shop::open(|_| page(&[], 0)).await.connector()
}

async fn signed() -> Box<dyn Connector> {
    Shop::open(|_| page(&[], 0)).await.connector_with(&json!({ "appSecret": APP_SECRET }))
}

#[tokio::test]
async fn an_unsigned_delivery_is_known_by_the_token_in_its_address() {
    let connector = unsigned().await;
    let body = body("customer.written", &json!([]));
    let with = |query: &str| receive(&*connector, query, None, &body, sent_at());
    assert!(with(&format!("token={TOKEN}")).is_ok());
    let other = TOKEN.replace('0', "1");
    for query in
        ["", "token=", "token", &format!("token={other}"), &format!("token={TOKEN}0"), &format!("Token={TOKEN}")]
    {
        assert_eq!(with(query), Err(HookRefusal::BadSignature), "{query}");
    }
}

#[tokio::test]
async fn with_an_apps_secret_only_its_signature_counts() {
    let connector = signed().await;
    let body = body("customer.written", &json!([]));
    let good = signature(&body);
    let with = |signature: Option<&str>, body: &str| {
        receive(&*connector, &format!("token={TOKEN}"), signature, body, sent_at())
    };
    assert!(with(Some(&good), &body).is_ok());
    assert_eq!(with(None, &body), Err(HookRefusal::BadSignature), "the token does not stand in for it");
    assert_eq!(with(Some(&good), &body.replace("e1", "e2")), Err(HookRefusal::BadSignature), "another body");
    assert_eq!(with(Some(&good.to_uppercase()), &body), Err(HookRefusal::BadSignature));
    assert_eq!(with(Some(""), &body), Err(HookRefusal::BadSignature));
}

#[tokio::test]
async fn a_signed_delivery_is_good_for_five_minutes() {
    let connector = signed().await;
    let body = body("customer.written", &json!([]));
    let at = |seconds: i64| {
        let now = sent_at() + chrono::TimeDelta::seconds(seconds);
        receive(&*connector, "", Some(&signature(&body)), &body, now).map(drop)
    };
    assert_eq!((at(0), at(300), at(-300)), (Ok(()), Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(HookRefusal::OutOfWindow), Err(HookRefusal::OutOfWindow)));
    let without = r#"{"data":{"event":"x"}}"#;
    let undated = receive(&*connector, "", Some(&signature(without)), without, sent_at());
    assert_eq!(undated, Err(HookRefusal::OutOfWindow));
}

#[tokio::test]
async fn what_is_no_delivery_is_unreadable() {
    let connector = unsigned().await;
    for body in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":{"event":7}}"#, "<html>"] {
        let refused = receive(&*connector, &format!("token={TOKEN}"), None, body, sent_at());
        assert_eq!(refused, Err(HookRefusal::Unreadable), "{body}");
    }
}

#[tokio::test]
async fn each_topic_names_what_is_to_be_read_again() {
    let connector = unsigned().await;
    let customer = |operation: &str| json!([{"entity": "customer", "operation": operation, "primaryKey": id(1)}]);
    let recipient =
        json!({"newsletterRecipient": {"_uniqueIdentifier": id(2), "createdAt": "2026-01-10T09:00:00.000+00:00"}});
    let storefront = json!({"customer": {"id": id(3)}});
    for (event, payload, expected) in [
        ("customer.written", customer("insert"), Some((Stream::Customers, 1, false))),
        ("customer.written", customer("update"), Some((Stream::Customers, 1, false))),
        ("customer.deleted", customer("delete"), Some((Stream::Customers, 1, true))),
        ("newsletter.register", recipient.clone(), Some((Stream::Subscribers, 2, false))),
        ("newsletter.confirm", recipient.clone(), Some((Stream::Subscribers, 2, false))),
        ("newsletter.unsubscribe", recipient, Some((Stream::Subscribers, 2, true))),
        ("checkout.customer.register", storefront.clone(), Some((Stream::Customers, 3, false))),
        ("checkout.customer.guest_register", storefront.clone(), Some((Stream::Customers, 3, false))),
        ("checkout.customer.deleted", storefront, Some((Stream::Customers, 3, true))),
        ("product.written", customer("update"), None),
        ("customer.written", json!([{"entity": "customer_address", "operation": "update", "primaryKey": id(1)}]), None),
        ("customer.written", json!([{"entity": "customer", "operation": "update", "primaryKey": {"id": id(1)}}]), None),
        ("newsletter.confirm", json!({"newsletterRecipient": {"_uniqueIdentifier": "../1"}}), None),
        ("newsletter.confirm", json!(null), None),
    ] {
        let delivery =
            receive(&*connector, &format!("token={TOKEN}"), None, &body(event, &payload), sent_at()).unwrap();
        let hints: Vec<Hint> = expected
            .map(|(stream, number, urgent)| Hint { stream, store_id: StoreId::new(id(number)), urgent: urgent.into() })
            .into_iter()
            .collect();
        assert_eq!((delivery.topic.as_str(), delivery.id.as_deref(), delivery.hints), (event, Some("e1"), hints));
    }
}

#[tokio::test]
async fn the_vendors_signed_deliveries_are_taken_and_the_unsigned_one_is_not() {
    let connector = signed().await;
    for (name, hints) in [
        ("webhook_customer_written", 1),
        ("webhook_customer_written_insert", 1),
        ("webhook_customer_deleted", 1),
        ("webhook_newsletter_register", 1),
        ("webhook_newsletter_confirm", 1),
        ("webhook_newsletter_unsubscribe", 1),
    ] {
        let Some(example) = example(name) else { return };
        assert_eq!(example["test_secret"], APP_SECRET);
        let request = &example["request"];
        let signature = request["headers"]["shopware-shop-signature"].as_str();
        let delivery = receive(&*connector, "", signature, request["body_raw"].as_str().unwrap(), sent_at()).unwrap();
        assert_eq!(delivery.hints.len(), hints, "{name}");
        assert_eq!(delivery.id.as_deref(), request["body"]["source"]["eventId"].as_str());
    }
    let unsigned = example("webhook_customer_written_unsigned").unwrap();
    let body = unsigned["request"]["body_raw"].as_str().unwrap();
    assert_eq!(receive(&*connector, "", None, body, sent_at()), Err(HookRefusal::BadSignature));
}

/// A shop that keeps webhooks.
async fn keeping(webhooks: Vec<Value>) -> (Shop, Arc<Mutex<Vec<Value>>>) {
    let kept = Arc::new(Mutex::new(webhooks));
    let shared = Arc::clone(&kept);
    let answer = move |asked: &Asked| {
        let mut kept = shared.lock().unwrap();
        let webhook = asked.path.strip_prefix("/api/webhook/").map(str::to_owned);
        match (asked.method.as_str(), webhook) {
            ("DELETE", Some(id)) => kept.retain(|webhook| webhook["id"] != id.as_str()),
            ("PATCH", Some(id)) => {
                let patched = kept.iter_mut().find(|webhook| webhook["id"] == id.as_str()).unwrap();
                patched.as_object_mut().unwrap().extend(asked.json().as_object().unwrap().clone());
            }
            ("POST", None) if asked.path == "/api/webhook" => kept.push(asked.json()),
            _ => {
                let prefix = asked.json()["filter"][0]["value"].as_str().unwrap().to_owned();
                let found: Vec<Value> = kept
                    .iter()
                    .filter(|webhook| webhook["url"].as_str().unwrap().starts_with(&prefix))
                    .cloned()
                    .collect();
                return page(&found, found.len());
            }
        }
        Reply::text(204, "")
    };
    (Shop::open(answer).await, kept)
}

fn webhook(number: u64, topic: &str, url: &str, active: bool) -> Value {
    json!({"id": id(number), "name": format!("w{number}"), "eventName": topic, "url": url, "active": active})
}

fn topics(kept: &Mutex<Vec<Value>>) -> Vec<String> {
    let mut topics: Vec<String> =
        kept.lock().unwrap().iter().map(|webhook| webhook["eventName"].as_str().unwrap().to_owned()).collect();
    topics.sort();
    topics
}

#[tokio::test]
async fn registering_makes_what_is_missing_and_doing_it_again_changes_nothing() {
    let (shop, kept) = keeping(Vec::new()).await;
    let connector = shop.connector();
    let hooks = connector.hooks().unwrap();
    let registered = hooks.register(&endpoint()).await.unwrap();
    assert_eq!(registered, Registration { topics: TOPICS.map(str::to_owned).to_vec(), problems: Vec::new() });
    let mut expected = TOPICS.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(topics(&kept), expected);
    let address = format!("{}?token={TOKEN}", endpoint().address);
    assert!(kept.lock().unwrap().iter().all(|webhook| webhook["url"] == address.as_str()));
    let before = shop.asked().len();
    assert_eq!(hooks.register(&endpoint()).await.unwrap(), registered);
    assert_eq!(shop.asked().len(), before + 1, "one look and no change");
}

#[tokio::test]
async fn registering_wakes_sleepers_and_removes_what_is_of_no_use() {
    let address = format!("{}?token={TOKEN}", endpoint().address);
    let stale = format!("{}?token=old", endpoint().address);
    let neighbour = format!("{}0?token={TOKEN}", endpoint().address);
    let (shop, kept) = keeping(vec![
        webhook(1, "customer.written", &address, false),
        webhook(2, "customer.written", &address, true),
        webhook(3, "newsletter.confirm", &stale, true),
        webhook(4, "product.written", &address, true),
        webhook(5, "product.written", &neighbour, true),
        webhook(6, "customer.written", "https://elsewhere.example/hooks", true),
    ])
    .await;
    shop.connector().hooks().unwrap().register(&endpoint()).await.unwrap();
    let kept = kept.lock().unwrap();
    let with = |number: u64| kept.iter().find(|webhook| webhook["id"] == id(number));
    assert_eq!(with(1).unwrap()["active"], true);
    assert!([2, 3, 4].into_iter().all(|number| with(number).is_none()));
    assert!(with(5).is_some() && with(6).is_some(), "those of others stay");
    assert_eq!(kept.len(), TOPICS.len() + 2);
}

#[tokio::test]
async fn removing_takes_all_of_the_address_and_nothing_is_as_good() {
    let address = format!("{}?token=old", endpoint().address);
    let (shop, kept) = keeping(vec![
        webhook(1, "customer.written", &address, true),
        webhook(2, "customer.written", "https://elsewhere.example/hooks", true),
    ])
    .await;
    let connector = shop.connector();
    for _ in 0..2 {
        connector.hooks().unwrap().remove(&endpoint()).await.unwrap();
        assert_eq!(kept.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_apps_webhooks_are_looked_at_and_not_touched() {
    let address = endpoint().address.to_string();
    let mut of_app = webhook(1, "customer.written", &address, false);
    of_app["appId"] = json!(id(9));
    let (shop, kept) = keeping(vec![of_app]).await;
    let connector = shop.connector_with(&json!({ "appSecret": APP_SECRET }));
    let registered = connector.hooks().unwrap().register(&endpoint()).await.unwrap();
    assert_eq!(registered.topics, ["customer.written"]);
    assert!(
        registered.problems[0].contains("newsletter.unsubscribe") && registered.problems[1].contains("switched off")
    );
    assert_eq!((kept.lock().unwrap().len(), shop.asked().len()), (1, 1));
    connector.hooks().unwrap().remove(&endpoint()).await.unwrap();
    assert_eq!(kept.lock().unwrap().len(), 1, "it goes with the app");
}

#[tokio::test]
async fn unsigned_webhooks_count_for_nothing_once_an_apps_secret_is_set() {
    let address = format!("{}?token={TOKEN}", endpoint().address);
    let (shop, kept) =
        keeping(TOPICS.iter().zip(1..).map(|(topic, id)| webhook(id, topic, &address, true)).collect()).await;
    let connector = shop.connector_with(&json!({ "appSecret": APP_SECRET }));
    let registered = connector.hooks().unwrap().register(&endpoint()).await.unwrap();
    assert!(registered.topics.is_empty() && registered.problems.len() == 1, "{registered:?}");
    assert!(kept.lock().unwrap().is_empty(), "every delivery of them would be refused");
}

#[tokio::test]
async fn a_missing_right_is_told_and_no_failure() {
    let detail = r#"{"message":"x","missingPrivileges":["webhook:create"]}"#;
    let shop = Shop::open(move |asked| match asked.method.as_str() {
        "POST" if asked.path == "/api/webhook" => {
            refusal(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", detail, &json!([]))
        }
        _ => page(&[], 0),
    })
    .await;
    let registered = shop.connector().hooks().unwrap().register(&endpoint()).await.unwrap();
    assert!(registered.topics.is_empty() && registered.problems[0].contains("webhook:create"));
    let rejected = Shop::with_tokens(|_| Reply::text(401, "")).await;
    let refused = rejected.connector().hooks().unwrap().register(&endpoint()).await;
    assert_eq!(refused, Err(ConnectorError::CredentialsRejected));
}
