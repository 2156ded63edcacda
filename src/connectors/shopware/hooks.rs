//! Webhooks (`vendors/shopware.md` section 6).
//!
//! There are two kinds. Those of an app are signed with the app's secret; they stand in its manifest and can't be made
//! by the API. Those made by `POST /api/webhook` have no secret and no signature at all: an unguessable token in the
//! delivery address stands in for it. Where the app's secret is set, only signed deliveries are taken.
//!
//! A payload names what changed and never how: address and status are stripped from newsletter events, and where a
//! status is left it is the one from before the change. So everything is read again by id.
//!
//! Not registered: orders (a body with an order's personal data for each purchase; the next pass finds the guest) and
//! `checkout.customer.*` (`customer.written` and `customer.deleted` come with them). An app may send them: they are read.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use url::{Url, form_urlencoded};

use super::client::{Entity, Search};
use super::{Shopware, wire};
use crate::connectors::ConnectorError;
use crate::connectors::hooks::{Arrived, Delivery, Endpoint, Hint, HookRefusal, Hooks, REPLAY_WINDOW, Registration};
use crate::domain::ledger::hex;
use crate::domain::people::{StoreId, Stream, bounded};

/// Lower-case hexadecimal HMAC-SHA256 over the raw body.
const SIGNATURE: &str = "shopware-shop-signature";
/// Parameter of the delivery address that stands in for a signature.
const TOKEN: &str = "token";
/// What is registered.
const TOPICS: [&str; 5] =
    ["customer.written", "customer.deleted", "newsletter.register", "newsletter.confirm", "newsletter.unsubscribe"];
/// Longest topic that is kept, in bytes.
const MAX_TOPIC_BYTES: usize = 64;
/// Longest delivery id that is kept, in bytes.
const MAX_ID_BYTES: usize = 255;
/// Fields of a webhook.
const FIELDS: &[&str] = &["id", "eventName", "url", "active", "appId"];

/// Body of a delivery.
#[derive(Debug, Deserialize)]
struct Body {
    data: Data,
    #[serde(default)]
    source: Source,
    /// Seconds since 1970, of this sending.
    timestamp: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(default)]
    payload: Value,
    event: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    event_id: Option<String>,
}

/// A webhook of the shop.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    id: String,
    event_name: String,
    url: String,
    #[serde(default)]
    active: Option<bool>,
    /// The app that made it; without one its deliveries are not signed.
    #[serde(default)]
    app_id: Option<String>,
}

impl Hooks for Shopware {
    fn receive(&self, endpoint: &Endpoint, arrived: &Arrived<'_>) -> Result<Delivery, HookRefusal> {
        match &self.app_secret {
            Some(secret) => check_signature(secret, arrived)?,
            None => check_token(&endpoint.secret, arrived.query)?,
        }
        let body: Body = serde_json::from_slice(arrived.body).map_err(|_| HookRefusal::Unreadable)?;
        if self.app_secret.is_some() && !is_recent(&body, arrived) {
            return Err(HookRefusal::OutOfWindow);
        }
        Ok(Delivery {
            id: body.source.event_id.filter(|id| !id.is_empty()).map(|id| bounded(id, MAX_ID_BYTES)),
            hints: hints(&body.data),
            topic: bounded(body.data.event, MAX_TOPIC_BYTES),
            privacy: None,
        })
    }

    fn register<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Registration, ConnectorError>> {
        async move {
            let result =
                if self.app_secret.is_some() { self.of_app(endpoint).await } else { self.make(endpoint).await };
            match result {
                // Syncing goes on without webhooks, so that a missing right is no failure of the integration.
                Err(error @ ConnectorError::Forbidden { .. }) => {
                    Ok(Registration { topics: Vec::new(), problems: vec![error.to_string()] })
                }
                result => result,
            }
        }
        .boxed()
    }

    fn remove<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<(), ConnectorError>> {
        async move { self.delete_unsigned(&self.registered(endpoint).await?).await }.boxed()
    }
}

impl Shopware {
    /// Makes the webhooks of an address what they ought to be.
    async fn make(&self, endpoint: &Endpoint) -> Result<Registration, ConnectorError> {
        let address = delivery_address(endpoint);
        let mut missing: Vec<&str> = TOPICS.to_vec();
        let registered = self.registered(endpoint).await?;
        for webhook in registered.into_iter().filter(|webhook| webhook.app_id.is_none()) {
            let place = missing.iter().position(|topic| *topic == webhook.event_name);
            let Some(place) = place.filter(|_| webhook.url == address.as_str()) else {
                self.delete(&webhook).await?;
                continue;
            };
            missing.remove(place);
            // After ten messages in a row that failed the shop switches a webhook off.
            if webhook.active == Some(false) {
                let body = body_of(&webhook.id, &webhook.event_name, &address);
                self.client.write(Method::PATCH, &["webhook", &webhook.id], Some(&body), "webhook:update").await?;
            }
        }
        for topic in missing {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let body = body_of(&id, topic, &address);
            self.client.write(Method::POST, &["webhook"], Some(&body), "webhook:create").await?;
        }
        Ok(Registration { topics: TOPICS.map(str::to_owned).to_vec(), problems: Vec::new() })
    }

    /// What an app's manifest delivers to an address; only the app can change it. What was made here before the app's
    /// secret was set goes: it is not signed, so that every delivery of it would be refused.
    async fn of_app(&self, endpoint: &Endpoint) -> Result<Registration, ConnectorError> {
        let mut registered = self.registered(endpoint).await?;
        self.delete_unsigned(&registered).await?;
        registered.retain(|webhook| webhook.app_id.is_some());
        let delivers = |topic: &&&str| registered.iter().any(|webhook| webhook.event_name == **topic);
        let (topics, missing): (Vec<&str>, Vec<&str>) = TOPICS.iter().partition(delivers);
        let problem = format!(
            "appSecret is set, and no app of the shop delivers {} to this integration; add them to the app's manifest, or \
             remove appSecret",
            missing.join(", ")
        );
        let asleep = registered.iter().filter(|webhook| webhook.active == Some(false));
        let asleep =
            asleep.map(|webhook| format!("the shop has switched off {}", bounded(webhook.event_name.clone(), 64)));
        let problems = (!missing.is_empty()).then_some(problem).into_iter().chain(asleep).collect();
        Ok(Registration { topics: topics.into_iter().map(str::to_owned).collect(), problems })
    }

    /// The shop's webhooks that lead to this address, whatever their query.
    async fn registered(&self, endpoint: &Endpoint) -> Result<Vec<Registered>, ConnectorError> {
        let prefix = json!({ "type": "prefix", "field": "url", "value": endpoint.address.as_str() });
        let search = Search {
            entity: Entity::Webhook,
            includes: &[("webhook", FIELDS)],
            associations: &[],
            filter: vec![prefix],
            sort: &["id"],
            ids: Vec::new(),
        };
        let found = self.client.search(&search, |size| (1, size)).await?;
        let webhooks = found.rows.into_iter().map(serde_json::from_value::<Registered>);
        let webhooks: Vec<Registered> =
            webhooks.collect::<Result<_, _>>().map_err(|_| ConnectorError::BadAnswer { what: "webhooks" })?;
        Ok(webhooks.into_iter().filter(|webhook| leads_to(&webhook.url, &endpoint.address)).collect())
    }

    /// Deletes what no app has made.
    async fn delete_unsigned(&self, registered: &[Registered]) -> Result<(), ConnectorError> {
        for webhook in registered.iter().filter(|webhook| webhook.app_id.is_none()) {
            self.delete(webhook).await?;
        }
        Ok(())
    }

    async fn delete(&self, webhook: &Registered) -> Result<(), ConnectorError> {
        if !wire::is_id(&webhook.id) {
            return Err(ConnectorError::BadAnswer { what: "webhooks" });
        }
        match self.client.write(Method::DELETE, &["webhook", &webhook.id], None, "webhook:delete").await {
            // Somebody else has removed it.
            Err(ConnectorError::NotThere { .. }) => Ok(()),
            result => result,
        }
    }
}

fn leads_to(url: &str, address: &Url) -> bool {
    url.split('?').next() == Some(address.as_str())
}

fn delivery_address(endpoint: &Endpoint) -> Url {
    let mut address = endpoint.address.clone();
    address.query_pairs_mut().append_pair(TOKEN, endpoint.secret.expose_secret());
    address
}

/// Schema `Webhook`. The name tells two integrations of one shop apart.
fn body_of(id: &str, topic: &str, address: &Url) -> Value {
    let integration = address.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    json!({ "id": id, "name": format!("assent-{integration}-{topic}"), "eventName": topic, "url": address.as_str(),
        "active": true })
}

fn check_signature(secret: &SecretString, arrived: &Arrived<'_>) -> Result<(), HookRefusal> {
    let given = arrived.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(arrived.body);
    let expected = hex(&mac.finalize().into_bytes());
    is_same(given, &expected)
}

fn check_token(secret: &SecretString, query: &str) -> Result<(), HookRefusal> {
    let given = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == TOKEN).map(|(_, value)| value);
    is_same(given.as_deref(), secret.expose_secret())
}

/// Compares in constant time.
fn is_same(given: Option<&str>, expected: &str) -> Result<(), HookRefusal> {
    let given = given.unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(expected.as_bytes())) && !expected.is_empty() {
        Ok(())
    } else {
        Err(HookRefusal::BadSignature)
    }
}

/// The shop stamps each sending, retries too, so that an old stamp is a replay. Only a signed one means anything.
fn is_recent(body: &Body, arrived: &Arrived<'_>) -> bool {
    let sent_at = body.timestamp.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    sent_at.is_some_and(|sent_at| (arrived.now - sent_at).abs() <= REPLAY_WINDOW)
}

/// What a delivery is about. Entity events list rows; business events hold one encoded entity.
fn hints(data: &Data) -> Vec<Hint> {
    let (stream, entity, urgent) = match data.event.as_str() {
        "customer.written" => return rows(&data.payload, false),
        "customer.deleted" => return rows(&data.payload, true),
        "newsletter.register" | "newsletter.confirm" => (Stream::Subscribers, "newsletterRecipient", false),
        "newsletter.unsubscribe" => (Stream::Subscribers, "newsletterRecipient", true),
        "checkout.customer.register" | "checkout.customer.guest_register" => (Stream::Customers, "customer", false),
        "checkout.customer.deleted" => (Stream::Customers, "customer", true),
        _ => return Vec::new(),
    };
    let entity = data.payload.get(entity);
    let id = entity.and_then(|entity| entity.get("_uniqueIdentifier").or_else(|| entity.get("id")));
    id.and_then(Value::as_str).and_then(|id| hint(stream, id, urgent)).into_iter().collect()
}

fn rows(payload: &Value, deleted: bool) -> Vec<Hint> {
    let rows = payload.as_array().into_iter().flatten();
    let customers = rows.filter(|row| row.get("entity").and_then(Value::as_str) == Some("customer"));
    customers
        .filter_map(|row| {
            let urgent = deleted || row.get("operation").and_then(Value::as_str) == Some("delete");
            hint(Stream::Customers, row.get("primaryKey")?.as_str()?, urgent)
        })
        .collect()
}

fn hint(stream: Stream, id: &str, urgent: bool) -> Option<Hint> {
    wire::is_id(id).then(|| Hint { stream, store_id: StoreId::new(id), urgent: urgent.into() })
}
