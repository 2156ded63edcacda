//! The connection test: every right by name, the list, the sites, and what to expect.

use assent::connectors::{ConnectionReport, ConnectorError};
use serde_json::{Value, json};

use super::store::{Dates, Open, SEARCH, TOKEN, open, problem, profile, search, settings};
use crate::support::answering::{AnsweringStore, Asked, Reply};

const TENANT: &str = "SALESFORCE_COMMERCE_API:zzxy_prd";

/// Names of the checks that found a problem.
fn failed(report: &ConnectionReport) -> Vec<&'static str> {
    report.checks.iter().filter(|check| check.problem.is_some()).map(|check| check.name).collect()
}

fn answer(dates: Dates, asked: &Asked) -> Reply {
    let rows = [profile(1, "2026-01-01T00:00:00Z".parse().unwrap())];
    if asked.path == SEARCH { search(&rows, dates, asked) } else { Reply::json(&json!({"data": []})) }
}

/// A store whose API client may have these scopes and no others.
async fn report_with(scopes: &'static [&'static str]) -> ConnectionReport {
    let store = AnsweringStore::start(move |asked| {
        if asked.path != TOKEN {
            return answer(Dates::Known, asked);
        }
        let asked_for = asked.field("scope").unwrap();
        if asked_for.split(' ').all(|scope| scopes.contains(&scope)) {
            Reply::json(&json!({"access_token": "t", "expires_in": 1799, "token_type": "Bearer", "scope": asked_for}))
        } else {
            Reply::text(400, &json!({"error": "invalid_scope"}).to_string())
        }
    })
    .await;
    let connector = open(&settings(&store.url), std::sync::Arc::new(assent::domain::SystemClock));
    connector.check().await.unwrap()
}

#[tokio::test]
async fn a_store_that_is_in_order_passes() {
    let report = report_with(&[TENANT, "sfcc.customerlists", "sfcc.orders"]).await;
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.api_version.as_deref(), Some("v1"));
    assert_eq!(report.checks.len(), 6);
    assert_eq!(report.warnings, [""; 0]);
}

#[tokio::test]
async fn each_missing_scope_is_named() {
    const ALL: [(&str, &str); 3] = [
        (TENANT, "tenant scope"),
        ("sfcc.customerlists", "scope sfcc.customerlists"),
        ("sfcc.orders", "scope sfcc.orders"),
    ];
    let without_customers: &[&str] = &[TENANT, "sfcc.orders"];
    let without_orders: &[&str] = &[TENANT, "sfcc.customerlists"];
    let without_tenant: &[&str] = &["sfcc.customerlists", "sfcc.orders"];
    for (missing, granted) in [(0, without_tenant), (1, without_customers), (2, without_orders)] {
        let report = report_with(granted).await;
        let (scope, name) = ALL[missing];
        assert_eq!(failed(&report), [name]);
        let problem = report.checks.iter().find_map(|check| check.problem.clone()).unwrap();
        assert!(problem.contains(scope), "{problem}");
    }
    assert_eq!(failed(&report_with(&[]).await).len(), 3);
}

#[tokio::test]
async fn a_scope_that_a_token_silently_lacks_is_named_too() {
    let store = AnsweringStore::start(|_| {
        let scope = format!("{TENANT} sfcc.customerlists.rw");
        Reply::json(&json!({"access_token": "t", "expires_in": 1799, "scope": scope}))
    })
    .await;
    let connector = open(&settings(&store.url), std::sync::Arc::new(assent::domain::SystemClock));
    assert_eq!(failed(&connector.check().await.unwrap()), ["scope sfcc.orders"]);
}

#[tokio::test]
async fn wrong_credentials_are_an_error() {
    let store = AnsweringStore::start(|_| Reply::text(401, "{\"error\":\"invalid_client\"}")).await;
    let connector = open(&settings(&store.url), std::sync::Arc::new(assent::domain::SystemClock));
    assert_eq!(connector.check().await.unwrap_err(), ConnectorError::CredentialsRejected);
}

#[tokio::test]
async fn a_list_or_a_site_that_is_not_there_is_a_finding() {
    let open = Open::with(|asked| {
        if asked.path == SEARCH { problem(404, "customer-list-not-found") } else { answer(Dates::Known, asked) }
    })
    .await;
    let report = open.connector.check().await.unwrap();
    assert_eq!(failed(&report), ["read customers"]);
    let sites = json!({"siteIds": ["Here", "Nowhere"]});
    let open = Open::with_settings(&sites, |asked| {
        if asked.get("siteId") == Some("Nowhere") {
            problem(404, "site-not-found")
        } else {
            answer(Dates::Known, asked)
        }
    })
    .await;
    let report = open.connector.check().await.unwrap();
    let problems: Vec<&str> = report.checks.iter().filter_map(|check| check.problem.as_deref()).collect();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("site Nowhere: "), "{}", problems[0]);
}

#[tokio::test]
async fn a_tenant_that_the_platform_denies_is_a_finding() {
    let open = Open::with(|_| problem(403, "forbidden")).await;
    let report = open.connector.check().await.unwrap();
    assert_eq!(failed(&report), ["read customers", "read orders"]);
}

#[tokio::test]
async fn a_store_without_the_attribute_or_a_date_is_warned_of() {
    for (settings, dates, expected) in [
        (json!({}), Dates::Known, &[][..]),
        (json!({"acceptsMarketingAttribute": Value::Null}), Dates::Known, &["newsletter opt-in"][..]),
        (json!({"acceptsMarketingAttribute": Value::Null}), Dates::Unknown, &["newsletter opt-in", "once a day"][..]),
    ] {
        let open = Open::with_settings(&settings, move |asked| answer(dates, asked)).await;
        let report = open.connector.check().await.unwrap();
        assert!(report.is_ok());
        assert_eq!(report.warnings.len(), expected.len(), "{:?}", report.warnings);
        let pairs = report.warnings.iter().zip(expected);
        assert!(pairs.into_iter().all(|(warning, word)| warning.contains(word)), "{:?}", report.warnings);
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error_and_no_finding() {
    let open = Open::with(|_| problem(500, "internal-server-error")).await;
    let error = open.connector.check().await.unwrap_err();
    assert_eq!(error, ConnectorError::StoreFailed { status: 500, after: None });
}
