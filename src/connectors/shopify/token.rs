//! Access tokens: one that stays, or a day's token that is asked for when needed (`vendors/shopify.md` section 2).

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::settings::Credentials;
use crate::connectors::ConnectorError;
use crate::connectors::http::{Http, Pace};
use crate::connectors::token::{self, Granted};
use crate::domain::{Clock, Platform};

/// How long before its end a token is no longer used.
const MARGIN: TimeDelta = TimeDelta::seconds(300);

/// The tokens of one shop.
#[derive(Debug)]
pub(super) struct Tokens {
    credentials: Credentials,
    endpoint: Url,
    granted: token::Tokens,
}

impl Tokens {
    /// Tokens for these credentials from this endpoint.
    pub(super) fn new(credentials: Credentials, endpoint: Url, clock: Arc<dyn Clock>) -> Self {
        Self { credentials, endpoint, granted: token::Tokens::new(MARGIN, clock) }
    }

    /// A token that is good by all we know.
    pub(super) async fn current(&self, http: &Http, pace: &Pace) -> Result<SecretString, ConnectorError> {
        match &self.credentials {
            Credentials::Fixed(token) => Ok(token.clone()),
            Credentials::Grant { client_id, client_secret } => {
                self.granted.current(self.grant(client_id, client_secret, http, pace)).await
            }
        }
    }

    async fn grant(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        http: &Http,
        pace: &Pace,
    ) -> Result<Granted, ConnectorError> {
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
        super::client::checked(answer, "a token")?.json("a token answer")
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
        self.granted.forget(refused).await;
        self.current(http, pace).await.map(Some)
    }
}
