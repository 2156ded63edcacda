//! What the connection test says.

use assent::connectors::{ConnectionReport, Connector, ConnectorError};
use serde_json::{Value, json};

use super::answers::unauthorized;
use super::shop::{connector, connector_with, customer, list, one_website, open, order, two_websites};
use crate::support::answering::{AnsweringStore, Asked, Reply};

fn sound(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&one_website()),
        "/rest/V1/modules" => Reply::json(&json!(["Magento_Store", "Magento_Newsletter"])),
        "/rest/V1/customers/search" => list(&[customer(1, "a@example.com", 1, true)], 1),
        "/rest/V1/orders" => list(&[order(1, "a@example.com")], 1),
        _ => Reply::text(404, r#"{"message":"Request does not match any route."}"#),
    }
}

async fn report(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static, settings: Value) -> ConnectionReport {
    let store = AnsweringStore::start(answer).await;
    connector_with(&store, &settings).check().await.unwrap()
}

fn problems(report: &ConnectionReport) -> Vec<(&'static str, String)> {
    report.checks.iter().filter_map(|check| Some((check.name, check.problem.clone()?))).collect()
}

#[tokio::test]
async fn a_sound_shop_passes_and_the_limit_of_the_platform_is_said() {
    let report = report(sound, json!({})).await;
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.store_name.as_deref(), Some("Default Store View"));
    assert_eq!(report.api_version.as_deref(), Some("V1"));
    let [warning] = &report.warnings[..] else { panic!("one warning: {report:?}") };
    assert!(warning.contains("without an account") && warning.contains("subscribersEndpoint"), "{warning}");
}

#[tokio::test]
async fn every_missing_right_is_named() {
    for (path, resource, name) in [
        ("/rest/V1/store/storeViews", "Magento_Backend::store", "read store views"),
        ("/rest/V1/customers/search", "Magento_Customer::customer", "read customers"),
        ("/rest/V1/orders", "Magento_Sales::actions_view", "read orders"),
    ] {
        let lacks_one = move |asked: &Asked| if asked.path == path { unauthorized(resource) } else { sound(asked) };
        let problems = problems(&report(lacks_one, json!({})).await);
        let [(found, problem)] = &problems[..] else { panic!("one problem: {problems:?}") };
        assert_eq!(*found, name);
        assert!(problem.contains(resource), "{problem}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_everywhere_may_not_be_switched_on() {
    let report = report(|_| unauthorized("Magento_Backend::store"), json!({})).await;
    let problems = problems(&report);
    let [("credentials", problem)] = &problems[..] else { panic!("one problem: {problems:?}") };
    assert!(problem.contains("oauth/consumer/enable_integration_as_bearer"), "{problem}");
    assert!(problem.contains("without any rights"), "{problem}");
}

/// The four secrets of an integration, which are looked at before its rights are.
fn signed(store: &AnsweringStore) -> Box<dyn Connector> {
    open(&json!({"storeUrl": store.url, "consumerKey": "a", "consumerSecret": "b", "accessToken": "c",
        "accessTokenSecret": "d"}))
}

#[tokio::test]
async fn an_integration_without_any_rights_is_told_which() {
    let store = AnsweringStore::start(|asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => unauthorized("Magento_Backend::store"),
        "/rest/V1/customers/search" => unauthorized("Magento_Customer::customer"),
        "/rest/V1/orders" => unauthorized("Magento_Sales::actions_view"),
        _ => unauthorized("Magento_Backend::admin"),
    })
    .await;
    let problems = problems(&signed(&store).check().await.unwrap());
    let names: Vec<_> = problems.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["read store views", "read customers", "read orders"]);
    for ((_, problem), right) in problems.iter().zip(["Backend::store", "Customer::customer", "Sales::actions_view"]) {
        assert!(problem.contains(right), "{problem}");
    }
    let wrong = Reply::text(401, r#"{"message":"The signature is invalid. Verify and try again."}"#);
    let store = AnsweringStore::start(move |_| wrong.clone()).await;
    assert_eq!(signed(&store).check().await.unwrap_err(), ConnectorError::CredentialsRejected);
}

#[tokio::test]
async fn an_address_that_redirects_is_said_to() {
    let moved =
        |_: &Asked| Reply::text(301, "").header("Location", &"https://www.example.com/rest/V1/store/storeViews");
    let store = AnsweringStore::start(moved).await;
    assert_eq!(connector(&store).check().await.unwrap_err(), ConnectorError::Moved);
}

#[tokio::test]
async fn settings_that_the_shop_does_not_know_are_named() {
    let settings = json!({"storeCodes": ["default", "gone"], "subscribersEndpoint": "/V1/newsletter/subscribers"});
    let report = report(sound, settings).await;
    let problems = problems(&report);
    let [("read store views", views), ("read newsletter subscribers", subscribers)] = &problems[..] else {
        panic!("two problems: {problems:?}")
    };
    assert!(views.contains("no store view gone"), "{views}");
    assert!(subscribers.contains("no list of subscribers"), "{subscribers}");
    assert!(report.warnings.is_empty(), "{report:?}");
}

#[tokio::test]
async fn what_makes_a_shop_slow_or_silent_is_said() {
    let odd = |asked: &Asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&two_websites()),
        "/rest/V1/modules" => Reply::json(&json!(["Magento_Store"])),
        "/rest/V1/customers/search" => list(&[json!({"id": 1, "email": "a@example.com"})], 1),
        _ => sound(asked),
    };
    let warnings = report(odd, json!({})).await.warnings.join("; ");
    for part in ["several websites", "does not show is_subscribed", "Magento_Newsletter is switched off"] {
        assert!(warnings.contains(part), "{warnings}");
    }
}

#[tokio::test]
async fn a_shop_that_fails_has_no_report() {
    let store = AnsweringStore::start(|_| Reply::text(500, "{}")).await;
    let error = connector(&store).check().await.unwrap_err();
    assert_eq!(error, ConnectorError::StoreFailed { status: 500, after: None });
}
