//! How lists are read: what is asked for, and what comes of odd answers.

use assent::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Total, Watermark};
use assent::domain::people::Stream;
use serde_json::{Value, json};

use super::shop::{
    after_id, all_records, condition, connector, connector_with, customer, id_of, is_probe, list, one_website, order,
    pass, two_websites,
};
use crate::support::answering::{AnsweringStore, Asked, Reply};

fn customers(count: u64) -> Vec<Value> {
    (1..=count).map(|id| customer(id, &format!("c{id}@example.com"), 1, false)).collect()
}

/// A shop whose rows never change; orders and customers alike.
fn answer(rows: &[Value], id_field: &str, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&one_website()),
        _ if is_probe(asked) => list(&rows[rows.len().saturating_sub(1)..], rows.len()),
        _ if condition(asked, "updated_at").is_some() => list(&[], 0),
        _ => after_id(rows, id_field, asked),
    }
}

async fn shop(rows: Vec<Value>, id_field: &'static str) -> AnsweringStore {
    AnsweringStore::start(move |asked| answer(&rows, id_field, asked)).await
}

fn since(watermark: Value) -> Pass {
    Pass::Since(Watermark(watermark))
}

fn ids(pages: &[PeoplePage]) -> Vec<u64> {
    let records = pages.iter().flat_map(|page| &page.records);
    records.map(|record| id_of(record).unwrap().as_str().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_full_pass_reads_everybody_in_pages_of_three_hundred() {
    let store = shop(customers(750), "id").await;
    let pages = pass(&*connector(&store), Stream::Customers, Pass::Full, None).await.unwrap();
    assert_eq!(ids(&pages), (1..=750).collect::<Vec<_>>());
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [300, 300, 150]);
    assert!(pages.iter().all(|page| page.total == Some(Total::Exact(750))));
    assert_eq!(pages[1].watermark, None);
    let last = pages[2].watermark.clone().unwrap().0;
    assert_eq!(last, json!({"changed": "2026-03-01T10:00:00Z", "sweptTo": 0, "accounts": 750}));
}

#[tokio::test]
async fn no_page_but_the_first_is_ever_asked_for() {
    for (stream, id_field, rows) in [
        (Stream::Customers, "id", customers(600)),
        (Stream::Orders, "entity_id", (1..=600).map(|id| order(id, "g@example.com")).collect()),
    ] {
        let store = shop(rows, id_field).await;
        let connector = connector(&store);
        assert_eq!(all_records(&*connector, stream, Pass::Full).await.len(), 600);
        for asked in store.asked().iter().filter(|asked| !asked.path.ends_with("storeViews")) {
            assert_eq!(asked.get("searchCriteria[currentPage]"), Some("1"));
            assert!(asked.get("fields").unwrap().ends_with("],total_count"));
        }
    }
}

#[tokio::test]
async fn an_interrupted_pass_goes_on_behind_its_last_page() {
    let store = shop(customers(750), "id").await;
    let connector = connector(&store);
    let first = pass(&*connector, Stream::Customers, Pass::Full, None).await.unwrap();
    let resume: Option<Checkpoint> = Some(first[0].resume_from.clone());
    let rest = pass(&*connector, Stream::Customers, Pass::Full, resume).await.unwrap();
    assert_eq!(ids(&rest), (301..=750).collect::<Vec<_>>());
    assert_eq!(rest.last().unwrap().watermark, first.last().unwrap().watermark);
    let over = pass(&*connector, Stream::Customers, Pass::Full, Some(first[2].resume_from.clone())).await.unwrap();
    assert!(over.is_empty());
}

#[tokio::test]
async fn an_incremental_pass_asks_for_changes_by_two_sort_keys_and_a_time_the_shop_can_read() {
    let store = shop(Vec::new(), "entity_id").await;
    pass(&*connector(&store), Stream::Orders, since(json!({"changed": "2026-03-01T10:00:00Z"})), None).await.unwrap();
    let [asked] = &store.asked()[..] else { panic!("one request") };
    assert_eq!(condition(asked, "updated_at").as_deref(), Some("gteq 2026-03-01 09:55:00"));
    let sort = |place: u32, what: &str| asked.get(&format!("searchCriteria[sortOrders][{place}][{what}]")).unwrap();
    assert_eq!((sort(0, "field"), sort(0, "direction")), ("updated_at", "ASC"));
    assert_eq!((sort(1, "field"), sort(1, "direction")), ("entity_id", "ASC"));
    assert_eq!(condition(asked, "customer_id"), None, "an order that an account took over has to be seen");
}

#[tokio::test]
async fn changes_of_one_second_are_told_apart_by_their_ids() {
    let rows: Vec<Value> = (1..=700).map(|id| order(id, "g@example.com")).collect();
    let store = AnsweringStore::start(move |asked| {
        let from = condition(asked, "entity_id").map_or(0, |text| text.strip_prefix("gt ").unwrap().parse().unwrap());
        assert_eq!(condition(asked, "updated_at").unwrap().split_once(' ').unwrap().0, "gteq");
        let rest: Vec<Value> = rows.iter().filter(|row| row["entity_id"].as_u64() > Some(from)).cloned().collect();
        list(&rest[..rest.len().min(300)], rest.len())
    })
    .await;
    let since = since(json!({"changed": "2026-03-01T10:00:00Z"}));
    let pages = pass(&*connector(&store), Stream::Orders, since, None).await.unwrap();
    assert_eq!(ids(&pages), (1..=700).collect::<Vec<_>>());
    assert_eq!(pages.last().unwrap().watermark.clone().unwrap().0["changed"], "2026-03-01T10:00:00Z");
}

#[tokio::test]
async fn an_incremental_pass_sweeps_accounts_that_did_not_change() {
    let store = shop(customers(4000), "id").await;
    let connector = connector(&store);
    let mut watermark = json!({"changed": "2026-03-01T10:00:00Z", "sweptTo": 0, "accounts": 4000});
    let mut read = Vec::new();
    for _ in 0..3 {
        let pages = pass(&*connector, Stream::Customers, since(watermark), None).await.unwrap();
        assert!(ids(&pages).len() <= 1500);
        read.extend(ids(&pages));
        watermark = pages.last().unwrap().watermark.clone().unwrap().0;
    }
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, (1..=4000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_shop_that_ignores_filters_or_sort_orders_fails_the_pass() {
    let rows: Vec<Value> = (1..=300).map(|id| order(id, "g@example.com")).collect();
    let ignoring = AnsweringStore::start(move |_| list(&rows, 900)).await;
    let error = pass(&*connector(&ignoring), Stream::Orders, Pass::Full, None).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "as many records as the store counts" });
    let rows = [order(2, "a@example.com"), order(1, "b@example.com")];
    let unsorted = AnsweringStore::start(move |_| list(&rows, 2)).await;
    let error = pass(&*connector(&unsorted), Stream::Orders, Pass::Full, None).await.unwrap_err();
    assert_eq!(error, ConnectorError::BadAnswer { what: "records in the order asked for" });
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_again_as_the_shop_allows() {
    let rows = customers(130);
    let store = AnsweringStore::start(move |asked| match asked.number_of("searchCriteria[pageSize]") {
        Some(size) if size > 100 => {
            Reply::text(400, r#"{"message":"Maximum SearchCriteria pageSize is %max","parameters":{"max":100}}"#)
        }
        _ => answer(&rows, "id", asked),
    })
    .await;
    let pages = pass(&*connector(&store), Stream::Customers, Pass::Full, None).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [100, 30]);
    let refused = store.asked().iter().filter(|asked| asked.number_of("searchCriteria[pageSize]") > Some(100)).count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn chosen_store_views_bound_accounts_by_website_and_orders_by_view() {
    let rows = vec![order(1, "a@example.com"), order(2, "b@example.com")];
    let store = AnsweringStore::start(move |asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&two_websites()),
        "/rest/V1/orders" => list(&rows, 2),
        _ => list(&[], 0),
    })
    .await;
    let chosen = connector_with(&store, &json!({"storeCodes": ["it_en"]}));
    assert!(all_records(&*chosen, Stream::Customers, Pass::Full).await.is_empty());
    // The filter was ignored, and the orders are of view 1.
    assert!(all_records(&*chosen, Stream::Orders, Pass::Full).await.is_empty());
    let asked = store.asked();
    let find = |path: &str, field: &str| {
        asked.iter().filter(|asked| asked.path.ends_with(path)).find_map(|asked| condition(asked, field))
    };
    assert_eq!(find("/customers/search", "website_id").as_deref(), Some("in 2"));
    assert_eq!(find("/orders", "store_id").as_deref(), Some("in 4"));
    assert_eq!(find("/orders", "customer_id").as_deref(), Some("null 1"));
    let unknown = connector_with(&store, &json!({"storeCodes": ["gone"]}));
    let error = pass(&*unknown, Stream::Orders, Pass::Full, None).await.unwrap_err();
    assert_eq!(error, ConnectorError::NotThere { what: "store view of one of the storeCodes" });
}
