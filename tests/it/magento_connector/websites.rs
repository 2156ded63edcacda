//! Which accounts are read by themselves, and what is believed then.

use assent::connectors::Pass;
use assent::domain::people::{StoreId, Stream};
use assent::domain::statement::OptIn;
use serde_json::{Value, json};

use super::shop::{all_records, condition, connector, customer, is_probe, list, one_website, person, two_websites};
use crate::support::answering::{AnsweringStore, Asked, Reply};

/// A shop whose list shows one thing and whose single accounts, by path, another.
async fn shop(views: Value, listed: Vec<Value>, single: Vec<(&'static str, Value)>) -> AnsweringStore {
    AnsweringStore::start(move |asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&views),
        "/rest/V1/customers/search" if is_probe(asked) => list(&listed[..1], listed.len()),
        "/rest/V1/customers/search" => {
            let wanted = condition(asked, "email");
            let fits = |row: &&Value| {
                wanted.as_ref().is_none_or(|text| text.contains(&row["email"].as_str().unwrap().to_lowercase()))
            };
            let rows: Vec<Value> = listed.iter().filter(fits).cloned().collect();
            list(&rows, rows.len())
        }
        path => single.iter().find(|(own, _)| *own == path).map_or_else(
            || Reply::text(404, r#"{"message":"No such entity with %fieldName = %fieldValue","parameters":{}}"#),
            |(_, row)| Reply::json(row),
        ),
    })
    .await
}

async fn values(store: &AnsweringStore) -> Vec<(String, OptIn)> {
    let records = all_records(&*connector(store), Stream::Customers, Pass::Full).await;
    let people = records.iter().map(person);
    people.map(|person| (person.store_id.to_string(), person.statement.value)).collect()
}

fn single_reads(store: &AnsweringStore) -> Vec<String> {
    let is_single = |asked: &Asked| asked.path.contains("/customers/") && !asked.path.ends_with("/search");
    store.asked().iter().filter(|asked| is_single(asked)).map(|asked| asked.path.clone()).collect()
}

#[tokio::test]
async fn one_address_on_two_websites_counts_for_each_account_as_its_own_website_says() {
    use OptIn::{Granted, Unknown};

    let anna = |id, website, flag| customer(id, "anna@example.com", website, flag);
    let bo = |id, website, flag| customer(id, "bo@example.com", website, flag);
    // The list shows the state of the first subscription found on all rows of the address.
    let listed = vec![
        anna(1, 1, true),
        anna(2, 2, true),
        bo(3, 1, false),
        bo(4, 2, false),
        customer(5, "c@example.com", 1, false),
    ];
    let single = vec![
        ("/rest/default/V1/customers/1", anna(1, 1, true)),
        ("/rest/it/V1/customers/2", anna(2, 2, false)),
        ("/rest/default/V1/customers/3", bo(3, 1, false)),
        ("/rest/it/V1/customers/4", bo(4, 2, true)),
    ];
    let store = shop(two_websites(), listed, single).await;
    let expected = [("1", Granted), ("2", Unknown), ("3", Unknown), ("4", Granted), ("5", Unknown)];
    assert_eq!(values(&store).await, expected.map(|(id, value)| (id.to_owned(), value)));
    assert_eq!(single_reads(&store).len(), 4, "nobody shares the fifth address");
}

#[tokio::test]
async fn on_one_website_the_list_is_believed_but_for_a_no_with_capitals() {
    let listed = vec![
        customer(1, "Anna@Example.com", 1, true),
        customer(2, "Bo@example.com", 1, false),
        customer(3, "c@example.com", 1, false),
    ];
    let store =
        shop(one_website(), listed, vec![("/rest/V1/customers/2", customer(2, "Bo@example.com", 1, true))]).await;
    let expected = [("1", OptIn::Granted), ("2", OptIn::Granted), ("3", OptIn::Unknown)];
    assert_eq!(values(&store).await, expected.map(|(id, value)| (id.to_owned(), value)));
    assert_eq!(single_reads(&store), ["/rest/V1/customers/2"]);
}

#[tokio::test]
async fn accounts_of_a_release_whose_list_shows_no_flag_are_read_by_themselves() {
    let without = |id: u64| {
        let mut row = customer(id, &format!("c{id}@example.com"), 1, false);
        row.as_object_mut().unwrap().remove("extension_attributes");
        row
    };
    let single =
        vec![("/rest/V1/customers/1", customer(1, "c1@example.com", 1, true)), ("/rest/V1/customers/3", without(3))];
    let store = shop(one_website(), vec![without(1), without(2), without(3)], single).await;
    // The second account is deleted meanwhile; the third does not tell either.
    assert_eq!(values(&store).await, [("1".to_owned(), OptIn::Granted), ("3".to_owned(), OptIn::Unknown)]);
}

#[tokio::test]
async fn a_single_account_is_read_under_its_own_website() {
    let row = |flag| customer(7, "g@example.com", 2, flag);
    let single = vec![("/rest/V1/customers/7", row(true)), ("/rest/it/V1/customers/7", row(false))];
    let store = shop(two_websites(), vec![row(true)], single).await;
    let connector = connector(&store);
    let record = connector.record(Stream::Customers, &StoreId::new("7")).await.unwrap().unwrap();
    assert_eq!(person(&record).statement.value, OptIn::Unknown);
    for gone in ["8", "x", "-1", ""] {
        assert!(connector.record(Stream::Customers, &StoreId::new(gone)).await.unwrap().is_none(), "{gone}");
    }
    assert_eq!(single_reads(&store).len(), 3, "what is no id is not asked for");
    assert!(connector.record(Stream::Subscribers, &StoreId::new("7")).await.unwrap().is_none());
}

#[tokio::test]
async fn an_incremental_pass_says_the_same_as_a_full_one() {
    let listed = vec![customer(1, "a@example.com", 1, true), customer(2, "b@example.com", 2, true)];
    let single = vec![
        ("/rest/default/V1/customers/1", customer(1, "a@example.com", 1, true)),
        ("/rest/it/V1/customers/2", customer(2, "b@example.com", 2, false)),
    ];
    let store = shop(two_websites(), listed, single).await;
    let full = values(&store).await;
    let since = Pass::Since(assent::connectors::Watermark(json!({"changed": "2026-03-01T10:00:00Z"})));
    let records = all_records(&*connector(&store), Stream::Customers, since).await;
    for record in &records {
        let person = person(record);
        assert!(full.contains(&(person.store_id.to_string(), person.statement.value)), "{person:?}");
    }
    assert_eq!(records.len(), 4, "each once as changed and once as swept");
}
