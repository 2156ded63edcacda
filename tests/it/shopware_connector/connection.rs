//! The connection test.

use assent::connectors::ConnectorError;
use serde_json::{Value, json};

use super::shop::{CHANNEL, Shop, page, refusal};
use crate::support::answering::{Asked, Reply};

/// A shop that gives one channel and refuses what needs one of these privileges.
async fn shop(lacks: &'static [&'static str]) -> Shop {
    Shop::open(move |asked| {
        let missing: Vec<&str> = needs(asked).into_iter().filter(|right| lacks.contains(right)).collect();
        if !missing.is_empty() {
            let detail = json!({"message": "Missing privilege", "missingPrivileges": missing}).to_string();
            return refusal(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", &detail, &json!([]));
        }
        match asked.path.as_str() {
            "/api/_info/version" => Reply::json(&json!({"version": "6.7.10.1"})),
            "/api/search/sales-channel" => page(&[json!({"id": CHANNEL, "name": "Storefront"})], 1),
            _ => page(&[], 0),
        }
    })
    .await
}

/// The privileges that a search takes: of its entity, and of what it joins.
fn needs(asked: &Asked) -> Vec<&'static str> {
    let criteria = asked.json().to_string();
    let joins = criteria.contains("orderCustomer").then_some("order_customer:read");
    let own = match asked.path.as_str() {
        "/api/search/customer" => Some("customer:read"),
        "/api/search/newsletter-recipient" => Some("newsletter_recipient:read"),
        "/api/search/order" => Some("order:read"),
        "/api/search/sales-channel" => Some("sales_channel:read"),
        "/api/search/webhook" => Some("webhook:read"),
        _ => None,
    };
    own.into_iter().chain(joins).collect()
}

#[tokio::test]
async fn a_shop_that_lets_us_read_everything_passes() {
    let report = shop(&[]).await.connector().check().await.unwrap();
    assert!(report.is_ok() && report.warnings.is_empty(), "{report:?}");
    assert_eq!(report.api_version.as_deref(), Some("6.7.10.1"));
    assert_eq!(report.store_name.as_deref(), Some("Storefront"));
}

#[tokio::test]
async fn every_missing_right_is_named() {
    for right in
        ["customer:read", "order_customer:read", "newsletter_recipient:read", "order:read", "sales_channel:read"]
    {
        let lacks: &'static [&'static str] = Box::leak(Box::new([right]));
        let report = shop(lacks).await.connector().check().await.unwrap();
        assert!(!report.is_ok());
        let problems: Vec<&String> = report.checks.iter().filter_map(|check| check.problem.as_ref()).collect();
        assert!(
            !problems.is_empty() && problems.iter().all(|problem| problem.contains(right)),
            "{right}: {problems:?}"
        );
        let named =
            report.checks.iter().filter(|check| check.problem.is_some()).all(|check| check.name.contains(right));
        assert!(named, "{right}");
    }
}

#[tokio::test]
async fn webhooks_are_done_without_but_said_to_be_missing() {
    let report = shop(&["webhook:read"]).await.connector().check().await.unwrap();
    assert!(report.is_ok());
    assert!(report.warnings[0].contains("webhook:read"));
}

#[tokio::test]
async fn a_sales_channel_that_is_not_there_is_a_problem() {
    let unknown = "2".repeat(32);
    let settings = json!({ "salesChannelIds": [CHANNEL, unknown] });
    let report = shop(&[]).await.connector_with(&settings).check().await.unwrap();
    let problem = report.checks.last().unwrap().problem.as_ref().unwrap();
    assert!(problem.contains(&unknown) && !problem.contains(CHANNEL), "{problem}");
}

#[tokio::test]
async fn wrong_credentials_and_a_wrong_address_end_the_connection_test() {
    let refused: Value = json!({"errors": [{"code": "4", "status": "401", "title": "x", "detail": null}]});
    let shop = Shop::with_tokens(move |_| Reply::text(401, &refused.to_string())).await;
    assert_eq!(shop.connector().check().await.unwrap_err(), ConnectorError::CredentialsRejected);
    for (status, wrong) in
        [(301, ConnectorError::Moved), (404, ConnectorError::NotThere { what: "Shopware Admin API" })]
    {
        let shop = Shop::with_tokens(move |_| Reply::text(status, "<html>")).await;
        assert_eq!(shop.connector().check().await.unwrap_err(), wrong);
    }
}
