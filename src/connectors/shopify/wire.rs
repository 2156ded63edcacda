//! Shopify's JSON, read record by record: one that is out of shape does not spoil its page.
//!
//! Mirrors `Customer`, `CustomerEmailAddress` and `Order` of the Admin API's schema, version 2026-07.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::envelope::word;
use crate::connectors::ConnectorError;
use crate::domain::Email;
use crate::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, name};
use crate::domain::statement::{OptIn, OptInSource, Scope, Statement};

/// One record with what paging needs to know of it.
#[derive(Debug)]
pub(super) struct Row {
    /// The number in its id, if it could be read.
    pub(super) id: Option<u64>,
    /// Its last change, if it could be read.
    pub(super) updated_at: Option<DateTime<Utc>>,
    /// What it says.
    pub(super) record: StoreRecord,
}

/// A connection of the Admin API, as far as it is asked for.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// `nodes`, each still to be read.
    pub(super) nodes: &'a [Value],
    /// `pageInfo.hasNextPage`.
    pub(super) has_next: bool,
    /// `pageInfo.endCursor`; null on an empty page.
    pub(super) end_cursor: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// The connection called `root`.
    pub(super) fn read(data: &'a Value, root: &str) -> Result<Self, ConnectorError> {
        let connection = data.get(root).ok_or(ConnectorError::BadAnswer { what: "a connection" })?;
        let page_info = connection.get("pageInfo").ok_or(ConnectorError::BadAnswer { what: "pageInfo" })?;
        Ok(Self {
            nodes: connection
                .get("nodes")
                .and_then(Value::as_array)
                .ok_or(ConnectorError::BadAnswer { what: "nodes" })?,
            has_next: page_info
                .get("hasNextPage")
                .and_then(Value::as_bool)
                .ok_or(ConnectorError::BadAnswer { what: "pageInfo.hasNextPage" })?,
            end_cursor: page_info.get("endCursor").and_then(Value::as_str),
        })
    }
}

/// What is wrong with a record: field and expectation, never a value.
type Malformed = String;

/// Reads a node of `customers`.
pub(super) fn customer(node: &Value) -> Row {
    row(node, customer_record)
}

/// Reads a node of `orders`.
pub(super) fn order(node: &Value) -> Row {
    row(node, order_record)
}

fn row(node: &Value, read: fn(&Value, StoreId) -> Result<StoreRecord, Malformed>) -> Row {
    let id = required(node, "legacyResourceId", "a number as text", number);
    let updated_at = required(node, "updatedAt", "a time", time);
    let store_id = id.as_ref().ok().map(|id| StoreId::new(id.to_string()));
    let record = match (&id, &updated_at) {
        (Ok(id), Ok(_)) => read(node, StoreId::new(id.to_string())),
        (Err(detail), _) | (_, Err(detail)) => Err(detail.clone()),
    };
    let record = record.unwrap_or_else(|detail| StoreRecord::Malformed { store_id, detail });
    Row { id: id.ok(), updated_at: updated_at.ok(), record }
}

fn customer_record(node: &Value, store_id: StoreId) -> Result<StoreRecord, Malformed> {
    let address = nullable(node, "defaultEmailAddress", "an object", |value| value.is_object().then_some(value))?;
    let (email, statement) = match address {
        Some(_) => (customer_email(node)?, marketing_statement(node)?),
        None => (None, without_address()),
    };
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Account,
        email,
        first_name: name(nullable(node, "firstName", "text", Value::as_str)?),
        last_name: name(nullable(node, "lastName", "text", Value::as_str)?),
        statement,
    }))
}

/// The address. One that the store calls badly formed must not be used (`vendors/shopify.md` section 11): ours refuses
/// most of those and says so; one that ours would take is held back, so that the record counts as one without address.
fn customer_email(node: &Value) -> Result<Option<String>, Malformed> {
    let email = required(node, "defaultEmailAddress.emailAddress", "text", Value::as_str)?;
    let is_well_formed = required(node, "defaultEmailAddress.validFormat", "true or false", Value::as_bool)?;
    Ok((is_well_formed || email.parse::<Email>().is_err()).then(|| email.to_owned()))
}

/// `marketingState` is the opt-in; `marketingOptInLevel` may be set without one and never is
/// (`vendors/shopify.md` section 5). A state that we do not know is no opt-in.
fn marketing_statement(node: &Value) -> Result<Statement, Malformed> {
    let state = required(node, "defaultEmailAddress.marketingState", "text", Value::as_str)?;
    let level = nullable(node, "defaultEmailAddress.marketingOptInLevel", "text", Value::as_str)?;
    Ok(Statement {
        value: match state {
            "SUBSCRIBED" => OptIn::Granted,
            "UNSUBSCRIBED" => OptIn::Withdrawn,
            _ => OptIn::Unknown,
        },
        at: nullable(node, "defaultEmailAddress.marketingUpdatedAt", "a time", time)?,
        since: None,
        source: OptInSource::StoreSetting,
        scope: Scope::Address,
        detail: format!(
            "marketingState {}, marketingOptInLevel {}",
            word(state).unwrap_or("(no word)"),
            level.map_or("null", |level| word(level).unwrap_or("(no word)"))
        ),
        flags: Vec::new(),
    })
}

fn without_address() -> Statement {
    Statement {
        value: OptIn::Unknown,
        at: None,
        since: None,
        source: OptInSource::StoreSetting,
        scope: Scope::Address,
        detail: "defaultEmailAddress null".to_owned(),
        flags: Vec::new(),
    }
}

/// An order makes a guest only where no customer record stands behind it (`vendors/shopify.md` section 4).
fn order_record(node: &Value, store_id: StoreId) -> Result<StoreRecord, Malformed> {
    let is_test = required(node, "test", "true or false", Value::as_bool)?;
    let customer = nullable(node, "customer", "an object", |value| value.is_object().then_some(value))?;
    let email = nullable(node, "email", "text", Value::as_str)?.filter(|email| !email.trim().is_empty());
    let skipped = |reason| Ok(StoreRecord::Skipped { store_id: store_id.clone(), reason });
    let email = match (is_test, customer, email) {
        (true, _, _) => return skipped(SkipReason::TestOrder),
        (false, Some(_), _) => return skipped(SkipReason::CoveredByAccount),
        (false, None, None) => return skipped(SkipReason::OrderWithoutEmail),
        (false, None, Some(email)) => email.to_owned(),
    };
    let accepts = required(node, "customerAcceptsMarketing", "true or false", Value::as_bool)?;
    let has_address = nullable(node, "billingAddress", "an object", |value| value.is_object().then_some(()))?.is_some();
    let billing_name = |field| if has_address { nullable(node, field, "text", Value::as_str) } else { Ok(None) };
    Ok(StoreRecord::Person(StorePerson {
        kind: PersonKind::Guest,
        email: Some(email),
        first_name: name(billing_name("billingAddress.firstName")?),
        last_name: name(billing_name("billingAddress.lastName")?),
        statement: Statement {
            // Unticked at the newest order means not opted in, but is no opt-out to be remembered. Beside a customer
            // of the address neither counts: `vendors/shopify.md` section 14.
            value: if accepts { OptIn::Granted } else { OptIn::Unknown },
            at: Some(required(node, "createdAt", "a time", time)?),
            since: None,
            source: OptInSource::Checkout,
            scope: Scope::Address,
            detail: format!("customerAcceptsMarketing {accepts}"),
            flags: Vec::new(),
        },
        store_id,
    }))
}

/// A field that must be there; `path` has dots between names.
fn required<'a, T>(
    node: &'a Value,
    path: &str,
    expected: &str,
    pick: impl Fn(&'a Value) -> Option<T>,
) -> Result<T, Malformed> {
    nullable(node, path, expected, pick)?.ok_or_else(|| format!("{path} is null, expected {expected}"))
}

/// A field that may be null. One that is absent was not answered, which is another thing than null.
fn nullable<'a, T>(
    node: &'a Value,
    path: &str,
    expected: &str,
    pick: impl Fn(&'a Value) -> Option<T>,
) -> Result<Option<T>, Malformed> {
    match path.split('.').try_fold(node, |value, name| value.get(name)) {
        None => Err(format!("{path} is missing, expected {expected}")),
        Some(Value::Null) => Ok(None),
        Some(value) => pick(value).map(Some).ok_or_else(|| format!("{path} is not {expected}")),
    }
}

/// `UnsignedInt64`, which is text in JSON.
fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn customer_node() -> Value {
        json!({
            "legacyResourceId": "7", "updatedAt": "2026-10-01T08:00:00Z", "firstName": "Ada", "lastName": null,
            "defaultEmailAddress": {"emailAddress": "ada@example.com", "validFormat": true, "marketingState": "SUBSCRIBED",
                "marketingOptInLevel": "SINGLE_OPT_IN", "marketingUpdatedAt": "2026-09-01T09:00:00Z"}
        })
    }

    fn order_node() -> Value {
        json!({
            "legacyResourceId": "8", "createdAt": "2026-10-01T08:00:00Z", "updatedAt": "2026-10-01T08:00:05Z", "test": false,
            "email": "otto@example.com", "customerAcceptsMarketing": true, "customer": null, "billingAddress": null
        })
    }

    fn with(mut node: Value, pointer: &str, value: Value) -> Value {
        *node.pointer_mut(pointer).unwrap() = value;
        node
    }

    fn person(row: Row) -> StorePerson {
        match row.record {
            StoreRecord::Person(person) => person,
            other => panic!("no person: {other:?}"),
        }
    }

    fn detail(row: Row) -> (Option<StoreId>, String) {
        match row.record {
            StoreRecord::Malformed { store_id, detail } => (store_id, detail),
            other => panic!("not malformed: {other:?}"),
        }
    }

    #[test]
    fn only_subscribed_is_an_opt_in_and_only_unsubscribed_an_opt_out() {
        for (state, value) in [
            ("SUBSCRIBED", OptIn::Granted),
            ("UNSUBSCRIBED", OptIn::Withdrawn),
            ("NOT_SUBSCRIBED", OptIn::Unknown),
            ("PENDING", OptIn::Unknown),
            ("INVALID", OptIn::Unknown),
            ("REDACTED", OptIn::Unknown),
            ("SOMETHING_NEW", OptIn::Unknown),
        ] {
            let node = with(customer_node(), "/defaultEmailAddress/marketingState", json!(state));
            assert_eq!(person(customer(&node)).statement.value, value, "{state}");
        }
    }

    #[test]
    fn an_address_that_only_the_store_calls_invalid_is_held_back() {
        let node = with(customer_node(), "/defaultEmailAddress/validFormat", json!(false));
        assert_eq!(person(customer(&node)).email, None);
        let node = with(node, "/defaultEmailAddress/emailAddress", json!("bad-address@"));
        assert_eq!(person(customer(&node)).email.as_deref(), Some("bad-address@"));
    }

    #[test]
    fn a_malformed_record_names_the_field_and_no_value() {
        let cases = [
            ("/legacyResourceId", json!("anna"), None, "legacyResourceId is not a number as text"),
            ("/updatedAt", json!("anna"), Some("7"), "updatedAt is not a time"),
            ("/firstName", json!(5), Some("7"), "firstName is not text"),
            ("/defaultEmailAddress", json!("anna@example.com"), Some("7"), "defaultEmailAddress is not an object"),
            (
                "/defaultEmailAddress/marketingState",
                json!(null),
                Some("7"),
                "defaultEmailAddress.marketingState is null, expected text",
            ),
            (
                "/defaultEmailAddress/marketingUpdatedAt",
                json!("x"),
                Some("7"),
                "defaultEmailAddress.marketingUpdatedAt is not a time",
            ),
        ];
        for (pointer, value, id, problem) in cases {
            let node = with(customer_node(), pointer, value);
            assert_eq!(detail(customer(&node)), (id.map(StoreId::new), problem.to_owned()));
        }
    }

    #[test]
    fn a_null_node_is_malformed() {
        let (id, detail) = detail(customer(&Value::Null));
        assert_eq!((id, detail.as_str()), (None, "legacyResourceId is missing, expected a number as text"));
    }

    #[test]
    fn an_order_whose_customer_was_not_answered_makes_no_guest() {
        let mut node = order_node();
        node.as_object_mut().unwrap().remove("customer");
        assert_eq!(detail(order(&node)).1, "customer is missing, expected an object");
    }

    #[test]
    fn a_ticked_box_is_an_opt_in_at_the_time_of_purchase() {
        let statement = person(order(&order_node())).statement;
        let at = time(&json!("2026-10-01T08:00:00Z"));
        assert_eq!((statement.value, statement.at, statement.source), (OptIn::Granted, at, OptInSource::Checkout));
    }

    #[test]
    fn a_box_that_was_not_ticked_takes_nothing_back() {
        let node = with(order_node(), "/customerAcceptsMarketing", json!(false));
        assert_eq!(person(order(&node)).statement.value, OptIn::Unknown);
    }
}
