//! The envelope around every GraphQL answer: data, errors, cost.
//!
//! Shopify answers most failures with HTTP 200 (`vendors/shopify.md` section 7), so the errors in the envelope are
//! read before the data. Texts of the store are never passed on: they may hold personal data.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::connectors::ConnectorError;
use crate::connectors::http::MAX_RETRY_AFTER;

/// HTTP status of every answer that gets this far.
const OK: u16 = 200;
/// Fields that syncing works without. An app may be approved for email addresses and not for names
/// (protected customer data, `vendors/shopify.md` section 2): then they are null and the error says so.
const DISPENSABLE: &[&str] = &["firstName", "lastName", "billingAddress"];
/// Right that is missing when the denial names the protected-data documentation.
const PROTECTED_DATA: &str = "protected customer data (name and email, level 2)";

/// Why a query gave nothing usable.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The same query with a smaller page may work.
    TooCostly,
    /// The store refuses the query in words we do not interpret, for example because of an old cursor.
    Unexplained,
    /// What it says.
    Failed(ConnectorError),
}

impl From<ConnectorError> for Trouble {
    fn from(error: ConnectorError) -> Self {
        Self::Failed(error)
    }
}

impl From<Trouble> for ConnectorError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::TooCostly | Trouble::Unexplained => Self::Refused { status: OK },
            Trouble::Failed(error) => error,
        }
    }
}

/// Body of an answer of the Admin API.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    data: Option<Value>,
    errors: Option<Vec<GraphqlError>>,
    extensions: Option<Extensions>,
}

#[derive(Debug, Deserialize)]
struct Extensions {
    cost: Option<Cost>,
}

/// `extensions.cost`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    /// Points that must be there before the query runs.
    pub(super) requested_query_cost: f64,
    /// The bucket after the query.
    pub(super) throttle_status: ThrottleStatus,
}

/// `extensions.cost.throttleStatus`. Differs by plan; never assumed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThrottleStatus {
    /// Size of the bucket.
    pub(super) maximum_available: f64,
    /// Points in it.
    pub(super) currently_available: f64,
    /// Points that come back each second.
    pub(super) restore_rate: f64,
}

#[derive(Debug, Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
    #[serde(default)]
    extensions: ErrorExtensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorExtensions {
    code: Option<String>,
    required_access: Option<String>,
    documentation: Option<String>,
}

impl Envelope {
    /// What the query cost, if the store tells.
    pub(super) fn cost(&self) -> Option<Cost> {
        self.extensions.as_ref()?.cost
    }

    /// The code of the first error, cut down to a word that may be logged.
    pub(super) fn error_code(&self) -> Option<String> {
        let code = self.errors.as_ref()?.first()?.extensions.code.as_deref();
        Some(code.and_then(word).unwrap_or("none").to_owned())
    }

    /// The data, if nothing that is needed failed. `scope` is the one that the query needs.
    pub(super) fn into_data(self, scope: &str) -> Result<Value, Trouble> {
        let data = self.data.filter(|data| !data.is_null());
        let has_data = data.is_some();
        let cost = self.extensions.and_then(|extensions| extensions.cost);
        let error = self.errors.into_iter().flatten().find(|error| !(has_data && error.is_dispensable()));
        match (error, data) {
            (Some(error), _) => Err(error.trouble(cost, scope)),
            (None, Some(data)) => Ok(data),
            (None, None) => Err(ConnectorError::BadAnswer { what: "a GraphQL answer" }.into()),
        }
    }
}

impl GraphqlError {
    fn is_dispensable(&self) -> bool {
        let field = self.path.iter().rev().find_map(Value::as_str);
        self.extensions.code.as_deref() == Some("ACCESS_DENIED")
            && field.is_some_and(|field| DISPENSABLE.contains(&field))
    }

    fn trouble(&self, cost: Option<Cost>, scope: &str) -> Trouble {
        match self.extensions.code.as_deref() {
            Some("THROTTLED") => throttled(cost),
            Some("MAX_COST_EXCEEDED") => Trouble::TooCostly,
            Some("ACCESS_DENIED") => ConnectorError::Forbidden { what: self.missing_right(scope) }.into(),
            Some("INTERNAL_SERVER_ERROR") => ConnectorError::StoreFailed { status: OK, after: None }.into(),
            Some("SHOP_INACTIVE") => ConnectorError::OutOfService { what: "the shop is inactive" }.into(),
            _ => Trouble::Unexplained,
        }
    }

    fn missing_right(&self, scope: &str) -> String {
        if let Some(scope) = self.extensions.required_access.as_deref().and_then(scope_in) {
            return scope.to_owned();
        }
        let mentions_protection = |text: &str| text.contains("protected-customer-data");
        if self.extensions.documentation.as_deref().is_some_and(mentions_protection)
            || mentions_protection(&self.message)
        {
            return PROTECTED_DATA.to_owned();
        }
        scope.to_owned()
    }
}

/// The first name of an access scope in a text of the store.
pub(super) fn scope_in(text: &str) -> Option<&str> {
    text.split(|character: char| !(character.is_ascii_lowercase() || character == '_'))
        .find(|word| ["read_", "write_"].iter().any(|prefix| word.starts_with(prefix)) && word.len() <= 64)
}

/// A text of the store, if it is a plain word of at most 64 letters that may be shown and logged.
pub(super) fn word(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    ((1..=64).contains(&text.len()) && text.bytes().all(is_plain)).then_some(text)
}

/// Waits until the query fits, at least a second; a query that is larger than the bucket never fits.
fn throttled(cost: Option<Cost>) -> Trouble {
    let Some(Cost { requested_query_cost: requested, throttle_status: bucket }) = cost else {
        return ConnectorError::Throttled { after: None }.into();
    };
    if requested > bucket.maximum_available {
        return Trouble::TooCostly;
    }
    let seconds = (requested - bucket.currently_available) / bucket.restore_rate;
    let after = seconds.is_finite().then(|| Duration::from_secs_f64(seconds.clamp(1.0, MAX_RETRY_AFTER.as_secs_f64())));
    ConnectorError::Throttled { after }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outcome(body: Value) -> Result<Value, Trouble> {
        serde_json::from_value::<Envelope>(body).unwrap().into_data("read_customers")
    }

    fn denied(path: &Value) -> Value {
        json!({"data": {"customers": {}}, "errors": [{"message": "no", "path": path, "extensions": {"code": "ACCESS_DENIED"}}]})
    }

    #[test]
    fn a_denied_name_is_done_without() {
        assert!(outcome(denied(&json!(["customers", "nodes", 0, "firstName"]))).is_ok());
    }

    #[test]
    fn a_denied_address_is_an_error() {
        let trouble = outcome(denied(&json!(["customers", "nodes", 0, "defaultEmailAddress"]))).unwrap_err();
        assert!(matches!(trouble, Trouble::Failed(ConnectorError::Forbidden { what }) if what == "read_customers"));
    }

    #[test]
    fn no_text_of_the_store_gets_into_the_missing_right() {
        assert_eq!(scope_in("ask anna@example.com for `read_all_orders` access"), Some("read_all_orders"));
        assert_eq!(scope_in("ask anna@example.com"), None);
        assert_eq!(word("undefinedField"), Some("undefinedField"));
        assert_eq!(word("Anna Muster"), None);
    }

    #[test]
    fn a_query_larger_than_the_bucket_is_too_costly() {
        let cost = json!({"cost": {"requestedQueryCost": 752, "throttleStatus":
            {"maximumAvailable": 500, "currentlyAvailable": 500, "restoreRate": 50}}});
        let body = json!({"errors": [{"extensions": {"code": "THROTTLED"}}], "extensions": cost});
        assert!(matches!(outcome(body), Err(Trouble::TooCostly)));
    }

    #[test]
    fn the_wait_is_at_least_a_second() {
        for (available, rate, seconds) in [(751.5, 100.0, Some(1.0)), (146.0, 100.0, Some(6.06)), (146.0, 0.0, None)] {
            let throttle_status =
                ThrottleStatus { maximum_available: 2000.0, currently_available: available, restore_rate: rate };
            let trouble = throttled(Some(Cost { requested_query_cost: 752.0, throttle_status }));
            let Trouble::Failed(ConnectorError::Throttled { after }) = trouble else { panic!("not throttled") };
            assert_eq!(after, seconds.map(Duration::from_secs_f64));
        }
    }

    #[test]
    fn an_answer_without_data_and_errors_is_none() {
        let trouble = outcome(json!({"data": null})).unwrap_err();
        assert!(matches!(trouble, Trouble::Failed(ConnectorError::BadAnswer { .. })));
    }
}
