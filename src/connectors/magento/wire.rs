//! Customers, orders and newsletter rows as the REST API gives them, and as whom they count.
//!
//! Mirrors `customer-data-customer-interface` and `sales-data-order-interface` of the vendor's specification, and the
//! columns of the table `newsletter_subscriber` (`vendors/magento.md` section 6). Attributes that are null are left
//! out, numbers may come as text, and a customer's flag may be missing.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::search::TIME_FORMAT;
use super::walk::Keys;
use crate::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, Stream, name};
use crate::domain::statement::{OptIn, OptInSource, Scope, Statement};

/// The fields of a customer that are asked for.
pub(super) const CUSTOMER_FIELDS: &str =
    "id,email,firstname,lastname,created_at,updated_at,website_id,extension_attributes[is_subscribed]";
/// The fields of an order that are asked for.
pub(super) const ORDER_FIELDS: &str = "entity_id,customer_id,customer_email,customer_firstname,customer_lastname,\
                                       store_id,updated_at,billing_address[firstname,lastname]";
/// The fields of a newsletter row that are asked for.
pub(super) const SUBSCRIBER_FIELDS: &str =
    "subscriber_id,store_id,customer_id,subscriber_email,subscriber_status,change_status_at";

/// A field that is not of the vendor's shape: its name and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unfit(&'static str, &'static str);

type Fields = Map<String, Value>;

/// The two sort keys of a row, for [`walk`](super::walk).
pub(super) fn keys(stream: Stream, row: &Value) -> Keys {
    let (id, changed) = key_fields(stream);
    let changed = row.as_object().and_then(|fields| time(fields, changed).ok().flatten());
    Keys { id: row.get(id).and_then(number), changed }
}

/// In which fields of an answer the sort keys stand.
const fn key_fields(stream: Stream) -> (&'static str, &'static str) {
    match stream {
        Stream::Customers => ("id", "updated_at"),
        Stream::Orders => ("entity_id", "updated_at"),
        Stream::Subscribers => ("subscriber_id", "change_status_at"),
    }
}

/// One row of a stream as a record.
pub(super) fn record(stream: Stream, row: &Value) -> StoreRecord {
    let (id_field, _) = key_fields(stream);
    let store_id = row.get(id_field).and_then(number).map(|id| StoreId::new(id.to_string()));
    let result = match (row.as_object(), &store_id) {
        (None, _) => Err(Unfit("record", "an object")),
        (_, None) => Err(Unfit(id_field, "a whole number")),
        (Some(fields), Some(store_id)) => match stream {
            Stream::Customers => customer(fields, store_id.clone()),
            Stream::Orders => order(fields, store_id.clone()),
            Stream::Subscribers => subscriber(fields, store_id.clone()),
        },
    };
    result.unwrap_or_else(|Unfit(field, expected)| StoreRecord::Malformed {
        store_id,
        detail: format!("{field}: expected {expected}"),
    })
}

/// What a customer's row shows of its subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// Subscribed, status 1.
    Yes,
    /// Status 2, 3 or 4, or never asked: they can't be told apart.
    No,
    /// The row says nothing: an old release in a list, or a value that we don't know.
    Absent,
}

/// The flag of a customer's row.
pub(super) fn flag(row: &Value) -> Flag {
    row.as_object().map_or(Flag::Absent, flag_of)
}

fn flag_of(fields: &Fields) -> Flag {
    match fields.get("extension_attributes").and_then(|attributes| attributes.get("is_subscribed")) {
        Some(Value::Bool(true)) => Flag::Yes,
        Some(Value::Bool(false)) => Flag::No,
        Some(value) => match number(value) {
            Some(1) => Flag::Yes,
            Some(0) => Flag::No,
            _ => Flag::Absent,
        },
        None => Flag::Absent,
    }
}

/// The website that a customer's account belongs to.
pub(super) fn website(row: &Value) -> Option<u64> {
    row.get("website_id").and_then(number)
}

/// Whether a row belongs to the chosen websites (customers) or store views (the other streams); `None` is all. One
/// that does not say where it belongs does.
pub(super) fn is_of(stream: Stream, row: &Value, chosen: Option<&BTreeSet<u64>>) -> bool {
    let place = match stream {
        Stream::Customers => website(row),
        Stream::Orders | Stream::Subscribers => row.get("store_id").and_then(number),
    };
    chosen.zip(place).is_none_or(|(chosen, place)| chosen.contains(&place))
}

/// The id and the address of a customer, for looking again.
pub(super) fn id_and_address(row: &Value) -> Option<(u64, &str)> {
    Some((row.get("id").and_then(number)?, row.get("email").and_then(Value::as_str).unwrap_or_default()))
}

fn customer(fields: &Fields, store_id: StoreId) -> Result<StoreRecord, Unfit> {
    let (value, detail) = match flag_of(fields) {
        Flag::Yes => (OptIn::Granted, "is_subscribed = true"),
        // Not an opt-out by itself: only that a yes is gone is one, and then it counts from when we saw it.
        Flag::No => (OptIn::Unknown, "is_subscribed = false"),
        Flag::Absent => (OptIn::Unknown, "no is_subscribed"),
    };
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Account,
        email: address(fields, "email")?,
        first_name: name(text(fields, "firstname")?),
        last_name: name(text(fields, "lastname")?),
        statement: Statement {
            value,
            // `change_status_at` is not shown (`vendors/magento.md` section 6).
            at: None,
            // Deleting an account deletes its subscription, so that a yes is no older than the account.
            since: time(fields, "created_at").unwrap_or(None),
            source: OptInSource::NewsletterForm,
            // The shop moves the subscription along when an account changes its address.
            scope: Scope::Account,
            detail: detail.to_owned(),
            flags: Vec::new(),
        },
    }))
}

/// A guest's order is one without a customer: the flag `customer_is_guest` is 0 or missing on orders made through the
/// API, and 1 on orders that were assigned to a customer later (`vendors/magento.md` section 5).
fn order(fields: &Fields, store_id: StoreId) -> Result<StoreRecord, Unfit> {
    let skipped = |store_id, reason| Ok(StoreRecord::Skipped { store_id, reason });
    if whole_number(fields, "customer_id")?.is_some_and(|id| id > 0) {
        return skipped(store_id, SkipReason::CoveredByAccount);
    }
    let Some(email) = address(fields, "customer_email")? else {
        return skipped(store_id, SkipReason::OrderWithoutEmail);
    };
    let billing = match fields.get("billing_address") {
        None | Some(Value::Null) => None,
        // PHP writes an empty object as a list.
        Some(Value::Array(nothing)) if nothing.is_empty() => None,
        Some(Value::Object(billing)) => Some(billing),
        Some(_) => return Err(Unfit("billing_address", "an object")),
    };
    let named = |own: &'static str, billed: &'static str| -> Result<Option<String>, Unfit> {
        match (name(text(fields, own)?), billing) {
            (None, Some(billing)) => Ok(name(text(billing, billed)?)),
            (found, _) => Ok(found),
        }
    };
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Guest,
        email: Some(email),
        first_name: named("customer_firstname", "firstname")?,
        last_name: named("customer_lastname", "lastname")?,
        statement: Statement {
            value: OptIn::Unknown,
            at: None,
            since: None,
            source: OptInSource::Checkout,
            scope: Scope::Address,
            detail: "an order carries no opt-in".to_owned(),
            flags: Vec::new(),
        },
    }))
}

fn subscriber(fields: &Fields, store_id: StoreId) -> Result<StoreRecord, Unfit> {
    let status = whole_number(fields, "subscriber_status")?.ok_or(Unfit("subscriber_status", "a whole number"))?;
    let (value, meaning) = match status {
        1 => (OptIn::Granted, "subscribed"),
        2 => (OptIn::Unknown, "not active"),
        3 => (OptIn::Withdrawn, "unsubscribed"),
        4 => (OptIn::Unknown, "unconfirmed"),
        _ => (OptIn::Unknown, "not known"),
    };
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Newsletter,
        email: address(fields, "subscriber_email")?,
        first_name: None,
        last_name: None,
        statement: Statement {
            value,
            // What waits for a confirmation has not been said.
            at: time(fields, "change_status_at")?.filter(|_| value != OptIn::Unknown),
            since: None,
            source: OptInSource::NewsletterForm,
            scope: Scope::Address,
            detail: format!("subscriber_status = {status} ({meaning})"),
            flags: Vec::new(),
        },
    }))
}

/// A whole number, also as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn whole_number(fields: &Fields, field: &'static str) -> Result<Option<u64>, Unfit> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => number(value).map(Some).ok_or(Unfit(field, "a whole number")),
    }
}

/// Text, or `None` where the field is missing or null.
fn text<'a>(fields: &'a Fields, field: &'static str) -> Result<Option<&'a str>, Unfit> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unfit(field, "text")),
    }
}

fn address(fields: &Fields, field: &'static str) -> Result<Option<String>, Unfit> {
    let text = text(fields, field)?.map(str::trim);
    Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
}

fn time(fields: &Fields, field: &'static str) -> Result<Option<DateTime<Utc>>, Unfit> {
    let Some(text) = text(fields, field)? else { return Ok(None) };
    match NaiveDateTime::parse_from_str(text, TIME_FORMAT) {
        Ok(time) => Ok(Some(time.and_utc())),
        Err(_) => Err(Unfit(field, "a time as 2026-01-31 23:59:59")),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
