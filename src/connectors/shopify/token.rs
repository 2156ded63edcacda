//! Access tokens: one that stays, or a day's token that is asked for when needed.
//!
//! A granted token is kept in memory only: it is cheap to get and nothing is lost with it. There is no refresh token;
//! the grant is simply repeated (`vendors/shopify.md` section 2).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::settings::Credentials;
use crate::connectors::ConnectorError;
use crate::connectors::http::{Http, Pace};
use crate::domain::{Clock, Platform};

/// How long before its end a token is no longer used, so that a slow request does not outlive it.
const MARGIN_SECONDS: i64 = 300;
/// Longest lifetime believed, in seconds; the documentation says a day.
const MAX_LIFETIME_SECONDS: i64 = 7 * 24 * 3600;

/// The tokens of one shop.
#[derive(Debug)]
pub(super) struct Tokens {
    credentials: Credentials,
    endpoint: Url,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    token: SecretString,
    good_until: DateTime<Utc>,
}

/// Answer of `POST /admin/oauth/access_token`, as in the client credentials grant.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: i64,
}

impl Tokens {
    /// Tokens for these credentials from this endpoint.
    pub(super) fn new(credentials: Credentials, endpoint: Url, clock: Arc<dyn Clock>) -> Self {
        Self { credentials, endpoint, clock, held: Mutex::default() }
    }

    /// A token that is good by all we know.
    pub(super) async fn current(&self, http: &Http, pace: &Pace) -> Result<SecretString, ConnectorError> {
        let (client_id, client_secret) = match &self.credentials {
            Credentials::Fixed(token) => return Ok(token.clone()),
            Credentials::Grant { client_id, client_secret } => (client_id, client_secret),
        };
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| self.clock.now() < held.good_until) {
            return Ok(held.token.clone());
        }
        let request = http.request(Method::POST, self.endpoint.clone()).form(&[
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret.expose_secret()),
        ]);
        let answer = http.send(Platform::Shopify, pace, 0.0, request).await?;
        // OAuth 2 refuses a client with 400 or 401 (RFC 6749 section 5.2).
        if matches!(answer.status.as_u16(), 400 | 401 | 403) {
            return Err(ConnectorError::CredentialsRejected);
        }
        let TokenAnswer { access_token, expires_in } =
            super::client::checked(answer, "a token")?.json("a token answer")?;
        let lifetime = expires_in.clamp(0, MAX_LIFETIME_SECONDS);
        // A token that lives shorter than the margin is still good for half its life.
        let usable = chrono::TimeDelta::seconds((lifetime - MARGIN_SECONDS).max(lifetime / 2));
        *held = Some(Held { token: access_token.clone(), good_until: self.clock.now() + usable });
        Ok(access_token)
    }

    /// Another token after the store refused `refused`; `None` where there is only the one.
    pub(super) async fn renewed(
        &self,
        refused: &SecretString,
        http: &Http,
        pace: &Pace,
    ) -> Result<Option<SecretString>, ConnectorError> {
        if matches!(self.credentials, Credentials::Fixed(_)) {
            return Ok(None);
        }
        let is_refused = |held: &Held| held.token.expose_secret() == refused.expose_secret();
        self.held.lock().await.take_if(|held| is_refused(held));
        self.current(http, pace).await.map(Some)
    }
}
