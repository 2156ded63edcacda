//! The webhook entity: made by the API it has no app, hence no secret and no signature (sheet, section 6).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::DateTime;
use serde_json::{Value, json};

use super::cells::{Cell, Columns};
use super::criteria::Criteria;
use super::refused;
use super::search::page;
use crate::sandbox::records::Second;
use crate::sandbox::server::Answer;

/// Most webhooks kept.
const MAX_WEBHOOKS: usize = 1000;

/// The shop's webhooks by id.
#[derive(Debug, Default)]
pub(super) struct Webhooks(Mutex<BTreeMap<String, Value>>);

struct Webhook<'a>(&'a Value);

impl Columns for Webhook<'_> {
    fn cell(&self, field: &str) -> Option<Cell> {
        if !["id", "name", "eventName", "url", "active", "appId"].contains(&field) {
            return None;
        }
        Some(match &self.0[field] {
            Value::String(text) => Cell::Text(text.clone()),
            Value::Bool(flag) => Cell::Flag(*flag),
            _ => Cell::Null,
        })
    }
}

impl Webhooks {
    pub(super) fn search(&self, body: &Value, max_limit: u64) -> Result<Answer, Answer> {
        let criteria = Criteria::parse(body, max_limit)?;
        let mut found = Vec::new();
        for webhook in self.lock().values() {
            let fits = criteria.filters.iter().map(|filter| filter.fits(&Webhook(webhook)));
            if !fits.collect::<Result<Vec<_>, _>>()?.contains(&false) {
                found.push(webhook.clone());
            }
        }
        let matches = found.len() as u64;
        let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let shown: Vec<Value> = found.into_iter().skip(window(criteria.offset)).take(window(criteria.limit)).collect();
        let total = criteria.total(matches, shown.len());
        Ok(page(shown, total, body))
    }

    pub(super) fn create(&self, body: &Value, base_url: &str, now: Second) -> Result<Answer, Answer> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        for name in ["name", "eventName", "url"] {
            if text(name).is_none() {
                return Err(blank(name));
            }
        }
        let id = text("id").map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned);
        let created = DateTime::from_timestamp(now, 0).unwrap_or_default();
        let webhook = json!({
            "name": text("name"), "eventName": text("eventName"), "url": text("url"), "onlyLiveVersion": false,
            "errorCount": 0, "active": body.get("active").and_then(Value::as_bool).unwrap_or(true), "appId": null,
            "createdAt": created.format("%Y-%m-%dT%H:%M:%S.000+00:00").to_string(), "updatedAt": null, "id": id,
            "_uniqueIdentifier": id, "translated": [],
            "extensions": { "foreignKeys": { "apiAlias": null, "extensions": [] } }, "apiAlias": "webhook",
        });
        let mut webhooks = self.lock();
        if webhooks.len() >= MAX_WEBHOOKS {
            return Err(refused(500, "0", "Internal Server Error", "Too many webhooks for a sandbox", &json!([])));
        }
        webhooks.insert(id.clone(), webhook);
        Ok(empty().with("location", format!("{base_url}/api/webhook/{id}")))
    }

    pub(super) fn update(&self, id: &str, body: &Value) -> Result<Answer, Answer> {
        let mut webhooks = self.lock();
        let webhook = webhooks.get_mut(id).ok_or_else(|| not_found(id))?;
        for name in ["name", "eventName", "url", "active"] {
            if let Some(value) = body.get(name) {
                webhook[name] = value.clone();
            }
        }
        Ok(empty())
    }

    pub(super) fn delete(&self, id: &str) -> Result<Answer, Answer> {
        self.lock().remove(id).map(|_| empty()).ok_or_else(|| not_found(id))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
