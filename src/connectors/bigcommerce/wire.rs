//! BigCommerce's JSON, and what it means to us.
//!
//! Mirrors `customer_Full` of customers.v3, `subscriber_Full` of subscribers.v3 and `order_Resp` of orders.v2
//! (`vendors/bigcommerce/openapi`), and of them only what [`super::row`] keeps. Each record is read by itself, so that a
//! bad one costs nobody else.
//!
//! **Only `consents` that hold `marketing_newsletter` are an opt-in.** Not the record's mere presence, not
//! `abandoned_cart`, not `accepts_product_review_abandoned_cart_emails` of a customer (`vendors/bigcommerce.md`
//! sections 3 and 4). A consent has no time: `date_modified` moves with any other change, so it is none.
//!
//! A store has one subscriber record for an address, whatever its channel. So one of a channel that was not chosen is no
//! reason to pass it over: its yes is no yes for the chosen ones, but what orders say yields to it as to any other, and
//! a no or a deletion counts.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::row::Row;
use super::settings::Channels;
use crate::domain::people::{PersonKind, SkipReason, StoreId, StorePerson, StoreRecord, Stream, name};
use crate::domain::statement::{OptIn, OptInSource, Scope, Statement};

/// The consent to the newsletter.
const NEWSLETTER: &str = "marketing_newsletter";
/// Status of a checkout that was never paid: `vendors/bigcommerce.md` section 5.
const INCOMPLETE: u64 = 0;
/// Times as the filters take them; `Z` because a plus sign would have to be escaped.
pub(super) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

type Fields = Map<String, Value>;

/// A field that is not of the vendor's shape: its name and what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unfit(&'static str, &'static str);

/// One record of a stream.
pub(super) fn record(stream: Stream, row: &Row, channels: &Channels) -> StoreRecord {
    let store_id = row.id().map(|id| StoreId::new(id.to_string()));
    let result = match (&row.0, &store_id) {
        (None, _) => Err(Unfit("record", "an object")),
        (_, None) => Err(Unfit("id", "a whole number")),
        (Some(fields), Some(id)) => match stream {
            Stream::Customers => customer(fields, id.clone(), channels),
            Stream::Subscribers => subscriber(fields, id.clone(), channels),
            Stream::Orders => order(fields, id.clone(), channels),
        },
    };
    result.unwrap_or_else(|Unfit(field, expected)| StoreRecord::Malformed {
        store_id,
        detail: format!("{field}: expected {expected}"),
    })
}

/// The time of a record's last change; `None` where it can't be read.
pub(super) fn modified(row: &Row) -> Option<DateTime<Utc>> {
    time(row.0.as_ref()?, "date_modified")
}

fn customer(fields: &Fields, store_id: StoreId, channels: &Channels) -> Result<StoreRecord, Unfit> {
    // No list means all channels: description of createCustomers in customers.v3.
    let is_elsewhere = match fields.get("channel_ids") {
        None | Some(Value::Null) => false,
        Some(Value::Array(ids)) => {
            !channels.is_all() && !ids.iter().filter_map(Value::as_u64).any(|id| channels.has(id))
        }
        Some(_) => return Err(Unfit("channel_ids", "a list")),
    };
    if is_elsewhere {
        return Ok(StoreRecord::Skipped { store_id, reason: SkipReason::OtherChannel });
    }
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Account,
        email: address(fields, "email")?,
        first_name: name(text(fields, "first_name")?),
        last_name: name(text(fields, "last_name")?),
        statement: Statement {
            value: OptIn::Unknown,
            at: None,
            since: None,
            source: OptInSource::AccountCreation,
            scope: Scope::Account,
            detail: "customers carry no consent".to_owned(),
            flags: Vec::new(),
        },
    }))
}

fn subscriber(fields: &Fields, store_id: StoreId, channels: &Channels) -> Result<StoreRecord, Unfit> {
    let is_elsewhere = is_of_another_channel(fields, channels)?;
    // Missing on old data: no opt-in.
    let consents = match fields.get("consents") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(consents)) => consents,
        Some(_) => return Err(Unfit("consents", "a list")),
    };
    let is_opted_in = consents.iter().any(|consent| consent == NEWSLETTER);
    let source = match text(fields, "source")? {
        Some("order") => "order",
        Some("storefront") => "storefront",
        Some("custom") => "custom",
        _ => "unknown",
    };
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Newsletter,
        email: address(fields, "email")?,
        // Of somebody who may be nobody in the chosen channels no more is kept than their will.
        first_name: name(text(fields, "first_name")?).filter(|_| !is_elsewhere),
        last_name: name(text(fields, "last_name")?).filter(|_| !is_elsewhere),
        statement: Statement {
            value: if is_opted_in { OptIn::Granted } else { OptIn::Unknown },
            at: None,
            since: time(fields, "date_created"),
            // Account creation, checkout and the form of the footer all end here; only the old checkout tells.
            source: if source == "order" { OptInSource::Checkout } else { OptInSource::NewsletterForm },
            scope: if is_elsewhere && is_opted_in { Scope::Elsewhere } else { Scope::Address },
            detail: format!(
                "{}, source {source}{}",
                if is_opted_in { NEWSLETTER } else { "no newsletter consent" },
                if is_elsewhere { ", in another channel" } else { "" }
            ),
            flags: Vec::new(),
        },
    }))
}

fn order(fields: &Fields, store_id: StoreId, channels: &Channels) -> Result<StoreRecord, Unfit> {
    let skipped = |store_id, reason| Ok(StoreRecord::Skipped { store_id, reason });
    let status = fields.get("status_id").and_then(Value::as_u64).ok_or(Unfit("status_id", "a whole number"))?;
    // May be absent or null on migrated orders, which are guests' then.
    let customer = match fields.get("customer_id") {
        None | Some(Value::Null) => 0,
        Some(id) => id.as_u64().ok_or(Unfit("customer_id", "a whole number"))?,
    };
    if is_of_another_channel(fields, channels)? {
        return skipped(store_id, SkipReason::OtherChannel);
    }
    if flag(fields, "is_deleted")? {
        return skipped(store_id, SkipReason::Trashed);
    }
    if status == INCOMPLETE {
        return skipped(store_id, SkipReason::Draft);
    }
    // What an account holder ticks is in the subscriber record: section 14 counts guests' ticks only.
    if customer != 0 {
        return skipped(store_id, SkipReason::CoveredByAccount);
    }
    let is_opted_in = flag(fields, "is_email_opt_in")?;
    let billing =
        fields.get("billing_address").and_then(Value::as_object).ok_or(Unfit("billing_address", "an object"))?;
    let Some(email) = address(billing, "email").map_err(|_| Unfit("billing_address.email", "text"))? else {
        return skipped(store_id, SkipReason::OrderWithoutEmail);
    };
    Ok(StoreRecord::Person(StorePerson {
        store_id,
        kind: PersonKind::Guest,
        email: Some(email),
        first_name: name(text(billing, "first_name").map_err(|_| Unfit("billing_address.first_name", "text"))?),
        last_name: name(text(billing, "last_name").map_err(|_| Unfit("billing_address.last_name", "text"))?),
        statement: Statement {
            // Not ticked is not a no.
            value: if is_opted_in { OptIn::Granted } else { OptIn::Unknown },
            at: time(fields, "date_created").filter(|_| is_opted_in),
            since: None,
            source: OptInSource::Checkout,
            scope: Scope::Address,
            detail: format!("is_email_opt_in {is_opted_in}"),
            flags: Vec::new(),
        },
    }))
}

/// Subscribers and orders name one channel. Who names none is in none that was chosen.
fn is_of_another_channel(fields: &Fields, channels: &Channels) -> Result<bool, Unfit> {
    match fields.get("channel_id") {
        None | Some(Value::Null) => Ok(!channels.is_all()),
        Some(id) => Ok(!channels.has(id.as_u64().ok_or(Unfit("channel_id", "a whole number"))?)),
    }
}

fn flag(fields: &Fields, field: &'static str) -> Result<bool, Unfit> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Unfit(field, "true or false")),
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

/// ISO 8601 in V3, with `Z` or an offset or neither; RFC 2822 in V2. What can't be read is no time.
fn time(fields: &Fields, field: &str) -> Option<DateTime<Utc>> {
    let text = fields.get(field)?.as_str()?;
    let zoned = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
    let zoned = zoned.map(|time| time.to_utc());
    zoned.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").map(|time| time.and_utc())).ok()
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
