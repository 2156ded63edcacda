//! The simulated WooCommerce over HTTP: what it says equals what a real one was recorded to say.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use assent::domain::{Audience, Clock, Platform, SystemClock};
use assent::sandbox::{
    Change, Fault, FaultPlan, OrderStorage, SandboxStore, StoreOptions, Target, Totals, WooCommerceOptions,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
static NONCE: AtomicU64 = AtomicU64::new(1);

pub(crate) type Pairs = Vec<(String, String)>;

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client can be built")
}

fn pairs(query: &[(&str, &str)]) -> Pairs {
    query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn setting(store: &SandboxStore, name: &str) -> String {
    store.settings()[name].as_str().expect("the setting is text").to_owned()
}

/// OAuth 1.0a parameters, signed the way RFC 5849 says.
fn signed(store: &SandboxStore, path: &str, query: Pairs, at: i64) -> Pairs {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut all = query;
    all.push(("oauth_consumer_key".to_owned(), setting(store, "consumerKey")));
    all.push(("oauth_nonce".to_owned(), NONCE.fetch_add(1, Ordering::Relaxed).to_string()));
    all.push(("oauth_signature_method".to_owned(), "HMAC-SHA256".to_owned()));
    all.push(("oauth_timestamp".to_owned(), at.to_string()));
    let mut sorted: Vec<_> = all.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    sorted.sort();
    let base = format!("GET&{}&{}", encode(&format!("{}{path}", store.base_url())), encode(&sorted.join("&")));
    let key = format!("{}&", setting(store, "consumerSecret"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length will do");
    mac.update(base.as_bytes());
    all.push(("oauth_signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes())));
    all
}

async fn get_unsigned(store: &SandboxStore, path: &str, query: &Pairs) -> reqwest::Response {
    let request = client().get(format!("{}{path}", store.base_url())).header("accept", "application/json");
    request.query(query).send().await.expect("the store answers")
}

pub(crate) async fn get(store: &SandboxStore, resource: &str, query: &[(&str, &str)]) -> reqwest::Response {
    let path = format!("/wp-json/wc/v3/{resource}");
    let query = signed(store, &path, pairs(query), SystemClock.now().timestamp());
    get_unsigned(store, &path, &query).await
}

pub(crate) async fn json(store: &SandboxStore, resource: &str, query: &[(&str, &str)]) -> Value {
    get(store, resource, query).await.json().await.expect("the answer is JSON")
}

/// Every record of a list, read page by page.
pub(crate) async fn all(store: &SandboxStore, resource: &str, query: &[(&str, &str)]) -> Vec<Value> {
    let mut records = Vec::new();
    for page in 1..=100 {
        let page = page.to_string();
        let mut query = query.to_vec();
        query.extend([("page", page.as_str()), ("per_page", "37")]);
        let Value::Array(more) = json(store, resource, &query).await else { panic!("not a list") };
        if more.is_empty() {
            return records;
        }
        records.extend(more);
    }
    panic!("the list does not end")
}

fn ids(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["id"].as_u64().expect("an id is a number")).collect()
}

fn header(response: &reqwest::Response, name: &str) -> String {
    response.headers()[name].to_str().expect("a header is text").to_owned()
}

pub(crate) async fn store(people: u64) -> SandboxStore {
    SandboxStore::start(Platform::WooCommerce, StoreOptions { people, ..StoreOptions::default() })
        .await
        .expect("the store starts")
}

#[tokio::test]
async fn paging_by_id_shows_every_customer_once_and_the_totals_agree() {
    let store = store(250).await;
    let customers = all(&store, "customers", &[("orderby", "id")]).await;
    let unique: BTreeSet<_> = ids(&customers).into_iter().collect();
    assert_eq!(unique.len(), customers.len());
    assert!(ids(&customers).is_sorted());
    let first = get(&store, "customers", &[("orderby", "id"), ("per_page", "100")]).await;
    assert_eq!(header(&first, "x-wp-total"), customers.len().to_string());
    assert!(header(&first, "link").contains("page=2>; rel=\"next\""));
}

#[tokio::test]
async fn orders_by_modification_show_every_order_once_in_windows_too() {
    let store = store(250).await;
    let by_id = all(&store, "orders", &[("orderby", "id"), ("order", "asc")]).await;
    let by_change = all(&store, "orders", &[("orderby", "modified"), ("order", "asc")]).await;
    let dates: Vec<_> = by_change.iter().map(|order| order["date_modified_gmt"].as_str().unwrap()).collect();
    assert!(dates.is_sorted());
    assert!(dates.windows(2).any(|pair| pair[0] == pair[1]), "ties in the second");
    let middle = dates[dates.len() / 2];
    let query = |name| [("orderby", "modified"), ("order", "asc"), ("dates_are_gmt", "true"), (name, middle)];
    let (after, before) =
        (all(&store, "orders", &query("modified_after")).await, all(&store, "orders", &query("modified_before")).await);
    let at = dates.iter().filter(|date| **date == middle).count();
    assert_eq!(after.len() + at + before.len(), by_change.len(), "both bounds are strict");
    let sorted = |records: &[Value]| ids(records).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(sorted(&by_id), sorted(&by_change));
    assert_eq!(sorted(&by_id).len(), by_id.len());
}

#[tokio::test]
async fn the_truth_can_be_read_off_the_wire() {
    let store = store(300).await;
    let plain = |email: &Value| {
        email.as_str().map(str::to_lowercase).filter(|email| email.contains('@') && !email.contains(' '))
    };
    let mut expected: BTreeSet<_> = all(&store, "customers", &[("orderby", "id")])
        .await
        .iter()
        .filter_map(|customer| plain(&customer["email"]))
        .collect();
    let guests = all(&store, "orders", &[("customer", "0"), ("orderby", "id")]).await;
    let real = guests.iter().filter(|order| order["status"] != "checkout-draft");
    expected.extend(
        real.filter_map(|order| plain(&order["billing"]["email"])).filter(|email| !email.ends_with(".invalid")),
    );
    let known: BTreeSet<_> = store
        .truths(0, 300)
        .into_iter()
        .filter(|truth| truth.audiences.contains(&Audience::Customers))
        .filter_map(|truth| truth.address)
        .collect();
    assert_eq!(known, expected);
    assert_eq!(store.totals().customers, expected.len() as u64);
}

#[tokio::test]
async fn a_request_that_is_not_rightly_signed_is_refused() {
    let store = store(30).await;
    let path = "/wp-json/wc/v3/customers";
    let now = SystemClock.now().timestamp();
    let code = async |query: &Pairs| {
        let response = get_unsigned(&store, path, query).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(code(&Vec::new()).await, (401, "Sorry, you cannot list resources.".to_owned()));
    let good = signed(&store, path, Vec::new(), now);
    assert_eq!(get_unsigned(&store, path, &good).await.status(), 200);
    assert_eq!(code(&good).await, (401, "Invalid nonce - nonce has already been used.".to_owned()));
    let old = signed(&store, path, Vec::new(), now - 3600);
    assert_eq!(code(&old).await, (401, "Invalid timestamp.".to_owned()));
    let mut more = signed(&store, path, Vec::new(), now);
    more.push(("per_page".to_owned(), "1".to_owned()));
    assert_eq!(code(&more).await, (401, "Invalid signature - provided signature does not match.".to_owned()));
}

#[tokio::test]
async fn basic_credentials_count_only_where_the_store_sees_tls() {
    let woocommerce = WooCommerceOptions { behind_tls_proxy: true, ..WooCommerceOptions::default() };
    let options = StoreOptions { people: 30, woocommerce, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.unwrap();
    let (key, secret) = (setting(&store, "consumerKey"), setting(&store, "consumerSecret"));
    let url = format!("{}/wp-json/wc/v3/customers", store.base_url());
    let plain = client().get(&url).basic_auth(&key, Some(&secret)).send().await.unwrap();
    assert_eq!(plain.status(), 401);
    let by_tls =
        |secret: &str| client().get(&url).header("x-forwarded-proto", "https").basic_auth(&key, Some(secret)).send();
    assert_eq!(by_tls(&secret).await.unwrap().status(), 200);
    let wrong: Value = by_tls("cs_wrong").await.unwrap().json().await.unwrap();
    assert_eq!(wrong["message"], "Consumer secret is invalid.");
}

#[tokio::test]
async fn past_the_end_the_new_order_storage_forgets_its_totals() {
    for (order_storage, total) in [(OrderStorage::Tables, "0"), (OrderStorage::Posts, "")] {
        let woocommerce = WooCommerceOptions { order_storage, ..WooCommerceOptions::default() };
        let options = StoreOptions { people: 30, woocommerce, ..StoreOptions::default() };
        let store = SandboxStore::start(Platform::WooCommerce, options).await.unwrap();
        let end = get(&store, "orders", &[("page", "9")]).await;
        assert_eq!(header(&end, "x-wp-total") == "0", total == "0", "{order_storage:?}");
        let customers = get(&store, "customers", &[("page", "9")]).await;
        assert_ne!(header(&customers, "x-wp-total"), "0");
    }
}

#[tokio::test]
async fn a_zone_together_with_the_gmt_flag_loses_rows_on_post_storage() {
    let woocommerce = WooCommerceOptions { order_storage: OrderStorage::Posts, ..WooCommerceOptions::default() };
    let options = StoreOptions { people: 30, woocommerce, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.unwrap();
    let truth = store.change(&Change::GuestOrder { email: "new@example.com".into(), opt_in: None }).unwrap();
    let order = json(&store, &format!("orders/{}", truth.records[0].id), &[]).await;
    let stamp: chrono::NaiveDateTime = order["date_modified_gmt"].as_str().unwrap().parse().unwrap();
    let before = (stamp - chrono::TimeDelta::minutes(5)).format("%Y-%m-%dT%H:%M:%S").to_string();
    let found = async |value: &str, flag: &str| {
        json(&store, "orders", &[("modified_after", value), ("dates_are_gmt", flag)]).await.as_array().unwrap().len()
    };
    let zoned = format!("{before}Z");
    assert_eq!(found(&before, "true").await, 1);
    assert_eq!(found(&zoned, "false").await, 1);
    assert_eq!(found(&zoned, "true").await, 0);
}

#[tokio::test]
async fn an_opt_out_changes_the_meta_and_no_date() {
    let store = store(30).await;
    let subscriber = store.truths(0, 1).remove(0);
    let id = subscriber.records[0].id;
    assert_eq!(subscriber.audiences, [Audience::Subscribers, Audience::Customers]);
    let before = json(&store, &format!("customers/{id}"), &[]).await;
    let email = subscriber.address.unwrap();
    let truth = store.change(&Change::OptOut { email }).unwrap();
    assert_eq!(truth.audiences, [Audience::Customers]);
    let after = json(&store, &format!("customers/{id}"), &[]).await;
    assert_ne!(before["meta_data"], after["meta_data"]);
    assert_eq!(before["date_modified_gmt"], after["date_modified_gmt"]);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_orders_to_a_guest() {
    let store = store(30).await;
    let buyer = store.truths(9, 1).remove(0);
    let email = buyer.address.unwrap();
    let order = buyer.records.iter().find(|record| record.stream == "orders").unwrap().id;
    let path = format!("orders/{order}");
    assert_ne!(json(&store, &path, &[]).await["customer_id"], 0);
    let truth = store.change(&Change::Delete { email }).unwrap();
    assert_eq!(json(&store, &path, &[]).await["customer_id"], 0);
    assert!(truth.audiences.contains(&Audience::Customers));
}

#[tokio::test]
async fn everything_has_another_face_under_a_fault() {
    let store = store(30).await;
    let strike = async |fault| {
        assert!(store.plan_fault(FaultPlan::once(fault)));
        let response = get(&store, "customers", &[("orderby", "id")]).await;
        (response.status().as_u16(), response.text().await)
    };
    assert_eq!(strike(Fault::Throttled).await.0, 429);
    assert_eq!(strike(Fault::ServerError).await.0, 500);
    assert_eq!(strike(Fault::RejectedCredentials).await.0, 401);
    assert!(strike(Fault::Html).await.1.unwrap().starts_with("<!DOCTYPE html>"));
    assert!(strike(Fault::TruncatedBody).await.1.is_err());
    assert!(serde_json::from_str::<Value>(&strike(Fault::MalformedJson).await.1.unwrap()).is_err());
    let spoilt: Value = serde_json::from_str(&strike(Fault::MalformedRecord).await.1.unwrap()).unwrap();
    assert_eq!(spoilt[0]["email"], 7);
    assert_eq!(store.struck(Fault::Html), 1);
    assert_eq!(get(&store, "customers", &[]).await.status(), 200);
}

#[tokio::test]
async fn a_fault_can_wait_for_its_request() {
    let store = store(30).await;
    assert!(store.plan_fault(FaultPlan { fault: Fault::ServerError, times: 1, after: 1, on: Target::Orders }));
    for (resource, status) in
        [("customers", 200), ("orders", 200), ("customers", 200), ("orders", 500), ("orders", 200)]
    {
        assert_eq!(get(&store, resource, &[]).await.status(), status, "{resource}");
    }
}

#[tokio::test]
async fn a_page_that_shifts_takes_a_person_away_from_an_offset_reader() {
    let store = store(250).await;
    let before = all(&store, "customers", &[("orderby", "id")]).await;
    assert!(store.plan_fault(FaultPlan::once(Fault::ShiftedPage)));
    let during = all(&store, "customers", &[("orderby", "id")]).await;
    assert_eq!(during.len(), before.len() - 1, "one was skipped at the seam of two pages");
    assert_eq!(ids(&during)[0], ids(&before)[0], "and not the one that was deleted");
}

#[tokio::test]
async fn a_silent_store_stops_at_once() {
    let store = store(30).await;
    assert!(store.plan_fault(FaultPlan::once(Fault::TimeOut)));
    let url = format!("{}/wp-json/wc/v3/customers", store.base_url());
    let hanging = client().get(url).timeout(Duration::from_millis(200)).send().await;
    assert!(hanging.unwrap_err().is_timeout());
    tokio::time::timeout(Duration::from_secs(10), store.stop()).await.unwrap();
}

#[tokio::test]
async fn the_control_api_tells_the_truth_and_changes_it() {
    let store = store(30).await;
    let url = store.control_url();
    let page: Value = client().get(format!("{url}?from=0&limit=30")).send().await.unwrap().json().await.unwrap();
    assert_eq!(page["platform"], "woocommerce");
    assert_eq!(page["totals"]["customers"], store.totals().customers);
    let body = serde_json::json!({ "change": "guestOrder", "email": "Late@Example.com", "optIn": true });
    let truth: Value = client().post(&url).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(truth["audiences"], serde_json::json!(["subscribers", "customers"]));
    let wrong = serde_json::json!({ "change": "optOut", "email": "nobody@example.com" });
    assert_eq!(client().post(&url).json(&wrong).send().await.unwrap().status(), 404);
    let unknown = serde_json::json!({ "change": "dance" });
    assert_eq!(client().post(&url).json(&unknown).send().await.unwrap().status(), 400);
    let found = json(&store, "orders", &[("search", "late@example.com")]).await;
    assert_eq!(found.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_million_people_answer_from_both_ends() {
    let store = store(1_000_000).await;
    let last = get(&store, "customers", &[("orderby", "id"), ("order", "desc"), ("per_page", "100")]).await;
    let total: u64 = header(&last, "x-wp-total").parse().unwrap();
    assert!(total > 600_000);
    let newest: Value = last.json().await.unwrap();
    let oldest = json(&store, "customers", &[("orderby", "id"), ("per_page", "100")]).await;
    assert!(newest[0]["id"].as_u64() > oldest[0]["id"].as_u64());
    let Totals { people, subscribers, customers, .. } = store.totals();
    assert!(people >= 1_000_000 && customers > subscribers && subscribers > 100_000);
}
