//! Search criteria, as JSON. Source: `vendors/shopware.md` section 2, schema `Criteria`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// The field has this value; null is a value.
pub(super) fn equals(field: &str, value: impl Into<Value>) -> Value {
    json!({ "type": "equals", "field": field, "value": value.into() })
}

/// The field has one of these values. A list, because the other form is joined by `|`, which an address may hold.
pub(super) fn equals_any(field: &str, values: &[String]) -> Value {
    json!({ "type": "equalsAny", "field": field, "value": values })
}

/// The time is this or later; without a time nothing is.
pub(super) fn not_before(field: &str, time: DateTime<Utc>) -> Value {
    json!({ "type": "range", "field": field, "parameters": { "gte": as_text(time) } })
}

/// The number is greater.
pub(super) fn above(field: &str, number: u64) -> Value {
    json!({ "type": "range", "field": field, "parameters": { "gt": number } })
}

/// One of them holds.
pub(super) fn any(queries: &[Value]) -> Value {
    json!({ "type": "multi", "operator": "or", "queries": queries })
}

/// All of them hold.
pub(super) fn all(queries: &[Value]) -> Value {
    json!({ "type": "multi", "operator": "and", "queries": queries })
}

/// Changed or made since. `updatedAt` is null until the first update, so that it alone never shows what is new.
pub(super) fn changed_since(time: DateTime<Utc>) -> Value {
    let is_new = all(&[equals("updatedAt", Value::Null), not_before("createdAt", time)]);
    any(&[not_before("updatedAt", time), is_new])
}

/// Ascending by these fields.
pub(super) fn ascending(fields: &[&str]) -> Value {
    let sort: Vec<Value> = fields.iter().map(|field| json!({ "field": field, "order": "ASC" })).collect();
    Value::from(sort)
}

/// As the store writes times: UTC with milliseconds and an offset. Cut, so that a bound is never later than meant.
fn as_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_store_writes_them() {
        let time: DateTime<Utc> = "2026-03-02T10:15:30.1239Z".parse().unwrap();
        assert_eq!(as_text(time), "2026-03-02T10:15:30.123+00:00");
    }
}
