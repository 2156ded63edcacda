//! The API for webhooks: `webhook-*.json` of the examples, `vendors/shopify.md` section 9.
//!
//! Deviations: plain http to loopback is taken, since nothing else can be reached here; addresses of message queues,
//! filters and the format XML are refused. A topic of the vendor's schema that is not in [`TOPICS`] can be subscribed to,
//! and nothing is ever sent about it.

use apollo_compiler::resolvers::{FieldError, ResolveInfo};
use apollo_compiler::response::{JsonMap, serde_json_bytes};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::mutations::number;
use super::page::{Extent, Page, Rows, arguments, error};
use super::{Shop, VERSION};
use crate::sandbox::book::Sort;
use crate::sandbox::deliveries::{Deliveries, Subscription};
use crate::sandbox::records::{Record, Second};

/// What the number of a subscription begins from.
const FIRST_ID: u64 = 1_700_000_000_000;

/// Something to hear of: its name in the schema, in deliveries, and the scope that it needs (both by the schema's text).
pub(super) struct Topic {
    word: &'static str,
    pub(super) name: &'static str,
    scope: Option<&'static str>,
}

/// The topics about people, and the end of the app. The privacy topics are none of them: they are set in the app's
/// configuration (section 10).
const TOPICS: &[Topic] = &[
    Topic { word: "APP_UNINSTALLED", name: "app/uninstalled", scope: None },
    Topic { word: "CUSTOMERS_CREATE", name: "customers/create", scope: Some("read_customers") },
    Topic { word: "CUSTOMERS_DELETE", name: "customers/delete", scope: Some("read_customers") },
    Topic {
        word: "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE",
        name: "customers_email_marketing_consent/update",
        scope: Some("read_customers"),
    },
    Topic { word: "CUSTOMERS_MERGE", name: "customers/merge", scope: Some("read_customer_merge") },
    Topic { word: "CUSTOMERS_UPDATE", name: "customers/update", scope: Some("read_customers") },
    Topic { word: "ORDERS_CREATE", name: "orders/create", scope: Some("read_orders") },
    Topic { word: "ORDERS_DELETE", name: "orders/delete", scope: Some("read_orders") },
    Topic { word: "ORDERS_UPDATED", name: "orders/updated", scope: Some("read_orders") },
];

/// The topic of the schema for a name in deliveries.
pub(super) fn word(name: &str) -> &'static str {
    TOPICS.iter().find(|topic| topic.name == name).map_or("", |topic| topic.word)
}

/// A `WebhookSubscriptionInput`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    uri: Option<String>,
    callback_url: Option<String>,
    format: Option<String>,
    filter: Option<String>,
    name: Option<String>,
    include_fields: Option<Vec<String>>,
}

/// What narrows a list down.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Narrowed {
    topics: Option<Vec<String>>,
    uri: Option<String>,
    callback_url: Option<String>,
}

/// A `UserError`: the field and the words.
type Refusal = (Value, &'static str);

const UNKNOWN: &str = "Webhook subscription does not exist";
/// Reported in Shopify/shopify-cli #311, also for topics whose scope the app lacks.
const NO_SUCH_TOPIC: &str = "You cannot create a webhook subscription with the specified topic";
/// `webhook-create-duplicate.json`.
const TAKEN: &str = "Address for this topic has already been taken";

impl Record for Subscription {
    fn id(&self) -> u64 {
        self.id
    }
    fn modified(&self) -> Second {
        self.created
    }
}

impl Shop {
    pub(super) fn create_subscription(&self, arguments: &JsonMap) -> Value {
        let topic = arguments.get("topic").and_then(|topic| topic.as_str()).unwrap_or_default();
        payload("WebhookSubscriptionCreatePayload", self.created(topic, &input(arguments)))
    }

    pub(super) fn update_subscription(&self, arguments: &JsonMap) -> Value {
        payload("WebhookSubscriptionUpdatePayload", self.updated(given_id(arguments), &input(arguments)))
    }

    pub(super) fn delete_subscription(&self, arguments: &JsonMap) -> Value {
        let gone = given_id(arguments).and_then(|id| self.shared.deliveries.unsubscribe(id));
        let errors = if gone.is_some() { json!([]) } else { json!([user_error(&(json!(["id"]), UNKNOWN))]) };
        json!({ "__typename": "WebhookSubscriptionDeletePayload",
            "deletedWebhookSubscriptionId": gone.map(|gone| gid(gone.id)), "userErrors": errors })
    }

    fn created(&self, topic: &str, input: &Input) -> Result<Subscription, Refusal> {
        let scope = TOPICS.iter().find(|known| known.word == topic).and_then(|known| known.scope);
        let granted = &self.shared.options.shopify.scopes;
        if scope.is_some_and(|scope| !granted.iter().any(|granted| granted == scope)) {
            return Err((json!(["topic"]), NO_SUCH_TOPIC));
        }
        let address = address(input)?.ok_or_else(|| at_address("Address can't be blank"))?;
        self.admit(topic, &address, None)?;
        let now = self.shared.now();
        Ok(self.shared.deliveries.subscribe(|id| Subscription {
            id,
            topic: topic.to_owned(),
            address,
            // Every delivery is signed with the client secret of the app.
            secret: String::new(),
            is_active: true,
            created: now,
            failures: 0,
            extra: extra(input, now),
        }))
    }

    fn updated(&self, id: Option<u64>, input: &Input) -> Result<Subscription, Refusal> {
        let unknown = || (json!(["id"]), UNKNOWN);
        let all = self.shared.deliveries.subscriptions();
        let found = all.iter().find(|one| Some(one.id) == id).ok_or_else(unknown)?;
        let address = address(input)?.unwrap_or_else(|| found.address.clone());
        self.admit(&found.topic, &address, Some(found.id))?;
        let now = self.shared.now();
        let change = |one: &mut Subscription| {
            one.address = address;
            one.extra.extend(extra(input, now).into_iter().filter(|(_, value)| !value.is_null()));
        };
        self.shared.deliveries.change(found.id, change).ok_or_else(unknown)
    }

    /// Whether nothing else is sent there about this topic.
    fn admit(&self, topic: &str, address: &str, but: Option<u64>) -> Result<(), Refusal> {
        let is_there =
            |one: &Subscription| Some(one.id) != but && (one.topic.as_str(), one.address.as_str()) == (topic, address);
        if self.shared.deliveries.subscriptions().iter().any(is_there) { Err(at_address(TAKEN)) } else { Ok(()) }
    }
}

fn input(arguments: &JsonMap) -> Input {
    let given = arguments.get("webhookSubscription").cloned().unwrap_or_default();
    serde_json_bytes::from_value(given).unwrap_or_default()
}

fn given_id(arguments: &JsonMap) -> Option<u64> {
    number(arguments.get("id")?.as_str()?)?.checked_sub(FIRST_ID)
}

/// Also of `uri` a refusal names `callbackUrl` (`webhook-create-duplicate.json`).
fn at_address(words: &'static str) -> Refusal {
    (json!(["webhookSubscription", "callbackUrl"]), words)
}

/// The address that is given, if one is.
fn address(input: &Input) -> Result<Option<String>, Refusal> {
    if input.format.as_deref() == Some("XML") {
        return Err((json!(["webhookSubscription", "format"]), "The sandbox sends no XML"));
    }
    if input.filter.is_some() {
        return Err((json!(["webhookSubscription", "filter"]), "The sandbox has no filters"));
    }
    let Some(given) = input.uri.as_ref().or(input.callback_url.as_ref()) else { return Ok(None) };
    let url: Url = given.parse().map_err(|_| at_address("Address is invalid"))?;
    let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
    match url.scheme() {
        "https" => Ok(Some(given.clone())),
        "http" if is_loopback => Ok(Some(given.clone())),
        "http" => Err(at_address("Address protocol http:// is not supported")),
        _ => Err(at_address("Address is invalid")),
    }
}

fn extra(input: &Input, now: Second) -> Map<String, Value> {
    let fields =
        [("name", json!(input.name)), ("includeFields", json!(input.include_fields)), ("updatedAt", json!(time(now)))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn payload(kind: &str, made: Result<Subscription, Refusal>) -> Value {
    let (subscription, errors) = match made {
        Ok(subscription) => (shown(&subscription), json!([])),
        Err(refusal) => (Value::Null, json!([user_error(&refusal)])),
    };
    json!({ "__typename": kind, "webhookSubscription": subscription, "userErrors": errors })
}

fn user_error((field, message): &Refusal) -> Value {
    json!({ "__typename": "UserError", "field": field, "message": message })
}

/// A `WebhookSubscription`.
fn shown(one: &Subscription) -> Value {
    let version = json!({ "__typename": "ApiVersion", "handle": VERSION, "displayName": VERSION, "supported": true });
    json!({
        "__typename": "WebhookSubscription", "id": gid(one.id), "legacyResourceId": (FIRST_ID + one.id).to_string(),
        "topic": one.topic, "uri": one.address, "callbackUrl": one.address, "format": "JSON", "apiVersion": version,
        "endpoint": { "__typename": "WebhookHttpEndpoint", "callbackUrl": one.address },
        "name": one.extra.get("name"), "filter": null,
        "includeFields": one.extra.get("includeFields").filter(|fields| fields.is_array()).unwrap_or(&json!([])),
        "metafieldNamespaces": [], "metafields": [],
        "createdAt": time(one.created), "updatedAt": one.extra.get("updatedAt"),
    })
}

/// One subscription; null if there is none of that number.
pub(super) fn one(deliveries: &Deliveries, id: Option<u64>) -> Value {
    let id = id.and_then(|id| id.checked_sub(FIRST_ID));
    deliveries.subscriptions().iter().find(|one| Some(one.id) == id).map_or(Value::Null, shown)
}

/// A page of the subscriptions, and how many it has.
pub(super) fn connection(
    deliveries: &Deliveries,
    info: &ResolveInfo<'_>,
    extent: Extent,
) -> Result<(Value, usize), FieldError> {
    let paging = arguments(info)?;
    let narrowed = serde_json_bytes::Value::Object(info.arguments().clone());
    let narrowed: Narrowed = serde_json_bytes::from_value(narrowed).unwrap_or_default();
    let mut all = deliveries.subscriptions();
    all.retain(|one| {
        narrowed.topics.as_ref().is_none_or(|topics| topics.contains(&one.topic))
            && narrowed.uri.as_ref().or(narrowed.callback_url.as_ref()).is_none_or(|uri| *uri == one.address)
    });
    let page = Page::cut(&Rows::Gathered(all, Sort::Id), &paging, extent, |_, _, _| Vec::new()).map_err(error)?;
    let cursor = |index: usize| page.cursor(index);
    let edges: Vec<Value> = (0..page.rows.len())
        .map(|index| {
            json!({ "__typename": "WebhookSubscriptionEdge", "cursor": cursor(index), "node": shown(&page.rows[index]) })
        })
        .collect();
    let page_info = json!({ "__typename": "PageInfo", "hasNextPage": page.has_next, "hasPreviousPage": page.has_previous,
        "startCursor": cursor(0), "endCursor": cursor(page.rows.len().wrapping_sub(1)) });
    let nodes: Vec<Value> = page.rows.iter().map(shown).collect();
    let connection = json!({ "__typename": "WebhookSubscriptionConnection", "nodes": nodes, "edges": edges,
        "pageInfo": page_info });
    Ok((connection, page.rows.len()))
}

fn gid(id: u64) -> String {
    format!("gid://shopify/WebhookSubscription/{}", FIRST_ID + id)
}

fn time(second: Second) -> Option<String> {
    DateTime::from_timestamp(second, 0).map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}
