//! What the shop sends: bodies and headers as in `webhooks.json` of the examples; sections of `vendors/shopify.md` in
//! brackets.
//!
//! The quirks that are here on purpose:
//!
//! - Customer bodies carry no consent, which comes by the consent topic alone, and then before the customer is told of at
//!   all: `Since 2025-01 customer bodies carry no email_marketing_consent` and `A consent event can arrive before the
//!   create event of the same person` [9].
//! - `email_address may be "" and the two last fields null` [9], for who has no address.
//! - The body of a deletion names the id and nobody's address [6, 9].
//! - `Body timestamps use the shop's offset; GraphQL uses Z; triggered-at has nanoseconds` [9].
//! - `The signature does not cover headers` [9].
//! - `8 retries over 4 hours, then a subscription made by API is deleted` [9].
//! - `Retries carry the original body` [9], and the ids.
//! - `Two topics may share one event` [9].
//! - `The API version of the body comes from the app's configuration, not from the call` [9].
//! - The privacy topics go to the address of the app's configuration, `id may be absent` [10].
//! - The token `is already dead` when the removal of the app is told (`webhooks.json`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::leaves::{marketing_state, opt_in_level, phone, state_word};
use super::subscriptions::word;
use super::{VERSION, access, shop_domain};
use crate::sandbox::app::{AppEvent, AppEventError};
use crate::sandbox::book::Happened;
use crate::sandbox::deliveries::{Event, Kind, Manner, Parcel, Subscription};
use crate::sandbox::names::normalized;
use crate::sandbox::population::mix;
use crate::sandbox::records::{Account, Order, OrderStatus, Says, Second};
use crate::sandbox::server::Shared;

/// One try and eight retries; then the subscription is deleted [9].
pub(crate) const MANNER: Manner = Manner { tries: 9, success: 200..=299, switched_off_after: 1, takes_away: true };

const CONSENT: &str = "customers_email_marketing_consent/update";
const SHOP_ID: u64 = 80_000_000_001;

/// What goes out for what happened in one change. What is gone again by now is not told of but by its deletion.
pub(crate) fn parcels(shared: &Shared, events: &[Event]) -> Vec<Parcel> {
    let of_one = |event: &Event| {
        let about = About { event: Uuid::new_v4(), at: event.at };
        told(shared, event).into_iter().flat_map(move |(topic, body)| to_subscribers(shared, topic, about, &body))
    };
    events.iter().flat_map(of_one).collect()
}

fn told(shared: &Shared, event: &Event) -> Vec<(&'static str, Value)> {
    let is_new = event.happened == Happened::Created;
    match (event.kind, event.happened) {
        (Kind::Account, Happened::Deleted) => vec![("customers/delete", deleted_customer(event.id))],
        (Kind::Account, Happened::Created | Happened::Updated) => {
            let Some(account) = shared.state().find::<Account>(event.id) else { return Vec::new() };
            let speaks = account.says != Says::Nothing && account.said_at == event.at;
            let consent = speaks.then(|| (CONSENT, consent(shared, &account)));
            let topic = if is_new { "customers/create" } else { "customers/update" };
            // Of a consent that changed only the consent topic tells.
            let record = (is_new || !speaks).then(|| (topic, customer(shared, &account)));
            consent.into_iter().chain(record).collect()
        }
        (Kind::Order, Happened::Deleted) => vec![("orders/delete", json!({ "id": event.id }))],
        (Kind::Order, Happened::Created | Happened::Updated) => {
            let Some(order) = shared.state().find::<Order>(event.id) else { return Vec::new() };
            vec![(if is_new { "orders/create" } else { "orders/updated" }, order_body(shared, &order))]
        }
        // There are no newsletter rows at Shopify: the form makes a customer [5].
        (Kind::Row, _) => Vec::new(),
    }
}

/// What the app hears of what happens to it.
pub(crate) fn happened_to_the_app(shared: &Shared, event: &AppEvent) -> Result<Vec<Parcel>, AppEventError> {
    let about = About { event: Uuid::new_v4(), at: shared.now() };
    let to_compliance = |topic: &'static str, bodies: Vec<Value>| {
        let address = shared.app.compliance_address().ok_or(AppEventError::NoAddress)?;
        // Every person's request is an event of its own.
        let each = |body: Value| {
            parcel(shared, (0, &address, None), topic, About { event: Uuid::new_v4(), ..about }, body.to_string())
        };
        Ok(bodies.into_iter().map(each).collect())
    };
    match event {
        AppEvent::RequestData { email } => {
            to_compliance("customers/data_request", requests(shared, email, "orders_requested")?)
        }
        AppEvent::RequestErasure { email } => {
            to_compliance("customers/redact", requests(shared, email, "orders_to_redact")?)
        }
        AppEvent::EraseShop => {
            to_compliance("shop/redact", vec![json!({ "shop_id": SHOP_ID, "shop_domain": shop_domain(shared) })])
        }
        AppEvent::Uninstall => {
            let farewell = to_subscribers(shared, "app/uninstalled", about, &shop(shared));
            shared.app.set_installed(false);
            for gone in shared.deliveries.subscriptions() {
                shared.deliveries.unsubscribe(gone.id);
            }
            Ok(farewell)
        }
        AppEvent::Install => {
            shared.app.set_installed(true);
            Ok(Vec::new())
        }
    }
}

/// A request for each account with an address, or one for the orders where there is none.
fn requests(shared: &Shared, email: &str, orders_field: &str) -> Result<Vec<Value>, AppEventError> {
    let address = normalized(email).ok_or(AppEventError::BadAddress)?;
    let state = shared.state();
    let found = state.records_with(&address);
    if found.accounts.is_empty() && found.orders.is_empty() {
        return Err(AppEventError::Nobody);
    }
    let of_nobody: Vec<u64> =
        found.orders.iter().filter(|order| order.account.is_none()).map(|order| order.id).collect();
    let request = |customer: Value, mut orders: Vec<u64>| {
        orders.sort_unstable();
        let mut body = json!({ "shop_id": SHOP_ID, "shop_domain": shop_domain(shared), "customer": customer });
        body[orders_field] = json!(orders);
        if orders_field == "orders_requested" {
            body["data_request"] = json!({ "id": shared.app.next_request() });
        }
        body
    };
    if found.accounts.is_empty() {
        let typed = found.orders.first().and_then(|order| order.email.clone());
        return Ok(vec![request(json!({ "email": typed, "phone": null }), of_nobody)]);
    }
    let each = found.accounts.iter().map(|account| {
        let own = state.orders_of_account(account.id).into_iter().map(|order| order.id);
        let customer = json!({ "id": account.id, "email": account.email, "phone": null });
        request(customer, own.chain(of_nobody.iter().copied()).collect())
    });
    Ok(each.collect())
}

/// Which event a delivery tells of.
#[derive(Debug, Clone, Copy)]
struct About {
    event: Uuid,
    at: Second,
}

fn to_subscribers(shared: &Shared, topic: &'static str, about: About, body: &Value) -> Vec<Parcel> {
    let listening = shared.deliveries.listening(word(topic)).into_iter();
    listening
        .map(|one| {
            let name = one.extra.get("name").and_then(Value::as_str);
            let to = (one.id, one.address.as_str(), name);
            parcel(shared, to, topic, about, cut(body, &one).to_string())
        })
        .collect()
}

/// The body with the fields that the subscription includes.
fn cut(body: &Value, one: &Subscription) -> Value {
    let included = one.extra.get("includeFields").and_then(Value::as_array);
    match (included, body) {
        (Some(included), Value::Object(fields)) if !included.is_empty() => {
            let is_included = |name: &String| included.iter().any(|field| field.as_str() == Some(name));
            Value::Object(fields.clone().into_iter().filter(|(name, _)| is_included(name)).collect())
        }
        _ => body.clone(),
    }
}

fn parcel(
    shared: &Shared,
    (subscription, address, name): (u64, &str, Option<&str>),
    topic: &'static str,
    About { event, at }: About,
    body: String,
) -> Parcel {
    let mut mac = Hmac::<Sha256>::new_from_slice(access::client_secret(shared).as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    let nanoseconds = u32::try_from(mix(subscription, at.unsigned_abs()) % 1_000_000_000).unwrap_or(0);
    let triggered = DateTime::from_timestamp(at, nanoseconds).unwrap_or_default();
    let headers = [
        ("x-shopify-topic", topic.to_owned()),
        ("x-shopify-shop-domain", shop_domain(shared)),
        ("x-shopify-api-version", VERSION.to_owned()),
        ("x-shopify-webhook-id", Uuid::new_v4().to_string()),
        ("x-shopify-event-id", event.to_string()),
        ("x-shopify-triggered-at", triggered.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()),
        ("x-shopify-hmac-sha256", STANDARD.encode(mac.finalize().into_bytes())),
    ];
    let name = name.map(|name| ("x-shopify-name", name.to_owned()));
    Parcel {
        subscription,
        topic: topic.to_owned(),
        address: address.to_owned(),
        headers: headers.into_iter().chain(name).collect(),
        content_type: "application/json",
        body: body.into_bytes(),
    }
}

fn deleted_customer(id: u64) -> Value {
    json!({ "id": id, "tax_exemptions": [], "admin_graphql_api_id": format!("gid://shopify/Customer/{id}") })
}

fn consent(shared: &Shared, account: &Account) -> Value {
    let has_address = account.email.is_some();
    json!({
        "customer_id": account.id,
        "email_address": account.email.as_deref().unwrap_or_default(),
        "email_marketing_consent": {
            "state": marketing_state(account.says).to_lowercase(),
            "opt_in_level": opt_in_level(account).filter(|_| has_address).map(str::to_lowercase),
            "consent_updated_at": has_address.then(|| local(shared, account.said_at)),
        },
    })
}

fn customer(shared: &Shared, account: &Account) -> Value {
    json!({
        "id": account.id, "admin_graphql_api_id": format!("gid://shopify/Customer/{}", account.id),
        "email": account.email, "created_at": local(shared, account.created),
        "updated_at": local(shared, account.modified), "first_name": named(&account.first_name),
        "last_name": named(&account.last_name), "state": state_word(account.standing).to_lowercase(), "note": null,
        "verified_email": account.email.is_some(), "multipass_identifier": null, "tax_exempt": false,
        "phone": account.email.is_none().then(|| phone(account.id)), "currency": "USD", "addresses": [],
        "tax_exemptions": [], "default_address": null,
    })
}

fn order_body(shared: &Shared, order: &Order) -> Value {
    let account = order.account.and_then(|id| shared.state().find::<Account>(id));
    let is_pending = order.status == OrderStatus::Pending;
    json!({
        "id": order.id, "admin_graphql_api_id": format!("gid://shopify/Order/{}", order.id),
        "buyer_accepts_marketing": order.says == Says::Yes, "cancelled_at": null, "confirmed": true,
        "contact_email": order.email, "created_at": local(shared, order.created), "currency": "USD",
        "customer_locale": "en", "email": order.email, "financial_status": if is_pending { "pending" } else { "paid" },
        "name": format!("#{}", order.id % 1_000_000_000), "phone": null, "processed_at": local(shared, order.created),
        "source_name": if order.email.is_some() { "web" } else { "pos" }, "tags": "", "test": order.test,
        "total_price": format!("{}.{:02}", order.cents / 100, order.cents % 100),
        "updated_at": local(shared, order.modified), "billing_address": null,
        "customer": account.map(|account| customer(shared, &account)), "line_items": [],
    })
}

fn shop(shared: &Shared) -> Value {
    let domain = shop_domain(shared);
    json!({ "id": SHOP_ID, "name": shared.name(), "email": "owner@example.com", "domain": domain,
        "myshopify_domain": domain, "iana_timezone": "America/New_York" })
}

fn named(name: &str) -> Option<&str> {
    (!name.is_empty()).then_some(name)
}

/// A moment with the shop's own offset.
fn local(shared: &Shared, second: Second) -> Option<String> {
    let offset = i32::try_from(shared.seconds_ahead()).ok().and_then(FixedOffset::east_opt)?;
    let time = DateTime::from_timestamp(second, 0)?.with_timezone(&offset);
    Some(time.format("%Y-%m-%dT%H:%M:%S%:z").to_string())
}
