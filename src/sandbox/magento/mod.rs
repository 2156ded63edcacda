//! A simulated Magento Open Source 2.4.7: REST V1, answers as recorded from a real one.
//!
//! Sources: `vendors/magento.md` ("section") and `vendors/magento/recorded` ("recorded"). Two websites with one store
//! view each. The integration may read and nothing else. `is_subscribed` is the account's own under its website; an
//! opt-out moves no `updated_at` (section 4).

mod access;
mod bodies;
mod criteria;
mod lists;
mod options;
mod refusal;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use self::access::{Access, Asked, Keys};
use self::bodies::VIEWS;
use self::criteria::Fields;
use self::refusal::Refusal;
use super::StartError;
use super::faults::{Fault, Target};
use super::names::normalized;
use super::records::{Account, Order, Row, Says};
use super::server::{Answer, Shared};

pub use options::{MagentoOptions, PastTheEnd};

/// Where the merchant's module lists subscribers, if there is one.
const SUBSCRIBERS: &str = "/V1/assent/newsletter-subscribers";
/// Length of keys, tokens and secrets.
const KEY_LENGTH: usize = 32;

/// One running shop.
#[derive(Debug)]
struct Shop {
    shared: Arc<Shared>,
    access: Access,
}

#[expect(clippy::unnecessary_wraps, reason = "the routers of all platforms are alike")]
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    let options = shared.options.magento;
    let access = Access::new(keys(&shared), shared.base_url.clone(), options.bearer, options.missing_right);
    Ok(Router::new().fallback(serve).with_state(Arc::new(Shop { shared, access })))
}

pub(crate) fn settings(shared: &Shared) -> Value {
    let Keys { consumer_key, consumer_secret, token, token_secret } = keys(shared);
    let options = shared.options.magento;
    let mut settings = if options.bearer {
        json!({ "storeUrl": shared.base_url, "bearerToken": token })
    } else {
        json!({ "storeUrl": shared.base_url, "consumerKey": consumer_key, "consumerSecret": consumer_secret,
            "accessToken": token, "accessTokenSecret": token_secret })
    };
    if options.subscribers_endpoint {
        settings["subscribersEndpoint"] = SUBSCRIBERS.into();
    }
    settings
}

fn keys(shared: &Shared) -> Keys {
    let key = |purpose| shared.secret(purpose).chars().take(KEY_LENGTH).collect();
    Keys { consumer_key: key(1), consumer_secret: key(2), token: key(3), token_secret: key(4) }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Customers,
    Customer(u64),
    NewCustomer,
    Orders,
    Order(u64),
    Groups,
    Views,
    Websites,
    StoreGroups,
    Configs,
    Modules,
    AdminToken,
    Subscribers,
}

impl Route {
    /// The route below `V1`.
    fn of(method: &Method, path: &str, has_subscribers: bool) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        let is_read = *method == Method::GET;
        Some(match (method, &segments[..]) {
            (&Method::POST, ["customers"]) => Self::NewCustomer,
            (&Method::POST, ["integration", "admin", "token"]) => Self::AdminToken,
            (_, ["customers", "search"]) if is_read => Self::Customers,
            (_, ["customers", id]) if is_read => Self::Customer(id.parse().ok()?),
            (_, ["orders"]) if is_read => Self::Orders,
            (_, ["orders", id]) if is_read => Self::Order(id.parse().ok()?),
            (_, ["customerGroups", "search"]) if is_read => Self::Groups,
            (_, ["store", "storeViews"]) if is_read => Self::Views,
            (_, ["store", "websites"]) if is_read => Self::Websites,
            (_, ["store", "storeGroups"]) if is_read => Self::StoreGroups,
            (_, ["store", "storeConfigs"]) if is_read => Self::Configs,
            (_, ["modules"]) if is_read => Self::Modules,
            (_, ["assent", "newsletter-subscribers"]) if is_read && has_subscribers => Self::Subscribers,
            _ => return None,
        })
    }

    /// The resource of the access control (section 2); `None` where anybody may ask.
    const fn resource(self) -> Option<&'static str> {
        match self {
            Self::Customers | Self::Customer(_) => Some("Magento_Customer::customer"),
            Self::NewCustomer => Some("Magento_Customer::manage"),
            Self::Orders | Self::Order(_) => Some("Magento_Sales::actions_view"),
            Self::Groups => Some("Magento_Customer::group"),
            Self::Views | Self::Websites | Self::StoreGroups | Self::Configs | Self::Modules => {
                Some("Magento_Backend::store")
            }
            Self::Subscribers => Some("Assent_Newsletter::subscribers"),
            Self::AdminToken => None,
        }
    }

    const fn target(self) -> Target {
        match self {
            Self::Customers | Self::Customer(_) => Target::Customers,
            Self::Orders | Self::Order(_) => Target::Orders,
            Self::Subscribers => Target::Subscribers,
            _ => Target::Any,
        }
    }
}

/// The store code, if there is one, and the path below `V1`; `all` and unknown codes are nobody's website.
fn addressed(path: &str) -> Option<(Option<&str>, &str)> {
    let rest = path.strip_prefix("/rest/")?;
    if let Some(below) = rest.strip_prefix("V1/") {
        Some((None, below))
    } else {
        let (code, rest) = rest.split_once('/')?;
        let is_known = code == "all" || VIEWS.iter().any(|(_, _, known, _)| *known == code);
        Some((Some(code), rest.strip_prefix("V1/").filter(|_| is_known)?))
    }
}

async fn serve(State(shop): State<Arc<Shop>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let found = addressed(uri.path()).and_then(|(code, below)| {
        let route = Route::of(&method, below, shop.options().subscribers_endpoint)?;
        Some((code.map(str::to_owned), route))
    });
    let target = found.as_ref().map_or(Target::Any, |(_, route)| route.target());
    let strikes = |fault, number| match fault {
        Fault::Throttled => Some(Refusal::too_many()),
        Fault::ServerError => Some(Refusal::failed(number).answer()),
        Fault::RejectedCredentials => Some(Refusal::bad_signature().answer()),
        _ => None,
    };
    let answer = || {
        let Some((code, route)) = found else { return Refusal::no_route().answer() };
        shop.dispatch(code.as_deref(), route, &method, uri.path(), &query, &headers, &body)
            .map_or_else(|refusal| refusal.answer(), |answer| answer.with("cache-control", "no-store"))
    };
    shop.shared.answer(target, strikes, answer).await
}

impl Shop {
    fn options(&self) -> MagentoOptions {
        self.shared.options.magento
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a request")]
    fn dispatch(
        &self,
        code: Option<&str>,
        route: Route,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Answer, Refusal> {
        if let Some(resource) = route.resource() {
            let asked = Asked { method, path, query, resource, now: self.shared.now() };
            self.access.check(headers, asked)?;
        }
        let fields = Fields::read(query);
        let shown = |body: Value| Ok(Answer::json(200, &fields.cut(body)));
        match route {
            Route::Customers => lists::page::<Account>(self, query),
            Route::Orders => lists::page::<Order>(self, query),
            Route::Subscribers => lists::page::<Row>(self, query),
            Route::Customer(id) => shown(self.customer(id, code)?),
            Route::Order(id) => {
                let order = self.shared.state().find::<Order>(id).ok_or_else(Refusal::no_order)?;
                shown(bodies::order(&order))
            }
            Route::NewCustomer if serde_json::from_slice::<Value>(body).is_err() => Err(Refusal::bad_json()),
            // The integration may not write.
            Route::NewCustomer => Err(Refusal::not_authorized("Magento_Customer::manage")),
            Route::AdminToken => Err(Refusal::bad_password()),
            Route::Groups => shown(groups(query)?),
            Route::Views => shown(views()),
            Route::Websites => shown(websites()),
            Route::StoreGroups => shown(store_groups()),
            Route::Configs => shown(self.configs()),
            Route::Modules => shown(json!([
                "Magento_Store",
                "Magento_Customer",
                "Magento_Sales",
                "Magento_Newsletter",
                "Magento_Webapi",
                "Magento_Integration"
            ])),
        }
    }

    /// One customer. The subscription is the account's own, if the website of the store code is; else that of the same
    /// address in that website (section 6). Without a code the default view's website is asked.
    fn customer(&self, id: u64, code: Option<&str>) -> Result<Value, Refusal> {
        let state = self.shared.state();
        let account = state.find::<Account>(id).ok_or_else(|| Refusal::no_customer(id))?;
        let code = code.unwrap_or(VIEWS[0].2);
        let channel = VIEWS.iter().position(|(_, _, known, _)| *known == code).unwrap_or_default();
        let flag = if account.channel == channel {
            account.says == Says::Yes
        } else {
            let address = account.email.as_deref().and_then(normalized).unwrap_or_default();
            let same = state.records_with(&address).accounts;
            same.iter().any(|other| other.channel == channel && other.says == Says::Yes)
        };
        Ok(bodies::customer(&account, Some(flag)))
    }

    fn configs(&self) -> Value {
        let base = format!("{}/", self.shared.base_url);
        let config = |(id, website, code, _): &(u64, u64, &str, &str)| {
            json!({ "id": id, "code": code, "website_id": website, "locale": "en_US", "base_currency_code": "EUR",
                "default_display_currency_code": "EUR", "timezone": "Europe/Berlin", "weight_unit": "lbs",
                "base_url": base, "base_link_url": base, "base_static_url": format!("{base}static/"),
                "base_media_url": format!("{base}media/"), "secure_base_url": base, "secure_base_link_url": base,
                "secure_base_static_url": format!("{base}static/"), "secure_base_media_url": format!("{base}media/") })
        };
        VIEWS.iter().map(config).collect()
    }
}

fn views() -> Value {
    let view = |(id, website, code, name): &(u64, u64, &str, &str)| {
        json!({ "id": id, "code": code, "name": name, "website_id": website, "store_group_id": website,
            "is_active": 1 })
    };
    let admin = json!({ "id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0,
        "is_active": 1 });
    VIEWS.iter().map(view).chain([admin]).collect()
}

fn websites() -> Value {
    json!([
        { "id": 0, "code": "admin", "name": "Admin", "default_group_id": 0 },
        { "id": 1, "code": "base", "name": "Main Website", "default_group_id": 1 },
        { "id": 2, "code": "italy", "name": "Italian Website", "default_group_id": 2 },
    ])
}

fn store_groups() -> Value {
    json!([
        { "id": 0, "website_id": 0, "root_category_id": 0, "default_store_id": 0, "name": "Default", "code": "default" },
        { "id": 1, "website_id": 1, "root_category_id": 2, "default_store_id": 1, "name": "Main Website Store",
            "code": "main_website_store" },
        { "id": 2, "website_id": 2, "root_category_id": 2, "default_store_id": 3, "name": "Italian Store",
            "code": "italian_store" },
    ])
}

/// Recorded: `customer_groups`.
fn groups(query: &[(String, String)]) -> Result<Value, Refusal> {
    let group = |(id, code): (usize, &str)| json!({ "id": id, "code": code, "tax_class_id": 3, "tax_class_name": "Retail Customer" });
    let items: Vec<Value> =
        ["NOT LOGGED IN", "General", "Wholesale", "Retailer"].into_iter().enumerate().map(group).collect();
    let criteria = criteria::Criteria::read(query)?.echo();
    Ok(json!({ "items": items, "search_criteria": criteria, "total_count": items.len() }))
}
