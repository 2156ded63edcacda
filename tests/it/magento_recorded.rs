//! The recorded exchanges of the real Magento, replayed through the connector over HTTP.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::path::{Path, PathBuf};

use assent::connectors::{ConnectorError, Pass};
use assent::domain::people::{PersonKind, StoreId, StorePerson, StoreRecord, Stream};
use assent::domain::statement::OptIn;
use serde_json::{Value, json};

use crate::magento_connector::shop::{connector, is_probe, one_website, pass, person};
use crate::support::answering::{AnsweringStore, Asked, Reply};
use crate::support::recorded::{Exchange, exchanges_of};
use crate::support::vendors;

/// Our own copy of the recordings, part of the project.
pub(crate) fn own_recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/magento/recorded")
}

fn exchange(name: &str) -> Exchange {
    let all = exchanges_of(&own_recordings(), &[""]);
    all.into_iter().find(|exchange| exchange.name == name).expect("the exchange was recorded")
}

/// The stream that an exchange is of, and whether it is of one record; `None` for what the connector does not read.
fn kind(exchange: &Exchange) -> Option<(Stream, bool)> {
    let path = exchange.path.strip_prefix("/rest/V1/")?;
    match path.split('/').collect::<Vec<_>>()[..] {
        ["customers", "search"] => Some((Stream::Customers, false)),
        ["customers", _] => Some((Stream::Customers, true)),
        ["orders"] => Some((Stream::Orders, false)),
        ["orders", _] => Some((Stream::Orders, true)),
        _ => None,
    }
}

/// A shop that gives one recorded answer to lists or to single records. What else has to be asked is answered from other
/// recordings: the store views, and an account that is read by itself.
async fn replay(exchange: &Exchange) -> AnsweringStore {
    let (stream, is_single) = kind(exchange).expect("it is a list or a record");
    let (reply, rows) = (cut(exchange), exchange.body["items"].clone());
    let account = self::exchange("customer_one").body;
    let path = if stream == Stream::Customers { "/rest/V1/customers/" } else { "/rest/V1/orders" };
    AnsweringStore::start(move |asked: &Asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => Reply::json(&one_website()),
        _ if is_probe(asked) => Reply::json(&json!({"items": [], "total_count": 0})),
        single if !is_single && single.starts_with(path) && id_in(single).is_some() => {
            let listed = rows.as_array().into_iter().flatten().find(|row| row["id"].as_u64() == id_in(single));
            let mut row = account.clone();
            row.as_object_mut().unwrap().extend(listed.unwrap().as_object().unwrap().clone());
            Reply::json(&row)
        }
        _ => reply.clone(),
    })
    .await
}

fn id_in(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}

/// The answer as it was, but for the count of a list: recorded lists are cut.
fn cut(exchange: &Exchange) -> Reply {
    let mut body = exchange.body.clone();
    if let Some(rows) = body["items"].as_array().map(Vec::len) {
        body["total_count"] = json!(rows);
        return Reply::json(&body);
    }
    exchange.reply()
}

/// What each recorded refusal means to us.
fn expected_error(exchange: &Exchange) -> ConnectorError {
    match exchange.status {
        401 => ConnectorError::CredentialsRejected,
        404 => ConnectorError::NotThere { what: "Magento REST API" },
        status => ConnectorError::Refused { status },
    }
}

async fn replay_refusal(exchange: &Exchange) {
    let reply = exchange.reply();
    let store = AnsweringStore::start(move |_| reply.clone()).await;
    let connector = connector(&store);
    let listed = pass(&*connector, Stream::Orders, Pass::Full, None).await.unwrap_err();
    assert_eq!(listed, expected_error(exchange), "{}", exchange.name);
    let found = connector.record(Stream::Orders, &StoreId::new("999999")).await;
    let is_about_a_record = exchange.name.contains("unknown_404") && !exchange.name.starts_with("route");
    match found {
        Ok(None) => assert!(is_about_a_record || exchange.name.contains("after_delete"), "{}", exchange.name),
        Ok(Some(record)) => panic!("{}: {record:?}", exchange.name),
        Err(error) => assert_eq!((error, is_about_a_record), (expected_error(exchange), false), "{}", exchange.name),
    }
}

async fn replay_list(exchange: &Exchange, stream: Stream) {
    let store = replay(exchange).await;
    let pages = pass(&*connector(&store), stream, Pass::Full, None).await.unwrap();
    let records: Vec<&StoreRecord> = pages.iter().flat_map(|page| &page.records).collect();
    let rows = exchange.body["items"].as_array().unwrap();
    assert_eq!(records.len(), rows.len(), "{}", exchange.name);
    records.into_iter().zip(rows).for_each(|(record, row)| check(exchange, record, row));
}

async fn replay_single(exchange: &Exchange, stream: Stream) {
    let store = replay(exchange).await;
    let id = StoreId::new(id_in(&exchange.path).unwrap().to_string());
    let record = connector(&store).record(stream, &id).await.unwrap().unwrap();
    check(exchange, &record, &exchange.body);
}

/// A record says what its row says.
fn check(exchange: &Exchange, record: &StoreRecord, row: &Value) {
    let name = &exchange.name;
    let is_order = row.get("entity_id").is_some();
    let address = if is_order { &row["customer_email"] } else { &row["email"] };
    match record {
        StoreRecord::Person(StorePerson { kind, email, statement, store_id, .. }) => {
            let id = if is_order { &row["entity_id"] } else { &row["id"] };
            assert_eq!(store_id.as_str(), id.to_string(), "{name}");
            assert!(row.get("customer_id").is_none(), "{name}");
            assert_eq!(*kind, if is_order { PersonKind::Guest } else { PersonKind::Account }, "{name}");
            assert_eq!(email.as_deref(), address.as_str(), "{name}");
            if let Some(flag) = row.pointer("/extension_attributes/is_subscribed").and_then(Value::as_bool) {
                assert_eq!(statement.value, if flag { OptIn::Granted } else { OptIn::Unknown }, "{name}");
            }
        }
        StoreRecord::Skipped { .. } => assert!(row.get("customer_id").is_some() || address.is_null(), "{name}"),
        StoreRecord::Malformed { detail, .. } => panic!("{name}: {detail}"),
    }
}

async fn replay_all(folder: &Path) -> usize {
    let mut replayed = 0;
    for exchange in exchanges_of(folder, &[""]) {
        match kind(&exchange) {
            _ if exchange.status >= 400 => replay_refusal(&exchange).await,
            Some((stream, false)) => replay_list(&exchange, stream).await,
            Some((stream, true)) => replay_single(&exchange, stream).await,
            // Groups, configurations and websites, which the connector does not read.
            None => continue,
        }
        replayed += 1;
    }
    replayed
}

#[tokio::test]
async fn every_recorded_answer_is_read_or_refused_for_what_it_is() {
    assert_eq!(replay_all(&own_recordings()).await, 37);
}

#[tokio::test]
async fn every_recorded_answer_of_the_reference_folder_is_too() {
    let Some(folder) = vendors() else { return };
    assert_eq!(replay_all(&folder.join("magento/recorded")).await, 37);
}

#[tokio::test]
async fn a_recorded_account_is_read_whole() {
    let store = replay(&exchange("customer_one")).await;
    let record = connector(&store).record(Stream::Customers, &StoreId::new("3")).await.unwrap().unwrap();
    let person = person(&record);
    assert_eq!(person.email.as_deref(), Some("Mixed.Case3@Example.com"), "the case is kept as typed");
    assert_eq!((person.first_name.as_deref(), person.last_name.as_deref()), (Some("José"), Some("Brown & Söns")));
    assert_eq!((person.statement.value, person.statement.at), (OptIn::Granted, None));
}

#[tokio::test]
async fn the_order_of_a_deleted_account_counts_as_a_guests() {
    let store = replay(&exchange("order_of_deleted_customer")).await;
    let record = connector(&store).record(Stream::Orders, &StoreId::new("11")).await.unwrap().unwrap();
    assert_eq!(person(&record).kind, PersonKind::Guest);
}

#[tokio::test]
async fn the_recorded_store_views_are_those_of_one_website() {
    let (views, customers, orders) = (exchange("store_views"), exchange("customers_page1"), exchange("orders_page1"));
    let store = AnsweringStore::start(move |asked| match asked.path.as_str() {
        "/rest/V1/store/storeViews" => views.reply(),
        "/rest/V1/customers/search" => customers.reply(),
        "/rest/V1/orders" => orders.reply(),
        _ => exchange("route_unknown_404").reply(),
    })
    .await;
    let report = connector(&store).check().await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.store_name.as_deref(), report.warnings.len()), (Some("Default Store View"), 1));
}
