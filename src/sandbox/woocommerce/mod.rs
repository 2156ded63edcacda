//! A simulated WooCommerce 11.0.1: `wc/v3` over plain HTTP, answers as recorded from a real one.
//!
//! Sources: `vendors/woocommerce.md` ("sheet") and `vendors/woocommerce/recorded/README.md` ("recorded"). The site's
//! time zone is Europe/Berlin in name; all year +01:00 in fact, since no zone table is at hand, until it is changed.

mod auth;
mod fields;
mod lists;
mod params;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde_json::{Value, json};

use self::auth::Authority;
use self::fields::Site;
use self::params::{Params, Rejected};
use super::faults::{Fault, Target};
use super::records::{Account, Order};
use super::server::{Answer, Shared};

pub(super) use webhooks::{MANNER, parcels};

/// Largest body of a request.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// One running shop.
#[derive(Debug)]
struct Shop {
    shared: Arc<Shared>,
    authority: Authority,
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let (key, secret) = keys(&shared);
    let authority = Authority::new(key, secret, shared.base_url.clone(), shared.options.woocommerce.behind_tls_proxy);
    Router::new().fallback(serve).with_state(Arc::new(Shop { shared, authority }))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    let (key, secret) = keys(shared);
    json!({ "storeUrl": shared.base_url, "consumerKey": key, "consumerSecret": secret })
}

/// `ck_` and `cs_` with forty hexadecimal digits each (sheet, section 1).
fn keys(shared: &Shared) -> (String, String) {
    (format!("ck_{}", shared.secret(1)), format!("cs_{}", shared.secret(2)))
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
enum Route {
    Customers,
    Customer(u64),
    Orders,
    Order(u64),
    Webhooks,
    Webhook(u64),
    SystemStatus,
}

impl Route {
    /// A trailing slash makes no difference; an id that is no number is no route (recorded).
    fn of(path: &str) -> Option<Self> {
        let mut segments = path.trim_end_matches('/').strip_prefix("/wp-json/wc/v3/")?.split('/');
        let (collection, id, more) = (segments.next()?, segments.next(), segments.next());
        let id = match id {
            Some(id) if id.bytes().all(|byte| byte.is_ascii_digit()) => Some(id.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        match (collection, id, more) {
            ("customers", None, None) => Some(Self::Customers),
            ("customers", Some(id), None) => Some(Self::Customer(id)),
            ("orders", None, None) => Some(Self::Orders),
            ("orders", Some(id), None) => Some(Self::Order(id)),
            ("webhooks", None, None) => Some(Self::Webhooks),
            ("webhooks", Some(id), None) => Some(Self::Webhook(id)),
            ("system_status", None, None) => Some(Self::SystemStatus),
            _ => None,
        }
    }

    const fn target(self) -> Target {
        match self {
            Self::Customers | Self::Customer(_) => Target::Customers,
            Self::Orders | Self::Order(_) => Target::Orders,
            Self::Webhooks | Self::Webhook(_) | Self::SystemStatus => Target::Any,
        }
    }

    const fn is_list(self) -> bool {
        matches!(self, Self::Customers | Self::Orders | Self::Webhooks)
    }
}

async fn serve(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let path = parts.uri.path();
    let params = Params::parse(parts.uri.query().unwrap_or_default());
    let wants_json = accepts_json(&parts.headers);
    let target = Route::of(path).map_or(Target::Any, Route::target);
    let strikes = |fault, _| fault_answer(&shop.shared, fault, wants_json);
    shop.shared.answer(target, strikes, || shop.dispatch(&parts.method, path, &parts.headers, &params, &body)).await
}

impl Shop {
    fn dispatch(&self, method: &Method, path: &str, headers: &HeaderMap, params: &Params, body: &[u8]) -> Answer {
        if let "/wp-json" | "/wp-json/" = path {
            return self.index(params);
        }
        // Without pretty permalinks consumer keys are not looked at (recorded).
        if let ("/" | "/index.php", Some(_)) = (path, params.get("rest_route")) {
            return self.refused(&Rejected::cannot_view(true));
        }
        let Some(route) = Route::of(path) else { return self.refused(&Rejected::no_route()) };
        if let Err(rejected) = self.authority.check(method, path, headers, params, self.shared.now(), route.is_list()) {
            return self.refused(&rejected);
        }
        // Nothing but webhooks can be written, as if by a read-only key; there is no PUT on a collection (recorded, both).
        let may_write = !self.shared.options.woocommerce.read_only_keys;
        match *method {
            Method::GET | Method::HEAD => {}
            _ if may_write && matches!(route, Route::Webhooks | Route::Webhook(_)) => {}
            Method::PUT | Method::PATCH | Method::DELETE if route.is_list() => {
                return self.refused(&Rejected::no_route());
            }
            _ => return self.refused(&Rejected::read_only()),
        }
        let answer = match route {
            Route::Customers => self.customers(params),
            Route::Customer(id) => self.customer(id, params),
            Route::Orders => self.orders(params),
            Route::Order(id) => self.order(id, params),
            Route::Webhooks => self.webhooks(method, None, params, body),
            Route::Webhook(id) => self.webhooks(method, Some(id), params, body),
            Route::SystemStatus => Ok(self.system_status(params)),
        };
        match answer {
            Ok(answer) => answer
                .with("x-content-type-options", "nosniff")
                .with("cache-control", "no-cache, must-revalidate, max-age=0, no-store, private"),
            Err(rejected) => self.refused(&rejected),
        }
    }

    fn refused(&self, rejected: &Rejected) -> Answer {
        let answer = Answer::json(rejected.status, &rejected.body).with("link", self.root_link());
        let answer = answer.with("x-content-type-options", "nosniff");
        if rejected.status == 401 { answer.with("vary", "Origin") } else { answer }
    }

    fn site(&self) -> Site<'_> {
        Site::of(&self.shared)
    }

    fn root_link(&self) -> String {
        format!("<{}/wp-json/>; rel=\"https://api.w.org/\"", self.shared.base_url)
    }

    fn customer(&self, id: u64, params: &Params) -> Result<Answer, Rejected> {
        let account = self.shared.state().find::<Account>(id).ok_or_else(Rejected::no_such_user)?;
        let body = fields::customer(&account, &self.site(), &params.fields());
        Ok(Answer::json(200, &body).with("allow", "GET, POST, PUT, PATCH, DELETE").with("link", self.root_link()))
    }

    fn order(&self, id: u64, params: &Params) -> Result<Answer, Rejected> {
        let order = self.shared.state().find::<Order>(id).ok_or_else(Rejected::no_such_order)?;
        let body = fields::order(&order, &self.site(), &params.fields());
        Ok(Answer::json(200, &body).with("allow", "GET, POST, PUT, PATCH, DELETE").with("link", self.root_link()))
    }

    fn system_status(&self, params: &Params) -> Answer {
        let tables = self.shared.options.woocommerce.order_storage == super::OrderStorage::Tables;
        let url = &self.shared.base_url;
        let body = json!({
            "environment": { "home_url": url, "site_url": url, "version": fields::VERSION, "wp_version": "7.0.4",
                "wp_multisite": false, "language": "en_US", "php_version": "8.2.36", "default_timezone": "UTC" },
            "active_plugins": [{ "plugin": "woocommerce/woocommerce.php", "name": "WooCommerce", "version": fields::VERSION }],
            "settings": { "api_enabled": false, "force_ssl": false, "currency": "EUR", "HPOS_enabled": tables },
        });
        Answer::json(200, &params.fields().project(body)).with("allow", "GET").with("link", self.root_link())
    }

    fn index(&self, params: &Params) -> Answer {
        let url = &self.shared.base_url;
        let body = json!({
            "name": self.shared.name(), "url": url, "home": url, "gmt_offset": self.shared.seconds_ahead() / 3600,
            "timezone_string": "Europe/Berlin",
            "namespaces": ["oembed/1.0", "wc/v3", "wc/v1", "wc/v2", "wc-admin", "wc-analytics", "wc/store", "wp/v2"],
            "authentication": {},
        });
        Answer::json(200, &params.fields().project(body)).with("link", self.root_link())
    }
}

/// Failures are JSON only if the request says so (recorded): plain HTML otherwise.
fn accepts_json(headers: &HeaderMap) -> bool {
    headers
        .get("accept")
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"))
}

fn fault_answer(shared: &Shared, fault: Fault, wants_json: bool) -> Option<Answer> {
    match fault {
        // Not from core but from hosts and firewalls (sheet, section 5).
        Fault::Throttled => {
            let page = "<html><body><h1>429 Too Many Requests</h1></body></html>";
            Some(Answer::text(429, "text/html; charset=UTF-8", page).with("retry-after", "1"))
        }
        Fault::ServerError if wants_json => {
            let message = "<h1>Error establishing a database connection</h1>";
            let body =
                json!({ "code": "wp_die", "message": message, "data": { "status": 500 }, "additional_errors": [] });
            Some(Answer::json(500, &body))
        }
        Fault::ServerError => {
            let page = "<!DOCTYPE html><html dir='ltr'><body>Error establishing a database connection</body></html>";
            Some(Answer::text(500, "text/html; charset=UTF-8", page))
        }
        Fault::RejectedCredentials => {
            let rejected = Rejected::cannot_view(true);
            let link = format!("<{}/wp-json/>; rel=\"https://api.w.org/\"", shared.base_url);
            Some(Answer::json(401, &rejected.body).with("link", link))
        }
        _ => None,
    }
}
