//! `/oauth/token` and `/.well-known/jwks.json`: signing in.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::Problems;
use super::extract::MAX_BODY_BYTES;
use crate::app::App;
use crate::auth::{keys, token};
use crate::error::{Error, Problem};
use crate::service::tokens::{Refused, client_credentials};

/// What a client sends to sign in, as a form.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form; the handler reads it pair by pair, to refuse repeated ones")]
struct TokenRequest {
    /// `client_credentials`.
    grant_type: String,
    /// The client's id; or by HTTP Basic.
    client_id: Option<String>,
    /// The client's secret; or by HTTP Basic.
    client_secret: Option<String>,
    /// Scopes, separated by spaces; all of the client's if absent.
    scope: Option<String>,
}

/// An access token.
#[derive(Serialize, ToSchema)]
pub(super) struct IssuedToken {
    /// The token: give it as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Its life in seconds.
    expires_in: i64,
    /// Its scopes, separated by spaces.
    scope: String,
}

/// A problem with the word that RFC 6749 section 5.2 has for it.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenProblem {
    #[serde(flatten)]
    problem: Problem,
    /// The word of RFC 6749.
    error: &'static str,
}

/// Why there is no token.
pub(super) struct TokenError {
    error: Error,
    word: &'static str,
    used_basic: bool,
}

impl TokenError {
    fn request(word: &'static str, sentence: &str) -> Self {
        Self { error: Error::Malformed(sentence.to_owned()), word, used_basic: false }
    }

    fn from_refused(refused: Refused, used_basic: bool) -> Self {
        match refused {
            Refused::Scope => Self::request("invalid_scope", &Refused::Scope.to_string()),
            Refused::Other(error) => {
                let word = if matches!(error, Error::InvalidClient) { "invalid_client" } else { "server_error" };
                Self { error, word, used_basic }
            }
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let problem = Problem::report(&self.error);
        let mut response =
            (self.error.code().status(), Json(TokenProblem { problem, error: self.word })).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self.error, Error::InvalidClient) {
            let scheme = if self.used_basic { "Basic realm=\"assent\"" } else { "Bearer" };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        response
    }
}

/// Sign in with client credentials.
#[utoipa::path(post, path = "/oauth/token", operation_id = "issueToken", tag = "access", security(()),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = IssuedToken),
        (status = "4XX", description = "Why there is no token", body = TokenProblem,
            content_type = "application/problem+json")))]
pub(super) async fn issue(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Result<([(HeaderName, &'static str); 2], Json<IssuedToken>), TokenError> {
    let mut form = Form::read(&headers, request).await?;
    match form.take("grant_type")?.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(TokenError::request("unsupported_grant_type", "grant_type must be client_credentials")),
        None => return Err(TokenError::request("invalid_request", "grant_type is required")),
    }
    let scope = form.take("scope")?;
    let basic = basic(&headers)?;
    let used_basic = basic.is_some();
    let (id, secret) = match (basic, form.take("client_id")?, form.take("client_secret")?) {
        (Some(pair), None, None) => pair,
        (Some((id, secret)), Some(same), None) if id == same => (id, secret),
        (None, Some(id), Some(secret)) => (id, secret),
        (Some(_), _, _) => {
            return Err(TokenError::request(
                "invalid_request",
                "give the client's secret once: in the form or by Basic",
            ));
        }
        (None, _, _) => return Err(TokenError::request("invalid_request", "client_id and client_secret are required")),
    };
    let granted = client_credentials(&app, &id, &secret, scope.as_deref())
        .await
        .map_err(|refused| TokenError::from_refused(refused, used_basic))?;
    let answer = IssuedToken {
        access_token: granted.access_token,
        token_type: "Bearer",
        expires_in: token::LIFETIME.num_seconds(),
        scope: token::words(&granted.scopes),
    };
    Ok(([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(answer)))
}

/// The pairs of a form. Unknown ones are ignored, as RFC 6749 section 3.2 wants.
struct Form(Vec<(String, String)>);

impl Form {
    async fn read(headers: &HeaderMap, request: Request) -> Result<Self, TokenError> {
        const FORM: &str = "application/x-www-form-urlencoded";
        let refuse = |error| TokenError { error, word: "invalid_request", used_basic: false };
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
            return Err(refuse(Error::UnsupportedMediaType(FORM)));
        }
        let bytes =
            to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| refuse(Error::TooLarge(MAX_BODY_BYTES)))?;
        Ok(Self(url::form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    fn take(&mut self, name: &str) -> Result<Option<String>, TokenError> {
        let mut found = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone());
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(TokenError::request("invalid_request", &format!("{name} stands there twice"))),
            (value, None) => Ok(value),
        }
    }
}

/// Client id and secret of an HTTP Basic header, each form-encoded (RFC 6749 section 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, TokenError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let malformed = || TokenError::request("invalid_request", "the Authorization header must be Basic");
    let (scheme, encoded) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = decoded.as_deref().and_then(|pair| pair.split_once(':')).ok_or_else(malformed)?;
    let plain = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    Ok(Some((plain(id), plain(secret))))
}

/// The keys that verify access tokens (RFC 7517).
#[derive(Serialize, ToSchema)]
pub(super) struct KeySet {
    /// All keys, oldest first.
    keys: Vec<PublicKeyView>,
}

/// One Ed25519 key (RFC 8037).
#[derive(Serialize, ToSchema)]
#[schema(as = PublicKey)]
struct PublicKeyView {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    usage: &'static str,
    /// Key id, as in the header of tokens.
    kid: Uuid,
    /// The key in base64url.
    x: String,
}

/// List the public keys that verify access tokens.
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "listKeys", tag = "access", security(()),
    responses((status = 200, body = KeySet), Problems))]
pub(super) async fn keys(State(app): State<App>) -> Result<Json<KeySet>, Error> {
    let keys = keys::public(&app).await?.into_iter().map(|key| PublicKeyView {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.id,
        x: key.x,
    });
    Ok(Json(KeySet { keys: keys.collect() }))
}
