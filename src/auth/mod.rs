//! Who calls, and what they may do.
//!
//! Access tokens are EdDSA JWTs that live for an hour and carry the account and the scopes, so that checking one
//! costs no query. The price: taking a client's rights away takes effect within that hour.

pub mod keys;
pub mod token;

use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use crate::app::App;
use crate::domain::Clock;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, ApiClientId};
use crate::error::Error;

pub use keys::KeyRing;

/// An authenticated caller. Everything they reach belongs to their account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Tenant.
    pub account_id: AccountId,
    /// Who acts, as it stands in events and consent records: `client:<id>` or `operator`; at most 128 bytes.
    pub actor: String,
    /// What they may do.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// A program that signed in with client credentials.
    #[must_use]
    pub fn client(account_id: AccountId, client_id: ApiClientId, scopes: Vec<Scope>) -> Self {
        Self { account_id, actor: format!("client:{client_id}"), scopes }
    }

    /// Whoever may run the program itself: every scope.
    #[must_use]
    pub fn operator(account_id: AccountId) -> Self {
        Self { account_id, actor: "operator".to_owned(), scopes: Scope::ALL.to_vec() }
    }

    /// Goes on only with a scope.
    ///
    /// # Errors
    /// [`Error::Forbidden`], naming the scope.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Error::Forbidden(scope.as_str())) }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        Ok(Admission::from_request_parts(parts, state).await?.caller)
    }
}

/// A caller and how long they may stay: for connections that outlive a request.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Who calls.
    pub caller: Caller,
    /// When their token ceases to be good.
    pub expires_at: DateTime<Utc>,
}

/// How often the clock is asked whether a token has ceased to be good.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

impl Admission {
    /// Admits whoever brings a good token as `Bearer <token>`: the value of the header, or what stands for it where no
    /// header can be sent.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], whatever is wrong with it.
    pub async fn by(app: &App, authorization: &str) -> Result<Self, Error> {
        let (scheme, token) = authorization.split_once(' ').ok_or(Error::Unauthenticated)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::Unauthenticated);
        }
        token::verify(app, token.trim()).await
    }

    /// Waits until the token ceases to be good.
    pub async fn ended(&self, clock: &dyn Clock) {
        while clock.now() < self.expires_at {
            let left = (self.expires_at - clock.now()).to_std().unwrap_or_default();
            // In steps: a clock may be put right meanwhile.
            tokio::time::sleep(left.min(CLOCK_CHECK)).await;
        }
    }
}

impl<S> FromRequestParts<S> for Admission
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let value = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self::by(&App::from_ref(state), value.ok_or(Error::Unauthenticated)?).await
    }
}
