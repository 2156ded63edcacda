//! Requests to one shop: address, token, page size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use reqwest::header::DATE;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::refusal::{Trouble, accepted};
use crate::connectors::http::{Answer, Http, Pace};
use crate::connectors::token::{Granted, Tokens};
use crate::connectors::{ConnectorError, InvalidSetting, Settings};
use crate::domain::{Clock, Platform};

/// Most rows of a page: `shopware.api.max_limit`, which a shop may lower (`vendors/shopware.md` section 2).
const LARGEST_PAGE: u64 = 500;
/// Fewest rows of a page that a list can be read with.
const SMALLEST_PAGE: u64 = 10;
/// How long before its end a token is no longer used: of ten minutes, one (`vendors/shopware.md` section 1).
const TOKEN_MARGIN: TimeDelta = TimeDelta::seconds(60);
/// What is asked for where a token is.
const TOKEN: &str = "a token";

/// Lists that can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    /// Accounts and guests.
    Customer,
    /// Newsletter rows.
    Recipient,
    /// Orders.
    Order,
    /// Sales channels.
    SalesChannel,
    /// Webhooks.
    Webhook,
}

impl Entity {
    /// Name in paths.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Recipient => "newsletter-recipient",
            Self::Order => "order",
            Self::SalesChannel => "sales-channel",
            Self::Webhook => "webhook",
        }
    }

    /// The privilege to read it.
    const fn right(self) -> &'static str {
        match self {
            Self::Customer => "customer:read",
            Self::Recipient => "newsletter_recipient:read",
            Self::Order => "order:read",
            Self::SalesChannel => "sales_channel:read",
            Self::Webhook => "webhook:read",
        }
    }
}

/// One page of a search, before it is asked for.
#[derive(Debug)]
pub(super) struct Search {
    /// What is searched.
    pub(super) entity: Entity,
    /// The fields to answer with, by the name that an entity has in answers (`apiAlias`).
    pub(super) includes: &'static [(&'static str, &'static [&'static str])],
    /// What to load beside the entity itself.
    pub(super) associations: &'static [&'static str],
    /// Filters that all must hold.
    pub(super) filter: Vec<Value>,
    /// Ascending by these.
    pub(super) sort: &'static [&'static str],
    /// Only these ids, if any are named.
    pub(super) ids: Vec<String>,
}

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    /// The rows, undecoded.
    pub(super) rows: Vec<Value>,
    /// How many match in all.
    pub(super) total: u64,
    /// Which page was asked for.
    pub(super) page: u64,
    /// How many rows were asked for.
    pub(super) limit: u64,
    /// The shop's clock.
    pub(super) sent_at: Option<DateTime<Utc>>,
}

/// One shop.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pace: Arc<Pace>,
    clock: Arc<dyn Clock>,
    /// `{storeUrl}/api`.
    api: Url,
    access_key_id: String,
    secret_access_key: SecretString,
    tokens: Arc<Tokens>,
    page_size: AtomicU64,
}

impl Client {
    /// Takes up the settings of an integration.
    ///
    /// # Errors
    /// A setting that is missing or not an address.
    pub(super) fn new(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let invalid = || InvalidSetting::new("storeUrl", "must be an http or https address");
        let mut api: Url = settings.text("storeUrl").and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
        api.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().push("api");
        let missing = |name: &str| InvalidSetting::new(name, "is required");
        let id = settings.text("accessKeyId").ok_or_else(|| missing("accessKeyId"))?.to_owned();
        let secret = settings.secret("secretAccessKey").cloned().ok_or_else(|| missing("secretAccessKey"))?;
        Ok(Self {
            pace: http.pace(Platform::Shopware, api.as_str()),
            tokens: http.tokens(Platform::Shopware, &[api.as_str(), &id, secret.expose_secret()], || {
                Tokens::new(TOKEN_MARGIN, Arc::clone(&clock))
            }),
            http: http.clone(),
            clock,
            api,
            access_key_id: id,
            secret_access_key: secret,
            page_size: AtomicU64::new(LARGEST_PAGE),
        })
    }

    /// Our clock, for bounds on what the shop's says.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A page of a search, at most [`LARGEST_PAGE`] rows, fewer where the shop gives fewer.
    ///
    /// `slice` gives page and limit for the size that the shop gives: `page` is never sent without `limit`, because
    /// then it would always be the first (`vendors/shopware.md` section 2).
    pub(super) async fn search(
        &self,
        search: &Search,
        slice: impl Fn(u64) -> (u64, u64),
    ) -> Result<Found, ConnectorError> {
        loop {
            let size = self.page_size.load(Ordering::Relaxed);
            let (page, limit) = slice(size);
            match self.found(search, page, limit).await {
                Ok(found) => return Ok(found),
                Err(Trouble::AtMost(at_most)) if size > SMALLEST_PAGE => {
                    let smaller = at_most.filter(|most| *most < size).unwrap_or(size / 2);
                    self.page_size.store(smaller.max(SMALLEST_PAGE), Ordering::Relaxed);
                }
                Err(Trouble::AtMost(_)) => return Err(ConnectorError::Refused { status: 400 }),
                Err(Trouble::Failed(error)) => return Err(error),
            }
        }
    }

    async fn found(&self, search: &Search, page: u64, limit: u64) -> Result<Found, Trouble> {
        #[derive(Deserialize)]
        struct Page {
            total: u64,
            data: Vec<Value>,
        }
        let includes: Map<String, Value> =
            search.includes.iter().map(|(alias, fields)| ((*alias).to_owned(), json!(fields))).collect();
        let mut criteria = json!({ "page": page, "limit": limit, "total-count-mode": "exact", "includes": includes });
        for association in search.associations {
            criteria["associations"][*association] = json!({});
        }
        if !search.filter.is_empty() {
            criteria["filter"] = Value::from(search.filter.clone());
        }
        if !search.sort.is_empty() {
            criteria["sort"] = super::criteria::ascending(search.sort);
        }
        if !search.ids.is_empty() {
            criteria["ids"] = Value::from(search.ids.clone());
        }
        let answer = self.send(Method::POST, &["search", search.entity.path()], Some(&criteria)).await?;
        let answer = accepted(answer, search.entity.right())?;
        let Page { total, data } = answer.json("a page of rows")?;
        if data.len() as u64 > limit {
            return Err(ConnectorError::BadAnswer { what: "no more rows than asked for" }.into());
        }
        Ok(Found { rows: data, total, page, limit, sent_at: sent_at(&answer) })
    }

    /// The version of the shop, as it tells it.
    pub(super) async fn version(&self) -> Result<Option<String>, ConnectorError> {
        let answer = self.send(Method::GET, &["_info", "version"], None).await?;
        let body: Value = done(accepted(answer, "system"))?.json("a version")?;
        Ok(body.get("version").and_then(Value::as_str).map(str::to_owned))
    }

    /// Makes, changes or removes something; `right` is the privilege that it needs.
    pub(super) async fn write(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        right: &str,
    ) -> Result<(), ConnectorError> {
        let answer = self.send(method, path, body).await?;
        done(accepted(answer, right)).map(drop)
    }

    /// Sends with a token. One that the shop refuses is renewed once (sheet, sections 1 and 5).
    async fn send(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Answer, ConnectorError> {
        let token = self.tokens.current(self.grant()).await?;
        let answer = self.send_with(&token, method.clone(), path, body).await?;
        if answer.status != reqwest::StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.tokens.forget(&token).await;
        let token = self.tokens.current(self.grant()).await?;
        self.send_with(&token, method, path, body).await
    }

    async fn send_with(
        &self,
        token: &SecretString,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Answer, ConnectorError> {
        let request = self.http.request(method, self.address(path)).bearer_auth(token.expose_secret());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.http.send(Platform::Shopware, &self.pace, 0.0, request).await
    }

    async fn grant(&self) -> Result<Granted, ConnectorError> {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.access_key_id,
            "client_secret": self.secret_access_key.expose_secret(),
        });
        let request = self.http.request(Method::POST, self.address(&["oauth", "token"])).json(&body);
        let answer = self.http.send(Platform::Shopware, &self.pace, 0.0, request).await?;
        done(accepted(answer, TOKEN))?.json(TOKEN)
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }
}

/// For requests that ask for no page.
fn done(result: Result<Answer, Trouble>) -> Result<Answer, ConnectorError> {
    result.map_err(|trouble| match trouble {
        Trouble::AtMost(_) => ConnectorError::Refused { status: 400 },
        Trouble::Failed(error) => error,
    })
}

fn sent_at(answer: &Answer) -> Option<DateTime<Utc>> {
    let text = answer.headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc())
}
