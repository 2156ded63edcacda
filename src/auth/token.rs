//! Access tokens: made for a client, checked on every request.

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Admission, Caller, keys};
use crate::app::App;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, ApiClientId, new_uuid};
use crate::error::Error;

/// How long a token is good.
pub const LIFETIME: TimeDelta = TimeDelta::hours(1);
/// For whom a token is made.
const AUDIENCE: &str = "assent";
/// Longest token that is looked at, in bytes; ours have about 600.
const MAX_TOKEN_BYTES: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    account: Uuid,
    scope: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// Makes a token for a client.
///
/// # Errors
/// There is no key to sign with.
pub async fn issue(
    app: &App,
    account_id: AccountId,
    client_id: ApiClientId,
    scopes: &[Scope],
) -> Result<String, Error> {
    let key = keys::signing(app).await?;
    let now = app.clock.now();
    let claims = Claims {
        iss: app.public_url.to_string(),
        aud: AUDIENCE.to_owned(),
        sub: client_id.into(),
        account: account_id.into(),
        scope: words(scopes),
        iat: now.timestamp(),
        exp: (now + LIFETIME).timestamp(),
        jti: new_uuid(now),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.id.to_string());
    jsonwebtoken::encode(&header, &claims, &key.encoding)
        .map_err(|_| Error::Internal("a token could not be signed".to_owned()))
}

/// Scopes as OAuth writes them: separated by spaces.
#[must_use]
pub fn words(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

/// Checks a token: signature, algorithm, issuer, audience, time.
///
/// # Errors
/// [`Error::Unauthenticated`], whatever is wrong with it.
pub async fn verify(app: &App, token: &str) -> Result<Admission, Error> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Error::Unauthenticated);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| Error::Unauthenticated)?;
    if header.alg != Algorithm::EdDSA {
        return Err(Error::Unauthenticated);
    }
    let id = header.kid.and_then(|id| id.parse::<Uuid>().ok()).ok_or(Error::Unauthenticated)?;
    let key = keys::verifying(app, id).await?.ok_or(Error::Unauthenticated)?;
    let claims =
        jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules(app)).map_err(|_| Error::Unauthenticated)?.claims;
    let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(Error::Unauthenticated)?;
    if app.clock.now() >= expires_at {
        return Err(Error::Unauthenticated);
    }
    // A scope that this release does not know gives nothing.
    let scopes = claims.scope.split(' ').filter_map(|word| word.parse().ok()).collect();
    Ok(Admission { caller: Caller::client(claims.account.into(), claims.sub.into(), scopes), expires_at })
}

fn rules(app: &App) -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[&*app.public_url]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The time is compared with our own clock below.
    rules.validate_exp = false;
    rules
}
