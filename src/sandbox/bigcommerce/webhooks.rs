//! The hooks that an API account has made, and what they send (`vendors/bigcommerce.md` section 10).
//!
//! Deviations: a hook works at once and not within a minute; no domain is blocked for three minutes when too many
//! deliveries fail.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use url::Url;
use uuid::Uuid;

use super::fields::{self, STORE_HASH};
use super::lists::numbers;
use super::params::{Params, Rejected};
use super::{Shop, client_secret};
use crate::domain::ledger::hex;
use crate::sandbox::book::Happened;
use crate::sandbox::deliveries::{Event, Kind, Manner, OWN_HEADERS, Parcel, Subscription};
use crate::sandbox::records::{Order, OrderStatus, Second};
use crate::sandbox::server::{Answer, Shared};

/// "Retries after 60, 180, … 86400 s, then `is_active` becomes false": eleven, and one failed delivery is enough.
pub(crate) const MANNER: Manner = Manner { tries: 12, success: 200..=299, switched_off_after: 1, takes_away: false };

/// "At most 10 hooks per store + client + scope."
const MAX_PER_SCOPE: usize = 10;
/// "A hook without traffic for 90 days is deactivated."
const IDLE: Second = 90 * 86_400;
/// The number of the first hook is one more.
const HOOKS_FROM: u64 = 20_172_983;
/// Addresses of customers are numbered by themselves.
const ADDRESSES_FROM: u64 = 7_000;
/// The store's number in deliveries.
const STORE_ID: &str = "1025646";
/// When something was last sent to a hook, and when it was last changed.
const TRAFFIC_AT: &str = "traffic_at";
const UPDATED_AT: &str = "updated_at";

/// What a client sends.
#[derive(Debug, Default, Deserialize)]
struct Sent {
    scope: Option<String>,
    destination: Option<String>,
    is_active: Option<bool>,
    headers: Option<Map<String, Value>>,
}

impl Shop {
    /// `/v3/hooks` and `/v3/hooks/{id}`.
    pub(super) fn hooks(
        &self,
        method: &Method,
        number: Option<u64>,
        params: &Params,
        body: &[u8],
    ) -> Result<Answer, Rejected> {
        put_idle_to_sleep(&self.shared);
        let hook = || {
            let id = number.and_then(|number| number.checked_sub(HOOKS_FROM)).ok_or_else(Rejected::not_found)?;
            let found = self.shared.deliveries.subscriptions().into_iter().find(|hook| hook.id == id);
            found.ok_or_else(Rejected::not_found)
        };
        match (method, number) {
            (&Method::GET, None) => self.list_hooks(params),
            (&Method::POST, None) => self.create_hook(read(body)?),
            (&Method::GET, Some(_)) => Ok(one(&hook()?)),
            (&Method::PUT, Some(_)) => self.update_hook(&hook()?, read(body)?),
            (&Method::DELETE, Some(_)) => {
                let gone = self.shared.deliveries.unsubscribe(hook()?.id).ok_or_else(Rejected::not_found)?;
                Ok(one(&gone))
            }
            _ => Err(Rejected::not_found()),
        }
    }

    fn list_hooks(&self, params: &Params) -> Result<Answer, Rejected> {
        let (limit, page) = (params.limit()?, params.page()?);
        let is_asked = |hook: &Subscription| {
            params.get("destination").is_none_or(|destination| hook.address == destination)
                && params.get("scope").is_none_or(|scope| hook.topic == scope)
                && params.get("is_active").is_none_or(|active| hook.is_active.to_string() == active)
        };
        let hooks = self.shared.deliveries.subscriptions();
        let found: Vec<Value> = hooks.iter().filter(|hook| is_asked(hook)).map(shown).collect();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let data: Vec<&Value> = found.iter().skip(count((page - 1).saturating_mul(limit))).take(count(limit)).collect();
        let pagination = numbers(params, data.len(), found.len() as u64, limit, page);
        Ok(Answer::json(200, &json!({ "data": data, "meta": { "pagination": pagination } })))
    }

    fn create_hook(&self, sent: Sent) -> Result<Answer, Rejected> {
        let (Some(scope), Some(destination)) = (sent.scope, sent.destination) else {
            return Err(Rejected::new(422, "scope and destination are required"));
        };
        check(&scope, &destination)?;
        let hooks = self.shared.deliveries.subscriptions();
        let of_scope = || hooks.iter().filter(|hook| hook.topic == scope);
        if of_scope().count() >= MAX_PER_SCOPE || of_scope().any(|hook| hook.address == destination) {
            return Err(Rejected::new(
                422,
                "There is a hook for this scope and destination, or too many for the scope",
            ));
        }
        let now = self.shared.now();
        let headers = sent.headers.unwrap_or_default();
        let extra = json!({ OWN_HEADERS: headers, TRAFFIC_AT: now, UPDATED_AT: now });
        let made = self.shared.deliveries.subscribe(|id| Subscription {
            id,
            topic: scope,
            address: destination,
            secret: client_secret(&self.shared),
            is_active: sent.is_active.unwrap_or(true),
            created: now,
            failures: 0,
            extra: extra.as_object().cloned().unwrap_or_default(),
        });
        Ok(one(&made))
    }

    /// "Reactivate with PUT": the 90 days begin anew.
    fn update_hook(&self, hook: &Subscription, sent: Sent) -> Result<Answer, Rejected> {
        let scope = sent.scope.unwrap_or_else(|| hook.topic.clone());
        let destination = sent.destination.unwrap_or_else(|| hook.address.clone());
        check(&scope, &destination)?;
        let now = self.shared.now();
        let changed = self.shared.deliveries.change(hook.id, |hook| {
            (hook.topic, hook.address) = (scope, destination);
            if let Some(is_active) = sent.is_active {
                (hook.is_active, hook.failures) = (is_active, 0);
                hook.extra.insert(TRAFFIC_AT.to_owned(), now.into());
            }
            if let Some(headers) = sent.headers {
                hook.extra.insert(OWN_HEADERS.to_owned(), headers.into());
            }
            hook.extra.insert(UPDATED_AT.to_owned(), now.into());
        });
        changed.as_ref().map(one).ok_or_else(Rejected::not_found)
    }
}

fn read(body: &[u8]) -> Result<Sent, Rejected> {
    serde_json::from_slice(body).map_err(|_| Rejected::new(400, "The body is not valid JSON for a hook"))
}

/// Only https without a port of its own; here also plain http to loopback, since nothing else can be reached.
fn check(scope: &str, destination: &str) -> Result<(), Rejected> {
    let is_scope = scope.starts_with("store/") && scope.split('/').all(|part| !part.is_empty());
    let is_address = destination.parse::<Url>().is_ok_and(|url| match url.scheme() {
        "https" => url.port().is_none(),
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "localhost")),
        _ => false,
    });
    if is_scope && is_address { Ok(()) } else { Err(Rejected::new(422, "The scope or the destination is invalid")) }
}

fn put_idle_to_sleep(shared: &Shared) {
    let now = shared.now();
    for hook in shared.deliveries.subscriptions() {
        let last = hook.extra.get(TRAFFIC_AT).and_then(Value::as_i64).unwrap_or(hook.created);
        if now - last >= IDLE {
            shared.deliveries.change(hook.id, |hook| hook.is_active = false);
        }
    }
}

fn shown(hook: &Subscription) -> Value {
    json!({
        "id": HOOKS_FROM + hook.id,
        "client_id": "sandboxclientid",
        "store_hash": STORE_HASH,
        "scope": hook.topic,
        "destination": hook.address,
        "headers": hook.extra.get(OWN_HEADERS),
        "is_active": hook.is_active,
        "created_at": hook.created,
        "updated_at": hook.extra.get(UPDATED_AT),
    })
}

fn one(hook: &Subscription) -> Answer {
    Answer::json(200, &json!({ "data": shown(hook), "meta": {} }))
}

/// What goes out for what happened in one change. One event to two hooks is one body in two deliveries.
pub(crate) fn parcels(shared: &Shared, events: &[Event]) -> Vec<Parcel> {
    put_idle_to_sleep(shared);
    let mut parcels = Vec::new();
    for event in events {
        for (scope, data) in notices(shared, event) {
            let body = body(scope, &data, event.at);
            let hooks = shared.deliveries.subscriptions().into_iter();
            for hook in hooks.filter(|hook| hook.is_active && covers(&hook.topic, scope)) {
                shared.deliveries.change(hook.id, |hook| {
                    hook.extra.insert(TRAFFIC_AT.to_owned(), event.at.into());
                });
                parcels.push(parcel(&hook, scope, body.clone(), shared.now()));
            }
        }
    }
    parcels
}

/// A scope itself, or a wildcard: `store/customer/*` also brings `store/customer/address/created`.
fn covers(wanted: &str, scope: &str) -> bool {
    wanted == scope || wanted.strip_suffix('*').is_some_and(|beginning| scope.starts_with(beginning))
}

/// The scopes of an event, each with the object that it names.
fn notices(shared: &Shared, event: &Event) -> Vec<(&'static str, Value)> {
    let id = event.id;
    let of = |kind: &str| json!({ "type": kind, "id": id });
    match (event.kind, event.happened) {
        (Kind::Account, Happened::Created) => {
            // "Address events, whose data.id is the *address* id", while the type still says customer.
            let address = json!({ "type": "customer", "id": ADDRESSES_FROM + id, "address": { "customer_id": id } });
            vec![("store/customer/created", of("customer")), ("store/customer/address/created", address)]
        }
        (Kind::Account, Happened::Updated) => vec![("store/customer/updated", of("customer"))],
        (Kind::Account, Happened::Deleted) => vec![("store/customer/deleted", of("customer"))],
        (Kind::Row, Happened::Created) => vec![("store/subscriber/created", of("subscriber"))],
        (Kind::Row, Happened::Updated) => vec![("store/subscriber/updated", of("subscriber"))],
        (Kind::Row, Happened::Deleted) => vec![("store/subscriber/deleted", of("subscriber"))],
        (Kind::Order, Happened::Created) => {
            // Webhooks fire for Incomplete orders, too (section 5); a purchase begins as one.
            let mut notices = vec![("store/order/created", of("order"))];
            let status = shared.state().find::<Order>(id).map_or(0, |order| fields::status(order.status).0);
            if status != 0 {
                let change = json!({ "previous_status_id": 0, "new_status_id": status });
                notices.push(("store/order/statusUpdated", json!({ "type": "order", "id": id, "status": change })));
            }
            notices
        }
        (Kind::Order, Happened::Updated) => {
            let is_archived = shared.state().find::<Order>(id).is_some_and(|order| order.status == OrderStatus::Trash);
            let archived = is_archived.then(|| ("store/order/archived", of("order")));
            [("store/order/updated", of("order"))].into_iter().chain(archived).collect()
        }
        // Orders are archived and never deleted.
        (Kind::Order, Happened::Deleted) => Vec::new(),
    }
}

/// "Body is a notice only." The hash is one of the event's metadata, whose time is in seconds: two changes of one record
/// within a second share it.
fn body(scope: &str, data: &Value, at: Second) -> Vec<u8> {
    let producer = format!("stores/{STORE_HASH}");
    let mut notice =
        json!({ "scope": scope, "store_id": STORE_ID, "data": data, "created_at": at, "producer": producer });
    notice["hash"] = hex(&Sha1::digest(notice.to_string())).into();
    notice.to_string().into_bytes()
}

/// "HMAC-SHA256 with the **raw client secret bytes** as key over `id.timestamp.rawbody`."
fn parcel(hook: &Subscription, scope: &str, body: Vec<u8>, now: Second) -> Parcel {
    let (id, sent) = (format!("msg_{}", Uuid::new_v4().simple()), now.to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(hook.secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", sent.as_bytes(), b".", &body] {
        mac.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    Parcel {
        subscription: hook.id,
        topic: scope.to_owned(),
        address: hook.address.clone(),
        headers: vec![("webhook-id", id), ("webhook-timestamp", sent), ("webhook-signature", signature)],
        content_type: "application/json",
        body,
    }
}
