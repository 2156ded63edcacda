//! Every failure of the examples, and what is done about it.

use std::time::Duration;

use assent::connectors::{ConnectorError, Retry};
use assent::domain::people::Stream;
use serde_json::{Value, json};

use super::shop::{Answer, Shop, example};

/// The error that each case of an example file ends in.
async fn failures(file: &str) -> Vec<(String, ConnectorError)> {
    let cases = example(file)["cases"].as_array().unwrap().clone();
    let mut failures = Vec::new();
    for case in cases {
        let shop = Shop::scripted(vec![Answer::example(&case["response"])]).await;
        failures.push((case["name"].as_str().unwrap().to_owned(), shop.failure(Stream::Customers).await));
    }
    failures
}

fn check(failures: &[(String, ConnectorError)], expected: &[(&str, ConnectorError, Retry)]) {
    assert_eq!(failures.len(), expected.len());
    for ((name, error), (expected_name, expected_error, retry)) in failures.iter().zip(expected) {
        assert_eq!((name.as_str(), error), (*expected_name, expected_error));
        assert_eq!(error.retry(), *retry, "{name}");
    }
}

fn forbidden(what: &str) -> ConnectorError {
    ConnectorError::Forbidden { what: what.to_owned() }
}

#[tokio::test]
async fn failures_with_status_200_are_told_apart_by_their_code() {
    let wait = Duration::from_secs_f64(6.06);
    check(
        &failures("errors-graphql").await,
        &[
            ("throttled", ConnectorError::Throttled { after: Some(wait) }, Retry::After(wait)),
            ("max_cost_exceeded", ConnectorError::Refused { status: 200 }, Retry::Never),
            ("access_denied", forbidden("read_customers"), Retry::Never),
            ("protected_customer_data", forbidden("protected customer data (name and email, level 2)"), Retry::Never),
            ("internal_server_error", ConnectorError::StoreFailed { status: 200, after: None }, Retry::Backoff),
            ("bad_query", ConnectorError::Refused { status: 200 }, Retry::Never),
        ],
    );
}

#[tokio::test]
async fn failures_by_status_say_who_has_to_act() {
    let (two, ten) = (Duration::from_secs(2), Duration::from_secs(10));
    let frozen = ConnectorError::OutOfService { what: "the shop is frozen, a bill is open" };
    let unknown = ConnectorError::NotThere { what: "Shopify shop, or no such API version," };
    check(
        &failures("errors-http").await,
        &[
            ("token_invalid", ConnectorError::CredentialsRejected, Retry::Never),
            ("shop_frozen", frozen, Retry::Never),
            ("forbidden", forbidden("read_customers"), Retry::Never),
            ("unknown_shop_or_version", unknown, Retry::Never),
            ("shop_locked", ConnectorError::OutOfService { what: "the shop is locked" }, Retry::Never),
            ("too_many_requests", ConnectorError::Throttled { after: Some(two) }, Retry::After(two)),
            ("security_rejection", ConnectorError::Throttled { after: None }, Retry::Backoff),
            ("server_error", ConnectorError::StoreFailed { status: 500, after: None }, Retry::Backoff),
            ("unavailable", ConnectorError::StoreFailed { status: 503, after: Some(ten) }, Retry::After(ten)),
        ],
    );
}

#[tokio::test]
async fn what_is_no_graphql_answer_is_a_bad_one() {
    for body in ["<html>maintenance</html>", "{\"data\": {\"customers\": {\"nodes\": [", "{}", "{\"data\": {}}", "[]"] {
        let shop = Shop::scripted(vec![Answer::text(200, body)]).await;
        let error = shop.failure(Stream::Customers).await;
        assert!(matches!(error, ConnectorError::BadAnswer { .. }), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn an_error_on_an_order_s_customer_is_not_taken_for_a_guest() {
    let denial = json!({"message": "denied", "path": ["orders", "nodes", 0, "customer"],
        "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_customers` access scope."}});
    let mut body = example("orders-page-1")["response"]["body"].clone();
    body["data"]["orders"]["nodes"][0]["customer"] = Value::Null;
    body["errors"] = json!([denial]);
    let shop = Shop::scripted(vec![Answer::json(&body)]).await;
    assert_eq!(shop.failure(Stream::Orders).await, forbidden("read_customers"));
}

#[tokio::test]
async fn names_that_an_app_may_not_see_are_done_without() {
    let denial = json!({"message": "not approved", "path": ["customers", "nodes", 0, "firstName"],
        "extensions": {"code": "ACCESS_DENIED"}});
    let mut body = example("customers-page-2")["response"]["body"].clone();
    body["data"]["customers"]["nodes"][0]["firstName"] = Value::Null;
    body["errors"] = json!([denial]);
    let shop = Shop::scripted(vec![Answer::json(&body)]).await;
    let pages = shop.read(Stream::Customers, super::shop::since("2026-10-01T00:00:00Z")).await.unwrap();
    assert_eq!(pages[0].records.len(), 5);
}

#[tokio::test]
async fn no_error_repeats_what_the_store_said() {
    let mut body = example("errors-graphql")["cases"][2]["response"]["body"].clone();
    body["errors"][0]["message"] = json!("anna@example.com may not");
    body["errors"][0]["extensions"]["requiredAccess"] = json!("ask anna@example.com");
    let shop = Shop::scripted(vec![Answer::json(&body)]).await;
    let error = shop.failure(Stream::Customers).await;
    assert!(!format!("{error} {error:?}").contains("anna"), "{error:?}");
}
