//! WooCommerce's JSON, and what it means to us.
//!
//! Mirrors the schemas `customer` and `shop_order` of wc/v3 (`vendors/woocommerce/wc-v3.vendor-schema.json`), and of
//! them only what is asked for. Each record is read by itself, so that a bad one costs nobody else.
//!
//! Two decisions that a reader may wonder about: meta data that is missing as a whole makes a record malformed rather
//! than silent, because a silent record looks like an opt-out; and an order without `customer_id` is not a guest's.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::opt_in::OptInKeys;
use crate::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, name};
use crate::domain::statement::{OptIn, OptInSource, Scope, Statement};

/// The fields of a customer that are asked for.
pub(super) const CUSTOMER_FIELDS: &str = "id,email,first_name,last_name,date_created_gmt,meta_data";
/// The fields of an order that are asked for.
pub(super) const ORDER_FIELDS: &str = "id,status,customer_id,date_created_gmt,billing,meta_data";

/// Times of the `…_gmt` fields: UTC without a suffix.
pub(super) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S";

/// Statuses of orders that were never finished; `vendors/woocommerce.md` sections 2 and 8.
const DRAFTS: [&str; 2] = ["checkout-draft", "auto-draft"];
/// Address that WordPress puts into the orders of a person who was erased; `vendors/woocommerce.md` section 3.
const ERASED: &str = "deleted@site.invalid";

/// A field that is not of the vendor's shape: its name and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unfit(&'static str, &'static str);

/// The id of a record, where it can be read.
pub(super) fn id(row: &Value) -> Option<u64> {
    row.get("id")?.as_u64()
}

/// One customer as a record.
pub(super) fn customer(row: &Value, keys: &OptInKeys) -> StoreRecord {
    read(row, |fields, store_id| customer_person(fields, store_id, keys).map(StoreRecord::Person))
}

/// One order as a record.
pub(super) fn order(row: &Value, keys: &OptInKeys) -> StoreRecord {
    read(row, |fields, store_id| order_record(fields, store_id, keys))
}

/// The time of the last change of an order; `None` where it can't be read.
pub(super) fn modified(row: &Value) -> Option<DateTime<Utc>> {
    time(row.as_object()?, "date_modified_gmt").ok()?
}

fn read(row: &Value, record: impl FnOnce(&Map<String, Value>, StoreId) -> Result<StoreRecord, Unfit>) -> StoreRecord {
    let store_id = id(row).map(|id| StoreId::new(id.to_string()));
    let result = match (row.as_object(), &store_id) {
        (None, _) => Err(Unfit("record", "an object")),
        (_, None) => Err(Unfit("id", "a whole number")),
        (Some(fields), Some(store_id)) => record(fields, store_id.clone()),
    };
    result.unwrap_or_else(|Unfit(field, expected)| StoreRecord::Malformed {
        store_id,
        detail: format!("{field}: expected {expected}"),
    })
}

fn customer_person(fields: &Map<String, Value>, store_id: StoreId, keys: &OptInKeys) -> Result<StorePerson, Unfit> {
    let flag = keys.flag(&meta(fields)?);
    // Names of users are kept HTML-escaped: `vendors/woocommerce.md` section 2.
    let decoded = |field| text(fields, field).map(|text| text.map(html_escape::decode_html_entities));
    Ok(StorePerson {
        store_id,
        kind: PersonKind::Account,
        email: address(fields, "email")?,
        first_name: name(decoded("first_name")?.as_deref()),
        last_name: name(decoded("last_name")?.as_deref()),
        statement: Statement {
            value: flag.as_ref().map_or(OptIn::Unknown, |flag| flag.value),
            // A user's meta data has no date, and `date_modified` does not move with it.
            at: None,
            // The account is no younger than its flag. A date that can't be read makes the record no less usable.
            since: time(fields, "date_created_gmt").unwrap_or(None),
            source: OptInSource::AccountCreation,
            scope: Scope::Account,
            flags: keys.read_off(flag.as_ref()),
            detail: flag.map_or_else(no_flag, |flag| flag.detail),
        },
    })
}

fn order_record(fields: &Map<String, Value>, store_id: StoreId, keys: &OptInKeys) -> Result<StoreRecord, Unfit> {
    let skipped = |store_id, reason| Ok(StoreRecord::Skipped { store_id, reason });
    let status = text(fields, "status")?.ok_or(Unfit("status", "text"))?;
    let customer_id =
        fields.get("customer_id").and_then(Value::as_u64).ok_or(Unfit("customer_id", "a whole number"))?;
    let billing = fields.get("billing").and_then(Value::as_object).ok_or(Unfit("billing", "an object"))?;
    if status == "trash" {
        return skipped(store_id, SkipReason::Trashed);
    }
    if DRAFTS.contains(&status) {
        return skipped(store_id, SkipReason::Draft);
    }
    let email = match address(billing, "email") {
        Ok(Some(email)) if email.eq_ignore_ascii_case(ERASED) => return skipped(store_id, SkipReason::Erased),
        Ok(Some(email)) => email,
        Ok(None) => return skipped(store_id, SkipReason::OrderWithoutEmail),
        Err(_) => return Err(Unfit("billing.email", "text")),
    };
    let flag = keys.flag(&meta(fields)?);
    let kind = match (customer_id, &flag) {
        (0, _) => PersonKind::Guest,
        (_, Some(_)) => PersonKind::AccountOrder,
        (_, None) => return skipped(store_id, SkipReason::CoveredByAccount),
    };
    let created = time(fields, "date_created_gmt")?;
    let value = flag.as_ref().map_or(OptIn::Unknown, |flag| flag.value);
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind,
        email: Some(email),
        first_name: name(text(billing, "first_name").map_err(|_| Unfit("billing.first_name", "text"))?),
        last_name: name(text(billing, "last_name").map_err(|_| Unfit("billing.last_name", "text"))?),
        statement: Statement {
            value,
            // An order that says nothing has no time at which it said so: absence is not an opt-out.
            at: created.filter(|_| value != OptIn::Unknown),
            since: None,
            source: OptInSource::Checkout,
            scope: Scope::Address,
            flags: keys.read_off(flag.as_ref()),
            detail: flag.map_or_else(no_flag, |flag| flag.detail),
        },
    }))
}

fn no_flag() -> String {
    "no opt-in key".to_owned()
}

/// Text, or `None` where the field is missing or null.
fn text<'a>(fields: &'a Map<String, Value>, field: &'static str) -> Result<Option<&'a str>, Unfit> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unfit(field, "text")),
    }
}

fn address(fields: &Map<String, Value>, field: &'static str) -> Result<Option<String>, Unfit> {
    let text = text(fields, field)?.map(str::trim);
    Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
}

fn time(fields: &Map<String, Value>, field: &'static str) -> Result<Option<DateTime<Utc>>, Unfit> {
    let Some(text) = text(fields, field)? else { return Ok(None) };
    match NaiveDateTime::parse_from_str(text, TIME_FORMAT) {
        Ok(time) => Ok(Some(time.and_utc())),
        Err(_) => Err(Unfit(field, "a time as 2026-01-31T23:59:59")),
    }
}

/// Keys and values of the meta data. PHP writes a list with holes as an object, which is as good.
fn meta(fields: &Map<String, Value>) -> Result<Vec<(&str, &Value)>, Unfit> {
    let entries: Vec<&Value> = match fields.get("meta_data") {
        Some(Value::Array(entries)) => entries.iter().collect(),
        Some(Value::Object(entries)) => entries.values().collect(),
        _ => return Err(Unfit("meta_data", "a list")),
    };
    Ok(entries.into_iter().filter_map(|entry| Some((entry.get("key")?.as_str()?, entry.get("value")?))).collect())
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
