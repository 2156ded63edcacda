//! Everything that the connector really sends, against the vendor's schema.

use std::collections::BTreeMap;

use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonMap;
use apollo_compiler::{ExecutableDocument, Schema};
use assent::connectors::Pass;
use assent::domain::people::StoreId;
use serde_json::json;

use super::shop::{Answer, Asked, Shop, example_answer, since};
use crate::support::vendors;

#[tokio::test]
async fn every_query_is_valid_against_the_vendors_schema() {
    let Some(folder) = vendors() else { return };
    let sdl = std::fs::read_to_string(folder.join("shopify/schema/admin-2026-07.core.graphql")).unwrap();
    // Newer than the compiler's list of built-in directives.
    let sdl = format!("directive @oneOf on INPUT_OBJECT\n{sdl}");
    let schema = Schema::parse_and_validate(sdl, "admin.graphql").unwrap();
    let sent = everything_sent().await;
    assert_eq!(
        sent.keys().collect::<Vec<_>>(),
        ["Customer", "Customers", "CustomersCount", "Order", "Orders", "OrdersCount", "Probe"]
    );
    for asked in sent.values().flatten() {
        let text = asked.body["query"].as_str().unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, text, "query.graphql");
        let document = document.unwrap_or_else(|problem| panic!("{text}\n{}", problem.errors));
        let variables: JsonMap = serde_json::from_value(asked.body["variables"].clone()).unwrap();
        let operation = document.operations.get(None).unwrap();
        let coerced = coerce_variable_values(&schema, operation, &variables);
        assert!(coerced.is_ok(), "{}: {coerced:?}", asked.body["variables"]);
    }
}

/// What a connection test, passes of both kinds and two single reads send, by the name of the operation.
async fn everything_sent() -> BTreeMap<String, Vec<Asked>> {
    let shop = Shop::open(|asked| match asked.operation() {
        "Probe" => example_answer("shop-and-scopes"),
        "Customer" => example_answer("customer-by-id"),
        "CustomersCount" => example_answer("customers-count"),
        "Orders" => example_answer("orders-page-1"),
        "Customers" if asked.variable("after").is_null() => example_answer("customers-page-1"),
        "Customers" => example_answer("customers-page-2"),
        _ => Answer::json(&json!({"data": {"order": null, "ordersCount": null}})),
    })
    .await;
    shop.connector.check().await.unwrap();
    for stream in shop.connector.streams() {
        shop.read(*stream, Pass::Full).await.unwrap();
        shop.read(*stream, since("2026-10-01T00:00:00Z")).await.unwrap();
        shop.connector.record(*stream, &StoreId::new("1")).await.unwrap();
    }
    let mut sent = BTreeMap::<String, Vec<Asked>>::new();
    for asked in shop.asked() {
        assert_eq!(asked.path, "/admin/api/2026-07/graphql.json");
        sent.entry(asked.operation().to_owned()).or_default().push(asked);
    }
    sent
}
