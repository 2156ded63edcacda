//! A simulated Salesforce B2C Commerce instance: Account Manager's token endpoint, and the Commerce API's customer
//! search and orders of one customer list with one site.
//!
//! Source: `vendors/sfcc.md` and the specifications and examples beside it. It has no webhooks, as the platform has none
//! (section 9).

mod access;
mod documents;
mod options;
mod orders;
mod page;
mod problem;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use serde_json::{Value, json};

use self::access::{Access, CLIENT_ID, CUSTOMERS_SCOPE, ORDERS_SCOPE};
use self::problem::Problem;
use super::StartError;
use super::faults::{Fault, Target};
use super::records::Account;
use super::server::{Answer, Shared};

pub use options::{SearchableDates, SfccOptions};

/// The organisation, as paths have it (`vendors/sfcc.md` section 2).
const ORGANIZATION: &str = "f_ecom_zzxy_prd";
/// The site.
pub(crate) const SITE: &str = "RefArch";
/// The customer list; often, not always, called as the site (`vendors/sfcc.md` section 2).
const CUSTOMER_LIST: &str = "RefArchList";
/// Id of the merchant's attribute of profiles (`vendors/sfcc.md` section 6).
const ATTRIBUTE_ID: &str = "acceptsMarketing";
const TOKEN_PATH: &str = "/dwsso/oauth2/access_token";
/// Largest request that is read.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Loads in percent from which the platform warns and throttles (`vendors/sfcc.md` section 8).
const WARN: u8 = 80;
const THROTTLE: u8 = 90;

/// One running instance.
#[derive(Debug)]
struct Instance {
    shared: Arc<Shared>,
    access: Access,
}

#[expect(clippy::unnecessary_wraps, reason = "the routers of all platforms are alike")]
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    let access = Access::new(&shared);
    Ok(Router::new().fallback(serve).with_state(Arc::new(Instance { shared, access })))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    let mut settings = json!({ "shortCode": "kv7kzm78", "organizationId": ORGANIZATION, "siteIds": [SITE],
        "customerListId": CUSTOMER_LIST, "clientId": CLIENT_ID, "clientSecret": access::secret(shared),
        "apiBaseUrl": shared.base_url, "tokenUrl": format!("{}{TOKEN_PATH}", shared.base_url) });
    if shared.options.sfcc.attribute || shared.options.sfcc.order_attribute {
        settings["acceptsMarketingAttribute"] = ATTRIBUTE_ID.into();
    }
    settings
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
enum Route<'a> {
    Token,
    Search { list: &'a str },
    Customer { list: &'a str, number: &'a str },
    Orders,
    Order { number: &'a str },
}

impl<'a> Route<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["dwsso", "oauth2", "access_token"]) => Some(Self::Token),
            (
                "POST",
                [
                    "customer",
                    "customers",
                    "v1",
                    "organizations",
                    ORGANIZATION,
                    "customer-lists",
                    list,
                    "customer-search",
                ],
            ) => Some(Self::Search { list }),
            (
                "GET",
                [
                    "customer",
                    "customers",
                    "v1",
                    "organizations",
                    ORGANIZATION,
                    "customer-lists",
                    list,
                    "customers",
                    number,
                ],
            ) => Some(Self::Customer { list, number }),
            ("GET", ["checkout", "orders", "v1", "organizations", ORGANIZATION, "orders"]) => Some(Self::Orders),
            ("GET", ["checkout", "orders", "v1", "organizations", ORGANIZATION, "orders", number]) => {
                Some(Self::Order { number })
            }
            _ => None,
        }
    }

    const fn target(self) -> Target {
        match self {
            Self::Token => Target::Any,
            Self::Search { .. } | Self::Customer { .. } => Target::Customers,
            Self::Orders | Self::Order { .. } => Target::Orders,
        }
    }
}

async fn serve(State(instance): State<Arc<Instance>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.unwrap_or_default();
    let route = Route::of(&parts.method, parts.uri.path());
    // Account Manager is another service: the instance's faults are not its own.
    if let Some(Route::Token) = route {
        return instance.access.grant(&parts.headers, &body, instance.shared.now()).into_response();
    }
    let target = route.map_or(Target::Any, Route::target);
    let strikes = |fault, _| instance.fault_answer(fault);
    let query = parts.uri.query().unwrap_or_default();
    let answer = instance.shared.answer(target, strikes, || {
        instance.dispatch(route, &parts.headers, query, &body).unwrap_or_else(Problem::answer)
    });
    instance.with_headers(answer.await, &parts.headers)
}

impl Instance {
    fn dispatch(
        &self,
        route: Option<Route<'_>>,
        headers: &HeaderMap,
        query: &str,
        body: &[u8],
    ) -> Result<Answer, Problem> {
        let route = route.ok_or_else(Problem::no_such_resource)?;
        let scope = if route.target() == Target::Orders { ORDERS_SCOPE } else { CUSTOMERS_SCOPE };
        self.access.admit(headers, scope, self.shared.now())?;
        match route {
            Route::Search { list } | Route::Customer { list, .. } if list != CUSTOMER_LIST => {
                Err(Problem::no_such_list(list))
            }
            Route::Search { .. } => self.search(body),
            Route::Customer { number, .. } => self.customer(number),
            Route::Orders => self.orders(query),
            Route::Order { number } => self.order(number, query),
            Route::Token => Err(Problem::no_such_resource()),
        }
    }

    fn customer(&self, number: &str) -> Result<Answer, Problem> {
        let account = documents::numbered(number).and_then(|id| self.shared.state().find::<Account>(id));
        let account = account.ok_or_else(|| Problem::no_such_customer(number))?;
        Ok(Answer::json(200, &documents::customer(&account, self.shared.options.sfcc.attribute)))
    }

    /// Every answer tells the load, and the request's correlation id if it has one (`vendors/sfcc.md` section 8).
    fn with_headers(&self, mut response: Response, asked: &HeaderMap) -> Response {
        let load = self.shared.options.sfcc.load;
        let status = match load {
            THROTTLE.. => Some("THROTTLE"),
            WARN.. => Some("WARN"),
            _ => None,
        };
        let headers = response.headers_mut();
        let name = HeaderName::from_static;
        headers.entry(name("sfdc_load")).or_insert_with(|| HeaderValue::from(u16::from(load)));
        if let Some(status) = status {
            headers.entry(name("sfdc_load_status")).or_insert(HeaderValue::from_static(status));
        }
        if let Some(id) = asked.get("correlation-id") {
            headers.insert(name("x-correlation-id"), id.clone());
        }
        response
    }

    /// `vendors/sfcc.md` section 8.
    fn fault_answer(&self, fault: Fault) -> Option<Answer> {
        let is_odd = self.shared.faults.struck(fault) % 2 == 1;
        match fault {
            Fault::Throttled if is_odd => Some(Problem::too_many_requests().answer()),
            // The instance sheds load.
            Fault::Throttled => {
                let answer = Problem::overloaded().answer();
                Some(answer.with("sfdc_load", "91").with("sfdc_load_status", "THROTTLE"))
            }
            Fault::ServerError => Some(Problem::failed().answer()),
            Fault::RejectedCredentials => {
                self.access.revoke();
                Some(Problem::invalid_token().answer())
            }
            _ => None,
        }
    }
}
