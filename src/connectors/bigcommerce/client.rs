//! Requests to one store: its token, its share of the rate limit, and what its refusals mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{DATE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::row::Row;
use super::settings::BigCommerceSettings;
use crate::connectors::http::{Answer, Http, MAX_RETRY_AFTER, Pace};
use crate::connectors::{ConnectorError, InvalidSetting};
use crate::domain::people::Stream;
use crate::domain::{Clock, Platform};

/// Most records of one answer (`vendors/bigcommerce.md` section 3).
const LARGEST_PAGE: u64 = 250;
/// The vendor's own default, to which pages shrink on a store that refuses or fails to give more.
const SMALLEST_PAGE: u64 = 50;
/// More records than this in one answer, and it is not the answer to what was asked.
const MOST_RECORDS: usize = 500;

/// One list of the API and the right that reading it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resource {
    /// Below the store's address.
    pub(super) path: &'static [&'static str],
    /// The scope, in the platform's words, and what to do about it.
    pub(super) right: &'static str,
}

const CUSTOMERS_RIGHT: &str = "the scope store_v2_customers_read_only (Customers: read-only); give the API account that \
     scope, or make a new account with it and update the token";
const ORDERS_RIGHT: &str = "the scope store_v2_orders_read_only (Orders: read-only); give the API account that scope, or \
     make a new account with it and update the token";
/// Of the store's own information.
pub(super) const INFORMATION_RIGHT: &str =
    "the scope store_v2_information_read_only (Information & settings: read-only)";

/// The list behind a stream.
pub(super) const fn resource(stream: Stream) -> Resource {
    match stream {
        Stream::Customers => Resource { path: &["v3", "customers"], right: CUSTOMERS_RIGHT },
        Stream::Subscribers => Resource { path: &["v3", "customers", "subscribers"], right: CUSTOMERS_RIGHT },
        Stream::Orders => Resource { path: &["v2", "orders"], right: ORDERS_RIGHT },
    }
}

/// One store.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pace: Arc<Pace>,
    clock: Arc<dyn Clock>,
    store: Url,
    token: SecretString,
    page_size: AtomicU64,
}

/// Part of a list.
#[derive(Debug)]
pub(super) struct Listing {
    /// The records, undecoded.
    pub(super) rows: Vec<Row>,
    /// `meta` of V3; null in V2.
    pub(super) meta: Value,
    /// The store's clock when it answered, at most ours.
    pub(super) answered_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Envelope {
    data: Vec<Row>,
    #[serde(default)]
    meta: Value,
}

impl Client {
    /// The API of the store that the settings name.
    pub(super) fn new(
        settings: &BigCommerceSettings,
        http: &Http,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidSetting> {
        HeaderValue::from_str(settings.access_token.expose_secret())
            .map_err(|_| InvalidSetting::new("accessToken", "must be a token of letters and digits"))?;
        Ok(Self {
            pace: http.pace(Platform::BigCommerce, settings.store.as_str()),
            http: http.clone(),
            clock,
            store: settings.store.clone(),
            token: settings.access_token.clone(),
            page_size: AtomicU64::new(LARGEST_PAGE),
        })
    }

    /// Our clock, for bounds on what the store's says.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// How many records to ask for.
    pub(super) fn page_size(&self) -> u64 {
        self.page_size.load(Ordering::Relaxed)
    }

    /// Asks for fewer records from now on; `false` if they are as few as we go.
    pub(super) fn shrink_pages(&self) -> bool {
        let size = self.page_size();
        self.page_size.store((size / 2).max(SMALLEST_PAGE), Ordering::Relaxed);
        size > SMALLEST_PAGE
    }

    /// Asks for no more than the store gives at once.
    pub(super) fn limit_pages(&self, most: u64) {
        self.page_size.fetch_min(most, Ordering::Relaxed);
    }

    /// Part of a V3 list, or of a V2 list, which is bare and ends with 204 and no body.
    pub(super) async fn list(&self, resource: Resource, query: &[(&str, String)]) -> Result<Listing, ConnectorError> {
        let answer = accepted(self.send(Method::GET, resource.path, query, None).await?, resource.right)?;
        let (rows, meta) = if answer.status == reqwest::StatusCode::NO_CONTENT {
            (Vec::new(), Value::Null)
        } else if resource.path[0] == "v2" {
            (answer.json("a JSON list")?, Value::Null)
        } else {
            let envelope: Envelope = answer.json("an object with data and meta")?;
            (envelope.data, envelope.meta)
        };
        if rows.len() > MOST_RECORDS {
            return Err(ConnectorError::BadAnswer { what: "no more records than asked for" });
        }
        let now = self.clock.now();
        let answered_at = header_time(&answer.headers).map_or(now, |time| time.min(now));
        Ok(Listing { rows, meta, answered_at })
    }

    /// One object by its address; `None` when the store says that it has none there.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
        right: &'static str,
    ) -> Result<Option<T>, ConnectorError> {
        let answer = self.send(Method::GET, path, &[], None).await?;
        if is_no_such_record(&answer) {
            return Ok(None);
        }
        accepted(answer, right)?.json("a JSON object").map(Some)
    }

    /// Any other request; the answer is a success.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Answer, ConnectorError> {
        accepted(self.send(method, path, query, body).await?, "the API account may not manage webhooks")
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Answer, ConnectorError> {
        let mut url = self.store.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut token =
            HeaderValue::from_str(self.token.expose_secret()).map_err(|_| ConnectorError::CredentialsRejected)?;
        token.set_sensitive(true);
        let mut request = self.http.request(method, url).header("X-Auth-Token", token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let result = self.http.send(Platform::BigCommerce, &self.pace, 0.0, request).await;
        match &result {
            Ok(answer) => {
                if let (Some(left), Some(reset)) = (number(&answer.headers, LEFT), reset(&answer.headers)) {
                    self.pace.report_window(left, reset);
                }
            }
            Err(ConnectorError::TimedOut) => _ = self.shrink_pages(),
            Err(_) => {}
        }
        result
    }
}

const LEFT: &str = "x-rate-limit-requests-left";

/// Until the window of the rate limit ends.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    number(headers, "x-rate-limit-time-reset-ms").map(Duration::from_millis)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn header_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc())
}

/// A success, or what the refusal means on this platform (`vendors/bigcommerce.md` sections 7 and 8).
fn accepted(answer: Answer, right: &'static str) -> Result<Answer, ConnectorError> {
    // Milliseconds first; the other header is documented in seconds. Without both, the engine backs off.
    let told = reset(&answer.headers).or_else(|| number(&answer.headers, "x-retry-after").map(Duration::from_secs));
    match answer.checked() {
        Err(ConnectorError::Throttled { after }) => {
            Err(ConnectorError::Throttled { after: told.map(|wait| wait.min(MAX_RETRY_AFTER)).or(after) })
        }
        Err(ConnectorError::Forbidden { .. }) => Err(ConnectorError::Forbidden { what: right.to_owned() }),
        Err(ConnectorError::NotThere { .. }) => Err(ConnectorError::NotThere { what: "BigCommerce API" }),
        result => result,
    }
}

/// Whether a 404 is the API's own: an object with the status in V3, a list of such objects in V2. A proxy's is neither.
fn is_no_such_record(answer: &Answer) -> bool {
    answer.status == reqwest::StatusCode::NOT_FOUND
        && answer.json::<Value>("JSON").is_ok_and(|body| {
            let error = body.get(0).unwrap_or(&body);
            error.get("status").and_then(Value::as_u64) == Some(404)
        })
}
