//! What the shop's rows mean. Mirrors `Customer`, `NewsletterRecipient` and `Order` of the Admin API 6.7.
//!
//! The vendor's description calls every column a plain text; empty ones are null (`vendors/shopware.md`, list on top).
//! Null is read as absent.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::walk::Place;
use crate::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, name};
use crate::domain::statement::{OptIn, OptInSource, Scope, Statement};

/// What is asked for of a customer.
pub(super) const CUSTOMER_FIELDS: &[&str] = &[
    "id",
    "autoIncrement",
    "email",
    "firstName",
    "lastName",
    "guest",
    "active",
    "doubleOptInRegistration",
    "doubleOptInConfirmDate",
];
/// What is asked for of a newsletter row.
pub(super) const RECIPIENT_FIELDS: &[&str] =
    &["id", "email", "firstName", "lastName", "status", "confirmedAt", "createdAt", "salesChannelId"];
/// What is asked for of an order.
pub(super) const ORDER_FIELDS: &[&str] = &["id", "autoIncrement", "orderCustomer"];
/// What is asked for of an order's copy of its customer.
pub(super) const ORDER_CUSTOMER_FIELDS: &[&str] = &["customerId", "email", "firstName", "lastName"];

/// Digits of an id: a UUID without hyphens.
const ID_DIGITS: usize = 32;

/// A field that is not of the vendor's shape: its name and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unfit(&'static str, &'static str);

type Fields = Map<String, Value>;

/// Whether a text has the form of an id. The store writes them in lower case.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The number by which customers and orders are walked.
pub(super) fn number(row: &Value) -> Option<u64> {
    row.get("autoIncrement")?.as_u64()
}

/// Where a newsletter row stands in its walk.
pub(super) fn place(row: &Value) -> Option<Place> {
    let fields = row.as_object()?;
    let id = fields.get("id")?.as_str().filter(|id| is_id(id))?.to_owned();
    Some(Place { created: time(fields, "createdAt").ok()??, id })
}

/// The address of a customer, as the store has it.
pub(super) fn email(row: &Value) -> Option<&str> {
    row.get("email")?.as_str()
}

/// A customer: an account or a guest.
pub(super) fn customer(row: &Value) -> StoreRecord {
    read(row, |fields, store_id| {
        let is_active = flag(fields, "active")?.unwrap_or(true);
        let asked_to_confirm = flag(fields, "doubleOptInRegistration")?.unwrap_or(false);
        let confirmed = time(fields, "doubleOptInConfirmDate")?;
        // The address was never confirmed; these fields are about the account, not about marketing (section 3).
        if !is_active && asked_to_confirm && confirmed.is_none() {
            return Ok(StoreRecord::Skipped { store_id, reason: SkipReason::Unconfirmed });
        }
        let is_guest = flag(fields, "guest")?.ok_or(Unfit("guest", "true or false"))?;
        let kind = if is_guest { PersonKind::Guest } else { PersonKind::Account };
        person(fields, store_id, kind, silent("no newsletter flag on customers"))
    })
}

/// An order whose customer is deleted: its copy of the customer is all that is left of a buyer.
pub(super) fn order(row: &Value) -> StoreRecord {
    read(row, |fields, store_id| {
        let skipped = |store_id, reason| Ok(StoreRecord::Skipped { store_id, reason });
        let copy = match fields.get("orderCustomer") {
            None | Some(Value::Null) => return skipped(store_id, SkipReason::OrderWithoutEmail),
            Some(copy) => copy.as_object().ok_or(Unfit("orderCustomer", "an object"))?,
        };
        // Absent is not null: an order whose customer was not answered is nobody's.
        let customer_id = copy.get("customerId").ok_or(Unfit("orderCustomer.customerId", "text or null"))?;
        if !customer_id.is_null() {
            return skipped(store_id, SkipReason::CoveredByAccount);
        }
        person(copy, store_id, PersonKind::Guest, silent("no newsletter flag on orders"))
    })
}

/// A newsletter row.
pub(super) fn recipient(row: &Value) -> StoreRecord {
    read(row, |fields, store_id| {
        let statement = statement(fields)?;
        person(fields, store_id, PersonKind::Newsletter, statement)
    })
}

/// Only the status decides: `confirmedAt` survives an opt-out (section 4).
///
/// A confirmation is dated by the row. A sign-up without one is as old as the row, unless it was seen to come later;
/// an opt-out has no date at all, because `updatedAt` moves with any change.
fn statement(fields: &Fields) -> Result<Statement, Unfit> {
    let status = text(fields, "status")?.ok_or(Unfit("status", "text"))?;
    let confirmed = time(fields, "confirmedAt")?;
    let (value, at, word) = match status {
        "optIn" => (OptIn::Granted, confirmed, "optIn"),
        "direct" => (OptIn::Granted, None, "direct"),
        "optOut" => (OptIn::Withdrawn, None, "optOut"),
        "notSet" => (OptIn::Unknown, None, "notSet"),
        _ => (OptIn::Unknown, None, "unknown"),
    };
    let channel = text(fields, "salesChannelId")?.filter(|id| is_id(id)).unwrap_or("unknown");
    Ok(Statement {
        value,
        at,
        since: time(fields, "createdAt")?,
        source: OptInSource::StoreSetting,
        scope: Scope::Address,
        detail: format!("newsletter_recipient.status {word}, sales channel {channel}"),
        flags: Vec::new(),
    })
}

fn silent(detail: &str) -> Statement {
    Statement {
        value: OptIn::Unknown,
        at: None,
        since: None,
        source: OptInSource::StoreSetting,
        scope: Scope::Account,
        detail: detail.to_owned(),
        flags: Vec::new(),
    }
}

fn person(fields: &Fields, store_id: StoreId, kind: PersonKind, statement: Statement) -> Result<StoreRecord, Unfit> {
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind,
        email: text(fields, "email")?.map(str::trim).filter(|email| !email.is_empty()).map(str::to_owned),
        first_name: name(text(fields, "firstName")?),
        last_name: name(text(fields, "lastName")?),
        statement,
    }))
}

fn read(row: &Value, record: impl FnOnce(&Fields, StoreId) -> Result<StoreRecord, Unfit>) -> StoreRecord {
    let id = row.get("id").and_then(Value::as_str).filter(|id| is_id(id));
    let store_id = id.map(StoreId::new);
    let result = match (row.as_object(), &store_id) {
        (None, _) => Err(Unfit("record", "an object")),
        (_, None) => Err(Unfit("id", "32 hexadecimal digits")),
        (Some(fields), Some(store_id)) => record(fields, store_id.clone()),
    };
    result.unwrap_or_else(|Unfit(field, expected)| StoreRecord::Malformed {
        store_id,
        detail: format!("{field}: expected {expected}"),
    })
}

fn optional<'a, T>(
    fields: &'a Fields,
    field: &'static str,
    expected: &'static str,
    pick: impl Fn(&'a Value) -> Option<T>,
) -> Result<Option<T>, Unfit> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => pick(value).map(Some).ok_or(Unfit(field, expected)),
    }
}

fn text<'a>(fields: &'a Fields, field: &'static str) -> Result<Option<&'a str>, Unfit> {
    optional(fields, field, "text", Value::as_str)
}

fn flag(fields: &Fields, field: &'static str) -> Result<Option<bool>, Unfit> {
    optional(fields, field, "true or false", Value::as_bool)
}

fn time(fields: &Fields, field: &'static str) -> Result<Option<DateTime<Utc>>, Unfit> {
    let parsed = |value: &Value| Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc());
    optional(fields, field, "a time with an offset", parsed)
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
