//! The platform's JSON, and what it means to us.
//!
//! Mirrors `Customer` of the Customers API and `Order` of the Orders API (`vendors/sfcc/`), and of them only what is
//! needed. Each record is read by itself, so that a bad one costs nobody else.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, bounded, name};
use crate::domain::statement::{OptIn, OptInSource, Scope, Statement};

/// Texts that mean yes and no, whatever their case; merchants also make the attribute a text or a number.
const YES: [&str; 3] = ["true", "yes", "1"];
const NO: [&str; 3] = ["false", "no", "0"];
/// Orders that were not placed, and that never will be (`vendors/sfcc.md` section 5).
const NOT_PLACED: [&str; 2] = ["created", "failed"];
/// What a statement was read off while the settings name no attribute; no attribute is called that.
const NO_ATTRIBUTE: &str = "(none)";
/// Longest detail of a statement, in bytes.
const MAX_DETAIL_BYTES: usize = 255;

/// A field that is not of the vendor's shape: its name and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unfit(&'static str, &'static str);

/// Identity of an order: sites may count alike.
pub(super) fn order_id(site: &str, number: &str) -> StoreId {
    StoreId::new(format!("{site}/{number}"))
}

/// Whether a profile carries the opt-in, whatever it says.
pub(super) fn carries(row: &Value, attribute: Option<&str>) -> bool {
    attribute.is_some_and(|attribute| row.get(attribute).is_some_and(|value| !value.is_null()))
}

/// A date of a record, where it can be read.
pub(super) fn date(row: &Value, field: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(row.get(field)?.as_str()?).ok().map(|time| time.to_utc())
}

/// The customer number of an order that does not say whether a guest placed it.
pub(super) fn unsettled_number(row: &Value) -> Option<&str> {
    let customer = row.get("customerInfo")?;
    if customer.get("guest").is_some_and(Value::is_boolean) {
        return None;
    }
    customer.get("customerNo")?.as_str().filter(|number| !number.is_empty())
}

/// A profile as a record.
pub(super) fn customer(row: &Value, attribute: Option<&str>) -> StoreRecord {
    let id = row.get("customerId").and_then(Value::as_str).filter(|id| !id.is_empty()).map(StoreId::new);
    read(row, id, "customerId", |fields, store_id| {
        Ok(StoreRecord::Person(StorePerson {
            store_id,
            kind: PersonKind::Account,
            // Logins may be anything, also another service's id, so that only this field is an address.
            email: text(fields, "email")?.map(str::to_owned),
            first_name: name(text(fields, "firstName")?),
            last_name: name(text(fields, "lastName")?),
            statement: Statement {
                // Nothing dates the attribute: `lastModified` moves with any other edit, too.
                at: None,
                since: date(row, "creationDate"),
                scope: Scope::Account,
                ..said(row, attribute)
            },
        }))
    })
}

/// An order of a site as a record. `has_profile` tells of a customer number whether the customer list has it; it is
/// asked only about an order that does not say whether a guest placed it.
pub(super) fn order(
    row: &Value,
    site: &str,
    attribute: Option<&str>,
    has_profile: impl Fn(&str) -> bool,
) -> StoreRecord {
    let number = row.get("orderNo").and_then(Value::as_str).filter(|number| !number.is_empty());
    read(row, number.map(|number| order_id(site, number)), "orderNo", |fields, store_id| {
        let skipped = |store_id, reason| Ok(StoreRecord::Skipped { store_id, reason });
        let status = text(fields, "status")?.ok_or(Unfit("status", "text"))?;
        if NOT_PLACED.contains(&status) {
            return skipped(store_id, SkipReason::Draft);
        }
        let customer = match fields.get("customerInfo") {
            None | Some(Value::Null) => return skipped(store_id, SkipReason::OrderWithoutEmail),
            Some(value) => value.as_object().ok_or(Unfit("customerInfo", "an object"))?,
        };
        let is_guest = match customer.get("guest") {
            Some(Value::Bool(is_guest)) => *is_guest,
            None | Some(Value::Null) => !unsettled_number(row).is_some_and(has_profile),
            Some(_) => return Err(Unfit("customerInfo.guest", "true or false")),
        };
        if !is_guest {
            return skipped(store_id, SkipReason::CoveredByAccount);
        }
        let email = text(customer, "email").map_err(|_| Unfit("customerInfo.email", "text"))?;
        let Some(email) = email else { return skipped(store_id, SkipReason::OrderWithoutEmail) };
        let billing = fields.get("billingAddress").and_then(Value::as_object);
        let billed = |field| billing.and_then(|billing| name(billing.get(field)?.as_str()));
        let statement = said(row, attribute);
        let placed_at = date(row, "placeDate").or_else(|| date(row, "creationDate"));
        Ok(StoreRecord::Person(StorePerson {
            store_id,
            kind: PersonKind::Guest,
            email: Some(email.to_owned()),
            first_name: billed("firstName"),
            last_name: billed("lastName").or_else(|| name(customer.get("customerName").and_then(Value::as_str))),
            // An order that says nothing has no time at which it said so: absence is not an opt-out.
            statement: Statement { at: placed_at.filter(|_| statement.value != OptIn::Unknown), ..statement },
        }))
    })
}

fn read(
    row: &Value,
    store_id: Option<StoreId>,
    id_field: &'static str,
    record: impl FnOnce(&Map<String, Value>, StoreId) -> Result<StoreRecord, Unfit>,
) -> StoreRecord {
    let result = match (row.as_object(), &store_id) {
        (None, _) => Err(Unfit("record", "an object")),
        (_, None) => Err(Unfit(id_field, "text")),
        (Some(fields), Some(store_id)) => record(fields, store_id.clone()),
    };
    result.unwrap_or_else(|Unfit(field, expected)| StoreRecord::Malformed {
        store_id,
        detail: format!("{field}: expected {expected}"),
    })
}

/// Text without the white space around it; `None` where there is nothing.
fn text<'a>(fields: &'a Map<String, Value>, field: &'static str) -> Result<Option<&'a str>, Unfit> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(Unfit(field, "text")),
    }
}

/// What the attribute of a profile or an order says, undated.
fn said(row: &Value, attribute: Option<&str>) -> Statement {
    let value = attribute.and_then(|attribute| row.get(attribute));
    let meaning = value.map_or(OptIn::Unknown, meaning);
    let shown = match (attribute, value, meaning) {
        (None, _, _) => "no attribute named in the settings".to_owned(),
        (Some(attribute), None, _) => format!("no {attribute}"),
        // A value is shown only where it is a known one: anything else could be personal.
        (Some(attribute), Some(_), OptIn::Unknown) => format!("{attribute} = a value that is neither yes nor no"),
        (Some(attribute), Some(value), _) => format!("{attribute} = {value}"),
    };
    Statement {
        value: meaning,
        at: None,
        since: None,
        source: OptInSource::CustomAttribute,
        scope: Scope::Address,
        detail: bounded(shown, MAX_DETAIL_BYTES),
        flags: vec![attribute.unwrap_or(NO_ATTRIBUTE).to_owned()],
    }
}

fn meaning(value: &Value) -> OptIn {
    let word = match value {
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Null | Value::Array(_) | Value::Object(_) => return OptIn::Unknown,
    };
    match word.as_str() {
        word if YES.contains(&word) => OptIn::Granted,
        word if NO.contains(&word) => OptIn::Withdrawn,
        _ => OptIn::Unknown,
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
