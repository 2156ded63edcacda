//! Tokens by client credentials (sheet, sections 1 and 5).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::oauth_error;
use crate::sandbox::records::Second;
use crate::sandbox::server::{Answer, Shared};

/// Most tokens kept; beyond it all go.
const MAX_TOKENS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Access {
    id: String,
    secret: String,
    lives: i64,
    per_minute: Option<u32>,
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    /// Tokens with the second they end.
    tokens: HashMap<String, Second>,
    count: u64,
    /// Seconds of the calls of the last minute.
    calls: Vec<Second>,
}

/// Access key id and secret of the shop's integration.
pub(super) fn credentials(shared: &Shared) -> (String, String) {
    let id: String = shared.secret(1).to_uppercase().chars().take(22).collect();
    (format!("SWIA{id}"), shared.secret(2))
}

impl Access {
    pub(super) fn new(shared: &Shared) -> Self {
        let (id, secret) = credentials(shared);
        let options = &shared.options.shopware;
        let lives = i64::try_from(options.token_lives.as_secs()).unwrap_or(i64::MAX);
        Self { id, secret, lives, per_minute: options.tokens_per_minute, issued: Mutex::default() }
    }

    pub(super) fn admits(&self, token: &str, now: Second) -> bool {
        self.lock().tokens.get(token).is_some_and(|ends| now < *ends)
    }

    /// Ends every token.
    pub(super) fn revoke(&self) {
        self.lock().tokens.clear();
    }

    /// `POST /api/oauth/token`.
    pub(super) fn issue(&self, body: &[u8], now: Second) -> Answer {
        let mut issued = self.lock();
        issued.calls.retain(|second| now - second < 60);
        if self.per_minute.is_some_and(|most| issued.calls.len() >= most as usize) {
            // The vendor's cloud: ten a minute and address (sheet, section 5).
            let wait = issued.calls.first().map_or(60, |first| 60 - (now - first));
            return Answer::text(429, "text/html", "Too Many Requests").with("retry-after", wait.to_string());
        }
        issued.calls.push(now);
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            let body = json!({ "errors": [{ "code": "2", "status": "400", "title": "The authorization grant type is not \
                supported by the authorization server.", "detail": "Check that all required parameters have been provided" }] });
            return Answer::json(400, &body);
        }
        if (field("client_id"), field("client_secret")) != (self.id.as_str(), self.secret.as_str()) {
            return oauth_error("4", "Client authentication failed", None);
        }
        if issued.tokens.len() >= MAX_TOKENS {
            issued.tokens.clear();
        }
        issued.count += 1;
        let token = format!("sandbox.{}.{}", issued.count, self.id);
        issued.tokens.insert(token.clone(), now.saturating_add(self.lives));
        Answer::json(200, &json!({ "token_type": "Bearer", "expires_in": self.lives, "access_token": token }))
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
