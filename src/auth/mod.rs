//! Who calls, and what they may do.
//!
//! Access tokens are EdDSA JWTs that live for an hour and carry the account and the scopes, so that checking one
//! costs no query. The price: taking a client's rights away takes effect within that hour.

pub mod keys;
pub mod token;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::app::App;
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
        let value = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(Error::Unauthenticated)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Error::Unauthenticated);
        }
        token::verify(&App::from_ref(state), token.trim()).await
    }
}
