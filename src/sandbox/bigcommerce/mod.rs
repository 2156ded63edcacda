//! A simulated `BigCommerce`: V3 customers, subscribers and hooks, V2 orders and store information.
//!
//! Source: `vendors/bigcommerce.md`, whose sections are named in brackets, and the specifications and examples beside it.

mod fields;
mod lists;
mod options;
mod params;
mod webhooks;
mod window;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde_json::{Value, json};

use self::fields::STORE_HASH;
use self::params::{Params, Rejected, Version};
use self::window::RateLimit;
use super::StartError;
use super::faults::{Fault, Target};
use super::records::{Order, Row};
use super::server::{Answer, Shared};

pub use options::BigCommerceOptions;
pub(crate) use webhooks::{MANNER, parcels};

/// Largest request that is read.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// One running store.
#[derive(Debug)]
struct Shop {
    shared: Arc<Shared>,
    limit: RateLimit,
    token: String,
}

#[expect(clippy::unnecessary_wraps, reason = "the routers of all platforms are alike")]
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    let (limit, token) = (RateLimit::new(shared.options.bigcommerce), shared.secret(1));
    let shop = Shop { shared, limit, token };
    Ok(Router::new().fallback(serve).with_state(Arc::new(shop)))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    json!({ "storeHash": STORE_HASH, "accessToken": shared.secret(1), "clientSecret": client_secret(shared),
        "apiBaseUrl": shared.base_url })
}

/// What webhooks are signed with.
fn client_secret(shared: &Shared) -> String {
    shared.secret(2)
}

async fn serve(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.unwrap_or_default();
    let path = head.uri.path().to_owned();
    let version = if path.contains("/v2/") { Version::V2 } else { Version::V3 };
    let target = match path.rsplit('/').find(|part| part.parse::<u64>().is_err()) {
        Some("customers") => Target::Customers,
        Some("subscribers") => Target::Subscribers,
        Some("orders") => Target::Orders,
        _ => Target::Any,
    };
    let params = Params::parse(head.uri.query().unwrap_or_default());
    let spent = shop.limit.spend();
    let answer = || {
        let answer = spent.refusal(version).unwrap_or_else(|| {
            let result = shop.answer(&head.method, &path, &head.headers, &params, &body);
            result.unwrap_or_else(|rejected| rejected.answer(version))
        });
        spent.tell(answer)
    };
    shop.shared.answer(target, |fault, number| fault_answer(fault, number, version), answer).await
}

impl Shop {
    fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        params: &Params,
        body: &[u8],
    ) -> Result<Answer, Rejected> {
        let path = path.strip_prefix("/stores/").ok_or_else(Rejected::not_found)?;
        let (hash, resource) = path.split_once('/').ok_or_else(Rejected::not_found)?;
        let given = headers.get("x-auth-token").and_then(|token| token.to_str().ok());
        // A wrong hash answers as a wrong token (section 8).
        if hash != STORE_HASH || given != Some(self.token.as_str()) {
            return Err(Rejected::new(401, "Unauthorized"));
        }
        let parts: Vec<&str> = resource.split('/').collect();
        let id = |text: &str| text.parse::<u64>().map_err(|_| Rejected::not_found());
        match (method, parts.as_slice()) {
            (&Method::GET, ["v2", "store"]) => {
                Ok(Answer::json(200, &fields::store(self.shared.name(), &self.shared.base_url)))
            }
            (&Method::GET, ["v2", "orders"]) => self.orders(params),
            (&Method::GET, ["v2", "orders", "count"]) => self.count(params),
            (&Method::GET, ["v2", "orders", number]) => self.order(id(number)?),
            (&Method::GET, ["v3", "customers"]) => self.customers(params),
            (&Method::GET, ["v3", "customers", "subscribers"]) => self.subscribers(params),
            (&Method::GET, ["v3", "customers", "subscribers", number]) => self.subscriber(id(number)?),
            (method, ["v3", "hooks"]) => self.hooks(method, None, params, body),
            (method, ["v3", "hooks", number]) => self.hooks(method, Some(id(number)?), params, body),
            _ => Err(Rejected::not_found()),
        }
    }

    fn order(&self, id: u64) -> Result<Answer, Rejected> {
        let order = self.shared.state().find::<Order>(id).ok_or_else(Rejected::not_found)?;
        Ok(Answer::json(200, &fields::order(&order, &self.shared.base_url)))
    }

    fn subscriber(&self, id: u64) -> Result<Answer, Rejected> {
        let row = self.shared.state().find::<Row>(id).ok_or_else(Rejected::not_found)?;
        Ok(Answer::json(200, &json!({ "data": fields::subscriber(&row), "meta": {} })))
    }
}

fn fault_answer(fault: Fault, number: u64, version: Version) -> Option<Answer> {
    let refused = |status, message| Some(Rejected::new(status, message).answer(version));
    match fault {
        // A share that is used up says until when; the platform itself, overloaded, says nothing (section 7).
        Fault::Throttled if number.is_multiple_of(2) => refused(429, "Too many requests")
            .map(|answer| answer.with("x-rate-limit-time-reset-ms", "200").with("x-rate-limit-requests-left", "0")),
        Fault::Throttled => refused(429, "Too many requests"),
        Fault::ServerError if number.is_multiple_of(2) => {
            Some(Answer::text(500, "text/html", "<html><body>Internal Server Error</body></html>"))
        }
        Fault::ServerError => Some(Answer::text(502, "text/html", "")),
        Fault::RejectedCredentials => refused(401, "Unauthorized"),
        _ => None,
    }
}
