//! One GraphQL query, asked: address, token, budget, and what each HTTP status means here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{DATE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::envelope::{Envelope, Trouble, scope_in, word};
use super::queries::Operation;
use super::settings::ShopifySettings;
use super::token::Tokens;
use crate::connectors::http::{Answer, Http, Lines, Pace};
use crate::connectors::{ConnectorError, InvalidSetting};
use crate::domain::{Clock, Platform};

const TOKEN_HEADER: &str = "X-Shopify-Access-Token";
const VERSION_HEADER: &str = "X-Shopify-API-Version";
const REQUEST_ID_HEADER: &str = "X-Request-Id";

/// The Admin API of one shop.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pace: Arc<Pace>,
    endpoint: Url,
    api_version: String,
    tokens: Tokens,
    warned_of_version: AtomicBool,
}

/// What a query gave.
#[derive(Debug)]
pub(super) struct Reply {
    /// `data` of the envelope; every field that is needed is there or null on purpose.
    pub(super) data: Value,
    /// Points that the next query of this kind needs, if the store tells.
    pub(super) requested_cost: Option<f64>,
    /// The API version that answered.
    pub(super) api_version: Option<String>,
    /// The store's clock.
    pub(super) sent_at: Option<DateTime<Utc>>,
}

impl Client {
    /// The API of the shop that the settings name.
    pub(super) fn new(settings: ShopifySettings, http: Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let ShopifySettings { base, api_version, credentials, .. } = settings;
        let address = |path: &str| {
            Url::parse(&format!("{base}{path}"))
                .map_err(|_| InvalidSetting::new("apiBaseUrl", "must be an http or https address"))
        };
        Ok(Self {
            pace: http.pace(Platform::Shopify, &base),
            http,
            endpoint: address(&format!("/admin/api/{api_version}/graphql.json"))?,
            tokens: Tokens::new(credentials, address("/admin/oauth/access_token")?, clock),
            api_version,
            warned_of_version: AtomicBool::new(false),
        })
    }

    /// Asks. `cost` is what the query is expected to take from the budget, in points.
    pub(super) async fn ask(&self, operation: &Operation, variables: &Value, cost: f64) -> Result<Reply, Trouble> {
        let body = json!({ "query": operation.text, "variables": variables });
        let token = self.tokens.current(&self.http, &self.pace).await?;
        let mut answer = self.send(operation, &body, &token, cost).await?;
        if answer.status.as_u16() == 401
            && let Some(token) = self.tokens.renewed(&token, &self.http, &self.pace).await?
        {
            answer = self.send(operation, &body, &token, cost).await?;
        }
        let answer = checked(answer, operation.scope)?;
        let api_version = self.answering_version(&answer.headers);
        let envelope: Envelope = answer.json("a GraphQL answer")?;
        let cost = envelope.cost();
        if let Some(cost) = cost {
            let bucket = cost.throttle_status;
            self.pace.report(bucket.currently_available, bucket.maximum_available, bucket.restore_rate);
        }
        if let Some(code) = envelope.error_code() {
            let request_id = header(&answer.headers, REQUEST_ID_HEADER);
            tracing::warn!(shopify.code = code, shopify.request_id = request_id, "shopify answered with an error");
        }
        Ok(Reply {
            data: envelope.into_data(operation.scope)?,
            requested_cost: cost.map(|cost| cost.requested_query_cost),
            api_version,
            sent_at: header_time(&answer.headers),
        })
    }

    /// The lines of a file that the shop made for us, at an address of its own, from a byte on.
    pub(super) async fn lines(&self, url: Url, from: u64) -> Result<Lines, ConnectorError> {
        self.http.lines(Platform::Shopify, url, from).await
    }

    async fn send(
        &self,
        operation: &Operation,
        body: &Value,
        token: &SecretString,
        cost: f64,
    ) -> Result<Answer, ConnectorError> {
        let mut token =
            HeaderValue::from_str(token.expose_secret()).map_err(|_| ConnectorError::CredentialsRejected)?;
        token.set_sensitive(true);
        let request = self.http.request(Method::POST, self.endpoint.clone()).header(TOKEN_HEADER, token).json(body);
        self.http.send_for(Some(operation.name()), Platform::Shopify, &self.pace, cost, request).await
    }

    /// The version that answered: an expired one falls forward without a word (`vendors/shopify.md` section 2).
    fn answering_version(&self, headers: &HeaderMap) -> Option<String> {
        let version = header(headers, VERSION_HEADER)?;
        if version != self.api_version && !self.warned_of_version.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                shopify.asked_version = self.api_version,
                shopify.answering_version = version,
                "another version of the Admin API answers; update apiVersion of the integration"
            );
        }
        Some(version.to_owned())
    }
}

/// The answer if it is a success. Shopify's own meanings of statuses, then the shared table
/// (`vendors/shopify.md` section 7). `scope` is the right that the request needs.
pub(super) fn checked(answer: Answer, scope: &str) -> Result<Answer, ConnectorError> {
    match answer.status.as_u16() {
        402 => Err(ConnectorError::OutOfService { what: "the shop is frozen, a bill is open" }),
        423 => Err(ConnectorError::OutOfService { what: "the shop is locked" }),
        403 => {
            let body = String::from_utf8_lossy(&answer.body);
            Err(ConnectorError::Forbidden { what: scope_in(&body).unwrap_or(scope).to_owned() })
        }
        404 => Err(ConnectorError::NotThere { what: "Shopify shop, or no such API version," }),
        _ => answer.checked(),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    word(headers.get(name)?.to_str().ok()?)
}

fn header_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc())
}
