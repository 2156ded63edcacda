//! Answers that are not what was asked for, and refusals.

use assent::connectors::{ConnectorError, Pass, Retry};
use assent::domain::people::{PersonKind, StoreId, StoreRecord, Stream};
use serde_json::{Value, json};

use super::shop::{Shop, answer_of, customer, example, id, page, pass, refusal};
use crate::support::answering::Reply;

async fn error_of(reply: Reply) -> ConnectorError {
    let shop = Shop::open(move |_| reply.clone()).await;
    pass(&*shop.connector(), Stream::Customers, Pass::Full, None).await.unwrap_err()
}

#[tokio::test]
async fn what_is_no_page_is_a_bad_answer() {
    for body in [
        "<!DOCTYPE html><html><body>Maintenance</body></html>",
        r#"{"total":1,"data":[{"id":"1f07921f4416f182a32c483ccac2b0e6","ema"#,
        r#"{"data":[]}"#,
        r#"{"total":"1","data":[]}"#,
        "[]",
        "null",
        "",
    ] {
        assert_eq!(
            error_of(Reply::text(200, body)).await,
            ConnectorError::BadAnswer { what: "a page of rows" },
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_other_format_of_the_api_is_not_taken_for_rows() {
    let body = json!({"data": [{"id": id(1), "type": "customer", "attributes": {"email": "anna@example.com"}}],
        "included": [], "meta": {"totalCountMode": 1, "total": 1}});
    assert_eq!(error_of(Reply::json(&body)).await, ConnectorError::BadAnswer { what: "a page of rows" });
}

#[tokio::test]
async fn more_rows_than_asked_for_and_fewer_than_counted_are_bad_answers() {
    let many: Vec<Value> = (1..=501).map(customer).collect();
    let error = error_of(page(&many, 501)).await;
    assert_eq!(error, ConnectorError::BadAnswer { what: "no more rows than asked for" });
    let error = error_of(page(&[], 12)).await;
    assert_eq!(error, ConnectorError::BadAnswer { what: "as many rows as the store counts" });
}

#[tokio::test]
async fn a_shop_that_ignores_the_filter_does_not_keep_us_for_ever() {
    let rows: Vec<Value> = (1..=500).map(customer).collect();
    let error = error_of(page(&rows, 700)).await;
    assert_eq!(error, ConnectorError::BadAnswer { what: "rows in the order that was asked for" });
}

#[tokio::test]
async fn refusals_say_who_has_to_act() {
    let missing = r#"{"message":"Missing privilege","missingPrivileges":["customer:read","order_customer:read"]}"#;
    for (reply, expected, retry) in [
        (
            refusal(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", missing, &json!([])),
            ConnectorError::Forbidden { what: "customer:read, order_customer:read".to_owned() },
            Retry::Never,
        ),
        (
            Reply::text(403, "<html>blocked"),
            ConnectorError::Forbidden { what: "customer:read".to_owned() },
            Retry::Never,
        ),
        (
            refusal(400, "FRAMEWORK__INVALID_CRITERIA", "no such field", &json!({})),
            ConnectorError::Refused { status: 400 },
            Retry::Never,
        ),
        (Reply::text(301, ""), ConnectorError::Moved, Retry::Never),
        (Reply::text(404, "<html>"), ConnectorError::NotThere { what: "Shopware Admin API" }, Retry::Never),
        (
            Reply::text(503, "<html>Maintenance"),
            ConnectorError::StoreFailed { status: 503, after: None },
            Retry::Backoff,
        ),
        (
            refusal(500, "0", "SQLSTATE", &json!([])),
            ConnectorError::StoreFailed { status: 500, after: None },
            Retry::Backoff,
        ),
    ] {
        let error = error_of(reply).await;
        assert_eq!((error.retry(), error), (retry, expected));
    }
}

#[tokio::test]
async fn no_error_repeats_what_the_store_said() {
    let detail = r#"{"missingPrivileges":["anna@example.com","Customer:read"]}"#;
    for reply in [
        refusal(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", detail, &json!([])),
        refusal(400, "anna@example.com", "anna@example.com", &json!({"maxLimit": "anna"})),
    ] {
        let error = error_of(reply).await;
        assert!(!format!("{error} {error:?}").contains("anna"), "{error:?}");
    }
}

#[tokio::test]
async fn a_page_size_that_no_shop_gives_up_to_is_an_error_and_no_loop() {
    let never = refusal(400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED", "", &json!({"maxLimit": 9000}));
    assert_eq!(error_of(never).await, ConnectorError::Refused { status: 400 });
}

#[tokio::test]
async fn a_bad_row_costs_nobody_else() {
    let mut spoilt = customer(2);
    spoilt["email"] = json!(7);
    let rows = [customer(1), spoilt, json!({"autoIncrement": 3, "id": "three"}), json!("four"), customer(5)];
    let shop = Shop::open(move |_| page(&rows, 5)).await;
    let pages = pass(&*shop.connector(), Stream::Customers, Pass::Full, None).await.unwrap();
    let seen: Vec<String> = pages[0]
        .records
        .iter()
        .map(|record| match record {
            StoreRecord::Person(person) => format!("person {}", person.store_id),
            StoreRecord::Malformed { detail, .. } => detail.clone(),
            StoreRecord::Skipped { .. } => "skipped".to_owned(),
        })
        .collect();
    assert_eq!(
        seen,
        [
            format!("person {}", id(1)),
            "email: expected text".to_owned(),
            "id: expected 32 hexadecimal digits".to_owned(),
            "record: expected an object".to_owned(),
            format!("person {}", id(5)),
        ]
    );
}

#[tokio::test]
async fn a_record_that_is_gone_or_has_no_id_of_the_shops_is_none() {
    let shop = Shop::open(|_| page(&[], 0)).await;
    let connector = shop.connector();
    for stream in [Stream::Customers, Stream::Subscribers, Stream::Orders] {
        assert!(connector.record(stream, &StoreId::new(id(1))).await.unwrap().is_none());
    }
    let asked = shop.asked().len();
    assert!(connector.record(Stream::Customers, &StoreId::new("../customer")).await.unwrap().is_none());
    assert_eq!(shop.asked().len(), asked, "what is no id is not asked for");
}

#[tokio::test]
async fn the_vendors_examples_of_pages_are_read() {
    for (name, stream, expected) in [
        ("search_customer_full_page1", Stream::Customers, 3),
        ("search_customer_delta", Stream::Customers, 3),
        ("search_newsletter_recipient_all", Stream::Subscribers, 5),
        ("search_newsletter_recipient_delta_optout", Stream::Subscribers, 2),
        ("search_order_customer_deleted", Stream::Orders, 1),
    ] {
        let Some(mut example) = example(name) else { return };
        let rows = example["response"]["body"]["data"].as_array_mut().unwrap();
        // The examples are sorted in other ways, or not at all.
        rows.sort_by_key(|row| (row["autoIncrement"].as_u64(), row["createdAt"].to_string(), row["id"].to_string()));
        let rows = rows.len();
        example["response"]["body"]["total"] = json!(rows);
        let reply = answer_of(&example);
        let shop = Shop::open(move |_| reply.clone()).await;
        let pages = pass(&*shop.connector(), stream, Pass::Full, None).await.unwrap();
        let people = pages.iter().flat_map(|page| &page.records);
        let people: Vec<PersonKind> = people
            .map(|record| match record {
                StoreRecord::Person(person) => person.kind,
                other => panic!("{name}: {other:?}"),
            })
            .collect();
        assert_eq!((people.len(), rows), (expected, expected), "{name}");
    }
}
