//! Documents: a profile and an order, field by field as in the examples of `vendors/sfcc/`.

use chrono::DateTime;
use serde_json::{Value, json};

use super::SITE;
use crate::sandbox::ids;
use crate::sandbox::population::mix;
use crate::sandbox::records::{Account, GuestFlag, Order, OrderStatus, Says, Second};

/// The merchant's attribute as documents show it (`vendors/sfcc.md` section 6).
const ATTRIBUTE: &str = "c_acceptsMarketing";

/// A customer's number: paths take it, and an update may change it (`vendors/sfcc.md` section 4).
pub(super) fn customer_number(account: u64) -> String {
    format!("{account:08}")
}

/// An order's number.
pub(super) fn order_number(order: u64) -> String {
    format!("{order:08}")
}

/// The record that a number is of.
pub(super) fn numbered(number: &str) -> Option<u64> {
    let is_number = number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

/// UTC with milliseconds (`vendors/sfcc.md` section 4).
fn time(second: Second) -> String {
    DateTime::from_timestamp(second, 0).unwrap_or_default().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A profile (`Customer`).
pub(super) fn customer(account: &Account, has_attribute: bool) -> Value {
    // An external login is no address (`vendors/sfcc.md` section 4).
    let external = format!("{:032x}", u128::from(mix(account.id, 3)));
    let login = account.email.clone().filter(|_| !account.id.is_multiple_of(9)).unwrap_or(external);
    let locale = if account.id.is_multiple_of(2) { "en-US" } else { "en_US" };
    let mut body = json!({
        "creationDate": time(account.created),
        "credentials": { "enabled": true, "locked": false, "login": login },
        "customerId": ids::commerce("customers", account.id),
        "customerNo": customer_number(account.id),
        "firstName": account.first_name,
        "lastModified": time(account.modified),
        "lastName": account.last_name,
        "preferredLocale": locale,
    });
    // Email is optional (`vendors/sfcc.md` section 4).
    if let Some(email) = &account.email {
        body["email"] = if account.malformed { json!({ "primary": email }) } else { email.as_str().into() };
    }
    if has_attribute && let Some(value) = says(account.says) {
        body[ATTRIBUTE] = value;
    }
    body
}

/// An order (`Order`).
pub(super) fn order(order: &Order, has_attribute: bool) -> Value {
    let name = format!("{} {}", order.first_name, order.last_name);
    let amount = f64::from(order.cents) / 100.0;
    let mut body = json!({
        "billingAddress": { "address1": "45 Main Rd.", "city": "Burlington", "countryCode": "US",
            "firstName": order.first_name, "lastName": order.last_name, "postalCode": "05408", "stateCode": "MA" },
        "channelType": "storefront", "confirmationStatus": "confirmed", "createdBy": "Customer",
        "creationDate": time(order.created), "currency": "USD", "customerInfo": customer_info(order, &name),
        "customerLocale": "en_US", "exportStatus": "not_exported", "lastModified": time(order.modified),
        "orderNo": order_number(order.id), "orderTotal": amount, "paymentStatus": "not_paid",
        "placeDate": time(order.created), "productItems": [], "productSubTotal": amount, "productTotal": amount,
        "shippingStatus": "not_shipped", "siteId": SITE, "status": status(order.status), "taxTotal": 0.0,
        "taxation": "net",
    });
    if has_attribute && let Some(value) = says(order.says) {
        body[ATTRIBUTE] = value;
    }
    body
}

/// A guest has a customer id, and can have a number, too: neither proves an account (`vendors/sfcc.md` section 5).
fn customer_info(order: &Order, name: &str) -> Value {
    let id =
        order.account.map_or_else(|| ids::commerce("guests", order.id), |account| ids::commerce("customers", account));
    let mut info = json!({ "customerId": id, "customerName": name });
    if let Some(email) = &order.email {
        info["email"] = if order.malformed { json!({ "primary": email }) } else { email.as_str().into() };
    }
    if order.guest_flag != GuestFlag::Missing {
        info["guest"] = order.account.is_none().into();
    }
    let numbered = order.guest_flag == GuestFlag::Numbered;
    // A number that is no profile's: profiles count from far below.
    let number = order.account.or_else(|| numbered.then_some(90_000_000 + order.id));
    if let Some(number) = number {
        info["customerNo"] = customer_number(number).into();
    }
    info
}

/// Statuses of the specification (`vendors/sfcc.md` section 5).
const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Draft => "created",
        OrderStatus::Failed => "failed",
        OrderStatus::Cancelled | OrderStatus::Trash => "cancelled",
        OrderStatus::Completed => "completed",
        OrderStatus::Processing | OrderStatus::Pending => "new",
    }
}

/// The attribute's value; absent where it was never set (`vendors/sfcc.md` section 4).
fn says(says: Says) -> Option<Value> {
    match says {
        Says::Yes | Says::YesProtected => Some(true.into()),
        Says::No => Some(false.into()),
        Says::Gibberish => Some("perhaps".into()),
        Says::Nothing | Says::Pending | Says::Invalid | Says::Unconfirmed | Says::Absent => None,
    }
}
