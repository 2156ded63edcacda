//! The simulated Salesforce Commerce Cloud by itself: every quirk that its sheet names.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use assent::domain::Platform;
use assent::sandbox::{Fault, FaultPlan, SandboxStore, SearchableDates, SfccOptions, StoreOptions};
use chrono::TimeDelta;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::app::TestClock;

const CUSTOMERS: &str = "/customer/customers/v1/organizations/f_ecom_zzxy_prd/customer-lists/RefArchList";
const ORDERS: &str = "/checkout/orders/v1/organizations/f_ecom_zzxy_prd/orders";
const SCOPES: &str = "SALESFORCE_COMMERCE_API:zzxy_prd sfcc.customerlists sfcc.orders";

struct Instance {
    store: SandboxStore,
    client: Client,
    clock: Arc<TestClock>,
    token: String,
}

impl Instance {
    async fn start(people: u64, sfcc: SfccOptions) -> Self {
        let clock = Arc::new(TestClock::default());
        let options = StoreOptions { people, sfcc, clock: Arc::<TestClock>::clone(&clock), ..StoreOptions::default() };
        let store = SandboxStore::start(Platform::Sfcc, options).await.unwrap();
        let client = Client::builder().build().unwrap();
        let mut instance = Self { store, client, clock, token: String::new() };
        instance.token = instance.token_for(SCOPES).await["access_token"].as_str().unwrap_or_default().to_owned();
        instance
    }

    async fn token_for(&self, scope: &str) -> Value {
        let settings = self.store.settings();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", settings["clientId"].as_str().unwrap()),
            ("client_secret", settings["clientSecret"].as_str().unwrap()),
            ("scope", scope),
        ];
        let url = settings["tokenUrl"].as_str().unwrap();
        self.client.post(url).form(&form).send().await.unwrap().json().await.unwrap()
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.store.base_url())).bearer_auth(&self.token)
    }

    async fn search(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}{CUSTOMERS}/customer-search", self.store.base_url());
        read(self.client.post(url).bearer_auth(&self.token).json(body).send().await.unwrap()).await
    }

    async fn ask(&self, path: &str) -> (u16, Value) {
        read(self.get(path).send().await.unwrap()).await
    }
}

async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Last part of a problem's type.
fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().rsplit('/').next().unwrap()
}

fn everybody(offset: u64, limit: u64) -> Value {
    json!({"query": {"matchAllQuery": {}}, "offset": offset, "limit": limit})
}

fn range(filter: &Value) -> Value {
    let query = json!({"filteredQuery": {"query": {"matchAllQuery": {}}, "filter": {"rangeFilter": filter}}});
    json!({"query": query, "limit": 200})
}

#[tokio::test]
async fn a_token_needs_the_tenant_and_the_scope_and_ends() {
    let mut instance = Instance::start(30, SfccOptions::default()).await;
    assert_eq!(instance.ask(&format!("{ORDERS}?siteId=RefArch")).await.0, 200);
    for (scope, detail) in [
        ("sfcc.orders", "Access denied for organization f_ecom_zzxy_prd"),
        ("SALESFORCE_COMMERCE_API:zzxy_prd", "Access denied. Missing required scope: sfcc.orders"),
    ] {
        instance.token = instance.token_for(scope).await["access_token"].as_str().unwrap().to_owned();
        let (status, problem) = instance.ask(&format!("{ORDERS}?siteId=RefArch")).await;
        assert_eq!((status, kind(&problem), problem["detail"].as_str().unwrap()), (403, "forbidden", detail));
    }
    instance.token = instance.token_for(SCOPES).await["access_token"].as_str().unwrap().to_owned();
    instance.clock.advance(TimeDelta::seconds(1799));
    let (status, problem) = instance.ask(&format!("{ORDERS}?siteId=RefArch")).await;
    assert_eq!((status, kind(&problem)), (401, "invalid-access-token"));
}

#[tokio::test]
async fn account_manager_refuses_as_documented_and_takes_basic_credentials() {
    let instance = Instance::start(30, SfccOptions { has_tenant: false, ..SfccOptions::default() }).await;
    assert_eq!(instance.token_for(SCOPES).await["error"], "invalid_scope");
    assert_eq!(instance.token_for("sfcc.customerlist").await["error"], "invalid_scope");
    let settings = instance.store.settings();
    let url = settings["tokenUrl"].as_str().unwrap();
    let form = [("grant_type", "client_credentials"), ("scope", "sfcc.orders")];
    let ask = async |secret: &str| {
        let request = instance.client.post(url).basic_auth(settings["clientId"].as_str().unwrap(), Some(secret));
        read(request.form(&form).send().await.unwrap()).await
    };
    let (status, granted) = ask(settings["clientSecret"].as_str().unwrap()).await;
    assert_eq!(
        (status, granted["expires_in"].as_u64(), granted["scope"].as_str()),
        (200, Some(1799), Some("sfcc.orders"))
    );
    assert_eq!(
        ask("wrong").await,
        (401, json!({"error": "invalid_client", "error_description": "Client authentication failed"}))
    );
}

#[tokio::test]
async fn no_search_shows_more_than_ten_thousand() {
    let instance = Instance::start(20_000, SfccOptions::default()).await;
    let (status, last) = instance.search(&everybody(9_800, 200)).await;
    assert_eq!((status, last["hits"].as_array().unwrap().len()), (200, 200));
    assert!(last["total"].as_u64().unwrap() > 10_000);
    let (status, problem) = instance.search(&everybody(9_801, 200)).await;
    assert_eq!((status, kind(&problem)), (400, "invalid-query-parameter"));
    assert_eq!(instance.search(&everybody(0, 201)).await.0, 400);
    assert_eq!(instance.ask(&format!("{ORDERS}?siteId=RefArch&offset=9900&limit=101")).await.0, 400);
}

#[tokio::test]
async fn a_date_is_searchable_only_where_the_store_says_so() {
    for (searchable_dates, created, modified) in
        [(SearchableDates::All, 200, 200), (SearchableDates::CreationOnly, 200, 400), (SearchableDates::None, 400, 400)]
    {
        let instance = Instance::start(30, SfccOptions { searchable_dates, ..SfccOptions::default() }).await;
        for (field, expected) in [("creationDate", created), ("lastModified", modified), ("last_modified", 400)] {
            let from = range(&json!({"field": field, "from": "2000-01-01T00:00:00.000Z"}));
            assert_eq!(instance.search(&from).await.0, expected, "{searchable_dates:?} {field}");
        }
        assert_eq!(instance.search(&range(&json!({"field": "creationDate"}))).await.0, 400, "open at both ends");
    }
}

#[tokio::test]
async fn ranges_that_touch_hold_everybody_once_and_their_ends_belong_to_them_by_default() {
    let instance = Instance::start(150, SfccOptions::default()).await;
    let total = instance.search(&everybody(0, 1)).await.1["total"].as_u64().unwrap();
    for field in ["creationDate", "lastModified"] {
        let (_, page) =
            instance.search(&json!({"query": {"matchAllQuery": {}}, "limit": 200, "sorts": [{"field": field}]})).await;
        let hits = page["hits"].as_array().unwrap();
        let dates: Vec<&str> = hits.iter().map(|hit| hit["data"][field].as_str().unwrap()).collect();
        assert!(dates.is_sorted(), "{field}");
        let middle = dates[dates.len() / 2];
        let count = async |filter: Value| instance.search(&range(&filter)).await.1["total"].as_u64().unwrap();
        let before = count(json!({"field": field, "to": middle, "toInclusive": false})).await;
        let after = count(json!({"field": field, "from": middle})).await;
        assert_eq!(before + after, total, "{field}");
        let inclusive = count(json!({"field": field, "to": middle})).await;
        let here = dates.iter().filter(|date| **date == middle).count() as u64;
        assert_eq!(inclusive, before + here, "{field}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused() {
    let instance = Instance::start(30, SfccOptions::default()).await;
    for body in [
        json!({"query": {"rangeQuery": {"field": "creationDate"}}}),
        json!({"query": {"matchAllQuery": {}, "termQuery": {}}}),
        json!({"query": {"termQuery": {"fields": ["customerId"], "operator": "is", "values": ["ab"]}}}),
        json!({"query": {"matchAllQuery": {}}, "select": "(**)"}),
        json!({}),
    ] {
        assert_eq!(instance.search(&body).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn profiles_are_found_by_their_numbers() {
    let instance = Instance::start(30, SfccOptions::default()).await;
    let query = json!({"termQuery": {"fields": ["customerNo"], "operator": "one_of", "values": ["00001001", "77", "00001003"]}});
    let (_, found) = instance.search(&json!({"query": query, "limit": 200})).await;
    let numbers: Vec<&str> =
        found["hits"].as_array().unwrap().iter().map(|hit| hit["data"]["customerNo"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["00001001", "00001003"]);
    assert_eq!(instance.ask(&format!("{CUSTOMERS}/customers/00001001")).await.1["customerNo"], "00001001");
    let (status, problem) = instance.ask(&format!("{CUSTOMERS}/customers/1")).await;
    assert_eq!((status, kind(&problem)), (404, "customer-not-found"));
    let other = CUSTOMERS.replace("RefArchList", "RefArchX");
    let (status, problem) = instance.ask(&format!("{other}/customers/00001001")).await;
    assert_eq!(
        (status, kind(&problem), problem["listId"].as_str()),
        (404, "customer-list-not-found", Some("RefArchX"))
    );
}

#[tokio::test]
async fn orders_come_newest_first_without_a_total() {
    let instance = Instance::start(800, SfccOptions::default()).await;
    let (_, page) = instance.ask(&format!("{ORDERS}?siteId=RefArch")).await;
    assert_eq!(page.as_object().unwrap().keys().collect::<Vec<_>>(), ["data"]);
    let orders = page["data"].as_array().unwrap();
    assert_eq!(orders.len(), 100, "unless asked otherwise");
    let dates: Vec<&str> = orders.iter().map(|order| order["creationDate"].as_str().unwrap()).collect();
    assert!(dates.is_sorted_by(|one, next| one >= next));
    let (_, oldest) =
        instance.ask(&format!("{ORDERS}?siteId=RefArch&sortBy=last_modified_date&sortOrder=asc&limit=200")).await;
    let changed: Vec<&str> =
        oldest["data"].as_array().unwrap().iter().map(|order| order["lastModified"].as_str().unwrap()).collect();
    assert!(changed.is_sorted() && changed.len() == 200);
    let statuses: Vec<&str> =
        oldest["data"].as_array().unwrap().iter().map(|order| order["status"].as_str().unwrap()).collect();
    assert!(["created", "failed", "completed"].iter().all(|status| statuses.contains(status)));
}

#[tokio::test]
async fn a_guest_may_have_a_number_and_an_order_may_lack_the_flag() {
    let instance = Instance::start(100, SfccOptions::default()).await;
    let (_, page) = instance.ask(&format!("{ORDERS}?siteId=RefArch&limit=200")).await;
    let customers: Vec<&Value> = page["data"].as_array().unwrap().iter().map(|order| &order["customerInfo"]).collect();
    assert!(customers.iter().any(|customer| customer["guest"] == true && customer["customerNo"].is_string()));
    assert!(customers.iter().any(|customer| customer["guest"] == true && customer.get("customerNo").is_none()));
    assert!(customers.iter().any(|customer| customer["guest"] == false));
    assert!(customers.iter().any(|customer| customer.get("guest").is_none() && customer["customerNo"].is_string()));
}

#[tokio::test]
async fn orders_are_a_sites_and_what_is_unknown_is_refused() {
    let instance = Instance::start(100, SfccOptions::default()).await;
    for (path, status, expected) in [
        (String::new(), 400, "invalid-query-parameter"),
        ("?siteId=Elsewhere".to_owned(), 404, "site-not-found"),
        ("?siteId=RefArch&modifiedSince=2026-01-01".to_owned(), 400, "invalid-query-parameter"),
        ("?siteId=RefArch&creationDateFrom=yesterday".to_owned(), 400, "invalid-query-parameter"),
        ("/00000001?siteId=RefArch".to_owned(), 404, "order-not-found"),
    ] {
        let (found, problem) = instance.ask(&format!("{ORDERS}{path}")).await;
        assert_eq!((found, kind(&problem)), (status, expected), "{path}");
    }
    let (_, order) = instance.ask(&format!("{ORDERS}/00050001?siteId=RefArch")).await;
    assert_eq!(order["orderNo"], "00050001");
}

#[tokio::test]
async fn the_attribute_is_absent_where_it_was_never_set_or_made() {
    for attribute in [true, false] {
        let instance = Instance::start(30, SfccOptions { attribute, ..SfccOptions::default() }).await;
        let (_, page) = instance.search(&everybody(0, 200)).await;
        let values: Vec<Option<&Value>> =
            page["hits"].as_array().unwrap().iter().map(|hit| hit["data"].get("c_acceptsMarketing")).collect();
        assert!(values.contains(&None));
        assert_eq!(values.contains(&Some(&json!(true))), attribute);
        assert_eq!(values.contains(&Some(&json!(false))), attribute);
    }
}

#[tokio::test]
async fn every_answer_tells_the_load_and_the_correlation_id() {
    for (load, status) in [(12, None), (80, Some("WARN")), (90, Some("THROTTLE"))] {
        let instance = Instance::start(30, SfccOptions { load, ..SfccOptions::default() }).await;
        let request = instance.get(&format!("{ORDERS}?siteId=RefArch")).header("correlation-id", "7");
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("sfdc_load"), Some(load.to_string()));
        assert_eq!(header("sfdc_load_status").as_deref(), status);
        assert_eq!(header("x-correlation-id").as_deref(), Some("7"));
    }
}

#[tokio::test]
async fn faults_are_the_platforms_own() {
    let instance = Instance::start(30, SfccOptions::default()).await;
    let strike = async |fault: Fault| {
        assert!(instance.store.plan_fault(FaultPlan::once(fault)));
        instance.ask(&format!("{ORDERS}?siteId=RefArch")).await
    };
    let mut throttled = [strike(Fault::Throttled).await.0, strike(Fault::Throttled).await.0];
    throttled.sort_unstable();
    assert_eq!(throttled, [429, 503], "the rate limit and load shedding in turn");
    assert_eq!(strike(Fault::ServerError).await.0, 500);
    assert_eq!(strike(Fault::RejectedCredentials).await.0, 401);
    let (status, _) = instance.ask(&format!("{ORDERS}?siteId=RefArch")).await;
    assert_eq!(status, 401, "the token is revoked");
}

#[tokio::test]
async fn a_short_token_life_is_told() {
    let token_lives = Duration::from_mins(1);
    let instance = Instance::start(30, SfccOptions { token_lives, ..SfccOptions::default() }).await;
    assert_eq!(instance.token_for(SCOPES).await["expires_in"], 60);
}
