//! The webhooks of the simulated Shopify: its API for them and what it sends, held against the vendor's examples.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use assent::domain::Platform;
use assent::sandbox::{AppEvent, AppEventError, Change, SandboxStore, Sent, ShopifyOptions, StoreOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sandbox_shopify::{ask, client, generous, schema_dir, started, store};
use crate::support::answering::{AnsweringStore, Reply};
use crate::support::vendors;

const CREATE: &str = "mutation($topic: WebhookSubscriptionTopic!, $input: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $input) {
    webhookSubscription { id } userErrors { field message } } }";
const UPDATE: &str = "mutation($id: ID!, $input: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $input) {
    webhookSubscription { id uri name } userErrors { field message } } }";
const LIST: &str =
    "query($first: Int, $last: Int, $after: String, $topics: [WebhookSubscriptionTopic!], $uri: String) {
  webhookSubscriptions(first: $first, last: $last, after: $after, topics: $topics, uri: $uri) {
    nodes { topic uri } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
/// What is told about people, and the end of the app.
const TOPICS: [&str; 7] = [
    "CUSTOMERS_CREATE",
    "CUSTOMERS_UPDATE",
    "CUSTOMERS_DELETE",
    "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE",
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "APP_UNINSTALLED",
];
const ANNA: &str = "anna@example.com";

fn examples() -> Option<PathBuf> {
    vendors().map(|folder| folder.join("shopify/examples"))
}

async fn subscribe(store: &SandboxStore, topic: &str, input: Value) -> Value {
    let answer = ask(store, CREATE, json!({ "topic": topic, "input": input })).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer["data"]["webhookSubscriptionCreate"].clone()
}

/// A store that tells a listener of everything.
async fn told(status: u16) -> (SandboxStore, AnsweringStore) {
    let listener = AnsweringStore::start(move |_| Reply::text(status, "")).await;
    let store = store(0).await;
    for topic in TOPICS {
        let made = subscribe(&store, topic, json!({ "uri": format!("{}/hooks", listener.url) })).await;
        assert_eq!(made["userErrors"], json!([]));
    }
    store.set_compliance_address(Some(format!("{}/compliance", listener.url)));
    (store, listener)
}

fn new_customer(opt_in: Option<bool>) -> Change {
    Change::NewCustomer { email: ANNA.to_owned(), opt_in }
}

fn header<'a>(sent: &'a Sent, name: &str) -> &'a str {
    sent.headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

fn body(sent: &Sent) -> Value {
    serde_json::from_slice(&sent.body).expect("a body is JSON")
}

#[tokio::test]
async fn the_vendors_examples_are_answered_as_the_vendor_answered_them() {
    let Some(folder) = examples() else { return };
    let store = store(0).await;
    for name in ["webhook-create", "webhook-list", "webhook-delete", "webhook-create-duplicate"] {
        let example: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap();
        let (query, variables) = (&example["request"]["body"]["query"], &example["request"]["body"]["variables"]);
        if name == "webhook-create-duplicate" {
            ask(&store, query.as_str().unwrap(), variables.clone()).await;
        }
        let mut answer = ask(&store, query.as_str().unwrap(), variables.clone()).await["data"].clone();
        let mut expected = example["response"]["body"]["data"].clone();
        for data in [&mut answer, &mut expected] {
            for moment in ["createdAt", "updatedAt"] {
                for made in ["/webhookSubscriptionCreate/webhookSubscription", "/webhookSubscriptions/nodes/0"] {
                    if let Some(made) = data.pointer_mut(&format!("{made}/{moment}")) {
                        assert!(made.as_str().is_some_and(|made| made.ends_with('Z')), "{made}");
                        *made = Value::Null;
                    }
                }
            }
            if let Some(nodes) = data.pointer_mut("/webhookSubscriptions/nodes").and_then(Value::as_array_mut) {
                nodes.truncate(1);
                data["webhookSubscriptions"]["pageInfo"]["endCursor"].take();
            }
        }
        assert_eq!(answer, expected, "{name}");
    }
}

#[tokio::test]
async fn what_can_not_be_subscribed_to_is_refused_in_user_errors() {
    let shopify = ShopifyOptions { scopes: vec!["read_customers".to_owned()], ..generous() };
    let options = StoreOptions { people: 0, schema_dir: schema_dir(), shopify, ..StoreOptions::default() };
    let store = started(options).await;
    let good = json!({ "uri": "https://example.com/hooks" });
    let refusal = async |topic: &str, input: &Value| {
        let made = subscribe(&store, topic, input.clone()).await;
        assert_eq!(made["webhookSubscription"].is_null(), made["userErrors"] != json!([]));
        (made["userErrors"][0]["field"].clone(), made["userErrors"][0]["message"].clone())
    };
    let topic = "CUSTOMERS_UPDATE";
    assert_eq!(refusal(topic, &good).await, (Value::Null, Value::Null));
    let at_address = json!(["webhookSubscription", "callbackUrl"]);
    assert_eq!(refusal(topic, &good).await, (at_address, json!("Address for this topic has already been taken")));
    assert_eq!(refusal("CUSTOMERS_CREATE", &good).await.1, Value::Null, "another topic");
    for (input, words) in [
        (json!({ "uri": "http://example.com/hooks" }), "Address protocol http:// is not supported"),
        (json!({ "uri": "nowhere" }), "Address is invalid"),
        (json!({}), "Address can't be blank"),
    ] {
        assert_eq!(refusal(topic, &input).await.1, words);
    }
    for (topic, is_there) in [("ORDERS_CREATE", false), ("CUSTOMERS_MERGE", false), ("APP_UNINSTALLED", true)] {
        assert_eq!(
            refusal(topic, &good).await.1.is_null(),
            is_there,
            "{topic}: read_orders, read_customer_merge, none"
        );
    }
    let unknown = json!({ "id": "gid://shopify/WebhookSubscription/1", "input": good });
    let answer = ask(&store, UPDATE, unknown).await;
    assert_eq!(answer["data"]["webhookSubscriptionUpdate"]["userErrors"][0]["field"], json!(["id"]));
}

#[tokio::test]
async fn subscriptions_are_listed_page_by_page_and_can_be_changed() {
    let store = store(0).await;
    for topic in TOPICS {
        subscribe(&store, topic, json!({ "uri": "https://example.com/hooks" })).await;
    }
    let list = async |variables: Value| ask(&store, LIST, variables).await["data"]["webhookSubscriptions"].clone();
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for _ in 0..10 {
        let page = list(json!({ "first": 3, "after": after })).await;
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["topic"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        assert_eq!(page["edges"].as_array().unwrap().last().unwrap()["cursor"], after);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, TOPICS);
    let without = ask(&store, LIST, json!({})).await;
    assert!(without["errors"][0]["message"].as_str().is_some_and(|words| words.contains("first or last")), "{without}");
    let narrowed = list(json!({ "first": 9, "topics": ["ORDERS_CREATE", "CUSTOMERS_CREATE"] })).await;
    assert_eq!(narrowed["nodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(list(json!({ "first": 9, "uri": "https://example.com" })).await["nodes"], json!([]));

    let id = &list(json!({ "last": 1 })).await["edges"][0]["node"]["id"];
    let input = json!({ "uri": "https://example.org/hooks", "name": "goodbye" });
    let changed = ask(&store, UPDATE, json!({ "id": id, "input": input })).await;
    let expected = json!({ "id": id, "uri": "https://example.org/hooks", "name": "goodbye" });
    assert_eq!(changed["data"]["webhookSubscriptionUpdate"]["webhookSubscription"], expected);
    let query = "query($id: ID!) { webhookSubscription(id: $id) { uri name topic } }";
    let found = ask(&store, query, json!({ "id": id })).await["data"]["webhookSubscription"].clone();
    assert_eq!((&found["uri"], &found["topic"]), (&json!("https://example.org/hooks"), &json!("APP_UNINSTALLED")));
}

#[tokio::test]
async fn a_mutation_costs_ten_points() {
    let store = store(0).await;
    let input = json!({ "uri": "https://example.com/hooks" });
    let answer = ask(&store, CREATE, json!({ "topic": "ORDERS_CREATE", "input": input })).await;
    let cost = &answer["extensions"]["cost"];
    assert_eq!((&cost["requestedQueryCost"], &cost["actualQueryCost"]), (&json!(10), &json!(10)));
}

#[tokio::test]
async fn each_change_is_told_under_its_topics_in_the_vendors_form() {
    let (store, _listener) = told(200).await;
    for change in [
        new_customer(Some(true)),
        Change::OptOut { email: ANNA.to_owned() },
        Change::ChangeEmail { email: ANNA.to_owned(), to: "anna@example.org".to_owned(), keep_opt_in: false },
        Change::GuestOrder { email: "guest@example.com".to_owned(), opt_in: Some(true) },
        Change::Delete { email: "anna@example.org".to_owned() },
        Change::Delete { email: "guest@example.com".to_owned() },
    ] {
        store.change(&change).unwrap();
        // Bodies show the store as it is when a delivery goes out.
        store.delivered().await;
    }
    store.happens_to_the_app(&AppEvent::Uninstall).unwrap();
    store.delivered().await;
    let sent = store.sent();
    let topics: Vec<&str> = sent.iter().map(|sent| sent.topic.as_str()).collect();
    let expected = [
        "customers_email_marketing_consent/update",
        "customers/create",
        "customers_email_marketing_consent/update",
        "customers/update",
        "orders/create",
        "customers/delete",
        "orders/updated",
        "app/uninstalled",
    ];
    assert_eq!(topics, expected, "a consent is told of before the customer is, and never together with an update");
    let settings = store.settings();
    let key = settings["clientSecret"].as_str().unwrap();
    for sent in &sent {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(&sent.body);
        assert_eq!(header(sent, "x-shopify-hmac-sha256"), STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header(sent, "x-shopify-shop-domain"), settings["shopDomain"]);
        assert_eq!(header(sent, "x-shopify-api-version"), "2026-07");
        let triggered = header(sent, "x-shopify-triggered-at");
        assert!(triggered.len() == "2026-10-01T08:30:01.123456789Z".len() && triggered.ends_with('Z'), "{triggered}");
        assert_eq!(sent.answers, [Some(200)]);
    }
    let ids: BTreeSet<&str> = sent.iter().map(|sent| header(sent, "x-shopify-webhook-id")).collect();
    let events: BTreeSet<&str> = sent.iter().map(|sent| header(sent, "x-shopify-event-id")).collect();
    assert_eq!((ids.len(), events.len()), (sent.len(), sent.len() - 1), "the first two tell of one event");
    let withdrawn = &body(&sent[2])["email_marketing_consent"];
    assert_eq!(withdrawn["state"], "unsubscribed");
    assert!(withdrawn["consent_updated_at"].as_str().unwrap().ends_with("+01:00"), "the shop's own offset");
    same_fields_as_the_examples(&sent);
}

/// Nothing more and nothing less than the vendor's examples of the same topic have.
fn same_fields_as_the_examples(sent: &[Sent]) {
    let Some(folder) = examples() else { return };
    let text = std::fs::read_to_string(folder.join("webhooks.json")).unwrap();
    let examples: Value = serde_json::from_str(&text).unwrap();
    for sent in sent {
        let of_topic = |one: &&Value| one["headers"]["X-Shopify-Topic"] == sent.topic.as_str();
        let Some(example) = examples["deliveries"].as_array().unwrap().iter().find(of_topic) else { continue };
        let headers = |names: Vec<String>| -> BTreeSet<String> { names.into_iter().collect() };
        let theirs = example["headers"].as_object().unwrap().keys().map(|name| name.to_lowercase()).collect();
        let ours = sent.headers.iter().map(|(name, _)| name.clone()).chain(["content-type".to_owned()]).collect();
        assert_eq!(headers(ours), headers(theirs), "{}", sent.topic);
        let theirs: Value = serde_json::from_str(example["raw_body"].as_str().unwrap()).unwrap();
        assert_eq!(fields(&body(sent)), fields(&theirs), "{}", sent.topic);
    }
}

fn fields(value: &Value) -> Vec<&String> {
    value.as_object().map(|fields| fields.keys().collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_subscription_is_deleted_after_eight_retries_with_the_original_bytes() {
    let (store, listener) = told(500).await;
    store.change(&new_customer(None)).unwrap();
    store.delivered().await;
    let tries = listener.asked();
    assert_eq!(tries.len(), 9);
    let same = |name: &str| tries.iter().map(|one| one.header(name).map(str::to_owned)).collect::<BTreeSet<_>>().len();
    assert_eq!((same("x-shopify-webhook-id"), same("x-shopify-event-id"), same("x-shopify-hmac-sha256")), (1, 1, 1));
    let left: Vec<String> = store.subscriptions().into_iter().map(|(topic, _)| topic).collect();
    assert!(left.len() == TOPICS.len() - 1 && !left.contains(&"CUSTOMERS_CREATE".to_owned()), "{left:?}");
    let listed = ask(&store, LIST, json!({ "first": 50 })).await;
    assert_eq!(listed["data"]["webhookSubscriptions"]["nodes"].as_array().map(Vec::len), Some(TOPICS.len() - 1));
}

#[tokio::test]
async fn a_subscription_may_name_itself_and_the_fields_that_it_wants() {
    let listener = AnsweringStore::start(|_| Reply::text(200, "")).await;
    let store = store(0).await;
    let input = json!({ "uri": listener.url, "name": "lists", "includeFields": ["id", "updated_at"] });
    subscribe(&store, "CUSTOMERS_CREATE", input).await;
    store.change(&new_customer(None)).unwrap();
    store.delivered().await;
    let sent = store.sent().remove(0);
    assert_eq!((header(&sent, "x-shopify-name"), fields(&body(&sent)).len()), ("lists", 2));
}

#[tokio::test]
async fn privacy_requests_go_where_the_apps_configuration_says() {
    let (store, listener) = told(200).await;
    store.change(&new_customer(None)).unwrap();
    store.change(&Change::GuestOrder { email: "guest@example.com".to_owned(), opt_in: None }).unwrap();
    store.delivered().await;
    let before = store.sent().len();
    for event in [
        AppEvent::RequestData { email: ANNA.to_uppercase() },
        AppEvent::RequestErasure { email: ANNA.to_owned() },
        AppEvent::RequestErasure { email: "guest@example.com".to_owned() },
        AppEvent::EraseShop,
    ] {
        assert_eq!(store.happens_to_the_app(&event).unwrap().len(), 1);
    }
    store.delivered().await;
    let sent = store.sent().split_off(before);
    let topics: Vec<&str> = sent.iter().map(|sent| sent.topic.as_str()).collect();
    assert_eq!(topics, ["customers/data_request", "customers/redact", "customers/redact", "shop/redact"]);
    assert!(sent.iter().all(|sent| sent.address == format!("{}/compliance", listener.url)));
    assert!(body(&sent[1])["customer"]["id"].is_u64());
    let guest = body(&sent[2]);
    assert_eq!((&guest["customer"]["id"], &guest["customer"]["email"]), (&Value::Null, &json!("guest@example.com")));
    assert_eq!(guest["orders_to_redact"].as_array().map(Vec::len), Some(1));
    same_fields_as_the_examples(&sent);
    let nobody = AppEvent::RequestData { email: "nobody@example.com".to_owned() };
    assert_eq!(store.happens_to_the_app(&nobody), Err(AppEventError::Nobody));
    store.set_compliance_address(None);
    assert_eq!(store.happens_to_the_app(&AppEvent::EraseShop), Err(AppEventError::NoAddress));
}

#[tokio::test]
async fn an_app_that_is_removed_is_not_let_in_until_it_is_installed_again() {
    let (store, _listener) = told(200).await;
    assert_eq!(store.happens_to_the_app(&AppEvent::Uninstall), Ok(vec!["app/uninstalled".to_owned()]));
    assert!(store.subscriptions().is_empty());
    let refused = ask(&store, "{ shop { name } }", json!({})).await;
    assert!(refused["errors"].as_str().is_some_and(|words| words.contains("access token")), "{refused}");
    assert_eq!(store.happens_to_the_app(&AppEvent::Install), Ok(Vec::new()));
    assert_eq!(ask(&store, "{ shop { name } }", json!({})).await["data"]["shop"]["name"], "Shopify sandbox");
}

#[tokio::test]
async fn the_control_api_says_what_can_not_happen_to_an_app() {
    let shopify = store(0).await;
    let control = |store: &SandboxStore| format!("{}/app", store.control_url());
    let post = async |url: String, body: Value| client().post(url).json(&body).send().await.unwrap().status().as_u16();
    let put = async |body: Value| client().put(control(&shopify)).json(&body).send().await.unwrap().status().as_u16();
    assert_eq!(post(control(&shopify), json!({ "event": "eraseShop" })).await, 409, "no address yet");
    assert_eq!(put(json!({ "complianceAddress": "nowhere" })).await, 400);
    assert_eq!(put(json!({ "complianceAddress": "http://127.0.0.1:9/hooks" })).await, 200);
    let state: Value = client().get(control(&shopify)).send().await.unwrap().json().await.unwrap();
    assert_eq!(state, json!({ "installed": true, "complianceAddress": "http://127.0.0.1:9/hooks" }));
    let asked = json!({ "event": "requestData", "email": "nobody@example.com" });
    assert_eq!(post(control(&shopify), asked.clone()).await, 404);
    assert_eq!(post(control(&shopify), json!({ "event": "requestData", "email": "nobody" })).await, 400);
    assert_eq!(post(control(&shopify), json!({ "event": "vanish" })).await, 400);
    let magento = SandboxStore::start(Platform::Magento, StoreOptions { people: 0, ..StoreOptions::default() }).await;
    assert_eq!(post(control(&magento.unwrap()), asked).await, 409, "no apps that hear of it");
}
