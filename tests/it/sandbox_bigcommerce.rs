//! The simulated BigCommerce over HTTP: what it says is what the vendor documents, section by section of the sheet.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::time::Duration;

use assent::domain::Platform;
use assent::sandbox::{BigCommerceOptions, Change, Fault, FaultPlan, SandboxStore, StoreOptions};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::answering::{AnsweringStore, Asked, Reply};

async fn store() -> SandboxStore {
    SandboxStore::start(Platform::BigCommerce, StoreOptions { people: 300, ..StoreOptions::generous() }).await.unwrap()
}

async fn call(store: &SandboxStore, method: Method, path: &str, token: &str, body: Option<Value>) -> Response {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let request = client.request(method, format!("{}{path}", store.base_url())).header("X-Auth-Token", token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}

async fn get(store: &SandboxStore, resource: &str) -> Response {
    let settings = store.settings();
    let path = format!("/stores/{}/{resource}", settings["storeHash"].as_str().unwrap());
    call(store, Method::GET, &path, settings["accessToken"].as_str().unwrap(), None).await
}

async fn json_of(store: &SandboxStore, resource: &str) -> Value {
    let answer = get(store, resource).await;
    assert_eq!(answer.status(), 200, "{resource}");
    answer.json().await.unwrap()
}

fn rows(page: &Value) -> &Vec<Value> {
    page["data"].as_array().unwrap()
}

#[tokio::test]
async fn customers_have_numbers_and_cursors_but_not_at_once_behind_the_first_page() {
    let store = store().await;
    let first = json_of(&store, "v3/customers?limit=10").await;
    let blocks = |page: &Value| ["pagination", "cursor_pagination"].map(|block| page["meta"][block].is_object());
    assert_eq!((blocks(&first), rows(&first).len()), ([true, true], 10));
    let after = first["meta"]["cursor_pagination"]["end_cursor"].as_str().unwrap();
    let by_cursor = json_of(&store, &format!("v3/customers?limit=10&after={after}&page=7")).await;
    let by_number = json_of(&store, "v3/customers?limit=10&page=2").await;
    assert_eq!((blocks(&by_number), rows(&by_cursor)), ([true, false], rows(&by_number)));
    let by_cursor = json_of(&store, &format!("v3/customers?limit=10&after={after}")).await;
    assert_eq!(blocks(&by_cursor), [false, true]);
    assert!(rows(&first)[0].get("accepts_marketing").is_none());
}

#[tokio::test]
async fn a_bare_date_means_equal_and_bounds_are_included() {
    let store = store().await;
    for list in ["customers", "customers/subscribers"] {
        let some = json_of(&store, &format!("v3/{list}?limit=1&page=40")).await;
        let date = rows(&some)[0]["date_modified"].as_str().unwrap().to_owned();
        let total = |query: String| {
            let store = &store;
            async move { json_of(store, &query).await["meta"]["pagination"]["total"].as_u64().unwrap() }
        };
        let equal = total(format!("v3/{list}?date_modified={date}")).await;
        let from = total(format!("v3/{list}?date_modified:min={date}")).await;
        let until = total(format!("v3/{list}?date_modified:max={date}")).await;
        let all = total(format!("v3/{list}?limit=1")).await;
        assert!(equal >= 1 && from > equal && until >= equal);
        assert_eq!(from + until, all + equal, "{list}");
    }
}

#[tokio::test]
async fn orders_are_a_bare_list_that_ends_with_204() {
    let store = store().await;
    let orders = json_of(&store, "v2/orders?limit=250").await;
    let orders = orders.as_array().unwrap();
    let count = json_of(&store, "v2/orders/count").await["count"].as_u64().unwrap();
    assert_eq!(orders.len() as u64, count);
    let date = orders[0]["date_created"].as_str().unwrap();
    assert!(date.ends_with(" +0000") && chrono::DateTime::parse_from_rfc2822(date).is_ok(), "{date}");
    let has = |test: &dyn Fn(&Value) -> bool| orders.iter().any(test);
    assert!(has(&|order| order["status_id"] == 0) && has(&|order| order["is_deleted"] == true));
    assert!(has(&|order| order["customer_id"] == 0) && has(&|order| order["customer_id"].is_null()));
    let end = get(&store, "v2/orders?limit=250&page=2").await;
    assert_eq!((end.status().as_u16(), end.text().await.unwrap()), (204, String::new()));
    let above = json_of(&store, "v2/orders?limit=2&sort=id:asc&min_id=105").await;
    assert_eq!(
        above.as_array().unwrap().iter().map(|order| order["id"].as_u64().unwrap()).collect::<Vec<_>>(),
        [105, 106]
    );
}

#[tokio::test]
async fn each_version_refuses_in_its_own_words() {
    let store = store().await;
    for (resource, status) in [
        ("v3/customers?limit=251", 413),
        ("v3/customers?date_modified:min=soon", 422),
        ("v3/customers/subscribers/99999", 404),
        ("v3/nothing", 404),
    ] {
        let answer = get(&store, resource).await;
        assert_eq!(answer.status().as_u16(), status, "{resource}");
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], status, "{resource}");
    }
    let answer = get(&store, "v2/orders/99999").await;
    assert_eq!(answer.json::<Value>().await.unwrap()[0]["status"], 404);
    let gone = json_of(&store, "v3/customers?id:in=99999").await;
    assert!(rows(&gone).is_empty(), "no 404 for a customer");
    let token = store.settings()["accessToken"].as_str().unwrap().to_owned();
    for (path, token) in [("/stores/sandbox/v2/orders", "wrong"), ("/stores/another/v2/orders", token.as_str())] {
        assert_eq!(call(&store, Method::GET, path, token, None).await.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn the_rate_limit_is_told_and_kept() {
    let bigcommerce = BigCommerceOptions { quota: 2, window: Duration::from_mins(10) };
    let options = StoreOptions { people: 30, bigcommerce, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::BigCommerce, options).await.unwrap();
    for (left, status) in [("1", 200), ("0", 200), ("0", 429)] {
        let answer = get(&store, "v3/customers").await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("x-rate-limit-requests-left").as_str(), answer.status().as_u16()), (left, status));
        assert!(header("x-rate-limit-time-reset-ms").parse::<u64>().unwrap() <= 600_000);
        assert_eq!(answer.headers().contains_key("x-retry-after"), status == 429);
    }
}

#[tokio::test]
async fn an_overloaded_platform_tells_no_time() {
    let store = store().await;
    assert!(store.plan_fault(FaultPlan { times: 2, ..FaultPlan::once(Fault::Throttled) }));
    let mut told = Vec::new();
    for _ in 0..2 {
        let answer = get(&store, "v3/customers").await;
        assert_eq!(answer.status(), 429);
        told.push(answer.headers().contains_key("x-rate-limit-time-reset-ms"));
    }
    assert!(told.contains(&true) && told.contains(&false), "{told:?}");
}

#[tokio::test]
async fn hooks_can_be_made_listed_changed_and_deleted() {
    let store = store().await;
    let token = store.settings()["accessToken"].as_str().unwrap().to_owned();
    let hooks = "/stores/sandbox/v3/hooks";
    let body =
        |destination: &str| json!({"scope": "store/order/*", "destination": destination, "headers": {"X-Key": "k"}});
    let send = async |method, path: String, body| call(&store, method, &path, &token, body).await;
    for refused in ["http://shop.example/hooks", "https://shop.example:8443/hooks", "shop"] {
        assert_eq!(send(Method::POST, hooks.to_owned(), Some(body(refused))).await.status(), 422, "{refused}");
    }
    let made: Value =
        send(Method::POST, hooks.to_owned(), Some(body("https://shop.example/h"))).await.json().await.unwrap();
    assert_eq!((&made["data"]["headers"]["X-Key"], &made["data"]["is_active"]), (&json!("k"), &json!(true)));
    let one = format!("{hooks}/{}", made["data"]["id"]);
    let asleep = send(Method::PUT, one.clone(), Some(json!({"is_active": false}))).await;
    assert_eq!(asleep.json::<Value>().await.unwrap()["data"]["is_active"], false);
    let listed = json_of(&store, "v3/hooks").await;
    assert_eq!((rows(&listed).len(), &rows(&listed)[0]["scope"]), (1, &json!("store/order/*")));
    assert_eq!(send(Method::DELETE, one.clone(), None).await.status(), 200);
    assert_eq!(send(Method::DELETE, one, None).await.status(), 404);
}

#[tokio::test]
async fn a_hook_gets_notices_with_its_headers_and_a_wildcard_also_those_of_addresses() {
    let store = store().await;
    let receiver = AnsweringStore::start(|_| Reply::text(200, "")).await;
    let token = store.settings()["accessToken"].as_str().unwrap().to_owned();
    for (scope, path) in [("store/customer/created", "one"), ("store/customer/*", "all")] {
        let destination = format!("{}/{path}", receiver.url);
        let body = json!({"scope": scope, "destination": destination, "headers": {"X-Key": path}});
        let made = call(&store, Method::POST, "/stores/sandbox/v3/hooks", &token, Some(body)).await;
        assert_eq!(made.status(), 200, "{scope}");
    }
    store.change(&Change::NewCustomer { email: "new@example.com".to_owned(), opt_in: None }).unwrap();
    store.delivered().await;
    let asked = receiver.asked();
    let to = |path: &str| asked.iter().filter(|asked| asked.path == path).map(Asked::json).collect::<Vec<_>>();
    let (one, all) = (to("/one"), to("/all"));
    assert_eq!((one.len(), all.len()), (1, 2));
    assert_eq!(one[0], all[0], "one event is one body, with one hash");
    let scopes: Vec<&Value> = all.iter().map(|notice| &notice["scope"]).collect();
    assert_eq!(scopes, ["store/customer/created", "store/customer/address/created"]);
    assert_eq!(all[1]["data"]["address"]["customer_id"], all[0]["data"]["id"]);
    assert_ne!((&all[0]["data"]["id"], &all[0]["hash"]), (&all[1]["data"]["id"], &all[1]["hash"]));
    assert_eq!((&one[0]["producer"], one[0]["hash"].as_str().map(str::len)), (&json!("stores/sandbox"), Some(40)));
    for asked in &asked {
        assert_eq!(asked.header("x-key"), asked.path.strip_prefix('/'));
        assert!(asked.header("webhook-signature").unwrap().starts_with("v1,") && asked.header("webhook-id").is_some());
    }
}
