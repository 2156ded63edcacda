//! A customer, a subscriber, an order and the store itself, field by field as in the examples of the sheet
//! (`vendors/bigcommerce/examples`).

use chrono::DateTime;
use serde_json::{Value, json};

use crate::sandbox::records::{Account, GuestFlag, Order, OrderStatus, Row, Says, Second};

/// The hash of the store.
pub(super) const STORE_HASH: &str = "sandbox";

pub(super) fn customer(account: &Account) -> Value {
    json!({
        "id": account.id,
        "email": email(account.email.as_deref(), account.malformed),
        "first_name": account.first_name,
        "last_name": account.last_name,
        "company": "",
        "phone": "",
        "notes": "",
        "tax_exempt_category": "",
        "customer_group_id": 0,
        "date_created": iso(account.created),
        "date_modified": iso(account.modified),
        "address_count": 0,
        "attribute_count": 0,
        "registration_ip_address": "",
        "authentication": { "force_password_reset": false },
        // About mail on reviews and abandoned carts only: no consent to a newsletter (section 3).
        "accepts_product_review_abandoned_cart_emails": account.id.is_multiple_of(2),
        "origin_channel_id": channel_id(account.channel),
        "channel_ids": [channel_id(account.channel)],
    })
}

pub(super) fn subscriber(row: &Row) -> Value {
    let mut shown = json!({
        "id": row.id,
        "email": email(row.email.as_deref(), row.malformed),
        "first_name": row.first_name,
        "last_name": row.last_name,
        // The checkout of today makes the record before the order, so it names none (section 4).
        "source": if row.id.is_multiple_of(7) { "custom" } else { "storefront" },
        "order_id": null,
        "channel_id": channel_id(row.channel),
        "date_created": iso(row.created),
        "date_modified": iso(row.modified),
    });
    // Granted as soon as somebody types an address at a checkout (section 4).
    let consents = match row.says {
        Says::Yes if row.id.is_multiple_of(2) => Some(json!(["marketing_newsletter", "abandoned_cart"])),
        Says::Yes => Some(json!(["marketing_newsletter"])),
        Says::No => Some(json!([])),
        Says::Absent => None,
        _ => Some(json!(["abandoned_cart"])),
    };
    if let Some(consents) = consents {
        shown["consents"] = consents;
    }
    shown
}

pub(super) fn order(order: &Order, base_url: &str) -> Value {
    let (status_id, status) = status(order.status);
    let total = format!("{}.{:02}00", order.cents / 100, order.cents % 100);
    let linked = |name: &str| {
        let resource = format!("/orders/{}/{name}", order.id);
        json!({ "url": format!("{base_url}/stores/{STORE_HASH}/v2{resource}"), "resource": resource })
    };
    let customer_id = match (order.account, order.guest_flag) {
        (Some(account), _) => json!(account),
        // Migrated orders (section 5).
        (None, GuestFlag::Missing) => Value::Null,
        (None, _) => json!(0),
    };
    json!({
        "id": order.id,
        "customer_id": customer_id,
        "date_created": rfc_2822(order.created),
        "date_modified": rfc_2822(order.modified),
        "date_shipped": "",
        "status_id": status_id,
        "status": status,
        "total_ex_tax": total,
        "total_inc_tax": total,
        "items_total": 1,
        "payment_method": "Credit Card",
        // Text or a number (section 5).
        "payment_provider_id": "",
        "payment_status": "captured",
        "order_is_digital": false,
        "ip_address": "",
        "geoip_country": "United States",
        "currency_id": 1,
        "currency_code": "USD",
        "staff_notes": "",
        "customer_message": "",
        "billing_address": billing(order),
        "is_email_opt_in": order.says == Says::Yes,
        "credit_card_type": null,
        "order_source": "www",
        "channel_id": 1,
        "external_source": null,
        "products": linked("products"),
        "shipping_addresses": linked("shippingaddresses"),
        "coupons": linked("coupons"),
        "external_id": null,
        "custom_status": status,
        "customer_locale": "en",
        "is_deleted": order.status == OrderStatus::Trash,
    })
}

fn billing(order: &Order) -> Value {
    json!({
        "first_name": order.first_name,
        "last_name": order.last_name,
        "company": "",
        "street_1": "1 Example Street",
        "street_2": "",
        "city": "Springfield",
        "state": "Illinois",
        "zip": "62702",
        "country": "United States",
        "country_iso2": "US",
        "phone": "",
        // As typed, or empty (section 5).
        "email": email(order.email.as_deref(), order.malformed),
        "form_fields": [],
    })
}

pub(super) fn store(name: &str, base_url: &str) -> Value {
    json!({
        "id": STORE_HASH,
        "domain": "sandbox.example",
        "secure_url": base_url,
        "status": "live",
        "name": name,
        "admin_email": "owner@sandbox.example",
        "timezone": { "name": "America/Chicago", "raw_offset": -21_600, "dst_offset": -18_000, "dst_correction": true },
        "language": "en",
        "currency": "USD",
        "plan_name": "Standard",
        "plan_level": "Standard",
        "plan_is_trial": false,
    })
}

/// Ids of statuses: 0 is a checkout that was never paid (section 5).
pub(super) const fn status(status: OrderStatus) -> (u64, &'static str) {
    match status {
        OrderStatus::Draft => (0, "Incomplete"),
        OrderStatus::Pending => (1, "Pending"),
        OrderStatus::Cancelled => (5, "Cancelled"),
        OrderStatus::Failed => (6, "Declined"),
        OrderStatus::Completed | OrderStatus::Trash => (10, "Completed"),
        OrderStatus::Processing => (11, "Awaiting Fulfillment"),
    }
}

fn email(email: Option<&str>, malformed: bool) -> Value {
    if malformed { Value::Bool(false) } else { email.unwrap_or_default().into() }
}

const fn channel_id(channel: usize) -> u64 {
    channel as u64 + 1
}

/// Of V3.
fn iso(second: Second) -> Option<String> {
    DateTime::from_timestamp(second, 0).map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Of V2, in UTC (section 5).
fn rfc_2822(second: Second) -> Option<String> {
    DateTime::from_timestamp(second, 0).map(|time| time.format("%a, %d %b %Y %H:%M:%S +0000").to_string())
}
