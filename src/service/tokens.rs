//! Signing in with client credentials (RFC 6749 section 4.4).

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::app::App;
use crate::auth::token;
use crate::domain::access::Scope;
use crate::domain::ids::ApiClientId;
use crate::error::Error;
use crate::store;

/// An access token with what it is good for.
pub struct Granted {
    /// The token.
    pub access_token: String,
    /// Its scopes.
    pub scopes: Vec<Scope>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A scope that is unknown or that the client does not have.
    #[error("the client does not have one of the scopes asked for")]
    Scope,
    /// Everything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Gives a client a token with the scopes it asks for, or all it has.
///
/// # Errors
/// An unknown or revoked client, a wrong secret, a scope it does not have.
pub async fn client_credentials(
    app: &App,
    client_id: &str,
    client_secret: &str,
    scope: Option<&str>,
) -> Result<Granted, Refused> {
    let id = ApiClientId(client_id.parse::<Uuid>().map_err(|_| Error::InvalidClient)?);
    let client = store::accounts::find_client(&app.db, id).await.map_err(Error::from)?.ok_or(Error::InvalidClient)?;
    let given = Sha256::digest(client_secret.as_bytes());
    if !bool::from(client.secret_hash.ct_eq(given.as_slice())) {
        return Err(Error::InvalidClient.into());
    }
    let scopes = match scope.map(str::trim).filter(|scope| !scope.is_empty()) {
        None => client.scopes,
        Some(asked) => asked
            .split_ascii_whitespace()
            .map(|word| word.parse().ok().filter(|scope| client.scopes.contains(scope)).ok_or(Refused::Scope))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let access_token = token::issue(app, client.account_id, id, &scopes).await?;
    Ok(Granted { access_token, scopes })
}
