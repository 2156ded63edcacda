//! Customers, orders and newsletter rows as the shop's API gives them: keys as recorded, null attributes left out.

use chrono::DateTime;
use serde_json::{Value, json};

use crate::sandbox::records::{Account, GuestFlag, Order, OrderStatus, Row, Says, Second, Standing};

/// The store view of each channel: its id, its website, its code and its name.
pub(super) const VIEWS: [(u64, u64, &str, &str); 2] =
    [(1, 1, "default", "Default Store View"), (3, 2, "it", "Italian Store View")];

/// UTC without a mark (`vendors/magento.md` section 9).
pub(super) fn time(second: Second) -> String {
    DateTime::from_timestamp(second, 0).unwrap_or_default().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The view of a channel.
pub(super) fn view(channel: usize) -> (u64, u64, &'static str, &'static str) {
    VIEWS[channel.min(VIEWS.len() - 1)]
}

/// A customer; `flag` is what the shop finds of the subscription, `None` for a release that shows none in lists.
pub(super) fn customer(account: &Account, flag: Option<bool>) -> Value {
    let (store, website, _, name) = view(account.channel);
    let mut body = json!({
        "id": account.id,
        "group_id": 1,
        "created_at": time(account.created),
        "updated_at": time(account.modified),
        "created_in": name,
        "email": if account.malformed { json!(7) } else { json!(account.email) },
        "firstname": account.first_name,
        "lastname": account.last_name,
        "store_id": store,
        "website_id": website,
        "addresses": [],
        "disable_auto_group_change": 0,
    });
    if account.standing == Standing::Unconfirmed {
        body["confirmation"] = json!(format!("{:032x}", account.id));
    }
    if let Some(flag) = flag {
        body["extension_attributes"] = json!({ "is_subscribed": flag });
    }
    body
}

/// Whether the order says that a guest placed it; `None` where the column is null.
pub(super) fn is_guest(order: &Order) -> Option<bool> {
    match order.guest_flag {
        GuestFlag::Right | GuestFlag::Numbered => Some(order.account.is_none()),
        GuestFlag::Wrong => Some(order.account.is_some()),
        GuestFlag::Missing => None,
    }
}

/// An order. `payment.account_status` and `cc_last4` are null although the vendor's description says text (section 9).
pub(super) fn order(order: &Order) -> Value {
    let total = f64::from(order.cents) / 100.0;
    let state = state(order.status);
    let email = if order.malformed { json!(7) } else { json!(order.email) };
    let item = item(order, total);
    let mut body = json!({
        "base_currency_code": "EUR", "base_grand_total": total, "base_subtotal": total, "base_total_due": total,
        "billing_address_id": order.id,
        "created_at": time(order.created),
        "customer_email": email,
        "customer_firstname": order.first_name,
        "customer_lastname": order.last_name,
        "entity_id": order.id,
        "global_currency_code": "EUR", "grand_total": total,
        "increment_id": format!("9{:08}", order.id),
        "order_currency_code": "EUR",
        "protect_code": format!("{:032x}", order.id),
        "state": state, "status": state,
        "store_currency_code": "EUR", "store_id": 1,
        "store_name": "Main Website\nMain Website Store\nDefault Store View",
        "subtotal": total, "total_due": total, "total_item_count": 1, "total_qty_ordered": 1,
        "updated_at": time(order.modified),
        "items": [item],
        "billing_address": {
            "address_type": "billing", "city": "Köln", "country_id": "DE", "email": email, "entity_id": order.id,
            "firstname": order.first_name, "lastname": order.last_name, "parent_id": order.id, "postcode": "50667",
            "street": ["Straße 1"], "telephone": "+49 1",
        },
        "payment": {
            "account_status": null, "additional_information": [], "cc_last4": null, "entity_id": order.id,
            "method": "checkmo", "parent_id": order.id,
        },
        "status_histories": [],
        "extension_attributes": {
            "shipping_assignments": [{ "shipping": { "total": [] }, "items": [item] }],
            "payment_additional_info": [], "applied_taxes": [], "item_applied_taxes": [],
            "converting_from_quote": false, "taxes": [], "additional_itemized_taxes": [],
        },
    });
    for name in ["customer_email", "customer_firstname", "customer_lastname"] {
        if body[name].is_null() || body[name] == "" {
            remove(&mut body, name);
        }
    }
    if let Some(is_guest) = is_guest(order) {
        body["customer_is_guest"] = u8::from(is_guest).into();
    }
    if let Some(account) = order.account {
        body["customer_id"] = account.into();
    }
    body
}

fn remove(body: &mut Value, name: &str) {
    if let Some(fields) = body.as_object_mut() {
        fields.remove(name);
    }
}

/// `state` of an order; `status` is the merchant's own word for it.
pub(super) const fn state(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Completed => "complete",
        OrderStatus::Processing => "processing",
        OrderStatus::Cancelled | OrderStatus::Failed | OrderStatus::Trash => "canceled",
        OrderStatus::Pending | OrderStatus::Draft => "new",
    }
}

fn item(order: &Order, total: f64) -> Value {
    let mut item = json!({
        "created_at": time(order.created), "updated_at": time(order.modified),
        "item_id": order.id, "order_id": order.id,
        "name": "Café Mug", "sku": "TEE", "product_type": "simple",
        "base_price": total, "base_row_total": total, "base_row_total_incl_tax": total, "original_price": total,
        "price": total, "row_total": total, "row_total_incl_tax": total, "qty_ordered": 1,
        "extension_attributes": { "itemized_taxes": [] },
    });
    for name in [
        "amount_refunded",
        "base_amount_refunded",
        "base_cost",
        "base_discount_amount",
        "base_discount_invoiced",
        "base_row_invoiced",
        "base_tax_amount",
        "base_tax_invoiced",
        "discount_amount",
        "discount_invoiced",
        "discount_percent",
        "free_shipping",
        "no_discount",
        "qty_backordered",
        "qty_canceled",
        "qty_invoiced",
        "qty_refunded",
        "qty_shipped",
        "row_invoiced",
        "row_weight",
        "tax_amount",
        "tax_invoiced",
        "tax_percent",
        "weight",
    ] {
        item[name] = 0.into();
    }
    item
}

/// `subscriber_status` (section 6).
pub(super) const fn status(says: Says) -> u64 {
    match says {
        Says::Yes => 1,
        Says::No => 3,
        Says::Unconfirmed => 4,
        _ => 2,
    }
}

/// A row of the merchant's list of subscribers: the columns of `newsletter_subscriber`.
pub(super) fn subscriber(row: &Row) -> Value {
    json!({
        "subscriber_id": row.id,
        "store_id": view(row.channel).0,
        "change_status_at": time(row.modified),
        "customer_id": 0,
        "subscriber_email": if row.malformed { json!(7) } else { json!(row.email) },
        "subscriber_status": status(row.says),
    })
}
