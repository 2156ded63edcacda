//! How an execution is shown: a code on every error, and over HTTP content type and status.

use async_graphql::{ErrorExtensionValues, Response as Execution, ServerError};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::limits::{Executed, MAX_COMPLEXITY, MAX_DEPTH, MAX_DIRECTIVES, MAX_ERRORS, MAX_RECURSION};
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

/// The answer to a request that was not executed.
#[derive(Serialize)]
struct Refusal {
    errors: Vec<ServerError>,
}

/// Turns an execution into an answer. Without execution there is no `data`, and its status is 400 where the content
/// type lets statuses speak.
pub(super) fn answer(mut execution: Execution, executed: &Executed, media: Media) -> Response {
    tidy(&mut execution, executed.get());
    let status = match media {
        Media::GraphqlResponse if !executed.get() => StatusCode::BAD_REQUEST,
        Media::GraphqlResponse | Media::Json => StatusCode::OK,
    };
    let body = if executed.get() {
        serde_json::to_vec(&execution)
    } else {
        serde_json::to_vec(&Refusal { errors: execution.errors })
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

/// Gives every error its code, and leaves out those beyond a number.
pub(super) fn tidy(execution: &mut Execution, executed: bool) {
    for error in &mut execution.errors {
        give_code(error, executed);
    }
    execution.errors.truncate(MAX_ERRORS);
}

type Sentence = fn() -> String;

/// What the library says when one of its own limits is passed (async-graphql 7.2, `validation/mod.rs` and
/// `schema.rs`), and what we say.
const OVER_A_LIMIT: &[(&str, Sentence)] = &[
    ("Query is too complex.", || {
        format!("the answer could have more than {MAX_COMPLEXITY} fields; ask for smaller pages or fewer relations")
    }),
    ("Query is nested too deep.", || format!("fields are nested more than {MAX_DEPTH} deep")),
    ("The recursion depth of the query cannot be greater than", || {
        format!("the document is nested more than {MAX_RECURSION} deep")
    }),
    ("The number of directives on the field", || format!("a field has more than {MAX_DIRECTIVES} directives")),
];

/// Our own errors have a code. The library's are about the document, or about a value in it.
fn give_code(error: &mut ServerError, executed: bool) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_some() {
        return;
    }
    if let Some((_, sentence)) = OVER_A_LIMIT.iter().find(|(start, _)| error.message.starts_with(start)) {
        extensions.set("code", Code::TooComplex.as_str());
        error.message = sentence();
    } else if let Some(WrongValue { field, problem }) = wrong_value(&error.message) {
        extensions.set("code", Code::Invalid.as_str());
        extensions.set("field", format!("#/{}", field.replace('.', "/")));
        error.message = format!("{field} {problem}");
    } else {
        let code = if executed { Code::Invalid } else { Code::Malformed };
        extensions.set("code", code.as_str());
    }
}

/// An argument that is not of its type.
#[derive(Debug, PartialEq, Eq)]
struct WrongValue {
    /// Its path, as REST names it: without the argument `input`, whose place the body takes there.
    field: String,
    problem: String,
}

/// Reads what the library says of an argument that is not of its type (async-graphql 7.2, `validation/utils.rs`), and
/// leaves the value out.
fn wrong_value(message: &str) -> Option<WrongValue> {
    let (path, says) = message.strip_prefix("Invalid value for argument \"")?.split_once("\", ")?;
    let path = path.strip_prefix("input.").or((path != "input").then_some(path)).unwrap_or_default();
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let quoted = says.split('"').nth(1).unwrap_or_default();
    let (field, problem) = if says.starts_with("unknown field") {
        (below(quoted), "is not a field here".to_owned())
    } else if says.starts_with("field") && says.ends_with("is required but not provided") {
        (below(quoted), "is required".to_owned())
    } else if says.starts_with("enumeration type") {
        (path.to_owned(), format!("must be a value of {quoted}"))
    } else {
        (path.to_owned(), format!("must be of type {quoted}"))
    };
    let field = if field.is_empty() { "input".to_owned() } else { field };
    Some(WrongValue { field, problem })
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

    #[test]
    fn a_value_of_the_wrong_type_is_named_as_rest_names_it() {
        let cases = [
            (
                r#""input.purpose", enumeration type "Purpose" does not contain the value "BAD""#,
                "purpose must be a value of Purpose",
            ),
            (r#""input", unknown field "foo" of type "NewList""#, "foo is not a field here"),
            (r#""input.mappings", unknown field "foo" of type "M""#, "mappings.foo is not a field here"),
            (r#""input", field "name" of type "String!" is required but not provided"#, "name is required"),
            (r#""first", expected type "Int""#, "first must be of type Int"),
            (r#""input", expected type "NewList""#, "input must be of type NewList"),
        ];
        for (message, expected) in cases {
            let found = wrong_value(&format!("Invalid value for argument {message}")).unwrap();
            assert_eq!(format!("{} {}", found.field, found.problem), expected);
        }
        assert_eq!(wrong_value("Unknown type \"X\""), None);
    }
}
