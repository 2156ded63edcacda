//! Webhooks: verified, read, and kept registered. Facts: `vendors/bigcommerce.md` section 10.
//!
//! A delivery is signed as Standard Webhooks have it, with the client secret's own bytes as the key. Whether every store
//! signs is not certain, and stores of one app share that secret, so each hook also carries a header of our own, and both
//! are asked for.
//!
//! A delivery names a record and says nothing about it. Events of addresses come with the wildcard for customers and
//! name an *address*, so the whole scope is looked at.

use chrono::DateTime;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::BigCommerce;
use crate::connectors::ConnectorError;
use crate::connectors::hooks::{
    Arrived, Delivery, Endpoint, Hint, HookRefusal, Hooks, REPLAY_WINDOW, Registration, header, is_signed,
};
use crate::domain::people::{StoreId, Stream, bounded};

/// The header that every hook is told to send.
const OWN_HEADER: &str = "X-Connector-Key";
/// The scopes that are registered.
const SCOPES: [&str; 3] = ["store/customer/*", "store/subscriber/*", "store/order/*"];
/// The events that concern somebody: scope, type of the object that is named, its stream, and whether it may be an
/// opt-out or a deletion.
const EVENTS: [(&str, &str, Stream, bool); 10] = [
    ("store/customer/created", "customer", Stream::Customers, false),
    ("store/customer/updated", "customer", Stream::Customers, false),
    ("store/customer/deleted", "customer", Stream::Customers, true),
    ("store/subscriber/created", "subscriber", Stream::Subscribers, false),
    ("store/subscriber/updated", "subscriber", Stream::Subscribers, true),
    ("store/subscriber/deleted", "subscriber", Stream::Subscribers, true),
    ("store/order/created", "order", Stream::Orders, false),
    ("store/order/updated", "order", Stream::Orders, false),
    ("store/order/statusUpdated", "order", Stream::Orders, false),
    ("store/order/archived", "order", Stream::Orders, false),
];
/// Hooks of one answer, and most pages of them: a store has at most ten per scope and API account.
const HOOKS_PER_PAGE: u64 = 250;
const MAX_HOOK_PAGES: u64 = 20;

/// Body of a delivery.
#[derive(Deserialize)]
struct Notice {
    scope: String,
    data: Named,
    producer: String,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    id: Value,
}

/// A hook as the store lists it.
#[derive(Debug, Deserialize)]
struct Hook {
    id: u64,
    scope: String,
    destination: String,
    #[serde(default)]
    is_active: bool,
    #[serde(default)]
    headers: Value,
}

#[derive(Deserialize)]
struct HookList {
    data: Vec<Hook>,
    #[serde(default)]
    meta: Value,
}

impl Hooks for BigCommerce {
    fn receive(&self, endpoint: &Endpoint, arrived: &Arrived<'_>) -> Result<Delivery, HookRefusal> {
        let own = text(arrived, OWN_HEADER)?;
        if !bool::from(own.as_bytes().ct_eq(endpoint.secret.expose_secret().as_bytes())) {
            return Err(HookRefusal::BadSignature);
        }
        let id = self.verified(arrived)?;
        let notice: Notice = serde_json::from_slice(arrived.body).map_err(|_| HookRefusal::Unreadable)?;
        // Stores of one app are told apart by this alone.
        if notice.producer != format!("stores/{}", self.settings.store_hash) {
            return Err(HookRefusal::BadSignature);
        }
        Ok(Delivery {
            // Not the body's hash: it is made of metadata and whole seconds, so that a yes and the no right after it
            // share one, and in the vendor's sample callbacks all events of one record do. A retry keeps the id ("same
            // hash, same webhook-id", `bigcommerce/examples/webhooks.json`). What two hooks tell of one event is read twice
            // instead, which does no harm.
            id: Some(bounded(id.to_owned(), 255)),
            hints: hint(&notice).into_iter().collect(),
            topic: bounded(notice.scope, 64),
            ..Delivery::default()
        })
    }

    fn register<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Registration, ConnectorError>> {
        self.registered(endpoint).boxed()
    }

    fn remove<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<(), ConnectorError>> {
        async {
            for hook in self.own_hooks(endpoint).await? {
                self.delete(hook.id).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

fn hint(notice: &Notice) -> Option<Hint> {
    let is_it = |(scope, kind, ..): &&(&str, &str, Stream, bool)| notice.scope == *scope && notice.data.r#type == *kind;
    let (_, _, stream, urgent) = *EVENTS.iter().find(is_it)?;
    let id = match &notice.data.id {
        Value::Number(id) => id.as_u64()?,
        Value::String(id) => id.parse().ok()?,
        _ => return None,
    };
    Some(Hint { stream, store_id: StoreId::new(id.to_string()), urgent: urgent.into() })
}

/// A header's text; a delivery that lacks it is nobody's.
fn text<'a>(arrived: &Arrived<'a>, name: &str) -> Result<&'a str, HookRefusal> {
    header(arrived.headers, name).ok_or(HookRefusal::BadSignature)
}

impl BigCommerce {
    /// The delivery's id, once its signature and its time are good.
    fn verified<'a>(&self, arrived: &Arrived<'a>) -> Result<&'a str, HookRefusal> {
        let (id, sent) = (text(arrived, "webhook-id")?, text(arrived, "webhook-timestamp")?);
        let parts = [id.as_bytes(), b".", sent.as_bytes(), b".", arrived.body];
        // Several may come, while a secret is being replaced.
        let mut signatures = text(arrived, "webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        if !signatures.any(|signature| is_signed(&self.settings.client_secret, &parts, signature)) {
            return Err(HookRefusal::BadSignature);
        }
        let sent = sent.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let age = arrived.now - sent.ok_or(HookRefusal::Unreadable)?;
        if age.abs() > REPLAY_WINDOW { Err(HookRefusal::OutOfWindow) } else { Ok(id) }
    }

    async fn registered(&self, endpoint: &Endpoint) -> Result<Registration, ConnectorError> {
        let mut registration = Registration::default();
        let mut there = self.own_hooks(endpoint).await?;
        for scope in SCOPES {
            let place = there.iter().position(|hook| hook.scope == scope);
            let hook = place.map(|place| there.swap_remove(place));
            match self.make_sure(scope, hook, endpoint).await {
                Ok(()) => registration.topics.push(scope.to_owned()),
                Err(ConnectorError::Refused { status }) => registration.problems.push(format!(
                    "the store refuses the webhook {scope} (status {status}): it delivers only to https addresses on \
                     port 443 with a valid certificate; check ASSENT_PUBLIC_URL"
                )),
                Err(error) => return Err(error),
            }
        }
        for surplus in there {
            self.delete(surplus.id).await?;
        }
        Ok(registration)
    }

    /// Makes a hook, wakes a sleeping one, or leaves a good one alone.
    async fn make_sure(&self, scope: &str, hook: Option<Hook>, endpoint: &Endpoint) -> Result<(), ConnectorError> {
        let secret = endpoint.secret.expose_secret();
        let body = json!({
            "scope": scope,
            "destination": endpoint.address.as_str(),
            "is_active": true,
            "headers": { OWN_HEADER: secret },
        });
        let done = match hook {
            None => self.client.call(Method::POST, &["v3", "hooks"], &[], Some(&body)).await,
            Some(hook) if hook.is_active && hook.headers[OWN_HEADER] == secret => return Ok(()),
            Some(hook) => {
                let id = hook.id.to_string();
                self.client.call(Method::PUT, &["v3", "hooks", &id], &[], Some(&body)).await
            }
        };
        done.map(|_| ())
    }

    /// All hooks that lead to our address; others of the same API account are not ours.
    async fn own_hooks(&self, endpoint: &Endpoint) -> Result<Vec<Hook>, ConnectorError> {
        let mut hooks = Vec::new();
        for page in 1..=MAX_HOOK_PAGES {
            let query = [("limit", HOOKS_PER_PAGE.to_string()), ("page", page.to_string())];
            let answer = self.client.call(Method::GET, &["v3", "hooks"], &query, None).await?;
            let list: HookList = answer.json("a list of webhooks")?;
            let pages = list.meta.pointer("/pagination/total_pages").and_then(Value::as_u64).unwrap_or(1);
            hooks.extend(list.data.into_iter().filter(|hook| hook.destination == endpoint.address.as_str()));
            if page >= pages {
                break;
            }
        }
        Ok(hooks)
    }

    async fn delete(&self, id: u64) -> Result<(), ConnectorError> {
        match self.client.call(Method::DELETE, &["v3", "hooks", &id.to_string()], &[], None).await {
            // Gone already is as good.
            Ok(_) | Err(ConnectorError::NotThere { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
