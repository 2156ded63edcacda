//! What the connector sends.

use assent::connectors::Pass;
use assent::domain::people::{StoreId, Stream};
use serde_json::{Value, json};

use super::shop::{CHANNEL, Shop, bound, customer, id, page, pass, since};
use crate::support::answering::Asked;

const STREAMS: [Stream; 3] = [Stream::Customers, Stream::Subscribers, Stream::Orders];

/// A request of every kind that reads people.
async fn everything(more: &Value) -> Vec<Asked> {
    let shop = Shop::open(|asked| match asked.path.as_str() {
        "/api/search/customer" if bound(&asked.json(), "autoIncrement", "gt") == Some(&json!(0)) => {
            page(&[customer(1)], 1)
        }
        _ => page(&[], 0),
    })
    .await;
    let connector = shop.connector_with(more);
    for stream in STREAMS {
        for how in [Pass::Full, since("2026-03-01T00:00:00Z")] {
            pass(&*connector, stream, how, None).await.unwrap();
        }
        connector.record(stream, &StoreId::new(id(1))).await.unwrap();
    }
    shop.asked()
}

#[tokio::test]
async fn every_search_has_page_limit_and_exact_total_and_asks_only_for_what_is_used() {
    let asked = everything(&json!({})).await;
    assert!(asked.len() >= 10, "{}", asked.len());
    for asked in asked {
        let criteria = asked.json();
        assert_eq!(asked.method, "POST");
        assert!((1..=500).contains(&criteria["limit"].as_u64().unwrap()));
        assert!(criteria["page"].as_u64().unwrap() >= 1, "page without limit is always the first");
        assert_eq!(criteria["total-count-mode"], "exact");
        assert_eq!(asked.header("accept"), Some("application/json"), "else the answer is JSON:API");
        let includes = criteria["includes"].as_object().unwrap();
        assert!(includes.values().flat_map(|fields| fields.as_array().unwrap()).count() <= 9, "{includes:?}");
    }
}

#[tokio::test]
async fn lists_are_sorted_by_what_is_unique_and_does_not_move() {
    for asked in everything(&json!({})).await {
        let criteria = asked.json();
        let sort: Vec<&str> =
            criteria["sort"].as_array().unwrap().iter().map(|sort| sort["field"].as_str().unwrap()).collect();
        let expected: &[&str] =
            if asked.path.ends_with("newsletter-recipient") { &["createdAt", "id"] } else { &["autoIncrement"] };
        assert_eq!(sort, expected);
    }
}

#[tokio::test]
async fn what_changed_is_asked_for_by_either_date() {
    let changed = json!({"type": "multi", "operator": "or", "queries": [
        {"type": "range", "field": "updatedAt", "parameters": {"gte": "2026-02-28T23:50:00.000+00:00"}},
        {"type": "multi", "operator": "and", "queries": [
            {"type": "equals", "field": "updatedAt", "value": null},
            {"type": "range", "field": "createdAt", "parameters": {"gte": "2026-02-28T23:50:00.000+00:00"}}]}]});
    let shop = Shop::open(|_| page(&[], 0)).await;
    pass(&*shop.connector(), Stream::Subscribers, since("2026-03-01T00:00:00Z"), None).await.unwrap();
    assert_eq!(shop.asked()[0].json()["filter"], json!([changed]), "ten minutes of overlap");
    pass(&*shop.connector(), Stream::Customers, since("2026-03-01T00:00:00Z"), None).await.unwrap();
    let criteria = shop.asked().last().unwrap().json();
    let new_guest = json!({"type": "multi", "operator": "and", "queries": [
        {"type": "equals", "field": "guest", "value": true},
        {"type": "range", "field": "createdAt", "parameters": {"gte": "2026-02-27T23:00:00.000+00:00"}}]});
    let either = json!({"type": "multi", "operator": "or", "queries": [changed, new_guest]});
    assert!(criteria["filter"].as_array().unwrap().contains(&either), "an order moves no date of its guest");
}

#[tokio::test]
async fn guests_are_asked_for_only_with_an_order() {
    let bought = json!({"type": "multi", "operator": "or", "queries": [
        {"type": "equals", "field": "guest", "value": false},
        {"type": "range", "field": "orderCustomers.createdAt", "parameters": {"gte": "1970-01-01T00:00:00.000+00:00"}}]});
    let shop = Shop::open(|_| page(&[], 0)).await;
    pass(&*shop.connector(), Stream::Customers, Pass::Full, None).await.unwrap();
    shop.connector().record(Stream::Customers, &StoreId::new(id(1))).await.unwrap();
    for asked in shop.asked() {
        assert!(asked.json()["filter"].as_array().unwrap().contains(&bought));
    }
}

#[tokio::test]
async fn the_chosen_sales_channels_bound_every_list() {
    for asked in everything(&json!({ "salesChannelIds": [CHANNEL] })).await {
        let criteria = asked.json().to_string();
        let is_lookup = !criteria.contains("firstName");
        assert!(is_lookup || (criteria.contains("equalsAny") && criteria.contains(CHANNEL)), "{criteria}");
        let binds = criteria.contains("boundSalesChannelId");
        assert_eq!(binds, asked.path == "/api/search/customer" && !is_lookup, "{criteria}");
    }
    for asked in everything(&json!({})).await {
        assert!(!asked.json()["filter"].to_string().contains("salesChannelId"));
    }
}

#[tokio::test]
async fn a_shop_in_a_folder_is_asked_in_its_folder() {
    let shop = Shop::with_tokens(|asked| match asked.path.as_str() {
        "/de/shop/api/oauth/token" => super::shop::token("t", 600),
        "/de/shop/api/search/customer" => page(&[], 0),
        _ => crate::support::answering::Reply::text(404, ""),
    })
    .await;
    let connector = shop.connector_with(&json!({ "storeUrl": format!("{}/de/shop/", shop.store.url) }));
    assert!(pass(&*connector, Stream::Customers, Pass::Full, None).await.is_ok());
}
