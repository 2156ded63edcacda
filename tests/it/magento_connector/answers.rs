//! Refusals, and answers that are not what was asked for.

use std::time::Duration;

use assent::connectors::{ConnectorError, Pass};
use assent::domain::people::{StoreId, StoreRecord, Stream};
use serde_json::{Value, json};

use super::shop::{all_records, connector, connector_with, id_of, list, one_website, order, pass, person};
use crate::support::answering::{AnsweringStore, Reply};

async fn error_of(reply: Reply) -> ConnectorError {
    let store = AnsweringStore::start(move |_| reply.clone()).await;
    pass(&*connector(&store), Stream::Orders, Pass::Full, None).await.unwrap_err()
}

/// The answer to a missing right and to unknown credentials alike.
pub(super) fn unauthorized(resource: &str) -> Reply {
    let body = json!({"message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": resource}});
    Reply::text(401, &body.to_string())
}

#[tokio::test]
async fn what_is_no_list_is_a_bad_answer() {
    for (body, what) in [
        ("<!DOCTYPE html><html><body>Checking your browser</body></html>", "a JSON object"),
        (r#"{"items":[{"entity_id":1,"customer_em"#, "a JSON object"),
        ("[]", "a list of items"),
        (r#"{"total_count":0}"#, "a list of items"),
        (r#"{"items":{"1":{}},"total_count":1}"#, "a list of items"),
    ] {
        assert_eq!(error_of(Reply::text(200, body)).await, ConnectorError::BadAnswer { what }, "{body}");
    }
    let rows: Vec<Value> = (1..=501).map(|id| order(id, "a@example.com")).collect();
    let error = error_of(list(&rows, 501)).await;
    assert_eq!(error, ConnectorError::BadAnswer { what: "no more records than asked for" });
}

#[tokio::test]
async fn a_host_that_limits_or_fails_is_waited_for() {
    let limited =
        error_of(Reply::text(429, r#"{"message":"Too Many Requests","trace":null}"#).header("Retry-After", &7));
    assert_eq!(limited.await, ConnectorError::Throttled { after: Some(Duration::from_secs(7)) });
    let failed = error_of(Reply::text(500, r#"{"message":"Internal Error. Report ID: webapi-1"}"#)).await;
    assert_eq!(failed, ConnectorError::StoreFailed { status: 500, after: None });
    assert_eq!(error_of(Reply::text(406, "blocked")).await, ConnectorError::Refused { status: 406 });
}

#[tokio::test]
async fn a_missing_right_is_told_from_unknown_credentials() {
    let unknown = error_of(unauthorized("Magento_Sales::actions_view")).await;
    assert_eq!(unknown, ConnectorError::CredentialsRejected);
    let store = AnsweringStore::start(|asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&one_website()),
        _ => unauthorized("Magento_Sales::actions_view"),
    })
    .await;
    let error = pass(&*connector(&store), Stream::Orders, Pass::Full, None).await.unwrap_err();
    let what =
        "Magento_Sales::actions_view, to read orders; tick it for the integration under System > Integrations > API";
    assert_eq!(error, ConnectorError::Forbidden { what: what.to_owned() });
    let invalid = error_of(Reply::text(401, r#"{"message":"The signature is invalid. Verify and try again."}"#)).await;
    assert_eq!(invalid, ConnectorError::CredentialsRejected);
}

#[tokio::test]
async fn a_shop_without_the_api_is_told_from_one_without_the_record() {
    let no_route = Reply::text(404, r#"{"message":"Request does not match any route."}"#);
    let missing = ConnectorError::NotThere { what: "Magento REST API" };
    assert_eq!(error_of(no_route.clone()).await, missing);
    let store = AnsweringStore::start(move |asked| match asked.path.as_str() {
        "/rest/V1/orders/1" => Reply::text(
            404,
            r#"{"message":"The entity that was requested doesn't exist. Verify the entity and try again."}"#,
        ),
        _ => no_route.clone(),
    })
    .await;
    let connector = connector(&store);
    assert!(connector.record(Stream::Orders, &StoreId::new("1")).await.unwrap().is_none());
    assert_eq!(connector.record(Stream::Orders, &StoreId::new("2")).await.unwrap_err(), missing);
}

#[tokio::test]
async fn a_bad_record_costs_nobody_else() {
    let mut rows = vec![order(1, "a@example.com"), order(2, "b@example.com"), order(4, "d@example.com")];
    rows[1]["customer_email"] = json!({"anna": "x"});
    rows.insert(2, json!("three"));
    let store = AnsweringStore::start(move |_| list(&rows, 4)).await;
    let records = all_records(&*connector(&store), Stream::Orders, Pass::Full).await;
    let ids: Vec<_> = records.iter().map(|record| id_of(record).map(StoreId::as_str)).collect();
    assert_eq!(ids, [Some("1"), Some("2"), None, Some("4")]);
    assert!(matches!(&records[1], StoreRecord::Malformed { detail, .. } if detail == "customer_email: expected text"));
}

#[tokio::test]
async fn guest_subscribers_come_from_the_merchants_list_and_only_from_there() {
    let store = AnsweringStore::start(|asked| {
        assert_eq!(asked.path, "/rest/V1/newsletter/subscribers");
        let rows = [
            json!({"subscriber_id": 5, "store_id": 1, "customer_id": 0, "subscriber_email": "g@example.com",
                "subscriber_status": 1, "change_status_at": "2026-03-02 08:00:00"}),
            json!({"subscriber_id": 6, "store_id": 1, "customer_id": "0", "subscriber_email": "h@example.com",
                "subscriber_status": "3", "change_status_at": null}),
        ];
        list(&rows, 2)
    })
    .await;
    let with_list = connector_with(&store, &json!({"subscribersEndpoint": "/V1/newsletter/subscribers"}));
    assert_eq!(with_list.streams(), [Stream::Customers, Stream::Subscribers, Stream::Orders]);
    assert!(with_list.notices().is_empty());
    let records = all_records(&*with_list, Stream::Subscribers, Pass::Full).await;
    assert_eq!(person(&records[0]).statement.at.unwrap().to_rfc3339(), "2026-03-02T08:00:00+00:00");
    assert_eq!(person(&records[1]).email.as_deref(), Some("h@example.com"));
    let one = with_list.record(Stream::Subscribers, &StoreId::new("6")).await.unwrap().unwrap();
    assert_eq!(person(&one).email.as_deref(), Some("h@example.com"));

    let without = connector(&store);
    assert_eq!(without.streams(), [Stream::Customers, Stream::Orders]);
    assert!(all_records(&*without, Stream::Subscribers, Pass::Full).await.is_empty());
    let [notice] = &without.notices()[..] else { panic!("one notice") };
    assert_eq!(notice.code, "GUEST_SUBSCRIBERS_UNSEEN");
    assert!(without.hooks().is_none(), "core REST has no webhooks");
}
