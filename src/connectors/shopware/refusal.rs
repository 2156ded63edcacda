//! What the refusals of the Admin API mean (`vendors/shopware.md` section 5). Texts of the store are never passed on.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::connectors::ConnectorError;
use crate::connectors::http::{Answer, MAX_RETRY_AFTER};

/// What is missing where there is no such API.
const API: &str = "Shopware Admin API";
/// Most privileges that an error names.
const MAX_PRIVILEGES: usize = 10;
/// Longest word that is taken for a privilege, in bytes.
const MAX_PRIVILEGE_BYTES: usize = 64;

/// A refusal, or a page size that the shop does not give.
#[derive(Debug)]
pub(super) enum Trouble {
    /// At most so many rows a page.
    AtMost(Option<u64>),
    /// What it says.
    Failed(ConnectorError),
}

impl From<ConnectorError> for Trouble {
    fn from(error: ConnectorError) -> Self {
        Self::Failed(error)
    }
}

/// Body of a refusal, schema `failure`. `status` and `code` are texts.
#[derive(Debug, Default, Deserialize)]
struct Failure {
    #[serde(default)]
    errors: Vec<Problem>,
}

/// Schema `error`; against it, `meta` is an object or missing and `detail` may be null (sheet, list on top).
#[derive(Debug, Deserialize)]
struct Problem {
    code: Option<Value>,
    detail: Option<Value>,
    #[serde(default)]
    meta: Value,
}

impl Problem {
    fn has_code(&self, code: &str) -> bool {
        self.code.as_ref().and_then(Value::as_str) == Some(code)
    }

    fn parameter(&self, name: &str) -> Option<u64> {
        self.meta.pointer("/parameters")?.get(name)?.as_u64()
    }
}

/// The answer if it is a success, else what the refusal means. `right` is what the request needs.
pub(super) fn accepted(answer: Answer, right: &str) -> Result<Answer, Trouble> {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return Ok(answer);
    }
    // What is not JSON comes from proxies and from maintenance mode, and says nothing more than its status.
    let problems = answer.json::<Failure>("a refusal").unwrap_or_default().errors;
    let error = match status {
        400 => match problems.iter().find(|problem| problem.has_code("FRAMEWORK__QUERY_LIMIT_EXCEEDED")) {
            Some(problem) => return Err(Trouble::AtMost(problem.parameter("maxLimit"))),
            None => ConnectorError::Refused { status },
        },
        403 => ConnectorError::Forbidden { what: missing_privileges(&problems).unwrap_or_else(|| right.to_owned()) },
        404 | 405 | 410 => ConnectorError::NotThere { what: API },
        429 => throttled(answer, &problems),
        _ => answer.checked().map_or_else(|error| error, |_| ConnectorError::Refused { status }),
    };
    Err(error.into())
}

/// `Retry-After` on the vendor's cloud, else the seconds that the body tells.
fn throttled(answer: Answer, problems: &[Problem]) -> ConnectorError {
    let told = problems.iter().find_map(|problem| problem.parameter("seconds"));
    let told = told.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    match answer.checked() {
        Err(ConnectorError::Throttled { after }) => ConnectorError::Throttled { after: after.or(told) },
        _ => ConnectorError::Throttled { after: told },
    }
}

/// The privileges that are missing, from the JSON document in `detail`.
fn missing_privileges(problems: &[Problem]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Missing {
        missing_privileges: Vec<String>,
    }
    let detail = problems.iter().find_map(|problem| problem.detail.as_ref()?.as_str())?;
    let missing: Missing = serde_json::from_str(detail).ok()?;
    let words = missing.missing_privileges.into_iter().filter(|word| is_privilege(word)).take(MAX_PRIVILEGES);
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn is_privilege(word: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b':');
    word.len() <= MAX_PRIVILEGE_BYTES && word.bytes().all(is_fit)
}
