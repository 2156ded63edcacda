use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::json;
use sha2::Sha256;

use super::*;
use crate::connectors::hooks::Urgency;

const DOMAIN: &str = "acme.myshopify.com";

fn key() -> SecretString {
    SecretString::from("shpss_of_a_test")
}

fn signed(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"shpss_of_a_test").unwrap();
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn received(headers: &[(&str, &str)], body: &str, key: &SecretString, domain: &str) -> Result<Delivery, HookRefusal> {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect();
    let now: DateTime<Utc> = "2026-10-01T12:00:00Z".parse().unwrap();
    receive(key, domain, &Arrived { headers: &headers, query: "", body: body.as_bytes(), now })
}

fn delivered(topic: &str, body: &Value) -> Result<Delivery, HookRefusal> {
    let body = body.to_string();
    let headers =
        [(SIGNATURE, signed(&body)), (TOPIC, topic.to_owned()), (SHOP, DOMAIN.to_owned()), (EVENT_ID, "e-1".into())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    received(&headers, &body, &key(), DOMAIN)
}

fn hinted(topic: &str, body: &Value) -> Vec<String> {
    let word = |hint: &Hint| {
        format!("{} {}{}", hint.stream, hint.store_id, if hint.urgent == Urgency::Yes { " urgent" } else { "" })
    };
    delivered(topic, body).unwrap().hints.iter().map(word).collect()
}

#[test]
fn each_topic_says_what_to_read_again() {
    assert_eq!(hinted("customers/create", &json!({"id": 7})), ["customers 7"]);
    assert_eq!(hinted("customers/update", &json!({"id": 7})), ["customers 7"]);
    assert_eq!(hinted("customers/delete", &json!({"id": 7})), ["customers 7 urgent"]);
    let consent = json!({"customer_id": 7, "email_address": "", "email_marketing_consent": {"state": "unsubscribed"}});
    assert_eq!(hinted("customers_email_marketing_consent/update", &consent), ["customers 7 urgent"]);
    let merge = json!({"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/3"});
    assert_eq!(hinted("customers/merge", &merge), ["customers 3 urgent", "customers 1"]);
    assert_eq!(hinted("orders/create", &json!({"id": 8, "customer": null})), ["orders 8"]);
    assert_eq!(hinted("app/uninstalled", &json!({})), ["customers 0 urgent"]);
    assert!(hinted("products/update", &json!({"id": 8})).is_empty());
}

#[test]
fn only_the_shop_s_own_signature_over_the_raw_body_counts() {
    let body = r#"{"id":7}"#;
    let good = signed(body);
    let with = |signature: &str, shop: &str, body: &str| {
        received(&[(SIGNATURE, signature), (TOPIC, "customers/update"), (SHOP, shop)], body, &key(), DOMAIN)
    };
    assert!(with(&good, "ACME.myshopify.com", body).is_ok());
    assert_eq!(with(&good, DOMAIN, r#"{"id": 7}"#), Err(HookRefusal::BadSignature), "re-serialised");
    assert_eq!(with(&signed("x"), DOMAIN, body), Err(HookRefusal::BadSignature));
    assert_eq!(with("not base64", DOMAIN, body), Err(HookRefusal::BadSignature));
    assert_eq!(with("", DOMAIN, body), Err(HookRefusal::BadSignature));
    assert_eq!(with(&good, "other.myshopify.com", body), Err(HookRefusal::Unreadable), "ids of another shop");
    assert_eq!(with(&signed("[]"), DOMAIN, "[]"), Err(HookRefusal::Unreadable));
    assert_eq!(with(&signed("<html>"), DOMAIN, "<html>"), Err(HookRefusal::Unreadable));
}

fn redact() -> Value {
    json!({"shop_id": 1, "shop_domain": DOMAIN, "orders_to_redact": [11, 12],
        "customer": {"id": 7, "email": "anna@example.com", "phone": null}})
}

fn asked(topic: &str, body: &Value) -> Result<PrivacyRequest, HookRefusal> {
    delivered(topic, body).map(|delivery| delivery.privacy.expect("a privacy request").request)
}

#[test]
fn privacy_requests_name_whom_they_are_about() {
    let id = |id: &str| StoreId::new(id);
    let records = vec![(Stream::Customers, id("7")), (Stream::Orders, id("11")), (Stream::Orders, id("12"))];
    let subject = PrivacySubject { email: Some("anna@example.com".to_owned()), records };
    assert_eq!(asked("customers/redact", &redact()), Ok(PrivacyRequest { kind: PrivacyKind::Redact, subject }));

    let nameless = json!({"shop_domain": DOMAIN, "customer": {"email": "anna@example.com"}, "orders_requested": []});
    let request = asked("customers/data_request", &nameless).unwrap();
    assert_eq!((request.kind, request.subject.records.len()), (PrivacyKind::DataRequest, 0));
    let left = json!({"shop_id": 1, "shop_domain": DOMAIN.to_uppercase()});
    assert_eq!(asked("shop/redact", &left).unwrap().kind, PrivacyKind::ShopRedact);
    assert_eq!(delivered("customers/update", &json!({"id": 7})).unwrap().privacy, None);

    let mut many = redact();
    many["orders_to_redact"] = (0..5_000).collect::<Vec<u64>>().into();
    assert_eq!(asked("customers/redact", &many).unwrap().subject.records.len(), 5_001, "none is left out");
}

#[test]
fn a_body_of_another_topic_erases_nobody() {
    let order = json!({"id": 11, "shop_domain": DOMAIN, "customer": {"id": 7, "email": "anna@example.com"}});
    let mut data_request = redact();
    let orders = data_request.as_object_mut().unwrap().remove("orders_to_redact");
    data_request["orders_requested"] = orders.unwrap();
    let mut elsewhere = redact();
    elsewhere["shop_domain"] = json!("other.myshopify.com");
    let mut shopless = redact();
    shopless.as_object_mut().unwrap().remove("shop_domain");
    let of_nobody = json!({"shop_domain": DOMAIN, "customer": {}, "orders_to_redact": []});
    let bodies = [
        ("customers/redact", &order),
        ("customers/data_request", &order),
        ("customers/redact", &data_request),
        ("customers/data_request", &redact()),
        ("customers/redact", &elsewhere),
        ("customers/redact", &shopless),
        ("customers/redact", &of_nobody),
        ("shop/redact", &redact()),
        ("shop/redact", &order),
        ("shop/redact", &json!({})),
        ("shop/redact", &json!({"shop_id": 1})),
    ];
    for (topic, body) in bodies {
        assert_eq!(delivered(topic, body), Err(HookRefusal::Unreadable), "{topic} {body}");
    }
}

#[test]
fn a_request_of_another_shop_of_the_app_names_that_shop() {
    let body = json!({"shop_id": 2, "shop_domain": "Other.myshopify.com"}).to_string();
    let headers = [(SIGNATURE, &*signed(&body)), (TOPIC, "shop/redact"), (SHOP, "other.myshopify.com")];
    let delivery = received(&headers, &body, &key(), DOMAIN).unwrap();
    assert_eq!(delivery.privacy.unwrap().shop, "other.myshopify.com");
}

#[test]
fn a_retry_has_the_same_id_and_another_event_another() {
    let first = delivered("customers/update", &json!({"id": 7})).unwrap();
    assert_eq!(first.id.as_deref(), Some("e-1"));
    let body = r#"{"id":7}"#;
    let old = received(
        &[(SIGNATURE, &signed(body)), (TOPIC, "customers/update"), (SHOP, DOMAIN), (WEBHOOK_ID, "w-1")],
        body,
        &key(),
        DOMAIN,
    );
    assert_eq!(old.unwrap().id.as_deref(), Some("w-1"), "where there is no event id");
}

#[test]
fn the_vendor_s_examples_are_taken_and_refused_as_its_own_library_does() {
    let Some(vendors) = crate::skipping::vendors() else { return };
    let text = std::fs::read_to_string(vendors.join("shopify/examples/webhooks.json")).unwrap();
    let examples: Value = serde_json::from_str(&text).unwrap();
    let key = SecretString::from(examples["secret"].as_str().unwrap());
    let deliveries = examples["deliveries"].as_array().unwrap();
    assert!(deliveries.len() >= 18);
    for delivery in deliveries {
        let headers: Vec<(&str, &str)> = delivery["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let shop = delivery["headers"]["X-Shopify-Shop-Domain"].as_str().unwrap();
        let taken = received(&headers, delivery["raw_body"].as_str().unwrap(), &key, shop);
        assert!(taken.is_ok(), "{}: {taken:?}", delivery["name"]);
    }
}
