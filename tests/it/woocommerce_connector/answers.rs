//! Answers that are not what was asked for, and rights that are missing.

use std::time::Duration;

use assent::connectors::{self, ConnectorError, Pass};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use serde_json::{Value, json};

use super::shop::{connector, connector_for, first_page, pass};
use crate::support::answering::{AnsweringStore, Asked, Reply};

async fn error_of(reply: Reply) -> ConnectorError {
    let store = AnsweringStore::start(move |_| reply.clone()).await;
    first_page(&store, Stream::Customers).await.unwrap_err()
}

#[tokio::test]
async fn what_is_no_list_is_a_bad_answer() {
    let list = ConnectorError::BadAnswer { what: "a JSON list" };
    for body in [
        "<!DOCTYPE html><html><body>Checking your browser</body></html>",
        "<br />\n<b>Warning</b>: Undefined variable in /plugin.php on line 3<br />\n[{\"id\":1}]",
        r#"[{"id":1,"email":"anna@example.com","meta_da"#,
        r#"{"code":"ok"}"#,
        "null",
        "",
    ] {
        assert_eq!(error_of(Reply::text(200, body)).await, list, "{body}");
    }
}

#[tokio::test]
async fn more_records_than_asked_for_are_a_bad_answer() {
    let rows: Vec<Value> = (1..=501).map(|id| json!({ "id": id })).collect();
    let error = error_of(Reply::json(&json!(rows))).await;
    assert_eq!(error, ConnectorError::BadAnswer { what: "no more records than asked for" });
}

#[tokio::test]
async fn a_host_that_limits_is_waited_for() {
    let limited = error_of(Reply::text(429, "slow down").header("Retry-After", &7)).await;
    assert_eq!(limited, ConnectorError::Throttled { after: Some(Duration::from_secs(7)) });
    assert_eq!(error_of(Reply::text(406, "blocked")).await, ConnectorError::Refused { status: 406 });
}

#[tokio::test]
async fn a_bad_record_costs_nobody_else() {
    let rows = json!([
        {"id": 1, "email": "a@example.com", "first_name": "A", "last_name": "B", "meta_data": []},
        {"id": 2, "email": {"anna": "x"}, "first_name": "A", "last_name": "B", "meta_data": []},
        {"id": "three", "email": "c@example.com", "meta_data": []},
        "four",
        {"id": 5, "email": "e@example.com", "first_name": null, "last_name": "B", "meta_data": []},
    ]);
    let store = AnsweringStore::start(move |_| Reply::json(&rows).header("X-WP-Total", &5)).await;
    let page = first_page(&store, Stream::Customers).await.unwrap();
    let seen: Vec<String> = page
        .records
        .iter()
        .map(|record| match record {
            StoreRecord::Person(person) => format!("person {}", person.store_id),
            StoreRecord::Malformed { store_id, detail } => {
                format!("{:?} {detail}", store_id.as_ref().map(StoreId::as_str))
            }
            StoreRecord::Skipped { .. } => "skipped".to_owned(),
        })
        .collect();
    assert_eq!(
        seen,
        [
            "person 1",
            "Some(\"2\") email: expected text",
            "None id: expected a whole number",
            "None record: expected an object",
            "person 5"
        ]
    );
}

#[tokio::test]
async fn a_list_far_shorter_than_its_count_does_not_pass_for_complete() {
    let row = json!([{"id": 1, "email": "a@example.com", "first_name": "", "last_name": "", "meta_data": []}]);
    let store = AnsweringStore::start(move |_| Reply::json(&row).header("X-WP-Total", &250)).await;
    let error = pass(&*connector(&store), Stream::Customers, Pass::Full, None).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "as many records as the store counts" });
}

fn index(namespaces: &Value) -> Reply {
    Reply::json(&json!({"name": "Tom &amp; Co", "namespaces": namespaces}))
}

fn refusal(status: u16) -> Reply {
    let body = json!({"code": "woocommerce_rest_cannot_view", "message": "…", "data": {"status": status}});
    Reply::text(status, &body.to_string())
}

#[tokio::test]
async fn the_connection_test_names_the_missing_right() {
    let store = AnsweringStore::start(|asked| match asked.path.as_str() {
        "/wp-json/" => index(&json!(["wp/v2", "wc/v3"])),
        "/wp-json/wc/v3/customers" => Reply::json(&json!([])),
        _ => refusal(403),
    })
    .await;
    let report = connector(&store).check().await.unwrap();
    assert_eq!(report.store_name.as_deref(), Some("Tom & Co"));
    let problems: Vec<_> = report.checks.iter().map(|check| (check.name, check.problem.is_some())).collect();
    assert_eq!(problems, [("find the WooCommerce REST API", false), ("read customers", false), ("read orders", true)]);
    assert!(report.checks[2].problem.as_ref().unwrap().contains("read_private_shop_orders"));
}

#[tokio::test]
async fn a_site_without_woocommerce_is_said_to_have_none() {
    let store = AnsweringStore::start(|_| index(&json!(["wp/v2"]))).await;
    let missing = ConnectorError::NotThere { what: "WooCommerce REST API" };
    assert_eq!(connector(&store).check().await.unwrap_err(), missing);
}

#[tokio::test]
async fn a_shielded_index_does_not_fail_the_connection_test() {
    let store = AnsweringStore::start(|asked| match asked.path.as_str() {
        "/wp-json/" => refusal(401),
        _ => Reply::json(&json!([])),
    })
    .await;
    let report = connector(&store).check().await.unwrap();
    assert!(report.is_ok() && report.store_name.is_none());
}

#[tokio::test]
async fn rejected_credentials_end_the_connection_test() {
    let store = AnsweringStore::start(|asked| match asked.path.as_str() {
        "/wp-json/" => index(&json!(["wc/v3"])),
        _ => refusal(401),
    })
    .await;
    assert_eq!(connector(&store).check().await.unwrap_err(), ConnectorError::CredentialsRejected);
}

/// A wrong secret and a key without the right to read are a 401 of the same code.
#[tokio::test]
async fn a_key_that_may_only_write_is_told_from_a_wrong_secret() {
    let refused = || {
        let body = json!({"code": "woocommerce_rest_authentication_error", "message": "…", "data": {"status": 401}});
        Reply::text(401, &body.to_string())
    };
    let write_only = AnsweringStore::start(move |asked| match (asked.path.as_str(), asked.method.as_str()) {
        ("/wp-json/", _) => index(&json!(["wc/v3"])),
        (_, "OPTIONS") => Reply::json(&json!({})),
        _ => refused(),
    })
    .await;
    let report = connector(&write_only).check().await.unwrap();
    for check in &report.checks[1..] {
        assert!(check.problem.as_ref().is_some_and(|problem| problem.contains("right: Read;")), "{check:?}");
    }
    let wrong_secret = AnsweringStore::start(move |asked| match asked.path.as_str() {
        "/wp-json/" => index(&json!(["wc/v3"])),
        _ => refused(),
    })
    .await;
    assert_eq!(connector(&wrong_secret).check().await.unwrap_err(), ConnectorError::CredentialsRejected);
}

#[tokio::test]
async fn an_address_that_redirects_is_said_to() {
    let moved = |_: &Asked| Reply::text(301, "").header("Location", &"https://www.example.com/wp-json/");
    let store = AnsweringStore::start(moved).await;
    let report = connectors::test(&*connector(&store)).await.unwrap();
    let problem = report.checks[0].problem.as_ref().unwrap();
    assert!(problem.contains("redirects to another address") && !problem.contains("www.example.com"), "{problem}");
}

#[tokio::test]
async fn a_role_that_the_shop_does_not_have_is_named() {
    let store = AnsweringStore::start(|asked| match (asked.path.as_str(), asked.get("role")) {
        ("/wp-json/", _) => index(&json!(["wc/v3"])),
        (_, Some("wholesale")) => Reply::text(400, r#"{"code":"rest_invalid_param","data":{"status":400}}"#),
        _ => Reply::json(&json!([])),
    })
    .await;
    let report = connector_for(&store, &["customer", "wholesale"]).check().await.unwrap();
    let problem = report.checks[1].problem.as_ref().unwrap();
    assert!(problem.contains("wholesale") && problem.contains("customerRoles"), "{problem}");
}

#[tokio::test]
async fn a_missing_right_in_a_pass_names_it() {
    let store = AnsweringStore::start(|_| refusal(403)).await;
    let error = first_page(&store, Stream::Customers).await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Forbidden { what } if what.starts_with("list_users")), "{error}");
    assert!(error.needs_attention());
}
