//! Answers that are not what was asked for, and scopes that are missing.

use std::time::Duration;

use assent::connectors::{ConnectorError, Pass};
use assent::domain::people::{StoreRecord, Stream};
use serde_json::{Value, json};

use super::shop::{STREAMS, all_records, connector, numbered, pass};
use crate::support::answering::{AnsweringStore, Reply};
use crate::support::vendors;

async fn error_of(stream: Stream, reply: Reply) -> ConnectorError {
    let store = AnsweringStore::start(move |_| reply.clone()).await;
    pass(&*connector(&store), stream, Pass::Full, None).await.unwrap_err()
}

#[tokio::test]
async fn what_is_no_list_is_a_bad_answer() {
    for body in
        ["<html><body>Just a moment</body></html>", r#"{"data":[{"id":1,"em"#, r#"{"data":7}"#, "null", "", "{}"]
    {
        for stream in STREAMS {
            let error = error_of(stream, Reply::text(200, body)).await;
            assert!(matches!(error, ConnectorError::BadAnswer { .. }), "{stream} {body}: {error}");
        }
    }
    let rows: Vec<Value> = (1..=501).map(|id| json!({ "id": id })).collect();
    let error = error_of(Stream::Orders, Reply::json(&json!(rows))).await;
    assert_eq!(error, ConnectorError::BadAnswer { what: "no more records than asked for" });
}

#[tokio::test]
async fn a_refusal_means_the_same_whatever_its_body() {
    let v2 = |status: u16| json!([{ "status": status, "message": "hush anna@example.com" }]).to_string();
    let v3 = |status: u16| json!({ "status": status, "title": "hush anna@example.com", "type": "x" }).to_string();
    for (status, expected) in [
        (401, ConnectorError::CredentialsRejected),
        (404, ConnectorError::NotThere { what: "BigCommerce API" }),
        (400, ConnectorError::Refused { status: 400 }),
        (422, ConnectorError::Refused { status: 422 }),
        (429, ConnectorError::Throttled { after: None }),
        (500, ConnectorError::StoreFailed { status: 500, after: None }),
        (503, ConnectorError::StoreFailed { status: 503, after: None }),
    ] {
        for body in [v2(status), v3(status), "<html>sorry</html>".to_owned(), String::new()] {
            for stream in STREAMS {
                let error = error_of(stream, Reply::text(status, &body)).await;
                assert_eq!(error, expected, "{stream} {body}");
                assert!(!format!("{error} {error:?}").contains("hush"));
            }
        }
    }
}

#[tokio::test]
async fn a_throttled_request_is_told_how_long_to_wait() {
    let limited = |headers: &[(&str, &str)]| {
        headers.iter().fold(Reply::text(429, "{}"), |reply, (name, value)| reply.header(name, value))
    };
    for (headers, expected) in [
        (&[("X-Rate-Limit-Time-Reset-Ms", "15000"), ("X-Retry-After", "99")][..], Some(Duration::from_secs(15))),
        (
            &[("x-rate-limit-time-reset-ms", "150"), ("x-rate-limit-requests-left", "0")],
            Some(Duration::from_millis(150)),
        ),
        (&[("X-Retry-After", "15")], Some(Duration::from_secs(15))),
        (&[("Retry-After", "7")], Some(Duration::from_secs(7))),
        (&[("X-Rate-Limit-Time-Reset-Ms", "999999999999")], Some(Duration::from_mins(15))),
        (&[("X-Rate-Limit-Time-Reset-Ms", "soon")], None),
        (&[], None),
    ] {
        let error = error_of(Stream::Customers, limited(headers)).await;
        assert_eq!(error, ConnectorError::Throttled { after: expected }, "{headers:?}");
    }
}

/// Section 8 and `examples/errors.json` of the sheet.
#[tokio::test]
async fn the_vendors_refusals_are_understood() {
    let Some(folder) = vendors() else { return };
    let text = std::fs::read_to_string(folder.join("bigcommerce/examples/errors.json")).unwrap();
    let examples: Value = serde_json::from_str(&text).unwrap();
    for case in examples["cases"].as_array().unwrap() {
        let answered = &case["response"];
        let status = u16::try_from(answered["status"].as_u64().unwrap()).unwrap();
        let body = answered["body"].as_str().map_or_else(|| answered["body"].to_string(), str::to_owned);
        let headers = answered["headers"].as_object().unwrap();
        let reply = headers
            .iter()
            .fold(Reply::text(status, &body), |reply, (name, value)| reply.header(name, &value.as_str().unwrap()));
        let error = error_of(Stream::Orders, reply).await;
        if let Some(wait) = case["expected_wait_ms"].as_u64() {
            assert_eq!(error, ConnectorError::Throttled { after: Some(Duration::from_millis(wait)) });
        }
        let must_act = matches!(status, 401 | 403);
        assert_eq!(error.needs_attention(), must_act, "{}: {error}", case["name"]);
    }
}

#[tokio::test]
async fn a_bad_record_costs_nobody_else() {
    let rows = [
        json!({"id": 1, "email": "a@example.com"}),
        json!({"id": 2, "email": {"anna": "x"}}),
        json!({"id": "three", "email": "c@example.com"}),
        json!("four"),
        json!({"id": 5, "email": "e@example.com", "first_name": null}),
    ];
    let store = AnsweringStore::start(move |_| numbered(&rows, 5, 250, 1)).await;
    let records = all_records(&*connector(&store), Stream::Customers, Pass::Full).await;
    let seen: Vec<String> = records
        .iter()
        .map(|record| match record {
            StoreRecord::Person(person) => format!("person {}", person.store_id),
            StoreRecord::Malformed { detail, .. } => detail.clone(),
            StoreRecord::Skipped { .. } => "skipped".to_owned(),
        })
        .collect();
    let expected =
        ["person 1", "email: expected text", "id: expected a whole number", "record: expected an object", "person 5"];
    assert_eq!(seen, expected);
}

fn is_allowed(path: &str, missing: &str) -> Reply {
    let forbidden = |body: &str| Reply::text(403, body);
    match (path.rsplit('/').next().unwrap(), missing) {
        ("store", "information") | ("orders", "orders") => forbidden(r#"[{"status":403,"message":"no scope"}]"#),
        ("customers" | "subscribers", "customers") => forbidden(r#"{"status":403,"title":"no scope"}"#),
        ("store", _) => Reply::json(&json!({"name": "Acme Fixture", "timezone": {"name": "America/Chicago"}})),
        ("orders", _) => Reply::text(204, ""),
        _ => numbered(&[], 0, 1, 1),
    }
}

#[tokio::test]
async fn the_connection_test_names_the_missing_scope() {
    for (missing, faulty, scope) in [
        ("customers", &["read customers", "read subscribers"][..], "store_v2_customers_read_only"),
        ("orders", &["read orders"], "store_v2_orders_read_only"),
        ("information", &[], "store_v2_information_read_only"),
        ("nothing", &[], ""),
    ] {
        let store = AnsweringStore::start(move |asked| is_allowed(&asked.path, missing)).await;
        let report = connector(&store).check().await.unwrap();
        let names: Vec<_> = report.checks.iter().map(|check| check.name).collect();
        assert_eq!(names, ["credentials", "read customers", "read subscribers", "read orders"]);
        let found: Vec<_> = report.checks.iter().filter(|check| check.problem.is_some()).collect();
        assert_eq!(found.iter().map(|check| check.name).collect::<Vec<_>>(), faulty);
        let told: Vec<&String> =
            found.iter().filter_map(|check| check.problem.as_ref()).chain(&report.warnings).collect();
        assert!(told.iter().all(|told| told.contains(scope)), "{told:?}");
        assert_eq!(told.is_empty(), missing == "nothing");
        assert_eq!(report.store_name.is_some(), missing != "information");
        assert_eq!(report.is_ok(), faulty.is_empty());
    }
}

#[tokio::test]
async fn rejected_credentials_end_the_connection_test() {
    let store = AnsweringStore::start(|_| Reply::text(401, r#"{"status":401,"title":"Unauthorized"}"#)).await;
    assert_eq!(connector(&store).check().await.unwrap_err(), ConnectorError::CredentialsRejected);
}

#[tokio::test]
async fn a_missing_scope_in_a_pass_names_it() {
    for (stream, scope) in STREAMS.into_iter().zip(["customers", "customers", "orders"]) {
        let error = error_of(stream, Reply::text(403, "")).await;
        let expected = format!("store_v2_{scope}_read_only");
        assert!(matches!(&error, ConnectorError::Forbidden { what } if what.contains(&expected)), "{error}");
    }
}
