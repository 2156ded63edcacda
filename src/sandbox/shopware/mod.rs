//! A simulated Shopware 6.7: the Admin API as far as people and webhooks go.
//!
//! Sources: `vendors/shopware.md` ("sheet") and its examples. Not simulated: the throttle on failed logins, the handshake
//! of apps, entities that nobody here has.

mod access;
mod cells;
mod criteria;
mod events;
mod options;
mod privileges;
mod rows;
mod search;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use chrono::DateTime;
use serde_json::{Value, json};

use self::access::Access;
use self::search::Entity;
use super::StartError;
use super::faults::{Fault, Target};
use super::ids;
use super::server::{Answer, Shared};

pub(crate) use events::{MANNER, parcels};
pub use options::ShopwareOptions;
pub(crate) use webhooks::install_app;

/// What `_info/version` answers (sheet, section 1).
const VERSION: &str = "6.7.10.1";
/// Largest request read.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// The sales channels; the last is not among the chosen ones.
const CHANNELS: [&str; 3] = ["Storefront", "B2B", "Outlet"];

/// One running shop.
#[derive(Debug)]
struct Shop {
    shared: Arc<Shared>,
    access: Access,
}

#[expect(clippy::unnecessary_wraps, reason = "the routers of all platforms are alike")]
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    let access = Access::new(&shared);
    let shop = Shop { shared, access };
    Ok(Router::new().fallback(serve).with_state(Arc::new(shop)))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    let (id, secret) = access::credentials(shared);
    let chosen = [channel_id(0), channel_id(1)];
    json!({ "storeUrl": shared.base_url, "accessKeyId": id, "secretAccessKey": secret, "salesChannelIds": chosen })
}

fn channel_id(channel: usize) -> String {
    ids::text("sales channels", channel as u64)
}

async fn serve(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.unwrap_or_default();
    let path = parts.uri.path().trim_end_matches('/');
    if (&parts.method, path) == (&Method::POST, "/api/oauth/token") {
        return shop.access.issue(&body, shop.shared.now()).into_response();
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let target = match path {
        "/api/search/customer" => Target::Customers,
        "/api/search/order" => Target::Orders,
        "/api/search/newsletter-recipient" => Target::Subscribers,
        _ => Target::Any,
    };
    let strikes = |fault, _| shop.fault_answer(fault);
    shop.shared.answer(target, strikes, || shop.dispatch(&parts.method, path, &parts.headers, &body)).await
}

impl Shop {
    fn dispatch(&self, method: &Method, path: &str, headers: &HeaderMap, body: &Value) -> Answer {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        if !bearer.is_some_and(|token| self.access.admits(token, self.shared.now())) {
            return expired();
        }
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let answer = match privileges::refusal(self.shared.options.shopware.lacks, method, &segments, body) {
            Some(refusal) => refusal,
            None => self.routed(method, path, &segments, body).unwrap_or_else(|refused| refused),
        };
        // Without `Accept: application/json` the same comes in another shape (sheet, section 1).
        let wants_json = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let answer = match wants_json {
            Some(accept) if accept.contains("application/json") => answer,
            _ => answer.recast("application/vnd.api+json", json_api),
        };
        answer.with("date", http_date(self.shared.now()))
    }

    /// What an administrator is answered.
    fn routed(&self, method: &Method, path: &str, segments: &[&str], body: &Value) -> Result<Answer, Answer> {
        match (method.as_str(), segments) {
            ("GET", ["api", "_info", "version"]) => Ok(Answer::json(200, &json!({ "version": VERSION }))),
            ("POST", ["api", "search", "webhook"]) => self.search_webhooks(body),
            ("POST", ["api", "search", entity]) => match Entity::of(entity) {
                Some(entity) => self.search(entity, body),
                None => Err(no_route(path)),
            },
            ("POST", ["api", "webhook"]) => self.create_webhook(body),
            ("PATCH", ["api", "webhook", id]) => self.update_webhook(id, body),
            ("DELETE", ["api", "webhook", id]) => self.delete_webhook(id),
            _ => Err(no_route(path)),
        }
    }

    fn fault_answer(&self, fault: Fault) -> Option<Answer> {
        match fault {
            // In front of a shop, and on the vendor's cloud (sheet, section 5).
            Fault::Throttled => Some(Answer::text(429, "text/html", "Too Many Requests").with("retry-after", "1")),
            Fault::ServerError => Some(refused(500, "0", "Internal Server Error", "An exception occurred", &json!([]))),
            Fault::RejectedCredentials => {
                self.access.revoke();
                Some(expired())
            }
            _ => None,
        }
    }
}

/// A page in the format that is the default: JSON:API, with the columns under `attributes`.
fn json_api(body: Value) -> Value {
    let Some(entities) = body.get("data").and_then(Value::as_array) else { return body };
    let resources = entities.iter().map(|entity| {
        let mut attributes = entity.clone();
        let (id, kind) = (entity["id"].clone(), entity["apiAlias"].clone());
        if let Some(fields) = attributes.as_object_mut() {
            fields.retain(|name, _| !matches!(name.as_str(), "id" | "_uniqueIdentifier" | "apiAlias"));
        }
        json!({ "id": id, "type": kind, "attributes": attributes, "links": {}, "relationships": {}, "meta": null })
    });
    let resources: Vec<Value> = resources.collect();
    json!({ "data": resources, "included": [], "links": {}, "meta": { "totalCountMode": 1, "total": body["total"] },
        "aggregations": [] })
}

/// A refusal as the sheet's section 5 shows them: `status` and `code` are texts.
fn refused(status: u16, code: &str, title: &str, detail: &str, parameters: &Value) -> Answer {
    let error = json!({ "status": status.to_string(), "code": code, "title": title, "detail": detail,
        "meta": { "parameters": parameters } });
    Answer::json(status, &json!({ "errors": [error] }))
}

/// An error of the OAuth library: without `meta` (sheet, list on top).
fn oauth_error(code: &str, title: &str, detail: Option<&str>) -> Answer {
    Answer::json(401, &json!({ "errors": [{ "code": code, "status": "401", "title": title, "detail": detail }] }))
}

/// `search_401_expired_token.json`.
fn expired() -> Answer {
    let title = "The resource owner or authorization server denied the request.";
    oauth_error("9", title, Some("Access token could not be verified"))
}

fn no_route(path: &str) -> Answer {
    refused(404, "0", "Not Found", &format!("No route found for \"{path}\""), &json!([]))
}

fn http_date(second: i64) -> String {
    let time = DateTime::from_timestamp(second, 0).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
