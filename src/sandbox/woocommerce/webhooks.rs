//! The shop's webhooks: its API for them, and what goes out. Sheet, section 6; "recorded" as in the parent.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::fields::Site;
use super::params::{Complaints, Params, Rejected};
use super::{Shop, fields};
use crate::sandbox::book::Happened;
use crate::sandbox::deliveries::{Event, Kind, Manner, Parcel, Subscription};
use crate::sandbox::php;
use crate::sandbox::population::mix;
use crate::sandbox::records::{Account, Order};
use crate::sandbox::server::{Answer, Shared};

/// No retries; anything from 200 to 302 is a success; off after seven failures in a row (recorded).
pub(crate) const MANNER: Manner = Manner { tries: 1, success: 200..=302, switched_off_after: 7, takes_away: false };

/// The topics that there are here; a shop has more, none of them about people.
const TOPICS: [&str; 7] = [
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
];

impl Shop {
    /// `/webhooks` and `/webhooks/{id}`.
    pub(super) fn webhooks(
        &self,
        method: &Method,
        id: Option<u64>,
        params: &Params,
        body: &[u8],
    ) -> Result<Answer, Rejected> {
        let fields: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        match (id, method) {
            (None, &Method::GET) => self.list_webhooks(params),
            (None, &Method::POST) => self.create_webhook(&fields),
            (Some(id), &Method::GET) => {
                let found = self.shared.deliveries.subscriptions().into_iter().find(|one| one.id == id);
                Ok(self.webhook_answer(200, &found.ok_or_else(Rejected::no_such_webhook)?))
            }
            (Some(id), &Method::PUT | &Method::PATCH | &Method::POST) => self.update_webhook(id, &fields),
            (Some(id), &Method::DELETE) => {
                // Webhooks have no trash (recorded for customers).
                // WordPress reads truth in any case; its Python client writes `True`.
                if !params.get("force").is_some_and(|force| force == "1" || force.eq_ignore_ascii_case("true")) {
                    return Err(Rejected::no_trash());
                }
                let gone = self.shared.deliveries.unsubscribe(id).ok_or_else(Rejected::no_such_webhook)?;
                Ok(self.webhook_answer(200, &gone))
            }
            _ => Err(Rejected::no_route()),
        }
    }

    fn list_webhooks(&self, params: &Params) -> Result<Answer, Rejected> {
        let mut complaints = Complaints::default();
        let per_page = complaints.integer(params, "per_page", 10, 1, Some(100));
        let page = complaints.integer(params, "page", 1, 1, None);
        let status = complaints.word(params, "status", "all", &["all", "active", "paused", "disabled"]);
        let order = complaints.word(params, "order", "desc", &["asc", "desc"]);
        complaints.settle()?;
        let mut all = self.shared.deliveries.subscriptions();
        all.retain(|one| status == "all" || status_of(one) == status);
        if order == "desc" {
            all.reverse();
        }
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (total, skipped) = (all.len(), number((page - 1).saturating_mul(per_page)));
        let shown: Vec<Value> =
            all.iter().skip(skipped).take(number(per_page)).map(|one| webhook(one, &self.site())).collect();
        Ok(Answer::json(200, &shown)
            .with("x-wp-total", total.to_string())
            .with("x-wp-totalpages", total.div_ceil(number(per_page)).to_string())
            .with("link", self.root_link())
            .with("allow", "GET, POST"))
    }

    fn create_webhook(&self, given: &Map<String, Value>) -> Result<Answer, Rejected> {
        let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let topic = text("topic");
        if !TOPICS.contains(&topic.as_str()) {
            return Err(Rejected::bad_topic());
        }
        let address = text("delivery_url");
        if !address.starts_with("http") {
            return Err(Rejected::bad_delivery_url());
        }
        // A missing secret is made and can't be read back; a status is not looked at here (both recorded).
        let secret = Some(text("secret")).filter(|secret| !secret.is_empty()).unwrap_or_else(|| self.shared.secret(9));
        let extra = Map::from_iter([("name".to_owned(), Value::String(text("name")))]);
        let created = self.shared.now();
        let made = self.shared.deliveries.subscribe(|id| Subscription {
            id,
            topic,
            address,
            secret,
            is_active: true,
            created,
            failures: 0,
            extra,
        });
        self.ping(&made);
        let place = format!("{}/wp-json/wc/v3/webhooks/{}", self.shared.base_url, made.id);
        Ok(self.webhook_answer(201, &made).with("location", place))
    }

    fn update_webhook(&self, id: u64, given: &Map<String, Value>) -> Result<Answer, Rejected> {
        let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut was_active = true;
        let changed = self.shared.deliveries.change(id, |one| {
            was_active = one.is_active;
            one.secret = text("secret").unwrap_or_else(|| one.secret.clone());
            one.address = text("delivery_url").unwrap_or_else(|| one.address.clone());
            if let Some(status) = text("status") {
                (one.is_active, one.failures) = (status == "active", 0);
            }
        });
        let changed = changed.ok_or_else(Rejected::no_such_webhook)?;
        if changed.is_active && !was_active {
            self.ping(&changed);
        }
        Ok(self.webhook_answer(200, &changed))
    }

    /// While a webhook is made or woken: a form, none of the headers, no signature (recorded: `webhook_ping`).
    fn ping(&self, subscription: &Subscription) {
        self.shared.deliveries.send(Parcel {
            subscription: 0,
            topic: "ping".to_owned(),
            address: subscription.address.clone(),
            headers: vec![("user-agent", user_agent())],
            content_type: "application/x-www-form-urlencoded",
            body: format!("webhook_id={}", subscription.id).into_bytes(),
        });
    }

    fn webhook_answer(&self, status: u16, subscription: &Subscription) -> Answer {
        Answer::json(status, &webhook(subscription, &self.site()))
            .with("link", self.root_link())
            .with("allow", "GET, POST, PUT, PATCH, DELETE")
    }
}

const fn status_of(subscription: &Subscription) -> &'static str {
    if subscription.is_active { "active" } else { "disabled" }
}

/// As recorded: `webhook_create_201`. The secret is never shown.
fn webhook(one: &Subscription, site: &Site<'_>) -> Value {
    let (resource, event) = one.topic.split_once('.').unwrap_or_default();
    let collection = format!("{}/wp-json/wc/v3/webhooks", site.url);
    let created = fields::utc(one.created);
    json!({
        "id": one.id, "name": one.extra.get("name"), "status": status_of(one), "topic": one.topic,
        "resource": resource, "event": event, "hooks": [], "delivery_url": one.address,
        "date_created": fields::site_time(site, one.created), "date_created_gmt": created,
        "date_modified": fields::site_time(site, one.created), "date_modified_gmt": created,
        "_links": {
            "self": [{ "href": format!("{collection}/{}", one.id),
                "targetHints": { "allow": ["GET", "POST", "PUT", "PATCH", "DELETE"] } }],
            "collection": [{ "href": collection }],
        },
    })
}

fn user_agent() -> String {
    format!("WooCommerce/{} Hookshot (WordPress/7.0.4)", fields::VERSION)
}

/// What goes out for what happened in one change.
pub(crate) fn parcels(shared: &Shared, events: &[Event]) -> Vec<Parcel> {
    // The orders of a deleted account become guest orders without a word (recorded).
    let is_account_deleted =
        events.iter().any(|event| (event.kind, event.happened) == (Kind::Account, Happened::Deleted));
    let is_told = |event: &&Event| !(is_account_deleted && event.kind == Kind::Order);
    events
        .iter()
        .filter(is_told)
        .flat_map(|event| topics(shared, event).iter().map(move |topic| (event, *topic)))
        .flat_map(|(event, topic)| {
            let body = body(shared, event);
            shared.deliveries.listening(topic).into_iter().map(move |one| parcel(shared, &one, event, body.clone()))
        })
        .collect()
}

/// Who makes an account or an order is heard of twice; meta data that changes alone, as an opt-in does, fires nothing
/// (both recorded).
fn topics(shared: &Shared, event: &Event) -> &'static [&'static str] {
    match (event.kind, event.happened) {
        (Kind::Account, Happened::Created) => &["customer.created", "customer.updated"],
        (Kind::Account, Happened::Updated) => {
            let moved = shared.state().find::<Account>(event.id).is_none_or(|account| account.modified >= event.at);
            if moved { &["customer.updated"] } else { &[] }
        }
        (Kind::Account, Happened::Deleted) => &["customer.deleted"],
        (Kind::Order, Happened::Created) => &["order.created", "order.updated"],
        (Kind::Order, Happened::Updated) => &["order.updated"],
        (Kind::Order, Happened::Deleted) => &["order.deleted"],
        // There are no newsletter rows in core (sheet, section 4).
        (Kind::Row, _) => &[],
    }
}

/// The record as it is when the delivery goes out; of what is gone an error document, and of a deletion only the id (both
/// recorded).
fn body(shared: &Shared, event: &Event) -> Vec<u8> {
    if event.happened == Happened::Deleted {
        return php::json(&json!({ "id": event.id }));
    }
    let params = Params::default();
    let found = match event.kind {
        Kind::Account => shared
            .state()
            .find::<Account>(event.id)
            .map(|account| fields::customer(&account, &Site::of(shared), &params.fields()))
            .ok_or_else(Rejected::no_such_user),
        Kind::Order => shared
            .state()
            .find::<Order>(event.id)
            .map(|order| fields::order(&order, &Site::of(shared), &params.fields()))
            .ok_or_else(Rejected::no_such_order),
        Kind::Row => Err(Rejected::no_route()),
    };
    php::json(&found.unwrap_or_else(|rejected| rejected.body))
}

fn parcel(shared: &Shared, one: &Subscription, event: &Event, body: Vec<u8>) -> Parcel {
    let mut mac = Hmac::<Sha256>::new_from_slice(one.secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(&body);
    let (resource, word) = one.topic.split_once('.').unwrap_or_default();
    // A hash of webhook and second, so that two deliveries of one second share it (sheet, section 6).
    let second = event.at.unsigned_abs();
    let id = format!("{:016x}{:016x}", mix(one.id, second), mix(second, one.id));
    Parcel {
        subscription: one.id,
        topic: one.topic.clone(),
        address: one.address.clone(),
        headers: vec![
            ("user-agent", user_agent()),
            ("x-wc-webhook-source", format!("{}/", shared.base_url)),
            ("x-wc-webhook-topic", one.topic.clone()),
            ("x-wc-webhook-resource", resource.to_owned()),
            ("x-wc-webhook-event", word.to_owned()),
            ("x-wc-webhook-signature", STANDARD.encode(mac.finalize().into_bytes())),
            ("x-wc-webhook-id", one.id.to_string()),
            ("x-wc-webhook-delivery-id", id),
        ],
        content_type: "application/json",
        body,
    }
}
