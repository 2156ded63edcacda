//! WooCommerce's webhooks: `vendors/woocommerce.md` section 6.
//!
//! The body is built when the delivery goes out and may be an error document; `…deleted` bodies hold only the id. So the
//! body says which record to read again, and how soon, and nothing else of it is used. The signature covers the body, not
//! the headers: a topic that somebody exchanged costs one request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::WooCommerce;
use super::wire;
use crate::connectors::hooks::{
    Arrived, Delivery, Endpoint, Hint, HookRefusal, Hooks, Registration, Urgency, header, is_signed,
};
use crate::connectors::{ConnectorError, http::Answer};
use crate::domain::people::{StoreId, StoreRecord, Stream};
use crate::domain::statement::OptIn;

/// The topics that concern people. Sheet, section 6.
const TOPICS: [&str; 7] = [
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
];
/// The ports that WordPress sends to: its `wp_safe_remote_*` functions refuse others in silence. Sheet, section 6.
const PORTS: [u16; 3] = [80, 443, 8080];
/// Most webhooks of a shop that are looked at: ten pages of a hundred.
const MAX_PAGES: u32 = 10;
/// Webhooks of one page.
const PAGE: usize = 100;
/// Name of our webhooks in the shop's settings.
const NAME: &str = "Assent";

impl Hooks for WooCommerce {
    fn receive(&self, endpoint: &Endpoint, arrived: &Arrived<'_>) -> Result<Delivery, HookRefusal> {
        let Some(signature) = header(arrived.headers, "x-wc-webhook-signature") else {
            return if is_ping(arrived) { Ok(Delivery::default()) } else { Err(HookRefusal::BadSignature) };
        };
        if !is_signed(self.secret(endpoint), &[arrived.body], signature) {
            return Err(HookRefusal::BadSignature);
        }
        let topic = header(arrived.headers, "x-wc-webhook-topic").unwrap_or_default();
        let body: Value = serde_json::from_slice(arrived.body).map_err(|_| HookRefusal::Unreadable)?;
        Ok(Delivery {
            id: delivery_id(arrived),
            topic: TOPICS.into_iter().find(|known| *known == topic).unwrap_or("other").to_owned(),
            hints: self.hint(topic, &body).into_iter().collect(),
            privacy: None,
        })
    }

    fn register<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Registration, ConnectorError>> {
        self.put_right(endpoint).boxed()
    }

    fn remove<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<(), ConnectorError>> {
        async {
            for hook in self.registered(&endpoint.address).await? {
                self.delete(hook.id).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// The ping that a shop sends while a webhook is made is a form, carries none of its headers and is not signed.
fn is_ping(arrived: &Arrived<'_>) -> bool {
    let number = arrived.body.strip_prefix(b"webhook_id=").unwrap_or_default();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// `X-WC-Webhook-Delivery-ID` is a hash of webhook and second, so that two deliveries of one second share it: the body
/// tells them apart.
fn delivery_id(arrived: &Arrived<'_>) -> Option<String> {
    let id = header(arrived.headers, "x-wc-webhook-delivery-id").filter(|id| id.len() <= 128)?;
    Some(format!("{id} {}", STANDARD.encode(Sha256::digest(arrived.body))))
}

/// A webhook of ours as the shop has it.
struct Registered {
    id: u64,
    topic: String,
    is_active: bool,
}

impl WooCommerce {
    fn secret<'a>(&'a self, endpoint: &'a Endpoint) -> &'a SecretString {
        self.webhook_secret.as_ref().unwrap_or(&endpoint.secret)
    }

    /// The record that a body names. An error document, which a shop sends for what is gone already, names none.
    fn hint(&self, topic: &str, body: &Value) -> Option<Hint> {
        let (resource, event) = topic.split_once('.')?;
        let stream = match resource {
            "customer" => Stream::Customers,
            "order" => Stream::Orders,
            _ => return None,
        };
        let id = wire::id(body)?;
        let value = match self.decode(stream, body) {
            StoreRecord::Person(person) => Some(person.statement.value),
            StoreRecord::Skipped { .. } | StoreRecord::Malformed { .. } => None,
        };
        let urgent = match (event, value) {
            ("deleted", _) | (_, Some(OptIn::Withdrawn)) => Urgency::Yes,
            // A flag that is gone is an opt-out, too; in most shops there never was one.
            ("updated", Some(OptIn::Unknown) | None) => Urgency::IfGranted,
            _ => Urgency::No,
        };
        Some(Hint { stream, store_id: StoreId::new(id.to_string()), urgent })
    }

    /// Makes missing webhooks, wakes sleeping ones, and takes surplus ones away. The secret can't be read back, so that it is
    /// set each time.
    async fn put_right(&self, endpoint: &Endpoint) -> Result<Registration, ConnectorError> {
        let mut hooks = self.registered(&endpoint.address).await?;
        // Active ones first: of two with one topic the active one stays.
        hooks.sort_by_key(|hook| (!hook.is_active, hook.id));
        let mut registration = Registration { topics: Vec::new(), problems: problems_of(&endpoint.address) };
        let secret = self.secret(endpoint).expose_secret();
        for topic in TOPICS {
            let mut fields = json!({ "status": "active", "secret": secret });
            let answer = if let Some(index) = hooks.iter().position(|hook| hook.topic == topic) {
                let id = hooks.remove(index).id.to_string();
                self.client.call(Method::PUT, &["webhooks", &id], &[], Some(&fields)).await?
            } else {
                fields["topic"] = topic.into();
                fields["name"] = format!("{NAME}: {topic}").into();
                fields["delivery_url"] = endpoint.address.as_str().into();
                self.client.call(Method::POST, &["webhooks"], &[], Some(&fields)).await?
            };
            if let Some(problem) = refusal(&answer) {
                registration.problems.push(problem);
                return Ok(registration);
            }
            answer.checked()?.json::<Value>("a JSON object")?;
            registration.topics.push(topic.to_owned());
        }
        for surplus in hooks {
            self.delete(surplus.id).await?;
        }
        Ok(registration)
    }

    /// The shop's webhooks with this address, whatever their topic and state.
    async fn registered(&self, address: &Url) -> Result<Vec<Registered>, ConnectorError> {
        let mut found = Vec::new();
        for page in 1..=MAX_PAGES {
            let query = [("per_page", PAGE.to_string()), ("page", page.to_string()), ("orderby", "id".to_owned())];
            let answer = self.client.call(Method::GET, &["webhooks"], &query, None).await?;
            let rows: Vec<Value> = match answer.checked() {
                Err(ConnectorError::Forbidden { .. }) => {
                    return Err(ConnectorError::Forbidden { what: RIGHT.to_owned() });
                }
                result => result?.json("a JSON list")?,
            };
            let is_last = rows.len() < PAGE;
            found.extend(rows.iter().filter_map(|row| ours(row, address)));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn delete(&self, id: u64) -> Result<(), ConnectorError> {
        // Without `force` it is a 501. Sheet, section 6.
        let query = [("force", "true".to_owned())];
        let answer = self.client.call(Method::DELETE, &["webhooks", &id.to_string()], &query, None).await?;
        if answer.status == reqwest::StatusCode::NOT_FOUND {
            return Ok(());
        }
        answer.checked()?.json::<Value>("a JSON object").map(drop)
    }
}

/// What the user of a key must be allowed to list webhooks.
const RIGHT: &str = "manage_woocommerce, to register webhooks; give the key to a shop manager or an administrator";

fn ours(row: &Value, address: &Url) -> Option<Registered> {
    let text = |field: &str| row.get(field).and_then(Value::as_str);
    (text("delivery_url")? == address.as_str()).then_some(())?;
    Some(Registered {
        id: wire::id(row)?,
        topic: text("topic")?.to_owned(),
        is_active: text("status") == Some("active"),
    })
}

/// A key that may read and not write is a 401 on what writes, after reading went well. Sheet, section 1.
fn refusal(answer: &Answer) -> Option<String> {
    matches!(answer.status.as_u16(), 401 | 403).then(|| {
        "the key may not register webhooks: give it Read/Write rights in the shop, or make the webhooks there yourself \
         and set webhookSecret"
            .to_owned()
    })
}

fn problems_of(address: &Url) -> Vec<String> {
    let port = address.port_or_known_default().unwrap_or_default();
    if PORTS.contains(&port) {
        return Vec::new();
    }
    vec![format!(
        "WordPress delivers to the ports 80, 443 and 8080 only, unless the site allows others; the public address has \
         port {port}"
    )]
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
