//! Requests to one store: token, budget, and what its refusals mean.
//!
//! Source: `vendors/sfcc.md` sections 2, 3 and 8.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::access::{self, Grant};
use super::settings::SfccSettings;
use crate::connectors::ConnectorError;
use crate::connectors::http::{Answer, Http, Pace};
use crate::connectors::token::Tokens;
use crate::domain::{Clock, Platform};

/// Most records that a request gives (`vendors/sfcc.md` sections 4 and 5).
pub(super) const LARGEST_PAGE: u64 = 200;
/// To what pages shrink on a store that does not answer in time: it gives up after 60 s by itself.
const SMALLEST_PAGE: u64 = 25;
/// How long before its end a token is no longer used (`vendors/sfcc.md` section 3).
const TOKEN_MARGIN: TimeDelta = TimeDelta::seconds(60);
/// Ours to send, so that the platform's support can find a request (`vendors/sfcc.md` section 8).
const CORRELATION_HEADER: &str = "correlation-id";
const LOAD_HEADER: &str = "sfdc_load";
/// Loads in percent from which the platform says WARN and THROTTLE (`vendors/sfcc.md` section 8), with the requests a
/// second that we then make.
const LOADS: [(u64, f64); 2] = [(90, 0.5), (80, 2.0)];
/// Requests a second when the platform is at ease: no limit that anybody would notice.
const AT_EASE: f64 = 1e6;
/// End of the type of a problem that is about the customer list, and about an order.
const NO_SUCH_LIST: &str = "customer-list-not-found";
const NO_SUCH_ORDER: &str = "order-not-found";

/// One store.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pace: Arc<Pace>,
    clock: Arc<dyn Clock>,
    settings: SfccSettings,
    tokens: Tokens,
    page_size: AtomicU64,
}

/// What a request is about: the scope that it needs, and what is missing when the platform finds nothing there.
#[derive(Debug, Clone, Copy)]
struct Subject {
    scope: &'static str,
    missing: &'static str,
}

const CUSTOMERS: Subject =
    Subject { scope: access::CUSTOMERS, missing: "organization (settings.organizationId) with the Customers API" };
const ORDERS: Subject = Subject { scope: access::ORDERS, missing: "site with one of the ids in settings.siteIds" };

/// Part of a customer search.
#[derive(Debug)]
pub(super) struct Found {
    /// The profiles, undecoded.
    pub(super) rows: Vec<Value>,
    /// How many there are in all.
    pub(super) total: u64,
    /// The platform's clock.
    pub(super) sent_at: Option<DateTime<Utc>>,
}

/// Part of the orders of a site. The platform does not tell how many there are.
#[derive(Debug)]
pub(super) struct Orders {
    /// The orders, undecoded.
    pub(super) rows: Vec<Value>,
    /// The platform's clock.
    pub(super) sent_at: Option<DateTime<Utc>>,
}

/// `CustomerSearchResult`.
#[derive(Deserialize)]
struct CustomerSearchResult {
    /// Required by the specification; the older search leaves it out when nothing matched.
    #[serde(default)]
    hits: Vec<Hit>,
    total: u64,
}

#[derive(Deserialize)]
struct Hit {
    data: Value,
}

/// `OrdersResponse`.
#[derive(Deserialize)]
struct OrdersResponse {
    data: Vec<Value>,
}

/// `ErrorResponse`, RFC 7807.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
}

impl Client {
    /// The store that the settings name.
    pub(super) fn new(settings: SfccSettings, http: &Http, clock: Arc<dyn Clock>) -> Self {
        let store = format!("{}{}", settings.api, settings.organization);
        Self {
            http: http.clone(),
            pace: http.pace(Platform::Sfcc, &store),
            tokens: Tokens::new(TOKEN_MARGIN, Arc::clone(&clock)),
            clock,
            settings,
            page_size: AtomicU64::new(LARGEST_PAGE),
        }
    }

    /// The settings.
    pub(super) const fn settings(&self) -> &SfccSettings {
        &self.settings
    }

    /// Our time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// How many records to ask for: fewer, once the store did not answer in time.
    pub(super) fn page_size(&self) -> u64 {
        self.page_size.load(Ordering::Relaxed)
    }

    /// A search in the customer list.
    pub(super) async fn search(&self, body: &Value) -> Result<Found, ConnectorError> {
        let list = &self.settings.customer_list;
        let url = self.address("customer/customers", &["customer-lists", list, "customer-search"]);
        let answer = self.ask(CUSTOMERS, || self.http.request(Method::POST, url.clone()).json(body)).await?;
        let sent_at = header_time(&answer.headers);
        let CustomerSearchResult { hits, total } = answer.json("a customer search result")?;
        if hits.len() as u64 > LARGEST_PAGE {
            return Err(ConnectorError::BadAnswer { what: "no more records than asked for" });
        }
        Ok(Found { rows: hits.into_iter().map(|hit| hit.data).collect(), total, sent_at })
    }

    /// Those of some customer numbers, at most [`LARGEST_PAGE`], that the customer list has.
    pub(super) async fn known_numbers(&self, numbers: &[&str]) -> Result<HashSet<String>, ConnectorError> {
        if numbers.is_empty() {
            return Ok(HashSet::new());
        }
        let query = json!({ "termQuery": { "fields": ["customerNo"], "operator": "one_of", "values": numbers } });
        let found = self.search(&json!({ "query": query, "limit": LARGEST_PAGE, "offset": 0 })).await?;
        let number = |row: &Value| row.get("customerNo").and_then(Value::as_str).map(str::to_owned);
        Ok(found.rows.iter().filter_map(number).collect())
    }

    /// Orders of a site.
    pub(super) async fn orders(&self, site: &str, query: &[(&str, String)]) -> Result<Orders, ConnectorError> {
        let mut url = self.address("checkout/orders", &["orders"]);
        url.query_pairs_mut().append_pair("siteId", site).extend_pairs(query);
        let answer = self.ask(ORDERS, || self.http.request(Method::GET, url.clone())).await?;
        let sent_at = header_time(&answer.headers);
        let OrdersResponse { data } = answer.json("a list of orders")?;
        if data.len() as u64 > LARGEST_PAGE {
            return Err(ConnectorError::BadAnswer { what: "no more records than asked for" });
        }
        Ok(Orders { rows: data, sent_at })
    }

    /// One order; `None` when the site no longer has it.
    pub(super) async fn order(&self, site: &str, number: &str) -> Result<Option<Value>, ConnectorError> {
        let mut url = self.address("checkout/orders", &["orders", number]);
        url.query_pairs_mut().append_pair("siteId", site);
        let answer = self.sent(|| self.http.request(Method::GET, url.clone())).await?;
        if answer.status.as_u16() == 404 && problem(&answer).as_deref() == Some(NO_SUCH_ORDER) {
            return Ok(None);
        }
        self.accepted(answer, ORDERS)?.json("an order").map(Some)
    }

    /// A grant of these scopes, asked for anew.
    pub(super) async fn grant(&self, scopes: &str) -> Result<Grant, ConnectorError> {
        let form = access::form(&self.settings, scopes);
        let request = self.http.request(Method::POST, self.settings.token_url.clone()).form(&form);
        access::granted(self.http.send(Platform::Sfcc, &self.pace, 0.0, request).await?, scopes)
    }

    async fn token(&self) -> Result<SecretString, ConnectorError> {
        let scopes = access::all(&self.settings).join(" ");
        self.tokens.current(async { Ok(self.grant(&scopes).await?.granted) }).await
    }

    async fn ask(&self, subject: Subject, request: impl Fn() -> RequestBuilder) -> Result<Answer, ConnectorError> {
        self.accepted(self.sent(request).await?, subject)
    }

    /// Sends, once more with another token if the first one is refused.
    async fn sent(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, ConnectorError> {
        let token = self.token().await?;
        let answer = self.exchange(request(), &token).await?;
        if answer.status.as_u16() != 401 {
            return Ok(answer);
        }
        self.tokens.forget(&token).await;
        let token = self.token().await?;
        self.exchange(request(), &token).await
    }

    async fn exchange(&self, request: RequestBuilder, token: &SecretString) -> Result<Answer, ConnectorError> {
        let correlation = format!("{:032x}", rand::random::<u128>());
        let request = request.bearer_auth(token.expose_secret()).header(CORRELATION_HEADER, &correlation);
        let result = self.http.send(Platform::Sfcc, &self.pace, 1.0, request).await;
        let status = result.as_ref().map_or(0, |answer| answer.status.as_u16());
        if status == 504 || matches!(result, Err(ConnectorError::TimedOut)) {
            self.page_size.store((self.page_size() / 2).max(SMALLEST_PAGE), Ordering::Relaxed);
        }
        if let Ok(answer) = &result {
            let per_second = requests_per_second(load(&answer.headers));
            self.pace.report(if per_second < AT_EASE { 0.0 } else { 1.0 }, 1.0, per_second);
        }
        if is_unexpected(status) {
            tracing::warn!(http.status = status, sfcc.correlation_id = correlation, "the platform refuses a request");
        }
        result
    }

    /// A success, or what the refusal means on this platform.
    fn accepted(&self, answer: Answer, subject: Subject) -> Result<Answer, ConnectorError> {
        match answer.status.as_u16() {
            403 => Err(ConnectorError::Forbidden { what: self.right(subject.scope) }),
            404 if problem(&answer).as_deref() == Some(NO_SUCH_LIST) => {
                Err(ConnectorError::NotThere { what: "customer list with the id in settings.customerListId" })
            }
            404 => Err(ConnectorError::NotThere { what: subject.missing }),
            // Load shedding, by the headers that come with it; other 503 are a store that is down.
            503 if load(&answer.headers).is_some() => match answer.checked() {
                Err(ConnectorError::StoreFailed { after, .. }) => Err(ConnectorError::Throttled { after }),
                other => other,
            },
            _ => answer.checked(),
        }
    }

    /// The rights one of which is missing when the platform says 403; its answer tells only in free text.
    fn right(&self, scope: &str) -> String {
        let tenant = access::tenant(&self.settings);
        format!("the scope {scope}, or {tenant}, which takes the role Salesforce Commerce API for this instance")
    }

    fn address(&self, api: &str, path: &[&str]) -> Url {
        let mut url = self.settings.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(api.split('/')).extend(["v1", "organizations", &self.settings.organization]);
            segments.extend(path);
        }
        url
    }
}

/// Whether a refusal is worth a line in the log. A date that the search does not know (400), a token that ended (401) and
/// an order that is gone (404) are answers like others, which a healthy store gives every day.
const fn is_unexpected(status: u16) -> bool {
    status >= 400 && !matches!(status, 400 | 401 | 404)
}

/// Last part of a problem's type, which is what may be relied on (`vendors/sfcc.md` section 8).
fn problem(answer: &Answer) -> Option<String> {
    let Problem { r#type } = answer.json("a problem").ok()?;
    r#type.rsplit('/').next().map(str::to_owned)
}

fn load(headers: &HeaderMap) -> Option<u64> {
    headers.get(LOAD_HEADER)?.to_str().ok()?.trim().parse().ok()
}

fn requests_per_second(load: Option<u64>) -> f64 {
    let load = load.unwrap_or_default();
    LOADS.iter().find(|(from, _)| load >= *from).map_or(AT_EASE, |(_, rate)| *rate)
}

fn header_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_healthy_store_answers_every_day_is_no_warning() {
        for status in [200, 204, 400, 401, 404] {
            assert!(!is_unexpected(status), "{status}");
        }
        for status in [403, 409, 429, 500, 503, 504] {
            assert!(is_unexpected(status), "{status}");
        }
    }

    #[test]
    fn a_loaded_platform_is_asked_less_often() {
        for (load, rate) in [(None, AT_EASE), (Some(79), AT_EASE), (Some(80), 2.0), (Some(90), 0.5), (Some(100), 0.5)] {
            let found = requests_per_second(load);
            assert!((found - rate).abs() < f64::EPSILON, "{load:?}: {found}");
        }
    }
}
