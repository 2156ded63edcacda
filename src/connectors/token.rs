//! Access tokens that are asked for when needed: the client credentials grant of OAuth 2 (RFC 6749 section 4.4).
//!
//! A token is kept in memory only: it is cheap to get and nothing is lost with it. There is no refresh token; the grant
//! is simply repeated. How a token is asked for and what a refusal means is the platform's.
//!
//! A connector is opened anew for every run, hint and test. Where a store counts token calls, its token has to outlive
//! the connector that asked for it: [`TokenCache`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::ConnectorError;
use crate::domain::{Clock, Platform};

/// Longest lifetime believed, in seconds. No platform documents more than a day.
const MAX_LIFETIME_SECONDS: i64 = 7 * 24 * 3600;
/// Credentials whose token is kept although nobody uses them right now.
const MAX_IDLE: usize = 1000;

/// What a token endpoint grants (RFC 6749 section 5.1); the rest of its answer is the platform's.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    /// The token.
    pub(super) access_token: SecretString,
    /// Its life in seconds, as of the answer.
    pub(super) expires_in: i64,
}

/// The token of one store, asked for once for all requests that are made while it is good.
#[derive(Debug)]
pub(super) struct Tokens {
    clock: Arc<dyn Clock>,
    margin: TimeDelta,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    token: SecretString,
    good_until: DateTime<Utc>,
}

impl Tokens {
    /// `margin` before its end a token is no longer used, so that a slow request does not outlive it.
    pub(super) fn new(margin: TimeDelta, clock: Arc<dyn Clock>) -> Self {
        Self { clock, margin, held: Mutex::default() }
    }

    /// A token that is good by all we know; `ask` is carried out only if there is none.
    ///
    /// # Errors
    /// What `ask` fails with.
    pub(super) async fn current(
        &self,
        ask: impl Future<Output = Result<Granted, ConnectorError>>,
    ) -> Result<SecretString, ConnectorError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| self.clock.now() < held.good_until) {
            return Ok(held.token.clone());
        }
        let Granted { access_token, expires_in } = ask.await?;
        let lifetime = TimeDelta::seconds(expires_in.clamp(0, MAX_LIFETIME_SECONDS));
        // A token that lives shorter than the margin is still good for half its life.
        let good_until = self.clock.now() + (lifetime - self.margin).max(lifetime / 2);
        *held = Some(Held { token: access_token.clone(), good_until });
        Ok(access_token)
    }

    /// Forgets a token that the store refused, unless another one has taken its place.
    pub(super) async fn forget(&self, refused: &SecretString) {
        let is_refused = |held: &Held| held.token.expose_secret() == refused.expose_secret();
        self.held.lock().await.take_if(|held| is_refused(held));
    }
}

/// The tokens of a process, by the credentials that they are asked for with.
#[derive(Debug, Default)]
pub(super) struct TokenCache(std::sync::Mutex<HashMap<[u8; 32], Arc<Tokens>>>);

impl TokenCache {
    /// The token of these credentials; `new` where there is none yet. `parts` are all that tells them from others, the
    /// secret too: what is kept of them is a hash.
    pub(super) fn of(&self, platform: Platform, parts: &[&str], new: impl FnOnce() -> Tokens) -> Arc<Tokens> {
        let mut hasher = Sha256::new();
        for part in [platform.as_str()].iter().chain(parts) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_IDLE {
            all.retain(|_, tokens| Arc::strong_count(tokens) > 1);
        }
        Arc::clone(all.entry(hasher.finalize().into()).or_insert_with(|| Arc::new(new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SystemClock;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug, Default)]
    struct Grants(AtomicU32);

    impl Grants {
        fn grant(&self, expires_in: i64) -> Granted {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            Granted { access_token: SecretString::from(format!("token {number}")), expires_in }
        }
    }

    async fn taken(tokens: &Tokens, grants: &Grants, expires_in: i64) -> String {
        tokens.current(async { Ok(grants.grant(expires_in)) }).await.unwrap().expose_secret().to_owned()
    }

    #[tokio::test]
    async fn a_token_is_asked_for_once_while_it_is_good_and_again_when_it_was_refused() {
        let (tokens, grants) = (Tokens::new(TimeDelta::seconds(60), Arc::new(SystemClock)), Grants::default());
        assert_eq!(taken(&tokens, &grants, 1799).await, "token 0");
        assert_eq!(taken(&tokens, &grants, 1799).await, "token 0");
        tokens.forget(&SecretString::from("another one")).await;
        assert_eq!(taken(&tokens, &grants, 1799).await, "token 0");
        tokens.forget(&SecretString::from("token 0")).await;
        assert_eq!(taken(&tokens, &grants, 1799).await, "token 1");
    }

    #[tokio::test]
    async fn a_token_whose_life_is_over_at_once_is_asked_for_each_time() {
        for expires_in in [0, -5, i64::MIN] {
            let (tokens, grants) = (Tokens::new(TimeDelta::seconds(60), Arc::new(SystemClock)), Grants::default());
            assert_eq!(taken(&tokens, &grants, expires_in).await, "token 0");
            assert_eq!(taken(&tokens, &grants, expires_in).await, "token 1");
        }
    }

    #[tokio::test]
    async fn a_grant_that_fails_leaves_nothing_behind() {
        let tokens = Tokens::new(TimeDelta::seconds(60), Arc::new(SystemClock));
        let refused = tokens.current(async { Err(ConnectorError::CredentialsRejected) }).await;
        assert_eq!(refused.unwrap_err(), ConnectorError::CredentialsRejected);
        assert_eq!(taken(&tokens, &Grants::default(), 1799).await, "token 0");
    }

    #[tokio::test]
    async fn who_has_the_same_credentials_has_the_same_token() {
        let (cache, grants) = (TokenCache::default(), Grants::default());
        let of = |parts: &[&str]| {
            cache.of(Platform::Shopware, parts, || Tokens::new(TimeDelta::seconds(60), Arc::new(SystemClock)))
        };
        let (one, same) = (of(&["ab", "c"]), of(&["ab", "c"]));
        let tokens = tokio::join!(taken(&one, &grants, 600), taken(&same, &grants, 600));
        assert_eq!(tokens, ("token 0".to_owned(), "token 0".to_owned()));
        drop((one, same));
        assert_eq!(taken(&of(&["ab", "c"]), &grants, 600).await, "token 0", "also for who comes later");
        assert_eq!(taken(&of(&["a", "bc"]), &grants, 600).await, "token 1");
    }
}
