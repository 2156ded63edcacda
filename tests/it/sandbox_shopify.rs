//! The simulated Shopify over HTTP: queries run against a schema, the vendor's own where it is present.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, Fault, FaultPlan, SandboxStore, ShopifyCredentials, ShopifyOptions, StoreOptions};
use serde_json::{Value, json};

use crate::support::vendors;

const CUSTOMERS: &str = "query Customers($first: Int!, $after: String, $query: String, $sort: CustomerSortKeys) {
  customers(first: $first, after: $after, query: $query, sortKey: $sort) {
    nodes { id updatedAt firstName defaultEmailAddress { emailAddress validFormat marketingState marketingUpdatedAt } }
    pageInfo { hasNextPage endCursor }
  }
}";
const ORDERS: &str = "query Orders($first: Int!, $after: String, $query: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { id updatedAt test email customerAcceptsMarketing createdAt customer { id } }
    pageInfo { hasNextPage endCursor }
  }
}";

pub(crate) fn schema_dir() -> Option<PathBuf> {
    vendors().map(|folder| folder.join("shopify/schema"))
}

/// A store over the vendor's schema where it is present, with points enough not to wait.
pub(crate) async fn store(people: u64) -> SandboxStore {
    started(StoreOptions { people, schema_dir: schema_dir(), shopify: generous(), ..StoreOptions::default() }).await
}

pub(crate) fn generous() -> ShopifyOptions {
    ShopifyOptions { bucket: 1e6, restore_per_second: 1e6, ..ShopifyOptions::default() }
}

pub(crate) async fn started(options: StoreOptions) -> SandboxStore {
    SandboxStore::start(Platform::Shopify, options).await.expect("the store starts")
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client can be built")
}

async fn send(store: &SandboxStore, token: &str, query: &str, variables: Value) -> reqwest::Response {
    let url = format!("{}/admin/api/2026-07/graphql.json", store.base_url());
    let request = client().post(url).header("x-shopify-access-token", token);
    request.json(&json!({ "query": query, "variables": variables })).send().await.expect("the store answers")
}

pub(crate) async fn ask(store: &SandboxStore, query: &str, variables: Value) -> Value {
    let settings = store.settings();
    send(store, settings["accessToken"].as_str().unwrap_or_default(), query, variables)
        .await
        .json()
        .await
        .expect("the answer is JSON")
}

/// Every node of a root connection, read page by page.
async fn all(store: &SandboxStore, root: &str, query: &str, mut variables: Value) -> Vec<Value> {
    let mut nodes = Vec::new();
    for _ in 0..100 {
        let answer = ask(store, query, variables.clone()).await;
        assert!(answer.get("errors").is_none(), "{}", answer["errors"]);
        let connection = &answer["data"][root];
        nodes.extend(connection["nodes"].as_array().expect("nodes are a list").iter().cloned());
        if connection["pageInfo"]["hasNextPage"] == false {
            return nodes;
        }
        variables["after"] = connection["pageInfo"]["endCursor"].clone();
    }
    panic!("the connection does not end")
}

fn ids(nodes: &[Value]) -> BTreeSet<String> {
    nodes.iter().map(|node| node["id"].as_str().expect("an id is text").to_owned()).collect()
}

#[tokio::test]
async fn paging_shows_every_customer_once_in_either_order() {
    let store = store(250).await;
    let by_change = all(&store, "customers", CUSTOMERS, json!({ "first": 40, "sort": "UPDATED_AT" })).await;
    let by_id = all(&store, "customers", CUSTOMERS, json!({ "first": 40, "sort": "ID" })).await;
    assert_eq!(ids(&by_change), ids(&by_id));
    assert_eq!(ids(&by_id).len(), by_id.len());
    let stamps: Vec<_> = by_change.iter().map(|node| node["updatedAt"].as_str().unwrap()).collect();
    assert!(stamps.is_sorted());
    let count = ask(&store, "{ customersCount { count precision } }", json!({})).await;
    assert_eq!(count["data"]["customersCount"], json!({ "count": by_id.len(), "precision": "EXACT" }));
}

#[tokio::test]
async fn a_customer_who_changes_while_the_store_is_read_is_shown_again_and_none_is_lost() {
    let store = store(250).await;
    let first = ask(&store, CUSTOMERS, json!({ "first": 100, "sort": "UPDATED_AT" })).await;
    let connection = &first["data"]["customers"];
    let mut seen = ids(connection["nodes"].as_array().unwrap());
    store.change(&Change::OptOut { email: store.truths(0, 1).remove(0).address.unwrap() }).unwrap();
    let variables = json!({ "first": 100, "sort": "UPDATED_AT", "after": connection["pageInfo"]["endCursor"] });
    seen.extend(ids(&all(&store, "customers", CUSTOMERS, variables).await));
    let by_id = all(&store, "customers", CUSTOMERS, json!({ "first": 100, "sort": "ID" })).await;
    assert_eq!(seen, ids(&by_id));
}

#[tokio::test]
async fn the_truth_can_be_read_off_the_wire() {
    let store = store(300).await;
    let customers = all(&store, "customers", CUSTOMERS, json!({ "first": 100, "sort": "ID" })).await;
    let orders = all(&store, "orders", ORDERS, json!({ "first": 50 })).await;
    let orphans = orders.iter().filter(|order| order["customer"].is_null() && order["test"] == false);
    let fold = |email: &Value| {
        let email = email.as_str()?.to_lowercase().replace("bücher.example", "xn--bcher-kva.example");
        (email.contains('@') && !email.contains(' ')).then_some(email)
    };
    let valid = customers.iter().filter(|node| node["defaultEmailAddress"]["validFormat"] == true);
    let mut expected: BTreeSet<_> =
        valid.filter_map(|node| fold(&node["defaultEmailAddress"]["emailAddress"])).collect();
    expected.extend(orphans.filter_map(|order| fold(&order["email"])));
    let known: BTreeSet<_> = store
        .truths(0, 300)
        .into_iter()
        .filter(|truth| truth.audiences.contains(&Audience::Customers))
        .filter_map(|truth| truth.address)
        .collect();
    assert_eq!(known, expected);
}

#[tokio::test]
async fn a_search_finds_what_changed_since() {
    let store = store(100).await;
    store.change(&Change::NewCustomer { email: "new@example.com".into(), opt_in: Some(true) }).unwrap();
    let query = "updated_at:>='2026-01-01T00:00:00Z'";
    let found = all(&store, "customers", CUSTOMERS, json!({ "first": 10, "sort": "UPDATED_AT", "query": query })).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["defaultEmailAddress"]["marketingState"], "SUBSCRIBED");
    let id = found[0]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let after = json!({ "first": 10, "sort": "ID", "query": format!("id:>{id}") });
    assert!(all(&store, "customers", CUSTOMERS, after).await.is_empty());
    let since = json!({ "first": 10, "sort": "UPDATED_AT", "query": "updated_at:>" });
    assert_eq!(ask(&store, CUSTOMERS, since).await["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR");
}

#[tokio::test]
async fn an_opt_out_shows_with_its_time() {
    let store = store(30).await;
    let subscriber = store.truths(0, 1).remove(0);
    let id = format!("gid://shopify/Customer/{}", subscriber.records[0].id);
    let truth = store.change(&Change::OptOut { email: subscriber.address.unwrap() }).unwrap();
    assert_eq!(truth.audiences, [Audience::Customers]);
    let query = "query($id: ID!) { customer(id: $id) { defaultEmailAddress { marketingState marketingUpdatedAt } } }";
    let address = ask(&store, query, json!({ "id": id })).await["data"]["customer"]["defaultEmailAddress"].clone();
    assert_eq!(address["marketingState"], "UNSUBSCRIBED");
    assert!(address["marketingUpdatedAt"].as_str().unwrap() > "2026-01-01");
    let gone = ask(&store, query, json!({ "id": "gid://shopify/Customer/1" })).await;
    assert_eq!((&gone["data"]["customer"], gone.get("errors")), (&Value::Null, None));
}

#[tokio::test]
async fn a_query_is_paid_from_a_bucket_and_refused_when_it_is_empty() {
    let shopify = ShopifyOptions { bucket: 250.0, restore_per_second: 0.001, ..ShopifyOptions::default() };
    let store = started(StoreOptions { people: 30, shopify, ..StoreOptions::default() }).await;
    let first = ask(&store, CUSTOMERS, json!({ "first": 100 })).await;
    let cost = &first["extensions"]["cost"];
    assert_eq!(cost["requestedQueryCost"], 200, "a customer and an address, a hundred times");
    let actual = cost["actualQueryCost"].as_u64().unwrap();
    assert!(actual < 200, "the difference is refunded");
    assert_eq!(
        cost["throttleStatus"]["currentlyAvailable"].as_f64(),
        Some(250.0 - f64::from(u32::try_from(actual).unwrap()))
    );
    let mut last = first;
    for _ in 0..20 {
        last = ask(&store, CUSTOMERS, json!({ "first": 100 })).await;
        if last.get("errors").is_some() {
            break;
        }
    }
    assert_eq!(last["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!((last.get("data"), &last["extensions"]["cost"]["actualQueryCost"]), (None, &Value::Null));
    let dear = ask(&store, CUSTOMERS, json!({ "first": 250 })).await;
    assert_eq!(dear["errors"][0]["extensions"]["code"], "THROTTLED", "500 points fit into no bucket of 250");
}

#[tokio::test]
async fn a_query_may_cost_a_thousand_points_at_most() {
    let store = store(30).await;
    let query = "{ orders(first: 250) { nodes { id billingAddress { id } customer { id defaultEmailAddress { emailAddress } defaultAddress { id } } } } }";
    let refused = ask(&store, query, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "MAX_COST_EXCEEDED");
    assert_eq!(refused["errors"][0]["extensions"]["cost"], 1250);
}

#[tokio::test]
async fn rights_and_tokens_are_asked_for() {
    let shopify = ShopifyOptions { scopes: vec!["read_orders".to_owned()], ..generous() };
    let store = started(StoreOptions { people: 100, shopify, ..StoreOptions::default() }).await;
    assert_eq!(send(&store, "shpat_wrong", "{ shop { name } }", json!({})).await.status(), 401);
    let denied = ask(&store, CUSTOMERS, json!({ "first": 1 })).await;
    assert_eq!(denied["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
    assert_eq!(denied["data"], json!({ "customers": null }));
    let scopes = ask(&store, "{ currentAppInstallation { accessScopes { handle } } }", json!({})).await;
    assert_eq!(scopes["data"]["currentAppInstallation"]["accessScopes"], json!([{ "handle": "read_orders" }]));
    let orders = all(&store, "orders", "query($first: Int!, $after: String) { orders(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }", json!({ "first": 50 })).await;
    assert!(orders.is_empty(), "orders older than 60 days are absent without read_all_orders");
}

#[tokio::test]
async fn an_unknown_field_is_refused_in_the_vendors_words() {
    let store = store(30).await;
    let refused = ask(&store, "{ customers(first: 1) { nodes { nope } } }", json!({})).await;
    assert_eq!(refused["errors"][0]["message"], "Field 'nope' doesn't exist on type 'Customer'");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "undefinedField");
}

#[tokio::test]
async fn client_credentials_give_a_token_that_ends() {
    let credentials = ShopifyCredentials::ClientCredentials { token_lives: Duration::from_secs(0) };
    let options = |credentials| StoreOptions {
        people: 30,
        shopify: ShopifyOptions { credentials, ..generous() },
        ..StoreOptions::default()
    };
    for (credentials, status) in
        [(credentials, 401), (ShopifyCredentials::ClientCredentials { token_lives: Duration::from_hours(24) }, 200)]
    {
        let store = started(options(credentials)).await;
        let settings = store.settings();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", settings["clientId"].as_str().unwrap()),
            ("client_secret", settings["clientSecret"].as_str().unwrap()),
        ];
        let url = format!("{}/admin/oauth/access_token", store.base_url());
        let grant: Value = client().post(&url).form(&form).send().await.unwrap().json().await.unwrap();
        let token = grant["access_token"].as_str().unwrap();
        assert_eq!(send(&store, token, "{ shop { name } }", json!({})).await.status(), status);
        let wrong = client()
            .post(&url)
            .form(&[("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", "y")])
            .send()
            .await;
        assert_eq!(wrong.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn a_throttled_store_says_so_in_both_ways() {
    let store = store(30).await;
    assert!(store.plan_fault(FaultPlan { times: 2, ..FaultPlan::once(Fault::Throttled) }));
    let settings = store.settings();
    let token = settings["accessToken"].as_str().unwrap();
    let first = send(&store, token, "{ shop { name } }", json!({})).await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"], "THROTTLED");
    let second = send(&store, token, "{ shop { name } }", json!({})).await;
    assert_eq!((second.status().as_u16(), second.headers()["retry-after"].to_str().unwrap()), (429, "1.0"));
    let third = send(&store, token, "{ shop { name } }", json!({})).await;
    assert_eq!(third.headers()["x-shopify-api-version"], "2026-07");
    assert_eq!(third.json::<Value>().await.unwrap()["data"]["shop"]["name"], "Shopify sandbox");
}

#[tokio::test]
async fn paging_ends_at_the_ceiling() {
    let shopify = ShopifyOptions { paging_ceiling: Some(60), ..generous() };
    let store = started(StoreOptions { people: 100, shopify, ..StoreOptions::default() }).await;
    assert_eq!(all(&store, "customers", CUSTOMERS, json!({ "first": 25, "sort": "ID" })).await.len(), 60);
}

#[tokio::test]
async fn the_queries_of_the_vendors_examples_are_answered() {
    let Some(folder) = vendors().map(|folder| folder.join("shopify/examples")) else { return };
    let store = store(60).await;
    for name in [
        "customers-page-1",
        "customers-page-2",
        "orders-page-1",
        "customer-by-id",
        "customer-by-id-missing",
        "customers-count",
        "shop-and-scopes",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let example: Value = serde_json::from_str(&text).unwrap();
        let body = &example["request"]["body"];
        let mut variables = body["variables"].clone();
        // The cursors of the examples are another store's.
        if variables.get("after").is_some() {
            variables["after"] = Value::Null;
        }
        let answer = ask(&store, body["query"].as_str().unwrap(), variables).await;
        assert_eq!(answer.get("errors"), None, "{name}");
        assert!(answer["data"].is_object(), "{name}");
    }
}

#[test]
fn the_sandboxs_own_schema_is_a_part_of_the_vendors() {
    let Some(folder) = schema_dir() else { return };
    let parse = |text: String| Schema::parse_and_validate(text, "schema.graphql").unwrap();
    let text = std::fs::read_to_string(folder.join("admin-2026-07.core.graphql")).unwrap();
    let vendor = parse(format!("{text}\ndirective @oneOf on INPUT_OBJECT\n"));
    let own = parse(include_str!("../../src/sandbox/shopify.graphql").to_owned());
    for (name, kind) in own.types.iter().filter(|(_, kind)| !kind.is_built_in()) {
        let theirs = vendor.types.get(name).unwrap_or_else(|| panic!("the vendor has no {name}"));
        let fields = |kind: &ExtendedType| match kind {
            ExtendedType::Object(object) => Some(object.fields.clone()),
            ExtendedType::Interface(interface) => Some(interface.fields.clone()),
            _ => None,
        };
        for (field, definition) in fields(kind).into_iter().flatten() {
            let their_fields = fields(theirs).unwrap();
            let their = their_fields.get(&field).unwrap_or_else(|| panic!("the vendor has no {name}.{field}"));
            assert_eq!(definition.ty, their.ty, "{name}.{field}");
            for argument in &definition.arguments {
                let same = their
                    .argument_by_name(&argument.name)
                    .unwrap_or_else(|| panic!("{name}.{field}({})", argument.name));
                assert_eq!(
                    (&argument.ty, &argument.default_value),
                    (&same.ty, &same.default_value),
                    "{name}.{field}({})",
                    argument.name
                );
            }
        }
        if let (ExtendedType::Enum(ours), ExtendedType::Enum(theirs)) = (kind, theirs) {
            for value in ours.values.keys() {
                assert!(theirs.values.contains_key(value), "the vendor has no {name}.{value}");
            }
        }
    }
}
