use std::sync::Arc;

use chrono::DateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderValue};

use super::*;
use crate::connectors::http::HostPolicy;
use crate::connectors::{Http, Settings};
use crate::domain::SystemClock;

const SECRET: &str = "s3cr3t";

fn shop(webhook_secret: Option<&str>) -> WooCommerce {
    let mut input = json!({"storeUrl": "https://shop.example", "consumerKey": "ck_me", "consumerSecret": "cs_hush"});
    if let Some(secret) = webhook_secret {
        input["webhookSecret"] = secret.into();
    }
    let input = input.as_object().unwrap().clone();
    let settings = Settings::parse(super::super::settings::FIELDS, input).unwrap();
    let http = Http::new(HostPolicy::PublicOnly, None).unwrap();
    WooCommerce::open(&settings, &http, Arc::new(SystemClock)).unwrap()
}

fn endpoint(secret: &str) -> Endpoint {
    Endpoint { address: "https://assent.example/hooks/1".parse().unwrap(), secret: SecretString::from(secret) }
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

fn receive(topic: &str, signature: Option<&str>, body: &[u8]) -> Result<Delivery, HookRefusal> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("x-wc-webhook-signature", HeaderValue::from_str(signature).unwrap());
        headers.insert("x-wc-webhook-topic", HeaderValue::from_str(topic).unwrap());
        headers.insert("x-wc-webhook-delivery-id", HeaderValue::from_static("9977c5d25b08129e758ed12ad3da4c42"));
    }
    let now = DateTime::from_timestamp(1_775_304_000, 0).unwrap();
    shop(None).receive(&endpoint(SECRET), &Arrived { headers: &headers, query: "", body, now })
}

fn signed(topic: &str, body: &[u8]) -> Result<Delivery, HookRefusal> {
    receive(topic, Some(&signature(SECRET, body)), body)
}

#[test]
fn a_body_says_what_to_read_again_and_how_soon() {
    let flag = |value: &str| json!({"id": 7, "email": "a@example.com", "meta_data": [{"key": "assent_marketing_opt_in", "value": value}]});
    let order = |value: &str| {
        let mut order = flag(value);
        (order["status"], order["customer_id"]) = ("processing".into(), 0.into());
        order["billing"] = json!({"email": "a@example.com"});
        order
    };
    let cases = [
        ("customer.deleted", json!({"id": 7}), Some((Stream::Customers, Urgency::Yes))),
        ("order.deleted", json!({"id": 7}), Some((Stream::Orders, Urgency::Yes))),
        ("customer.created", flag("yes"), Some((Stream::Customers, Urgency::No))),
        ("customer.created", flag("no"), Some((Stream::Customers, Urgency::Yes))),
        ("customer.updated", flag("yes"), Some((Stream::Customers, Urgency::No))),
        ("customer.updated", flag("no"), Some((Stream::Customers, Urgency::Yes))),
        (
            "customer.updated",
            json!({"id": 7, "email": "a@example.com", "meta_data": []}),
            Some((Stream::Customers, Urgency::IfGranted)),
        ),
        ("order.created", order("yes"), Some((Stream::Orders, Urgency::No))),
        ("order.created", order("no"), Some((Stream::Orders, Urgency::Yes))),
        ("order.restored", order("yes"), Some((Stream::Orders, Urgency::No))),
        ("product.updated", json!({"id": 7}), None),
        ("action.wc_my_action", json!({"action": "x"}), None),
        ("customer.created", json!({"code": "wc_user_invalid_id", "data": {"status": 404}}), None),
        ("customer.updated", json!([]), None),
    ];
    for (topic, body, expected) in cases {
        let delivery = signed(topic, body.to_string().as_bytes()).unwrap();
        let hints: Vec<_> = delivery.hints.iter().map(|hint| (hint.stream, hint.urgent)).collect();
        assert_eq!(hints, expected.into_iter().collect::<Vec<_>>(), "{topic} {body}");
        assert!(delivery.hints.iter().all(|hint| hint.store_id.as_str() == "7"));
        assert!(!delivery.topic.is_empty());
    }
}

#[test]
fn what_the_shop_did_not_sign_is_refused() {
    let body = br#"{"id":7}"#;
    let refused = Err(HookRefusal::BadSignature);
    assert_eq!(receive("customer.deleted", None, body), refused);
    assert_eq!(receive("customer.deleted", Some(""), body), refused);
    assert_eq!(receive("customer.deleted", Some("not base64 !"), body), refused);
    assert_eq!(receive("customer.deleted", Some(&signature("another", body)), body), refused);
    assert_eq!(receive("customer.deleted", Some(&signature(SECRET, br#"{"id":8}"#)), body), refused);
    assert_eq!(receive("customer.deleted", Some(&signature(SECRET, b"{\"id\":7} ")), body), refused);
    let short = STANDARD.encode([0; 4]);
    assert_eq!(receive("customer.deleted", Some(&short), body), refused);
    assert_eq!(signed("customer.deleted", b"{\"id\":"), Err(HookRefusal::Unreadable));
}

#[test]
fn an_empty_secret_signs_nothing() {
    let body = br#"{"id":7}"#;
    let mut headers = HeaderMap::new();
    headers.insert("x-wc-webhook-signature", HeaderValue::from_str(&signature("", body)).unwrap());
    let arrived =
        Arrived { headers: &headers, query: "", body, now: DateTime::from_timestamp(1_775_304_000, 0).unwrap() };
    assert_eq!(shop(None).receive(&endpoint(""), &arrived), Err(HookRefusal::BadSignature));
}

#[test]
fn a_secret_that_somebody_set_counts_instead_of_ours() {
    let body = br#"{"id":7}"#;
    let mut headers = HeaderMap::new();
    headers.insert("x-wc-webhook-signature", HeaderValue::from_str(&signature("by hand", body)).unwrap());
    let now = DateTime::from_timestamp(1_775_304_000, 0).unwrap();
    let arrived = Arrived { headers: &headers, query: "", body, now };
    assert!(shop(Some("by hand")).receive(&endpoint(SECRET), &arrived).is_ok());
    assert!(shop(None).receive(&endpoint(SECRET), &arrived).is_err());
}

#[test]
fn a_ping_is_answered_and_leaves_no_trace() {
    assert_eq!(receive("", None, b"webhook_id=2"), Ok(Delivery::default()));
    for body in ["webhook_id=", "webhook_id=2&x=1", "webhook_id=two", ""] {
        assert_eq!(receive("", None, body.as_bytes()), Err(HookRefusal::BadSignature), "{body}");
    }
}

#[test]
fn two_deliveries_of_one_second_are_two() {
    let one = signed("customer.updated", br#"{"id":7}"#).unwrap();
    let other = signed("customer.updated", br#"{"id":8}"#).unwrap();
    assert_ne!(one.id, other.id);
    assert_eq!(one.id, signed("customer.updated", br#"{"id":7}"#).unwrap().id);
}

#[test]
fn other_ports_than_wordpress_sends_to_are_named() {
    let problems = |address: &str| problems_of(&address.parse().unwrap()).len();
    assert_eq!(problems("https://assent.example/hooks/1"), 0);
    assert_eq!(problems("http://assent.example:8080/hooks/1"), 0);
    assert_eq!(problems("https://assent.example:8443/hooks/1"), 1);
}

/// Every delivery that was recorded from a real shop, with its own signature over its own bytes.
#[test]
fn recorded_deliveries_are_believed_and_read() {
    let Some(vendors) = crate::skipping::vendors() else { return };
    let folder = vendors.join("woocommerce/recorded");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("delivery_") {
            continue;
        }
        let exchange: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let request = &exchange["request"];
        let header = |name: &str| request["headers"][name].as_str().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in request["headers"].as_object().unwrap() {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
        }
        let body = request["body_raw"].as_str().unwrap().as_bytes();
        let now = DateTime::from_timestamp(1_775_304_000, 0).unwrap();
        let arrived = Arrived { headers: &headers, query: "", body, now };
        let delivery = shop(None).receive(&endpoint("s3cr3t-for-recordings"), &arrived).unwrap();
        assert_eq!(delivery.topic, header("X-WC-Webhook-Topic"), "{name}");
        let id = request["body"]["id"].as_u64();
        let hinted = delivery.hints.first().map(|hint| hint.store_id.as_str().to_owned());
        assert_eq!(hinted, id.map(|id| id.to_string()), "{name}");
        if delivery.topic.ends_with("deleted") {
            assert!(delivery.hints.iter().all(|hint| hint.urgent == Urgency::Yes), "{name}");
        }
        assert!(shop(None).receive(&endpoint("another"), &arrived).is_err(), "{name}");
        seen += 1;
    }
    assert!(seen >= 14, "only {seen} recorded deliveries");
}
