//! Shopify's webhooks (`vendors/shopify.md` sections 9 and 10).
//!
//! - The signature covers the raw body and nothing else: topic, shop, ids and times stand in headers that anybody on
//!   the way could change. So a body is read as what its topic says it is and as nothing more than a hint, and the
//!   time a delivery was triggered at decides nothing; retries come for hours with the original one. Privacy requests are
//!   more than a hint: they are taken from bodies alone that could be of no other topic.
//! - Bodies carry no consent but on the consent topic, and come in any order: every customer is read again by id.
//! - A body without an address (a deletion) is as good as any: a record is known by its id.
//! - The privacy topics are set in the app's configuration, one address for all of its shops. The body says which shop
//!   asks; any other topic of another shop is refused here: ids of one shop mean other people in another.
//! - The removal of the app revokes its token. It is a hint to ask the shop anything; its refusal then says what to do.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::Value;

use crate::connectors::hooks::{Arrived, Delivery, HandedOn, Hint, HookRefusal, header, is_signed};
use crate::domain::people::{StoreId, Stream, bounded};
use crate::domain::privacy::{PrivacyKind, PrivacyRequest, PrivacySubject};

const SIGNATURE: &str = "x-shopify-hmac-sha256";
const TOPIC: &str = "x-shopify-topic";
const SHOP: &str = "x-shopify-shop-domain";
/// Equal for all deliveries of one event, hence for its retries. With the topic it tells repetitions (section 9).
const EVENT_ID: &str = "x-shopify-event-id";
/// The official library's key, where there is no other.
const WEBHOOK_ID: &str = "x-shopify-webhook-id";

/// Verifies a delivery and reads it. `domain` is the shop's own, in lower case; privacy requests may be of another shop
/// with the same app, which they name.
pub(in crate::connectors) fn receive(
    key: &SecretString,
    domain: &str,
    arrived: &Arrived<'_>,
) -> Result<Delivery, HookRefusal> {
    let signature = header(arrived.headers, SIGNATURE).ok_or(HookRefusal::BadSignature)?;
    if !is_signed(key, &[arrived.body], signature) {
        return Err(HookRefusal::BadSignature);
    }
    let topic = header(arrived.headers, TOPIC).filter(|topic| !topic.is_empty()).ok_or(HookRefusal::Unreadable)?;
    let body: Value = serde_json::from_slice(arrived.body).map_err(|_| HookRefusal::Unreadable)?;
    let privacy = privacy(topic, &body)?;
    let shop = privacy.as_ref().map_or(domain, |handed_on| &handed_on.shop);
    if !header(arrived.headers, SHOP).is_some_and(|named| named.eq_ignore_ascii_case(shop)) {
        return Err(HookRefusal::Unreadable);
    }
    let id = header(arrived.headers, EVENT_ID).or_else(|| header(arrived.headers, WEBHOOK_ID));
    Ok(Delivery {
        id: id.map(|id| bounded(id.to_owned(), 255)),
        topic: bounded(topic.to_owned(), 64),
        hints: hints(topic, &body)?,
        privacy,
    })
}

/// What to read again. A topic that we did not ask for concerns nobody.
fn hints(topic: &str, body: &Value) -> Result<Vec<Hint>, HookRefusal> {
    let hint =
        |stream, urgent: bool, id: &Value| number(id).map(|store_id| Hint { stream, store_id, urgent: urgent.into() });
    let found = match topic {
        "customers/create" | "customers/update" => vec![hint(Stream::Customers, false, &body["id"])],
        "customers/delete" => vec![hint(Stream::Customers, true, &body["id"])],
        "customers_email_marketing_consent/update" => vec![hint(Stream::Customers, true, &body["customer_id"])],
        "customers/merge" => vec![
            hint(Stream::Customers, true, &body["admin_graphql_api_customer_deleted_id"]),
            hint(Stream::Customers, false, &body["admin_graphql_api_customer_kept_id"]),
        ],
        "orders/create" | "orders/updated" => vec![hint(Stream::Orders, false, &body["id"])],
        // No record has this id: asking for it shows whether the shop still lets us in.
        "app/uninstalled" => vec![hint(Stream::Customers, true, &Value::from(0))],
        _ => Vec::new(),
    };
    found.into_iter().map(|hint| hint.ok_or(HookRefusal::Unreadable)).collect()
}

/// The number of an id, or of a global id.
fn number(id: &Value) -> Option<StoreId> {
    let number = match id {
        Value::Number(number) => number.as_u64()?,
        Value::String(gid) => gid.rsplit('/').next()?.parse::<u64>().ok()?,
        _ => return None,
    };
    Some(StoreId::new(number.to_string()))
}

/// What the law has somebody ask for. The header alone says the topic, and an erasure can't be taken back: so the signed
/// body must be one that only this topic has.
fn privacy(topic: &str, body: &Value) -> Result<Option<HandedOn>, HookRefusal> {
    let (kind, orders) = match topic {
        "customers/data_request" => (PrivacyKind::DataRequest, Some("orders_requested")),
        "customers/redact" => (PrivacyKind::Redact, Some("orders_to_redact")),
        "shop/redact" => (PrivacyKind::ShopRedact, None),
        _ => return Ok(None),
    };
    let shop = body["shop_domain"].as_str().ok_or(HookRefusal::Unreadable)?.to_ascii_lowercase();
    let subject = match orders {
        Some(orders) => subject(body, orders),
        None => names_a_shop_only(body).then(PrivacySubject::default),
    };
    let subject = subject.ok_or(HookRefusal::Unreadable)?;
    Ok(Some(HandedOn { shop, request: PrivacyRequest { kind, subject } }))
}

fn names_a_shop_only(body: &Value) -> bool {
    let members = body.as_object().map(|body| body.keys().map(String::as_str).collect::<BTreeSet<_>>());
    members == Some(["shop_id", "shop_domain"].into())
}

/// Whom a request is about; `None` if it is about nobody, or has no such list of orders.
fn subject(body: &Value, orders: &str) -> Option<PrivacySubject> {
    let orders = body[orders].as_array()?.iter().filter_map(number).map(|id| (Stream::Orders, id));
    let email = body["customer"]["email"].as_str().filter(|email| !email.trim().is_empty());
    // The id may be absent (section 10).
    let customer = number(&body["customer"]["id"]).map(|id| (Stream::Customers, id));
    let subject = PrivacySubject {
        email: email.map(|email| bounded(email.to_owned(), 1024)),
        records: customer.into_iter().chain(orders).collect(),
    };
    (subject != PrivacySubject::default()).then_some(subject)
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
