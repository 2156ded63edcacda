//! The recorded exchanges of the real WooCommerce, replayed through the connector over HTTP.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::time::Duration;

use assent::connectors::{ConnectorError, Pass, Watermark};
use assent::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, Stream};
use assent::domain::statement::OptIn;
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Reply};
use crate::support::recorded::{Exchange, exchange, exchanges, own_recordings, recorded_records, recorded_store};
use crate::support::vendors;
use crate::woocommerce_connector::shop::{all_records, connector, first_page, id_of, pass};

fn person(records: &[StoreRecord], id: u64) -> &StorePerson {
    match records.iter().find(|record| id_of(record).is_some_and(|found| found.as_str() == id.to_string())) {
        Some(StoreRecord::Person(person)) => person,
        other => panic!("{id} is not a person: {other:?}"),
    }
}

/// A store that gives one recorded answer to everything.
async fn replay(exchange: &Exchange) -> AnsweringStore {
    let reply = exchange.reply();
    AnsweringStore::start(move |_| reply.clone()).await
}

fn stream_of(exchange: &Exchange) -> Stream {
    if exchange.list() == Some("orders") { Stream::Orders } else { Stream::Customers }
}

/// What each recorded refusal means to us, by its status.
fn expected_error(exchange: &Exchange) -> ConnectorError {
    match exchange.status {
        401 => ConnectorError::CredentialsRejected,
        404 => ConnectorError::NotThere { what: "WooCommerce REST API" },
        // The maintenance page says Retry-After: 600.
        503 => ConnectorError::StoreFailed { status: 503, after: Some(Duration::from_mins(10)) },
        status @ 500..=599 => ConnectorError::StoreFailed { status, after: None },
        status => ConnectorError::Refused { status },
    }
}

async fn replay_refusal(exchange: &Exchange) {
    let store = replay(exchange).await;
    let error = first_page(&store, stream_of(exchange)).await.unwrap_err();
    assert_eq!(error, expected_error(exchange), "{}", exchange.name);
    let id = StoreId::new("259");
    let found = connector(&store).record(stream_of(exchange), &id).await;
    // A customer is looked for in the list, which says so by being empty.
    let says_unknown_record =
        stream_of(exchange) == Stream::Orders && exchange.status == 404 && exchange.body["code"] != "rest_no_route";
    match found {
        Ok(None) => assert!(says_unknown_record, "{}", exchange.name),
        Ok(Some(record)) => panic!("{}: {record:?}", exchange.name),
        Err(error) => assert!(!says_unknown_record && error == expected_error(exchange), "{}: {error}", exchange.name),
    }
}

/// A list answer as it was, but for its count: recorded bodies are cut.
async fn replay_list(exchange: &Exchange) {
    let rows = exchange.body.as_array().unwrap().clone();
    let (total, body) = (rows.len(), exchange.body.clone());
    let store = AnsweringStore::start(move |asked| {
        let is_probe = asked.get("orderby") == Some("modified");
        if is_probe { Reply::json(&json!([])) } else { Reply::json(&body).header("X-WP-Total", &total) }
    })
    .await;
    let sorted = rows.is_sorted_by_key(|row| row["id"].as_u64());
    match first_page(&store, stream_of(exchange)).await {
        Err(error) => {
            assert!(!sorted, "{}: {error}", exchange.name);
            assert_eq!(error, ConnectorError::BadAnswer { what: "records in the order of their ids" });
        }
        Ok(page) => {
            assert_eq!(page.records.len(), rows.len(), "{}", exchange.name);
            page.records.iter().zip(&rows).for_each(|(record, row)| check_record(exchange, record, row));
        }
    }
}

/// A row that holds all that was asked for is read; one of a shorter `_fields` is malformed for what it lacks.
fn check_record(exchange: &Exchange, record: &StoreRecord, row: &Value) {
    let is_whole = row.get("id").is_some() && row.get("meta_data").is_some() && {
        stream_of(exchange) == Stream::Customers || (row.get("status").is_some() && row.get("billing").is_some())
    };
    match record {
        StoreRecord::Malformed { detail, .. } => assert!(!is_whole, "{}: {detail}", exchange.name),
        StoreRecord::Person(person) => {
            let email = if stream_of(exchange) == Stream::Orders { &row["billing"]["email"] } else { &row["email"] };
            assert_eq!(person.email.as_deref(), email.as_str().filter(|email| !email.is_empty()), "{}", exchange.name);
        }
        StoreRecord::Skipped { .. } => assert_eq!(stream_of(exchange), Stream::Orders, "{}", exchange.name),
    }
}

async fn replay_single(exchange: &Exchange) {
    let body = match stream_of(exchange) {
        Stream::Customers => json!([exchange.body]),
        Stream::Orders | Stream::Subscribers => exchange.body.clone(),
    };
    let store = AnsweringStore::start(move |_| Reply::json(&body)).await;
    let id = StoreId::new(exchange.body["id"].to_string());
    let record = connector(&store).record(stream_of(exchange), &id).await.unwrap().unwrap();
    check_record(exchange, &record, &exchange.body);
}

async fn replay_all(exchanges: Vec<Exchange>) -> usize {
    let mut replayed = 0;
    for exchange in exchanges {
        let is_ours = matches!(exchange.list(), Some("customers" | "orders"));
        match &exchange.body {
            _ if exchange.status >= 400 => replay_refusal(&exchange).await,
            Value::Array(_) if is_ours => replay_list(&exchange).await,
            Value::Object(_) if is_ours => replay_single(&exchange).await,
            _ => continue,
        }
        replayed += 1;
    }
    replayed
}

#[tokio::test]
async fn every_recorded_answer_is_read_or_refused_for_what_it_is() {
    assert!(replay_all(exchanges(&own_recordings())).await >= 80);
}

#[tokio::test]
async fn every_recorded_answer_of_the_reference_folder_is_too() {
    let Some(folder) = vendors() else { return };
    assert!(replay_all(exchanges(&folder.join("woocommerce/recorded"))).await >= 80);
}

#[tokio::test]
async fn accounts_of_the_recorded_store_are_read_whole() {
    let store = recorded_store().await;
    let records = all_records(&*connector(&store), Stream::Customers, Pass::Full).await;
    assert_eq!(records.len(), recorded_records().customers.len());
    assert!(records.iter().all(|record| matches!(record, StoreRecord::Person(one) if one.kind == PersonKind::Account)));
    assert_eq!(person(&records, 16).last_name.as_deref(), Some("Brown & Sons"));
    assert_eq!(person(&records, 2).email.as_deref(), Some("user1@Example.COM"), "the case is kept as typed");
    assert_eq!(person(&records, 258).email, None);
    assert_eq!(person(&records, 257).email.as_deref(), Some("two.roles@example.com"));
    let opted_in =
        records.iter().filter(|one| matches!(one, StoreRecord::Person(p) if p.statement.value == OptIn::Granted));
    assert_eq!(opted_in.count(), 0, "current WooCommerce hides the one customer meta key of ours that the store has");
}

#[tokio::test]
async fn meta_keys_of_the_integration_are_found_on_recorded_accounts() {
    let store = recorded_store().await;
    let connector = crate::woocommerce_connector::shop::connector_with(&store, &json!(["dd_marketing_opt_in"]));
    let records = all_records(&*connector, Stream::Customers, Pass::Full).await;
    assert_eq!(person(&records, 251).statement.value, OptIn::Withdrawn);
    assert_eq!(person(&records, 251).statement.detail, "dd_marketing_opt_in = \"no\"");
    assert_eq!(person(&records, 257).statement.value, OptIn::Unknown);
}

#[tokio::test]
async fn guests_of_the_recorded_store_come_from_its_orders() {
    let store = recorded_store().await;
    let records = all_records(&*connector(&store), Stream::Orders, Pass::Full).await;
    let guest = person(&records, 16);
    assert_eq!((guest.kind, guest.email.as_deref()), (PersonKind::Guest, Some("Guest0@Example.com")));
    assert_eq!((guest.first_name.as_deref(), guest.last_name.as_deref()), (Some("Gäst"), Some("№ 3")));
    assert_eq!(guest.statement.value, OptIn::Granted, "order meta of that name is shown");
    assert_eq!(guest.statement.at.unwrap().to_rfc3339(), "2025-01-02T12:30:00+00:00");
    let orders = recorded_records().orders;
    for record in &records {
        let id: u64 = id_of(record).unwrap().as_str().parse().unwrap();
        let by_account = orders[&id]["customer_id"] != 0;
        match record {
            StoreRecord::Person(person) => assert_eq!((person.kind, by_account), (PersonKind::Guest, false)),
            StoreRecord::Skipped { reason: SkipReason::CoveredByAccount, .. } => assert!(by_account),
            StoreRecord::Skipped { reason: SkipReason::OrderWithoutEmail, .. } => assert_eq!(id, 87),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_incremental_pass_over_the_recorded_store_reads_only_what_changed() {
    let store = recorded_store().await;
    let connector = connector(&store);
    let before: Watermark = Watermark(json!({"modified": "2025-03-01T00:32:00Z"}));
    let pages = pass(&*connector, Stream::Orders, Pass::Since(before), None).await.unwrap();
    let ids: Vec<String> =
        pages.iter().flat_map(|page| &page.records).map(|one| id_of(one).unwrap().to_string()).collect();
    let changed = recorded_records().orders.into_iter().filter(|(_, order)| {
        order["status"] != "trash" && order["date_modified_gmt"].as_str().unwrap() > "2025-03-01T00:30:00"
    });
    assert_eq!(ids, changed.map(|(id, _)| id.to_string()).collect::<Vec<_>>());
    let listed = store.asked().into_iter().rfind(|asked| asked.path.ends_with("/orders")).unwrap();
    assert_eq!(listed.get("modified_after"), Some("2025-03-01T00:30:00"));
}

#[tokio::test]
async fn single_records_of_the_recorded_store_are_found_or_gone() {
    let store = recorded_store().await;
    let connector = connector(&store);
    let trashed = connector.record(Stream::Orders, &StoreId::new("150")).await.unwrap().unwrap();
    assert!(matches!(trashed, StoreRecord::Skipped { reason: SkipReason::Trashed, .. }), "{trashed:?}");
    assert!(matches!(connector.record(Stream::Customers, &StoreId::new("16")).await, Ok(Some(StoreRecord::Person(_)))));
    for id in ["999999", "abc", "1/../2", "-1", ""] {
        assert!(connector.record(Stream::Customers, &StoreId::new(id)).await.unwrap().is_none(), "{id}");
    }
}

#[tokio::test]
async fn the_recorded_store_passes_the_connection_test() {
    let store = recorded_store().await;
    let report = connector(&store).check().await.unwrap();
    assert!(report.is_ok());
    assert_eq!(report.store_name.as_deref(), Some("Woo Test Store"));
    assert_eq!(report.api_version.as_deref(), Some("wc/v3"));
}

/// What each recorded kind of store answers past the end of a list: its own answer, whatever it counts there.
#[tokio::test]
async fn a_list_ends_where_each_recorded_kind_of_store_says_so() {
    for (row, past_the_end, length, stream) in [
        ("customer_one", "customers_list_page4_beyond_end", 252, Stream::Customers),
        ("order_guest", "orders_list_page3_beyond_end", 120, Stream::Orders),
        ("order_guest", "wc-11-post-storage/orders_page9_beyond_end", 6, Stream::Orders),
        ("wc-7.9/customer_one", "wc-7.9/customers_page9_beyond_end", 12, Stream::Customers),
        ("order_guest", "wc-7.9/orders_page9_beyond_end", 12, Stream::Orders),
    ] {
        let (row, past_the_end) = (exchange(row).body, exchange(past_the_end));
        let end = past_the_end.reply();
        // The count is left out where there are records, so that the walk has to go past the end.
        let store = AnsweringStore::start(move |asked| {
            let rows = (asked.number_of("offset").unwrap_or(0)..length).take(asked.number_of("per_page").unwrap());
            let rows: Vec<Value> = rows.map(|place| with_id(&row, place + 1)).collect();
            if rows.is_empty() { end.clone() } else { Reply::json(&Value::Array(rows)) }
        })
        .await;
        let records = all_records(&*connector(&store), stream, Pass::Full).await;
        assert_eq!(records.len(), length, "{}", past_the_end.name);
    }
}

fn with_id(row: &Value, id: usize) -> Value {
    let mut row = row.clone();
    row["id"] = json!(id);
    row
}
