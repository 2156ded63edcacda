//! What the example exchanges mean.

use assent::connectors::{Check, Pass, Total, Watermark};
use assent::domain::people::{StoreId, Stream};
use serde_json::{Value, json};

use super::shop::{Answer, Shop, customer, example, example_answer, line, lines, page, since};

#[tokio::test]
async fn customers_are_read_with_their_marketing_state() {
    let shop = Shop::scripted(vec![example_answer("customers-page-1"), example_answer("customers-page-2")]).await;
    let pages = shop.read(Stream::Customers, since("2026-10-01T00:00:00Z")).await.unwrap();
    let single = "marketingOptInLevel SINGLE_OPT_IN";
    assert_eq!(
        lines(&pages),
        [
            format!("9000000000001 account ada.account@example.com Ada Account granted 2026-09-01T09:00:00Z | marketingState SUBSCRIBED, {single}"),
            format!("9000000000002 account ben.account@example.com Ben Noemail-optin unknown - | marketingState NOT_SUBSCRIBED, {single}"),
            format!("9000000000003 account gil.guest@example.com Gil Guest unknown - | marketingState NOT_SUBSCRIBED, {single}"),
            format!("9000000000004 account gia.guest@example.com Gia Guest-Optin granted 2026-10-01T08:29:58Z | marketingState SUBSCRIBED, {single}"),
            format!("9000000000005 account newsletter@example.net - - granted 2026-10-01T08:40:00Z | marketingState SUBSCRIBED, {single}"),
            format!("9000000000006 account una@example.org Una Unsubscribed withdrawn 2026-10-01T08:50:00Z | marketingState UNSUBSCRIBED, {single}"),
            "9000000000007 account pia@example.org Pia Pending unknown 2026-10-01T09:00:00Z | marketingState PENDING, marketingOptInLevel CONFIRMED_OPT_IN".to_owned(),
            "9000000000008 account - Phil Phoneonly unknown - | defaultEmailAddress null".to_owned(),
            "9000000000009 account Mia.MixedCase@Example.com Mia MixedCase granted 2026-08-15T10:00:00Z | marketingState SUBSCRIBED, marketingOptInLevel UNKNOWN".to_owned(),
            "9000000000010 account bad-address@ - - unknown - | marketingState INVALID, marketingOptInLevel null".to_owned(),
        ]
    );
}

#[tokio::test]
async fn the_second_page_is_asked_for_with_the_cursor_of_the_first() {
    let shop = Shop::scripted(vec![example_answer("customers-page-1"), example_answer("customers-page-2")]).await;
    shop.read(Stream::Customers, since("2026-10-01T00:00:00Z")).await.unwrap();
    let cursors: Vec<Value> = shop.asked().iter().map(|asked| asked.variable("after").clone()).collect();
    let first = example("customers-page-1");
    assert_eq!(cursors, [Value::Null, first["response"]["body"]["data"]["customers"]["pageInfo"]["endCursor"].clone()]);
}

#[tokio::test]
async fn the_newest_change_is_the_next_watermark() {
    let shop = Shop::scripted(vec![example_answer("customers-page-1"), example_answer("customers-page-2")]).await;
    let pages = shop.read(Stream::Customers, since("2026-10-01T00:00:00Z")).await.unwrap();
    let newest = Watermark(json!({ "updatedAt": "2026-10-01T09:30:00Z" }));
    assert_eq!(pages.last().unwrap().watermark, Some(newest));
}

#[tokio::test]
async fn only_an_order_without_customer_makes_a_guest() {
    let shop = Shop::scripted(vec![example_answer("orders-page-1")]).await;
    let pages = shop.read(Stream::Orders, since("2026-10-01T00:00:00Z")).await.unwrap();
    assert_eq!(
        lines(&pages),
        [
            "6000000001001 skipped covered_by_account",
            "6000000001002 skipped covered_by_account",
            "6000000001003 skipped covered_by_account",
            "6000000001004 guest orphan.guest@example.com Otto Orphan unknown 2026-10-01T08:20:00Z | customerAcceptsMarketing false",
            "6000000001005 skipped order_without_email",
            "6000000001006 skipped test_order",
        ]
    );
}

#[tokio::test]
async fn a_full_pass_tells_how_many_there_are() {
    let shop = Shop::open(|asked| match asked.operation() {
        "CustomersCount" => example_answer("customers-count"),
        _ => example_answer("customers-page-2"),
    })
    .await;
    let pages = shop.read(Stream::Customers, Pass::Full).await.unwrap();
    assert_eq!(pages[0].total, Some(Total::Exact(10)));
}

#[tokio::test]
async fn a_bad_node_does_not_spoil_its_page() {
    let mut bad = customer(2, "2026-10-01T00:00:01Z");
    bad["defaultEmailAddress"]["marketingState"] = json!(7);
    let nodes = [customer(1, "2026-10-01T00:00:00Z"), bad, Value::Null, customer(3, "2026-10-01T00:00:02Z")];
    let shop = Shop::scripted(vec![page("customers", &nodes, None)]).await;
    let pages = shop.read(Stream::Customers, since("2026-10-01T00:00:00Z")).await.unwrap();
    let ids: Vec<String> = lines(&pages);
    assert_eq!(ids[1], "2 malformed: defaultEmailAddress.marketingState is not text");
    assert_eq!(ids[2], "- malformed: legacyResourceId is missing, expected a number as text");
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn one_customer_is_read_again_by_its_global_id() {
    let shop = Shop::scripted(vec![example_answer("customer-by-id")]).await;
    let id = StoreId::new("9000000000004");
    let record = shop.connector.record(Stream::Customers, &id).await.unwrap().unwrap();
    assert!(line(&record).starts_with("9000000000004 account gia.guest@example.com Gia Guest-Optin granted"));
    assert_eq!(shop.asked()[0].variable("id"), "gid://shopify/Customer/9000000000004");
}

#[tokio::test]
async fn a_customer_who_is_gone_is_nobody() {
    let shop = Shop::scripted(vec![example_answer("customer-by-id-missing")]).await;
    let record = shop.connector.record(Stream::Customers, &StoreId::new("9000000000099")).await.unwrap();
    assert!(record.is_none());
}

#[tokio::test]
async fn an_order_is_read_again_by_its_global_id() {
    let orders = example("orders-page-1");
    let order = orders["response"]["body"]["data"]["orders"]["nodes"][3].clone();
    let shop = Shop::scripted(vec![Answer::json(&json!({ "data": { "order": order } }))]).await;
    let record = shop.connector.record(Stream::Orders, &StoreId::new("6000000001004")).await.unwrap().unwrap();
    assert!(line(&record).starts_with("6000000001004 guest orphan.guest@example.com"));
    assert_eq!(shop.asked()[0].variable("id"), "gid://shopify/Order/6000000001004");
}

#[tokio::test]
async fn an_order_that_may_only_be_too_old_to_be_shown_is_not_gone() {
    for (scope, is_gone) in [("read_all_orders", true), ("read_orders", false)] {
        let mut probe = example("shop-and-scopes")["response"].clone();
        probe["body"]["data"]["currentAppInstallation"]["accessScopes"] = json!([{ "handle": scope }]);
        let shop = Shop::open(move |asked| match asked.operation() {
            "Probe" => Answer::example(&probe),
            _ => Answer::json(&json!({ "data": { "order": null } })),
        })
        .await;
        let found = shop.connector.record(Stream::Orders, &StoreId::new("7")).await.unwrap();
        assert_eq!(found.as_ref().is_none(), is_gone, "{scope}: {found:?}");
        assert!(found.is_none_or(|record| line(&record).starts_with("7 malformed")), "what is known of it stays");
    }
}

/// A shop that grants `scopes` and answers a try at reading customers with `customers`.
async fn shop_with(scopes: &[&str], customers: Answer) -> Shop {
    let mut probe = example("shop-and-scopes")["response"].clone();
    let handles: Vec<Value> = scopes.iter().map(|scope| json!({ "handle": scope })).collect();
    probe["body"]["data"]["currentAppInstallation"]["accessScopes"] = json!(handles);
    Shop::open(move |asked| match asked.operation() {
        "Probe" => Answer::example(&probe),
        "Customers" => customers.clone(),
        _ => example_answer("orders-page-1"),
    })
    .await
}

fn problem<'a>(checks: &'a [Check], name: &str) -> Option<&'a str> {
    checks.iter().find(|check| check.name == name).unwrap().problem.as_deref()
}

#[tokio::test]
async fn the_connection_test_names_shop_and_version() {
    let shop = Shop::open(|asked| match asked.operation() {
        "Probe" => example_answer("shop-and-scopes"),
        "Customers" => example_answer("customers-page-2"),
        _ => example_answer("orders-page-1"),
    })
    .await;
    let report = shop.connector.check().await.unwrap();
    assert!(report.is_ok() && report.warnings.is_empty(), "{report:?}");
    assert_eq!(report.store_name.as_deref(), Some("Acme Dev Fixture"));
    assert_eq!(report.api_version.as_deref(), Some("2026-07"));
}

#[tokio::test]
async fn the_connection_test_names_the_scope_that_is_missing() {
    let shop = shop_with(&["read_customers", "read_all_orders"], example_answer("customers-page-2")).await;
    let report = shop.connector.check().await.unwrap();
    assert_eq!(problem(&report.checks, "read customers"), None);
    assert!(problem(&report.checks, "read orders").unwrap().contains("read_orders"));
}

#[tokio::test]
async fn orders_of_the_last_60_days_only_are_a_warning() {
    let shop = shop_with(&["read_customers", "read_orders"], example_answer("customers-page-2")).await;
    let report = shop.connector.check().await.unwrap();
    assert!(report.is_ok() && report.warnings[0].contains("read_all_orders"), "{report:?}");
}

#[tokio::test]
async fn the_connection_test_finds_protected_customer_data() {
    let denial = example("errors-graphql")["cases"][3]["response"].clone();
    let shop = shop_with(&["read_customers", "read_orders"], Answer::example(&denial)).await;
    let report = shop.connector.check().await.unwrap();
    assert!(problem(&report.checks, "read customers").unwrap().contains("protected customer data"));
}
