//! Newsletter rows that follow a customer to another address without a trace (product rule 7).

use assent::domain::people::{StoreRecord, Stream};
use serde_json::{Value, json};

use super::shop::{Shop, bound, customer, customers_above, id, ids, page, pass, recipient, since};
use crate::support::answering::Asked;

const MONDAY: &str = "2026-03-02T00:00:00Z";
const LAST_YEAR: &str = "2025-01-01T00:00:00.000+00:00";

/// The addresses that a search for newsletter rows asks for.
fn addresses(asked: &Asked) -> Option<Vec<String>> {
    let criteria = asked.json();
    let filter = criteria["filter"].as_array()?.iter().find(|filter| filter["field"] == "email")?.clone();
    serde_json::from_value(filter["value"].clone()).ok()
}

#[tokio::test]
async fn an_incremental_pass_finds_the_row_at_its_customers_new_address() {
    let shop = Shop::open(|asked| match (asked.path.as_str(), addresses(asked)) {
        ("/api/search/customer", _) => {
            let mut moved = customer(7);
            moved["email"] = json!("new|address@example.com");
            customers_above(&[moved], asked)
        }
        (_, Some(addresses)) if addresses == ["new|address@example.com"] => {
            let mut row = recipient(1, LAST_YEAR);
            row["email"] = json!("new|address@example.com");
            page(&[row], 1)
        }
        // No date of the row moved.
        _ => page(&[], 0),
    })
    .await;
    let pages = pass(&*shop.connector(), Stream::Subscribers, since(MONDAY), None).await.unwrap();
    let found: Vec<&StoreRecord> = pages.iter().flat_map(|page| &page.records).collect();
    let [StoreRecord::Person(person)] = found.as_slice() else { panic!("not one person: {found:?}") };
    assert_eq!((person.store_id.as_str(), person.email.as_deref()), (id(1).as_str(), Some("new|address@example.com")));
    let (last, before) = pages.split_last().unwrap();
    assert!(last.watermark.is_some() && before.iter().all(|page| page.watermark.is_none()));
}

#[tokio::test]
async fn the_rows_of_many_changed_customers_are_read_in_turns_and_an_interrupted_pass_goes_on() {
    let customers: Vec<Value> = (1..=600).map(customer).collect();
    let shop = Shop::open(move |asked| match (asked.path.as_str(), addresses(asked)) {
        ("/api/search/customer", _) => customers_above(&customers, asked),
        (_, Some(addresses)) => {
            // Three rows for each address, as in a shop with three sales channels.
            let number =
                |address: &str| address.trim_start_matches('c').split('@').next().unwrap().parse::<u64>().unwrap();
            let rows = addresses.iter().flat_map(|address| (0..3).map(move |channel| 10 * number(address) + channel));
            let criteria = asked.json();
            let from = bound(&criteria["filter"], "createdAt", "gte").and_then(Value::as_str).unwrap_or_default();
            let rows: Vec<Value> = rows
                .map(|number| {
                    recipient(number, &format!("2025-01-01T00:{:02}:{:02}.000+00:00", number / 600, number / 10 % 60))
                })
                .filter(|row| row["createdAt"].as_str().unwrap() >= from)
                .collect();
            let limit = usize::try_from(criteria["limit"].as_u64().unwrap()).unwrap();
            page(&rows[..limit.min(rows.len())], rows.len())
        }
        _ => page(&[], 0),
    })
    .await;
    let connector = shop.connector();
    let pages = pass(&*connector, Stream::Subscribers, since(MONDAY), None).await.unwrap();
    let mut read = ids(&pages);
    read.dedup();
    let expected: Vec<String> =
        (1..=600).flat_map(|number| (0..3).map(move |channel| id(10 * number + channel))).collect();
    assert_eq!(read, expected);
    for (index, page) in pages.iter().enumerate().take(pages.len() - 1) {
        let rest = pass(&*connector, Stream::Subscribers, since(MONDAY), Some(page.resume_from.clone())).await.unwrap();
        let mut all = ids(&pages[..=index]);
        all.extend(ids(&rest));
        all.sort();
        all.dedup();
        assert_eq!(all, expected, "resumed after page {index}");
    }
}

#[tokio::test]
async fn a_full_pass_needs_no_look_at_changed_customers() {
    let shop = Shop::open(|asked| {
        assert_eq!(asked.path, "/api/search/newsletter-recipient");
        page(&[recipient(1, LAST_YEAR)], 1)
    })
    .await;
    let pages = pass(&*shop.connector(), Stream::Subscribers, assent::connectors::Pass::Full, None).await.unwrap();
    assert_eq!((pages.len(), shop.asked().len()), (1, 1));
}
