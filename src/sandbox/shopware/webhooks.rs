//! The webhook entity, of the API and of apps (sheet, section 6).

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::cells::{Cell, Columns};
use super::criteria::Criteria;
use super::search::page;
use super::{Shop, refused};
use crate::sandbox::deliveries::Subscription;
use crate::sandbox::server::{Answer, Shared};

/// Most webhooks kept.
const MAX_WEBHOOKS: usize = 1000;
/// What the manifest of the simulated app delivers.
const APP_EVENTS: [&str; 8] = [
    "customer.written",
    "customer.deleted",
    "newsletter.register",
    "newsletter.confirm",
    "newsletter.unsubscribe",
    "checkout.customer.register",
    "checkout.customer.guest_register",
    "checkout.customer.deleted",
];
/// Columns that no other platform has.
const ID: &str = "id";
const NAME: &str = "name";
/// The app that made it; only its deliveries are signed.
pub(super) const APP: &str = "appId";

struct Webhook<'a>(&'a Subscription);

impl Columns for Webhook<'_> {
    fn cell(&self, field: &str) -> Option<Cell> {
        let text = |name: &str| self.0.extra.get(name).and_then(Value::as_str);
        Some(match field {
            ID | NAME | APP => text(field).map_or(Cell::Null, |text| Cell::Text(text.to_owned())),
            "eventName" => Cell::Text(self.0.topic.clone()),
            "url" => Cell::Text(self.0.address.clone()),
            "active" => Cell::Flag(self.0.is_active),
            _ => return None,
        })
    }
}

impl Shop {
    /// `POST /api/search/webhook`.
    pub(super) fn search_webhooks(&self, body: &Value) -> Result<Answer, Answer> {
        let criteria = Criteria::parse(body, self.shared.options.shopware.max_limit)?;
        let mut found = Vec::new();
        for webhook in self.shared.deliveries.subscriptions() {
            let fits = criteria.filters.iter().map(|filter| filter.fits(&Webhook(&webhook)));
            if !fits.collect::<Result<Vec<_>, _>>()?.contains(&false) {
                found.push(shown(&webhook));
            }
        }
        let matches = found.len() as u64;
        let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let shown: Vec<Value> = found.into_iter().skip(window(criteria.offset)).take(window(criteria.limit)).collect();
        let total = criteria.total(matches, shown.len());
        Ok(page(shown, total, body))
    }

    /// `POST /api/webhook`: it has no app, "hence no secret and no signature header at all".
    pub(super) fn create_webhook(&self, body: &Value) -> Result<Answer, Answer> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let required = |name: &'static str| text(name).map(str::to_owned).ok_or_else(|| blank(name));
        let (name, event, url) = (required(NAME)?, required("eventName")?, required("url")?);
        let id = text(ID).map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned);
        let there = self.shared.deliveries.subscriptions();
        if there.len() >= MAX_WEBHOOKS || there.iter().any(|webhook| id_of(webhook) == id) {
            return Err(refused(500, "0", "Internal Server Error", "An exception occurred", &json!([])));
        }
        let is_active = body.get("active").and_then(Value::as_bool).unwrap_or(true);
        let mut webhook = blank_webhook(&self.shared, &id, &name, (event, url));
        webhook.is_active = is_active;
        self.shared.deliveries.subscribe(|number| Subscription { id: number, ..webhook });
        Ok(empty().with("location", format!("{}/api/webhook/{id}", self.shared.base_url)))
    }

    /// `PATCH /api/webhook/{id}`.
    pub(super) fn update_webhook(&self, id: &str, body: &Value) -> Result<Answer, Answer> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let changed = self.shared.deliveries.change(self.number_of(id)?, |webhook| {
            if let Some(name) = text(NAME) {
                webhook.extra.insert(NAME.to_owned(), name.into());
            }
            webhook.topic = text("eventName").unwrap_or_else(|| webhook.topic.clone());
            webhook.address = text("url").unwrap_or_else(|| webhook.address.clone());
            if let Some(is_active) = body.get("active").and_then(Value::as_bool) {
                (webhook.is_active, webhook.failures) = (is_active, 0);
            }
        });
        changed.map(|_| empty()).ok_or_else(|| not_found(id))
    }

    /// `DELETE /api/webhook/{id}`.
    pub(super) fn delete_webhook(&self, id: &str) -> Result<Answer, Answer> {
        self.shared.deliveries.unsubscribe(self.number_of(id)?).map(|_| empty()).ok_or_else(|| not_found(id))
    }

    fn number_of(&self, id: &str) -> Result<u64, Answer> {
        let webhooks = self.shared.deliveries.subscriptions();
        webhooks.iter().find(|webhook| id_of(webhook) == id).map(|webhook| webhook.id).ok_or_else(|| not_found(id))
    }
}

/// Installs an app whose manifest delivers to an address, and tells the secret that it signs with: "the secret our
/// registration endpoint returned". The handshake itself is not simulated.
pub(crate) fn install_app(shared: &Shared, address: &str) -> String {
    let (secret, app) = (shared.secret(3), uuid::Uuid::new_v4().simple().to_string());
    for event in APP_EVENTS {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let mut webhook = blank_webhook(shared, &id, event, (event.to_owned(), address.to_owned()));
        webhook.secret.clone_from(&secret);
        webhook.extra.insert(APP.to_owned(), app.clone().into());
        shared.deliveries.subscribe(|number| Subscription { id: number, ..webhook });
    }
    secret
}

fn blank_webhook(shared: &Shared, id: &str, name: &str, (topic, address): (String, String)) -> Subscription {
    let extra = Map::from_iter([(ID.to_owned(), id.into()), (NAME.to_owned(), name.into())]);
    Subscription {
        id: 0,
        topic,
        address,
        secret: String::new(),
        is_active: true,
        created: shared.now(),
        failures: 0,
        extra,
    }
}

fn id_of(webhook: &Subscription) -> &str {
    webhook.extra.get(ID).and_then(Value::as_str).unwrap_or_default()
}

/// `search_webhook_200.json`. The secret of an app is never shown.
fn shown(webhook: &Subscription) -> Value {
    let created = DateTime::from_timestamp(webhook.created, 0).unwrap_or_default();
    json!({
        "name": webhook.extra.get(NAME), "eventName": webhook.topic, "url": webhook.address, "onlyLiveVersion": false,
        "errorCount": webhook.failures, "active": webhook.is_active, "appId": webhook.extra.get(APP),
        "createdAt": created.format("%Y-%m-%dT%H:%M:%S.000+00:00").to_string(), "updatedAt": null, "id": id_of(webhook),
        "_uniqueIdentifier": id_of(webhook), "translated": [],
        "extensions": { "foreignKeys": { "apiAlias": null, "extensions": [] } }, "apiAlias": "webhook",
    })
}

fn empty() -> Answer {
    Answer::text(204, "application/json", "")
}

fn blank(field: &str) -> Answer {
    let error = json!({ "status": "400", "code": "c1051bb4-d103-4f74-8988-acbcafc7fdc3", "title": "Constraint violation error",
        "detail": "This value should not be blank.", "source": { "pointer": format!("/0/{field}") },
        "meta": { "parameters": { "{{ value }}": "null" } } });
    Answer::json(400, &json!({ "errors": [error] }))
}

/// `get_newsletter_recipient_404.json`.
fn not_found(id: &str) -> Answer {
    let detail = format!("The webhook resource with the following primary key was not found: id({id})");
    let parameters = json!({ "type": "webhook", "primaryKey": { "id": id }, "primaryKeyString": format!("id({id})") });
    refused(404, "FRAMEWORK__RESOURCE_NOT_FOUND", "Not Found", &detail, &parameters)
}
