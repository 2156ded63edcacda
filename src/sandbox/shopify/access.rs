//! Tokens: a fixed one, or short-lived ones by client credentials (`vendors/shopify.md` section 2).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::ShopifyCredentials;
use crate::sandbox::records::Second;
use crate::sandbox::server::{Answer, Shared};

/// Most tokens kept; beyond it all but the newest go.
const MAX_TOKENS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Access {
    kind: ShopifyCredentials,
    fixed: String,
    client_id: String,
    client_secret: String,
    scopes: String,
    /// Issued tokens with the second they end; and how many were issued.
    issued: Mutex<(HashMap<String, Second>, u64)>,
}

/// What [`super::settings`] says about credentials.
pub(super) fn credentials(shared: &Shared) -> Value {
    match shared.options.shopify.credentials {
        // Beside a fixed token the secret only signs the webhooks (`vendors/shopify.md` section 9).
        ShopifyCredentials::AccessToken => {
            json!({ "accessToken": token(shared), "clientSecret": client_secret(shared) })
        }
        ShopifyCredentials::ClientCredentials { .. } => {
            json!({ "clientId": client_id(shared), "clientSecret": client_secret(shared) })
        }
    }
}

fn token(shared: &Shared) -> String {
    format!("shpat_{}", digits(shared, 1))
}

fn client_id(shared: &Shared) -> String {
    digits(shared, 2)
}

/// What the app signs in with, and what its webhooks are signed with.
pub(super) fn client_secret(shared: &Shared) -> String {
    format!("shpss_{}", digits(shared, 3))
}

fn digits(shared: &Shared, purpose: u64) -> String {
    shared.secret(purpose).chars().take(32).collect()
}

pub(super) fn refused() -> Answer {
    let message = "[API] Invalid API key or access token (unrecognized login or wrong password)";
    Answer::json(401, &json!({ "errors": message }))
}

impl Access {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            kind: shared.options.shopify.credentials,
            fixed: token(shared),
            client_id: client_id(shared),
            client_secret: client_secret(shared),
            scopes: shared.options.shopify.scopes.join(","),
            issued: Mutex::default(),
        }
    }

    pub(super) fn admits(&self, token: &str, now: Second) -> bool {
        match self.kind {
            ShopifyCredentials::AccessToken => token == self.fixed,
            ShopifyCredentials::ClientCredentials { .. } => self.lock().0.get(token).is_some_and(|ends| now < *ends),
        }
    }

    /// Ends every issued token.
    pub(super) fn revoke(&self) {
        self.lock().0.clear();
    }

    /// Answers the client credentials grant, given as a form or as JSON.
    pub(super) fn issue(&self, body: &[u8], now: Second) -> Answer {
        let fields: HashMap<String, String> =
            serde_json::from_slice(body).unwrap_or_else(|_| url::form_urlencoded::parse(body).into_owned().collect());
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let ShopifyCredentials::ClientCredentials { token_lives } = self.kind else {
            return Answer::json(400, &json!({ "error": "application_cannot_be_found" }));
        };
        if field("grant_type") != "client_credentials" {
            return Answer::json(400, &json!({ "error": "unsupported_grant_type" }));
        }
        if field("client_id") != self.client_id || field("client_secret") != self.client_secret {
            return Answer::json(401, &json!({ "error": "invalid_client" }));
        }
        let token = self.new_token(now, token_lives);
        let lives = token_lives.as_secs().saturating_sub(1).max(1);
        Answer::json(200, &json!({ "access_token": token, "scope": self.scopes, "expires_in": lives }))
    }

    fn new_token(&self, now: Second, lives: Duration) -> String {
        let mut issued = self.lock();
        if issued.0.len() >= MAX_TOKENS {
            issued.0.clear();
        }
        issued.1 += 1;
        let token = format!("{}{:08x}", self.fixed.get(..30).unwrap_or_default(), issued.1);
        issued.0.insert(token.clone(), now.saturating_add_unsigned(lives.as_secs()));
        token
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (HashMap<String, Second>, u64)> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
