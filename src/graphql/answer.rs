//! How an execution is shown over HTTP: content type, status, and a code on every error.

use async_graphql::{ErrorExtensionValues, Response as Execution, ServerError};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::limits::{Executed, MAX_ERRORS};
use crate::error::Code;

/// The two content types of GraphQL answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells whether the request was executed.
    GraphqlResponse,
    /// `application/json`, the older one, where that is always 200. Also for callers who do not say.
    Json,
}

impl Media {
    /// What the caller would rather have; the older one where they want neither, since `Accept` is a wish.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let mut best = (0.0, Self::Json);
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for entry in values.flat_map(|value| value.split(',')) {
            let mut parts = entry.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if weight > best.0 {
                best = (weight, media);
            }
        }
        best.1
    }

    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// Turns an execution into an answer. Without execution there is no `data`, and its status is 400 where the content
/// type lets statuses speak.
pub(super) fn answer(mut execution: Execution, executed: &Executed, media: Media) -> Response {
    for error in &mut execution.errors {
        give_code(error, executed.get());
    }
    execution.errors.truncate(MAX_ERRORS);
    let status = match media {
        Media::GraphqlResponse if !executed.get() => StatusCode::BAD_REQUEST,
        Media::GraphqlResponse | Media::Json => StatusCode::OK,
    };
    let body = if executed.get() {
        serde_json::to_vec(&execution)
    } else {
        serde_json::to_vec(&json!({ "errors": execution.errors }))
    };
    match body {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, media.content_type()),
                // Personal data is for the caller, not for caches on the way.
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::VARY, HeaderValue::from_static("accept, authorization")),
            ];
            (status, headers, body).into_response()
        }
        Err(_) => crate::error::Error::Internal("an answer has no JSON form".to_owned()).into_response(),
    }
}

/// What the library says when one of its own limits is passed (async-graphql 7.2, `validation/mod.rs` and
/// `schema.rs`).
const OVER_A_LIMIT: &[&str] = &[
    "Query is too complex.",
    "Query is nested too deep.",
    "The recursion depth of the query cannot be greater than",
    "The number of directives on the field",
];

/// Our own errors have a code. The library's are about the document, or, once it is executed, about a value in it.
fn give_code(error: &mut ServerError, executed: bool) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_some() {
        return;
    }
    let code = if OVER_A_LIMIT.iter().any(|start| error.message.starts_with(start)) {
        Code::TooComplex
    } else if executed {
        Code::Invalid
    } else {
        Code::Malformed
    };
    extensions.set("code", code.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_is_the_one_that_is_wanted_most() {
        let cases = [
            (None, Media::Json),
            (Some("*/*"), Media::Json),
            (Some("text/html"), Media::Json),
            (Some("application/json"), Media::Json),
            (Some("application/graphql-response+json"), Media::GraphqlResponse),
            (
                Some("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"),
                Media::GraphqlResponse,
            ),
            (Some("application/json;q=0.9, application/graphql-response+json;q=0.5"), Media::Json),
            (Some("application/json;q=0.5,application/GraphQL-response+JSON"), Media::GraphqlResponse),
            (Some("application/graphql-response+json;q=0, */*"), Media::Json),
            (Some("application/graphql-response+json;q=x"), Media::Json),
        ];
        for (accept, expected) in cases {
            let headers = accept.map(|text| (header::ACCEPT, HeaderValue::from_static(text)));
            assert_eq!(Media::accepted(&headers.into_iter().collect()), expected, "{accept:?}");
        }
    }
}
