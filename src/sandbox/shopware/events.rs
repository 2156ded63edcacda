//! What goes out when something happened in the shop (sheet, section 6); bodies as in the `webhook_*.json` examples.
//!
//! Deviations: all tries of a delivery have one timestamp, and come at once. A newsletter row that changed twice before
//! its deliveries go out is told of twice by its last state.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::webhooks::APP;
use super::{VERSION, rows};
use crate::domain::ledger::hex;
use crate::sandbox::book::Happened;
use crate::sandbox::deliveries::{Event, Kind, Manner, Parcel, Subscription};
use crate::sandbox::records::{Account, Row, Standing};
use crate::sandbox::server::Shared;
use crate::sandbox::{ids, php};

/// "Up to 3 retries"; "after 10 messages in a row that failed for good the webhook is set inactive".
pub(crate) const MANNER: Manner = Manner { tries: 4, success: 200..=299, switched_off_after: 10, takes_away: false };

/// What goes out for what happened in one change: entity events with all rows of a kind, then one business event each.
pub(crate) fn parcels(shared: &Shared, events: &[Event]) -> Vec<Parcel> {
    let entities = [
        ("customer.written", Kind::Account, [Happened::Created, Happened::Updated].as_slice()),
        ("customer.deleted", Kind::Account, &[Happened::Deleted]),
        ("order.written", Kind::Order, &[Happened::Created, Happened::Updated]),
        ("order.deleted", Kind::Order, &[Happened::Deleted]),
    ];
    // The database takes a deleted customer off its orders; no event tells.
    let is_customer_deleted =
        events.iter().any(|event| (event.kind, event.happened) == (Kind::Account, Happened::Deleted));
    let is_told = |event: &&Event| !(is_customer_deleted && event.kind == Kind::Order);
    let mut parcels = Vec::new();
    for (topic, kind, happened) in entities {
        let of_kind = |event: &&Event| event.kind == kind && happened.contains(&event.happened);
        let written: Vec<Value> = events.iter().filter(is_told).filter(of_kind).map(row).collect();
        if !written.is_empty() {
            parcels.extend(to_all(shared, topic, &json!(written)));
        }
    }
    for (topic, payload) in events.iter().filter_map(|event| business_event(shared, event)) {
        parcels.extend(to_all(shared, topic, &payload));
    }
    parcels
}

/// "Payload is a list of `{entity, operation, primaryKey, updatedFields}`: names of fields, never values."
fn row(event: &Event) -> Value {
    let (entity, id, columns): (_, _, &[&str]) = match event.kind {
        Kind::Order => ("order", ids::text("orders", event.id), &["orderNumber", "orderDateTime", "createdAt"]),
        Kind::Account | Kind::Row => {
            ("customer", ids::text("customers", event.id), &["email", "firstName", "lastName", "guest", "createdAt"])
        }
    };
    let (operation, fields) = match event.happened {
        Happened::Created => ("insert", [&["id"], columns].concat()),
        Happened::Updated => ("update", vec!["id", columns[0], "updatedAt"]),
        Happened::Deleted => return json!({ "entity": entity, "operation": "delete", "primaryKey": id }),
    };
    json!({ "entity": entity, "operation": operation, "primaryKey": id, "updatedFields": fields })
}

/// Business events "fire only for storefront or store-API actions": not for a row that is deleted, which only an
/// administrator or the shop's own job does, and not for one that the customer indexer rewrites by plain SQL, which moves
/// no date. `newsletter_recipient.written` "is not among the hookable entities".
fn business_event(shared: &Shared, event: &Event) -> Option<(&'static str, Value)> {
    let state = shared.state();
    match (event.kind, event.happened) {
        (Kind::Row, Happened::Created | Happened::Updated) => {
            let row = state.find::<Row>(event.id).filter(|row| row.modified >= event.at)?;
            let recipient = recipient(&row);
            Some(match rows::status(&row) {
                "optOut" => ("newsletter.unsubscribe", json!({ "newsletterRecipient": recipient })),
                "notSet" => {
                    let url = format!("{}/newsletter-subscribe?em=HASHEDEMAIL&hash=SUBSCRIBEHASH", shared.base_url);
                    ("newsletter.register", json!({ "newsletterRecipient": recipient, "url": url }))
                }
                // Where no confirmation is asked the sign-up is one.
                _ => ("newsletter.confirm", json!({ "newsletterRecipient": recipient })),
            })
        }
        (Kind::Account, Happened::Created) => {
            let account = state.find::<Account>(event.id)?;
            let topic = match account.standing {
                Standing::Guest => "checkout.customer.guest_register",
                _ => "checkout.customer.register",
            };
            Some((topic, json!({ "customer": rows::customer(&account) })))
        }
        (Kind::Account, Happened::Deleted) => {
            let id = ids::text("customers", event.id);
            let customer = json!({ "id": id, "_uniqueIdentifier": id, "apiAlias": "customer" });
            Some(("checkout.customer.deleted", json!({ "customer": customer })))
        }
        (Kind::Row, Happened::Deleted) | (Kind::Account, Happened::Updated) | (Kind::Order, _) => None,
    }
}

/// "Columns are admin-only, so address and status are stripped", and "the object is the one loaded before the change", so
/// that the time of the change is not in it either.
fn recipient(row: &Row) -> Value {
    let mut recipient = rows::recipient(row);
    if let Some(fields) = recipient.as_object_mut() {
        let left = ["createdAt", "_uniqueIdentifier", "versionId", "translated", "extensions", "apiAlias"];
        fields.retain(|name, _| left.contains(&name.as_str()));
        fields.insert("updatedAt".to_owned(), Value::Null);
    }
    recipient
}

fn to_all(shared: &Shared, topic: &'static str, payload: &Value) -> Vec<Parcel> {
    let webhooks = shared.deliveries.listening(topic).into_iter();
    webhooks.map(|webhook| parcel(shared, &webhook, payload)).collect()
}

/// "`source.eventId` is the id to deduplicate on"; shop, version and signature are only in an app's.
fn parcel(shared: &Shared, webhook: &Subscription, payload: &Value) -> Parcel {
    let mut source = json!({ "url": shared.base_url, "eventId": Uuid::new_v4().simple().to_string() });
    let is_of_app = webhook.extra.contains_key(APP);
    if is_of_app {
        (source["shopId"], source["appVersion"]) = ("NoiU8PfJtu7NBY8M".into(), "1.0.0".into());
    }
    let data = json!({ "payload": payload, "event": webhook.topic });
    let body = php::json(&json!({ "data": data, "source": source, "timestamp": shared.now() }));
    let mut headers = vec![
        ("sw-version", VERSION.to_owned()),
        ("sw-context-language", rows::LANGUAGE.to_owned()),
        ("sw-user-language", "en-GB".to_owned()),
    ];
    if is_of_app {
        let key = webhook.secret.as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(&body);
        headers.push(("shopware-shop-signature", hex(&mac.finalize().into_bytes())));
    }
    Parcel {
        subscription: webhook.id,
        topic: webhook.topic.clone(),
        address: webhook.address.clone(),
        headers,
        content_type: "application/json",
        body,
    }
}
