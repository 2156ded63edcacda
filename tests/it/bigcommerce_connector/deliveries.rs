//! Deliveries of webhooks: the vendor's scheme, our own header, and what each event asks to be read again.

use std::collections::BTreeMap;

use assent::connectors::hooks::{Arrived, Delivery, Endpoint, Hint, HookRefusal, Urgency};
use assent::domain::people::Stream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::shop::{open, settings};
use crate::support::vendors;

const SENT: i64 = 1_790_843_400;
const OWN: &str = "per-store-random-value";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap()))
        .collect()
}

fn receive(headers: &HeaderMap, body: &str, now: i64) -> Result<Delivery, HookRefusal> {
    let endpoint = Endpoint { address: "https://assent.example/hooks/1".parse().unwrap(), secret: OWN.into() };
    let now: DateTime<Utc> = DateTime::from_timestamp(now, 0).unwrap();
    let connector = open(&settings("http://127.0.0.1:9"));
    let hooks = connector.hooks().unwrap();
    hooks.receive(&endpoint, &Arrived { headers, query: "", body: body.as_bytes(), now })
}

fn signature(body: &str, key: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("msg_1.{SENT}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A delivery signed as it should be.
fn signed(body: &str) -> HeaderMap {
    let signature = signature(body, "bc_test_client_secret_0001");
    let sent = SENT.to_string();
    headers(&[
        ("X-Connector-Key", OWN),
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &sent),
        ("webhook-signature", &signature),
    ])
}

fn notice(scope: &str, data: &Value) -> String {
    json!({"scope": scope, "store_id": "1", "data": data, "hash": "h1", "created_at": SENT, "producer": "stores/abc123fixt"})
        .to_string()
}

fn hints(delivery: &Delivery) -> Vec<String> {
    let one = |hint: &Hint| {
        format!("{} {}{}", hint.stream, hint.store_id, if hint.urgent == Urgency::Yes { " urgent" } else { "" })
    };
    delivery.hints.iter().map(one).collect()
}

#[test]
fn each_event_names_what_to_read_again() {
    let of = |kind: &str| json!({"type": kind, "id": 5});
    for (scope, data, expected) in [
        ("store/customer/created", of("customer"), "customers 5"),
        ("store/customer/updated", of("customer"), "customers 5"),
        ("store/customer/deleted", of("customer"), "customers 5 urgent"),
        ("store/subscriber/created", of("subscriber"), "subscribers 5"),
        ("store/subscriber/updated", of("subscriber"), "subscribers 5 urgent"),
        ("store/subscriber/deleted", of("subscriber"), "subscribers 5 urgent"),
        ("store/order/created", of("order"), "orders 5"),
        ("store/order/updated", of("order"), "orders 5"),
        ("store/order/statusUpdated", json!({"type": "order", "id": 5, "status": {"new_status_id": 11}}), "orders 5"),
        ("store/order/archived", json!({"type": "order", "id": "5"}), "orders 5"),
        // With the wildcard come events whose id is another object's.
        ("store/customer/address/updated", of("customer"), ""),
        ("store/customer/updated", of("customer_address"), ""),
        ("store/order/message/created", of("order_message"), ""),
        ("store/app/uninstalled", json!({"type": "app"}), ""),
        ("store/customer/updated", json!({"type": "customer", "id": -1}), ""),
    ] {
        let body = notice(scope, &data);
        let delivery = receive(&signed(&body), &body, SENT).unwrap();
        assert_eq!(hints(&delivery).join(", "), expected, "{scope} {data}");
        assert_eq!(delivery.topic, scope);
        assert_eq!(delivery.id.as_deref(), Some("msg_1"), "the hash may be that of another change in the same second");
    }
}

#[test]
fn the_signature_our_own_header_and_the_time_must_all_be_good() {
    let body = notice("store/order/created", &json!({"type": "order", "id": 5}));
    let with = |name: &'static str, value: Option<&str>| {
        let mut headers = signed(&body);
        headers.remove(name);
        headers.extend(value.map(|value| (name.parse::<HeaderName>().unwrap(), HeaderValue::try_from(value).unwrap())));
        receive(&headers, &body, SENT).map(|_| ())
    };
    let bad = Err(HookRefusal::BadSignature);
    for name in ["x-connector-key", "webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert_eq!(with(name, None), bad, "{name}");
    }
    assert_eq!(with("x-connector-key", Some("another")), bad);
    assert_eq!(with("webhook-id", Some("msg_2")), bad);
    assert_eq!(with("webhook-timestamp", Some("1790843401")), bad);
    assert_eq!(with("webhook-signature", Some("v1,")), bad);
    assert_eq!(with("webhook-signature", Some(&signature(&body, "another secret"))), bad);
    // The key is the secret's own bytes, not what base64 makes of them.
    assert_eq!(with("webhook-signature", Some(&signature(&body, &STANDARD.encode("bc_test_client_secret_0001")))), bad);
    let two = format!("v1,AAAA v2,x {}", signature(&body, "bc_test_client_secret_0001"));
    assert_eq!(with("webhook-signature", Some(&two)), Ok(()));
    for (late, expected) in
        [(300, Ok(())), (-300, Ok(())), (301, Err(HookRefusal::OutOfWindow)), (-301, Err(HookRefusal::OutOfWindow))]
    {
        assert_eq!(receive(&signed(&body), &body, SENT + late).map(|_| ()), expected, "{late}");
    }
}

#[test]
fn a_delivery_of_another_store_of_the_same_app_is_refused() {
    let body = json!({"scope": "store/order/created", "data": {"type": "order", "id": 5}, "hash": "h",
        "producer": "stores/another"})
    .to_string();
    assert_eq!(receive(&signed(&body), &body, SENT).unwrap_err(), HookRefusal::BadSignature);
}

#[test]
fn what_is_signed_and_no_notice_is_unreadable() {
    for body in
        ["", "null", "[]", "<html>", r#"{"scope":"store/order/created"}"#, r#"{"scope":7,"data":{},"producer":"x"}"#]
    {
        assert_eq!(receive(&signed(body), body, SENT).unwrap_err(), HookRefusal::Unreadable, "{body}");
    }
}

/// Section 12 of the sheet: signed with another implementation of Standard Webhooks.
#[test]
fn the_examples_of_deliveries_are_taken_and_refused_as_they_should_be() {
    let Some(folder) = vendors() else { return };
    let text = std::fs::read_to_string(folder.join("bigcommerce/examples/webhooks.json")).unwrap();
    let examples: Value = serde_json::from_str(&text).unwrap();
    let now = examples["pinned_now"].as_i64().unwrap();
    let take = |example: &Value| {
        let sent = example["headers"].as_object().unwrap();
        let pairs: Vec<(&str, &str)> =
            sent.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        receive(&headers(&pairs), example["raw_body"].as_str().unwrap(), now)
    };
    let mut ids = BTreeMap::new();
    for example in examples["deliveries"].as_array().unwrap() {
        let delivery = take(example).unwrap_or_else(|refusal| panic!("{}: {refusal}", example["name"]));
        let is_about_people = delivery.topic != "store/app/uninstalled";
        assert_eq!(delivery.hints.len(), usize::from(is_about_people), "{}", example["name"]);
        *ids.entry(delivery.id.unwrap()).or_insert(0) += 1;
    }
    assert_eq!((ids.len(), ids.values().max()), (10, Some(&2)), "what is sent again has the same id");
    for example in examples["rejections"].as_array().unwrap() {
        assert!(take(example).is_err(), "{}", example["name"]);
    }
}

#[test]
fn the_vendors_sample_callbacks_can_be_read() {
    let Some(folder) = vendors() else { return };
    let mut read = 0;
    for file in std::fs::read_dir(folder.join("bigcommerce/webhook-callbacks")).unwrap() {
        let body = std::fs::read_to_string(file.unwrap().path()).unwrap().replace("{store_hash}", "abc123fixt");
        let delivery = receive(&signed(&body), &body, SENT).unwrap();
        assert_eq!(delivery.hints.len(), 1);
        assert!(Stream::ALL.contains(&delivery.hints[0].stream));
        read += 1;
    }
    assert_eq!(read, 10);
}
