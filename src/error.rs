//! What can go wrong, as callers see it: the only place that knows codes and statuses.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sea_orm::DbErr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::connectors::hooks::HookRefusal;
use crate::connectors::{ConnectorError, InvalidSetting};

/// A use case that did not happen. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or it belongs to somebody else: callers can't tell which.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// An input field has a value that can't be used.
    #[error("{field} {problem}")]
    Invalid {
        /// Path of the field in the input, for example `settings.storeUrl`.
        field: String,
        /// What is wrong and what is expected; never the value.
        problem: String,
    },
    /// The input is not of the expected form at all.
    #[error("{0}")]
    Malformed(String),
    /// The request collides with what is there.
    #[error("{0}")]
    Conflict(String),
    /// An input field has a value that something else has already.
    #[error("{field} {problem}")]
    Taken {
        /// Path of the field in the input.
        field: &'static str,
        /// What has it; never the value.
        problem: &'static str,
    },
    /// No valid access token.
    #[error("a valid access token is required")]
    Unauthenticated,
    /// Client credentials that are not right.
    #[error("the client id or the client secret is not right")]
    InvalidClient,
    /// The token lacks a scope.
    #[error("the access token lacks the scope {0}")]
    Forbidden(&'static str),
    /// No such route.
    #[error("there is nothing at this path")]
    NoRoute,
    /// The route does not know the method.
    #[error("this path does not know the method")]
    MethodNotAllowed,
    /// The body is larger than accepted.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not of an accepted type.
    #[error("the content type must be {0}")]
    UnsupportedMediaType(&'static str),
    /// A GraphQL document over a limit.
    #[error("{0}")]
    TooComplex(String),
    /// The database can't be reached or lacks tables.
    #[error("the service is not ready: its database can't be reached or lacks tables; try again in a moment")]
    NotReady,
    /// The request took too long.
    #[error("the request took too long; look whether it was carried out, then try again or ask for less at once")]
    TimedOut,
    /// A webhook delivery that is not the store's, or that can't be read.
    #[error(transparent)]
    DeliveryRefused(#[from] HookRefusal),
    /// The store platform could not be used.
    #[error("the store could not be used")]
    Upstream(#[from] ConnectorError),
    /// The database failed.
    #[error("storage failed")]
    Storage(#[from] DbErr),
    /// A row that does not make sense, or a fault of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// A problem with one input field.
    #[must_use]
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}

impl Error {
    /// A collision at one input field.
    #[must_use]
    pub const fn taken(field: &'static str, problem: &'static str) -> Self {
        Self::Taken { field, problem }
    }
}

impl From<InvalidSetting> for Error {
    fn from(invalid: InvalidSetting) -> Self {
        Self::Invalid { field: format!("settings.{}", invalid.field), problem: invalid.problem }
    }
}

/// What callers hear of a fault of ours.
const OURS: &str =
    "a fault of the service; try again, and if it stays, tell whoever runs it the x-request-id of this answer";

/// A kind of problem. Codes are public: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// See [`Error::NotFound`].
    NotFound,
    /// See [`Error::Invalid`].
    Invalid,
    /// See [`Error::Malformed`].
    Malformed,
    /// See [`Error::Conflict`].
    Conflict,
    /// See [`Error::Unauthenticated`].
    Unauthenticated,
    /// See [`Error::InvalidClient`].
    InvalidClient,
    /// A webhook delivery whose signature is missing, wrong or too old.
    BadSignature,
    /// See [`Error::Forbidden`].
    Forbidden,
    /// See [`Error::MethodNotAllowed`].
    MethodNotAllowed,
    /// See [`Error::TooLarge`].
    TooLarge,
    /// See [`Error::UnsupportedMediaType`].
    UnsupportedMediaType,
    /// See [`Error::TooComplex`].
    TooComplex,
    /// See [`Error::NotReady`].
    NotReady,
    /// See [`Error::TimedOut`].
    TimedOut,
    /// The store can't be reached or fails.
    UpstreamUnavailable,
    /// The store refuses us: somebody has to act there.
    UpstreamRefused,
    /// Ours.
    Internal,
}

impl Code {
    /// Wire code, HTTP status, RFC 9457 title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::NotFound => ("NOT_FOUND", StatusCode::NOT_FOUND, "No such resource"),
            Self::Invalid => ("INVALID", StatusCode::UNPROCESSABLE_ENTITY, "Invalid input"),
            Self::Malformed => ("MALFORMED", StatusCode::BAD_REQUEST, "Malformed request"),
            Self::Conflict => ("CONFLICT", StatusCode::CONFLICT, "Conflict"),
            Self::Unauthenticated => ("UNAUTHENTICATED", StatusCode::UNAUTHORIZED, "Authentication required"),
            Self::InvalidClient => ("INVALID_CLIENT", StatusCode::UNAUTHORIZED, "Unknown client"),
            Self::BadSignature => ("BAD_SIGNATURE", StatusCode::UNAUTHORIZED, "Signature refused"),
            Self::Forbidden => ("FORBIDDEN", StatusCode::FORBIDDEN, "Not allowed"),
            Self::MethodNotAllowed => ("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::TooLarge => ("TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE, "Body too large"),
            Self::UnsupportedMediaType => {
                ("UNSUPPORTED_MEDIA_TYPE", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported content type")
            }
            Self::TooComplex => ("TOO_COMPLEX", StatusCode::BAD_REQUEST, "Query too complex"),
            Self::NotReady => ("NOT_READY", StatusCode::SERVICE_UNAVAILABLE, "Not ready"),
            Self::TimedOut => ("TIMED_OUT", StatusCode::SERVICE_UNAVAILABLE, "Took too long"),
            Self::UpstreamUnavailable => ("UPSTREAM_UNAVAILABLE", StatusCode::BAD_GATEWAY, "Store unavailable"),
            Self::UpstreamRefused => ("UPSTREAM_REFUSED", StatusCode::BAD_GATEWAY, "Store refuses"),
            Self::Internal => ("INTERNAL", StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        }
    }

    /// The code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().1
    }
}

impl Error {
    /// The code that stands for this error.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound(_) | Self::NoRoute => Code::NotFound,
            Self::Invalid { .. } => Code::Invalid,
            Self::Malformed(_) | Self::DeliveryRefused(HookRefusal::Unreadable) => Code::Malformed,
            Self::Conflict(_) | Self::Taken { .. } => Code::Conflict,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::InvalidClient => Code::InvalidClient,
            Self::Forbidden(_) => Code::Forbidden,
            Self::DeliveryRefused(HookRefusal::BadSignature | HookRefusal::OutOfWindow) => Code::BadSignature,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
            Self::TooLarge(_) => Code::TooLarge,
            Self::UnsupportedMediaType(_) => Code::UnsupportedMediaType,
            Self::TooComplex(_) => Code::TooComplex,
            Self::NotReady => Code::NotReady,
            Self::TimedOut => Code::TimedOut,
            Self::Upstream(error) if error.retry() == crate::connectors::Retry::Never => Code::UpstreamRefused,
            Self::Upstream(_) => Code::UpstreamUnavailable,
            Self::Storage(_) | Self::Internal(_) => Code::Internal,
        }
    }
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Kind of problem; `about:blank`, the code tells.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What kind of problem it is, the same for each of its kind.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Stable code for programs.
    pub code: &'static str,
    /// What is wrong here and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The input fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// One input field at fault.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the body, or `?name` for a query parameter, or `{name}` for one of the path.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// Turns an error into what callers may know, and logs the rest, once.
    #[must_use]
    pub fn report(error: &Error) -> Self {
        let code = error.code();
        let (wire, status, title) = code.row();
        let detail = match error {
            Error::Storage(_) | Error::Internal(_) => {
                tracing::error!(error.code = wire, error.detail = %Redacted(error), "request failed");
                Some(OURS.to_owned())
            }
            Error::Upstream(error) => Some(error.to_string()),
            other => Some(other.to_string()),
        };
        let errors = match error {
            Error::Invalid { field, problem } => {
                vec![FieldProblem { pointer: pointer(field), detail: problem.clone() }]
            }
            Error::Taken { field, problem } => {
                vec![FieldProblem { pointer: pointer(field), detail: (*problem).to_owned() }]
            }
            _ => Vec::new(),
        };
        Self { kind: "about:blank", title, status: status.as_u16(), code: wire, detail, errors }
    }
}

/// `settings.storeUrl` becomes `#/settings/storeUrl`; query (`?limit`) and path parameters (`{id}`) stay.
fn pointer(field: &str) -> String {
    if field.starts_with(['?', '{']) { field.to_owned() } else { format!("#/{}", field.replace('.', "/")) }
}

/// A database's message may quote values; keep its kind only.
struct Redacted<'a>(&'a Error);

impl std::fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Error::Storage(error) => f.write_str(storage_kind(error)),
            Error::Internal(what) => f.write_str(what),
            other => f.write_str(other.code().as_str()),
        }
    }
}

/// What kind of database error it is, without values.
#[must_use]
pub fn storage_kind(error: &DbErr) -> &'static str {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => "no database connection",
        DbErr::Exec(_) => "a statement failed",
        DbErr::Query(_) => "a query failed",
        DbErr::Type(_) | DbErr::TryIntoErr { .. } => "a value is not of its type",
        DbErr::Migration(_) => "a migration failed",
        _ => "database error",
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = Problem::report(&self);
        let status = self.code().status();
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// GraphQL's half. The feature `custom-error-conversion` is on, so a `?` on any other error does not compile.
impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        graphql(&error)
    }
}

/// An error of a batch, shared by all who waited for it.
#[derive(Debug, Clone)]
pub struct SharedError(Arc<Error>);

impl From<Error> for SharedError {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<SharedError> for async_graphql::Error {
    fn from(error: SharedError) -> Self {
        graphql(&error.0)
    }
}

fn graphql(error: &Error) -> async_graphql::Error {
    use async_graphql::ErrorExtensions as _;
    let problem = Problem::report(error);
    let message = problem.detail.unwrap_or_else(|| problem.title.to_owned());
    let field = problem.errors.first().map(|field| field.pointer.clone());
    async_graphql::Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", problem.code);
        if let Some(field) = field {
            extensions.set("field", field);
        }
    })
}
