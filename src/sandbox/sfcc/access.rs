//! Account Manager: tokens by client credentials, for a tenant and some scopes (`vendors/sfcc.md` section 3).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::SfccOptions;
use super::problem::Problem;
use crate::sandbox::records::Second;
use crate::sandbox::server::{Answer, Shared};

/// To read customers.
pub(super) const CUSTOMERS_SCOPE: &str = "sfcc.customerlists";
/// To read orders.
pub(super) const ORDERS_SCOPE: &str = "sfcc.orders";
/// The scope of the instance, without which a token is good for nothing.
const TENANT_SCOPE: &str = "SALESFORCE_COMMERCE_API:zzxy_prd";
/// The API client.
pub(super) const CLIENT_ID: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
/// Most tokens kept; beyond it all but the newest go.
const MAX_TOKENS: usize = 10_000;

/// The API client and what it was given.
#[derive(Debug)]
pub(super) struct Access {
    secret: String,
    options: SfccOptions,
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    tokens: HashMap<String, Token>,
    count: u64,
}

#[derive(Debug)]
struct Token {
    ends: Second,
    scopes: Vec<String>,
}

/// The client's secret.
pub(super) fn secret(shared: &Shared) -> String {
    shared.secret(1)
}

impl Access {
    pub(super) fn new(shared: &Shared) -> Self {
        Self { secret: secret(shared), options: shared.options.sfcc, issued: Mutex::default() }
    }

    /// Ends every token.
    pub(super) fn revoke(&self) {
        self.lock().tokens.clear();
    }

    /// Whether a request may do what takes this scope.
    pub(super) fn admit(&self, headers: &HeaderMap, scope: &str, now: Second) -> Result<(), Problem> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let issued = self.lock();
        let token = bearer.and_then(|bearer| issued.tokens.get(bearer)).filter(|token| now < token.ends);
        let Some(token) = token else { return Err(Problem::invalid_token()) };
        let has = |scope: &str| token.scopes.iter().any(|one| one == scope);
        match (has(TENANT_SCOPE), has(scope)) {
            (false, _) => Err(Problem::forbidden(&format!("Access denied for organization {}", super::ORGANIZATION))),
            (_, false) => Err(Problem::forbidden(&format!("Access denied. Missing required scope: {scope}"))),
            _ => Ok(()),
        }
    }

    /// Answers the grant. The client may name itself by HTTP Basic or in the form.
    pub(super) fn grant(&self, headers: &HeaderMap, body: &[u8], now: Second) -> Answer {
        let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let (id, secret) = basic(headers).unwrap_or_else(|| (field("client_id").into(), field("client_secret").into()));
        if (id.as_str(), secret.as_str()) != (CLIENT_ID, self.secret.as_str()) {
            return refused(401, "invalid_client", "Client authentication failed");
        }
        if field("grant_type") != "client_credentials" {
            return refused(400, "unsupported_grant_type", "The grant type is not supported");
        }
        let scopes: Vec<String> = field("scope").split_whitespace().map(str::to_owned).collect();
        if let Some(unknown) = scopes.iter().find(|scope| !self.may_have(scope)) {
            return refused(400, "invalid_scope", &format!("One or more scopes are invalid: {unknown}"));
        }
        let lives = self.options.token_lives.as_secs();
        let scope = scopes.join(" ");
        let token = self.issue(scopes, now.saturating_add_unsigned(lives));
        Answer::json(
            200,
            &json!({ "access_token": token, "scope": scope, "token_type": "Bearer", "expires_in": lives }),
        )
    }

    fn may_have(&self, scope: &str) -> bool {
        if scope == TENANT_SCOPE { self.options.has_tenant } else { self.options.scopes.contains(&scope) }
    }

    fn issue(&self, scopes: Vec<String>, ends: Second) -> String {
        let mut issued = self.lock();
        if issued.tokens.len() >= MAX_TOKENS {
            issued.tokens.clear();
        }
        issued.count += 1;
        let token = format!("eyJ0eXAiOiJKV1QifQ.{}.{:08x}", self.secret.get(..20).unwrap_or_default(), issued.count);
        issued.tokens.insert(token.clone(), Token { ends, scopes });
        token
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

fn refused(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}
