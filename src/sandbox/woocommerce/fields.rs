//! A customer and an order, field by field as recorded; only the fields asked for are made.

use chrono::DateTime;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::params::Fields;
use crate::sandbox::population::mix;
use crate::sandbox::records::{Account, Order, OrderStatus, Says, Second, Standing};
use crate::sandbox::server::Shared;

/// Release whose answers these are.
pub(super) const VERSION: &str = "11.0.1";

/// Default keys of the sheet's decision (section 8), readable ones.
const KEYS: [&str; 4] = [
    "assent_marketing_opt_in",
    "assent_marketing_opt_in",
    "assent_marketing_opt_in",
    "mailchimp_woocommerce_is_subscribed",
];
/// Protected: hidden on customers, shown on orders (sheet, section 2).
const PROTECTED_KEY: &str = "_wc_subscribed_to_newsletter";

/// Where a site is and how far its clock is ahead of UTC, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) url: &'a str,
    pub(super) ahead: Second,
}

impl<'a> Site<'a> {
    pub(super) fn of(shared: &'a Shared) -> Self {
        Self { url: &shared.base_url, ahead: shared.seconds_ahead() }
    }
}

type Field<T> = (&'static str, fn(&T, &Site<'_>) -> Value);

const CUSTOMER: &[Field<Account>] = &[
    ("id", |account, _| account.id.into()),
    ("date_created", |account, site| site_time(site, account.created)),
    ("date_created_gmt", |account, _| utc(account.created)),
    // Null where never saved (sheet, section 2).
    ("date_modified", |account, site| shown(account.shows_modified, site_time(site, account.modified))),
    ("date_modified_gmt", |account, _| shown(account.shows_modified, utc(account.modified))),
    ("email", |account, _| match &account.email {
        _ if account.malformed => Value::Bool(false),
        Some(email) => email.as_str().into(),
        // May be the empty string (recorded).
        None => "".into(),
    }),
    // User-level names are stored HTML-escaped, billing names are not (recorded).
    ("first_name", |account, _| escaped(&account.first_name)),
    ("last_name", |account, _| escaped(&account.last_name)),
    ("role", |account, _| role(account.standing).into()),
    ("username", |account, _| format!("cust{:03}", account.id).into()),
    ("billing", |account, _| customer_billing(account)),
    ("shipping", |_, _| customer_address()),
    ("is_paying_customer", |account, _| (account.orders > 0).into()),
    ("avatar_url", |account, _| avatar(account.email.as_deref().unwrap_or_default()).into()),
    ("meta_data", |account, _| Value::Array(customer_meta(account))),
    ("_links", |account, site| customer_links(account, site.url)),
];

const ORDER: &[Field<Order>] = &[
    ("id", |order, _| order.id.into()),
    ("parent_id", |_, _| 0.into()),
    ("status", |order, _| status_word(order.status).into()),
    ("currency", |_, _| "EUR".into()),
    ("version", |_, _| VERSION.into()),
    ("prices_include_tax", |_, _| false.into()),
    ("date_created", |order, site| site_time(site, order.created)),
    ("date_modified", |order, site| site_time(site, order.modified)),
    ("discount_total", |_, _| "0.00".into()),
    ("discount_tax", |_, _| "0.00".into()),
    ("shipping_total", |_, _| "0.00".into()),
    ("shipping_tax", |_, _| "0.00".into()),
    ("cart_tax", |_, _| "0.00".into()),
    ("total", |order, _| money(order.cents).into()),
    ("total_tax", |_, _| "0.00".into()),
    ("customer_id", |order, _| order.account.unwrap_or_default().into()),
    ("order_key", |order, _| order_key(order).into()),
    ("billing", |order, _| order_billing(order)),
    ("shipping", |_, _| order_address("", "", "")),
    ("payment_method", |_, _| "bacs".into()),
    ("payment_method_title", |_, _| "Überweisung".into()),
    ("transaction_id", |_, _| "".into()),
    ("customer_ip_address", |_, _| "".into()),
    ("customer_user_agent", |_, _| "".into()),
    ("created_via", |_, _| "checkout".into()),
    ("customer_note", |_, _| "".into()),
    ("date_completed", |order, site| shown(is_completed(order), site_time(site, order.created))),
    ("date_paid", |order, site| shown(is_paid(order), site_time(site, order.created))),
    ("cart_hash", |_, _| "".into()),
    ("number", |order, _| order.id.to_string().into()),
    ("meta_data", |order, _| Value::Array(order_meta(order))),
    ("line_items", |order, _| json!([line_item(order)])),
    ("tax_lines", |_, _| json!([])),
    ("shipping_lines", |_, _| json!([])),
    ("fee_lines", |_, _| json!([])),
    ("coupon_lines", |_, _| json!([])),
    ("refunds", |_, _| json!([])),
    ("payment_url", |order, site| {
        format!("{}/checkout/order-pay/{}/?pay_for_order=true&key={}", site.url, order.id, order_key(order)).into()
    }),
    ("is_editable", |order, _| (order.status == OrderStatus::Pending).into()),
    ("needs_payment", |order, _| matches!(order.status, OrderStatus::Pending | OrderStatus::Failed).into()),
    ("needs_processing", |_, _| true.into()),
    ("date_created_gmt", |order, _| utc(order.created)),
    ("date_modified_gmt", |order, _| utc(order.modified)),
    ("date_completed_gmt", |order, _| shown(is_completed(order), utc(order.created))),
    ("date_paid_gmt", |order, _| shown(is_paid(order), utc(order.created))),
    ("currency_symbol", |_, _| "€".into()),
    ("_links", |order, site| order_links(order, site.url)),
];

pub(super) fn customer(account: &Account, site: &Site<'_>, wanted: &Fields<'_>) -> Value {
    build(CUSTOMER, account, site, wanted)
}

pub(super) fn order(order: &Order, site: &Site<'_>, wanted: &Fields<'_>) -> Value {
    build(ORDER, order, site, wanted)
}

fn build<T>(fields: &[Field<T>], record: &T, site: &Site<'_>, wanted: &Fields<'_>) -> Value {
    let asked = fields.iter().filter(|(name, _)| wanted.wants(name));
    let made: Map<_, _> =
        asked.map(|(name, make)| ((*name).to_owned(), wanted.trim(name, make(record, site)))).collect();
    Value::Object(made)
}

pub(super) const fn status_word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Completed => "completed",
        OrderStatus::Processing => "processing",
        OrderStatus::Pending => "pending",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Failed => "failed",
        OrderStatus::Draft => "checkout-draft",
        OrderStatus::Trash => "trash",
    }
}

/// Who has the roles subscriber and customer is shown as subscriber (recorded).
const fn role(standing: Standing) -> &'static str {
    match standing {
        Standing::PlainUser | Standing::SubscriberAndCustomer => "subscriber",
        Standing::ShopManager => "shop_manager",
        _ => "customer",
    }
}

/// No `Z` and no offset, also in the `_gmt` fields (recorded).
pub(super) fn utc(second: Second) -> Value {
    DateTime::from_timestamp(second, 0).map(|time| time.format("%Y-%m-%dT%H:%M:%S").to_string()).into()
}

pub(super) fn site_time(site: &Site<'_>, second: Second) -> Value {
    utc(second + site.ahead)
}

fn shown(is_shown: bool, value: Value) -> Value {
    if is_shown { value } else { Value::Null }
}

fn escaped(name: &str) -> Value {
    if name.contains('&') { name.replace('&', "&amp;").into() } else { name.into() }
}

fn money(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn is_completed(order: &Order) -> bool {
    order.status == OrderStatus::Completed
}

fn is_paid(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Completed | OrderStatus::Processing)
}

fn order_key(order: &Order) -> String {
    format!("wc_order_{:013x}", mix(order.id, 7) >> 12)
}

/// A hash of the address (recorded).
fn avatar(email: &str) -> String {
    let hash = Sha256::digest(email.trim().to_lowercase().as_bytes());
    let mut url = String::from("https://secure.gravatar.com/avatar/");
    for byte in hash {
        url.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        url.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    url.push_str("?s=96&d=mm&r=g");
    url
}

fn customer_address() -> Value {
    json!({ "first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "", "city": "",
        "postcode": "", "country": "", "state": "", "phone": "" })
}

/// May be another address than the account's, or empty (sheet, section 2).
fn customer_billing(account: &Account) -> Value {
    let email = account.billing_email.as_ref().or(account.email.as_ref().filter(|_| account.orders > 0));
    json!({ "first_name": account.first_name, "last_name": account.last_name, "company": "", "address_1": "Straße 1",
        "address_2": "", "city": "Łódź", "postcode": "00001", "country": "DE", "state": "",
        "email": email.map(String::as_str).unwrap_or_default(), "phone": "" })
}

fn order_address(first_name: &str, last_name: &str, country: &str) -> Value {
    json!({ "first_name": first_name, "last_name": last_name, "company": "", "address_1": "", "address_2": "",
        "city": "", "state": "", "postcode": "", "country": country, "phone": "" })
}

fn order_billing(order: &Order) -> Value {
    if order.malformed {
        // What PHP makes of an empty map.
        return json!([]);
    }
    let mut billing = order_address(&order.first_name, &order.last_name, "DE");
    billing["email"] = order.email.as_deref().unwrap_or_default().into();
    billing
}

/// Truthy and falsy values as seen in the wild (sheet, section 4).
fn flag(id: u64, says: Says) -> Option<Value> {
    let pick = |values: [Value; 5]| values[usize::try_from(mix(id, 11) % 5).unwrap_or_default()].clone();
    match says {
        Says::Yes | Says::YesProtected => Some(pick(["1".into(), 1.into(), true.into(), "yes".into(), "on".into()])),
        Says::No => Some(pick(["0".into(), 0.into(), "".into(), "no".into(), "0".into()])),
        Says::Gibberish => {
            Some(pick(["maybe".into(), 2.into(), json!({ "asked": "twice" }), json!(["x"]), "?".into()]))
        }
        Says::Nothing | Says::Pending | Says::Invalid | Says::Unconfirmed | Says::Absent => None,
    }
}

fn key(id: u64) -> &'static str {
    KEYS[usize::try_from(mix(id, 13) % 4).unwrap_or_default()]
}

/// Keys that start with `_` are hidden on customers (sheet, section 2).
fn customer_meta(account: &Account) -> Vec<Value> {
    let colour = json!({ "id": account.id * 20, "key": "favourite_colour", "value": "grün" });
    let hidden = account.says == Says::YesProtected;
    let flag = flag(account.id, account.says).filter(|_| !hidden);
    let flag = flag.map(|value| json!({ "id": account.id * 20 + 1, "key": key(account.id), "value": value }));
    [Some(colour), flag].into_iter().flatten().collect()
}

fn order_meta(order: &Order) -> Vec<Value> {
    let key = if order.says == Says::YesProtected { PROTECTED_KEY } else { key(order.id) };
    let flag = flag(order.id, order.says).map(|value| json!({ "id": order.id * 20, "key": key, "value": value }));
    flag.into_iter().collect()
}

fn line_item(order: &Order) -> Value {
    let total = money(order.cents);
    json!({ "id": order.id, "name": "Größe XL \"Hoodie\"", "product_id": 12, "variation_id": 0, "quantity": 1,
        "tax_class": "", "subtotal": total, "subtotal_tax": "0.00", "total": total, "total_tax": "0.00", "taxes": [],
        "meta_data": [], "sku": "HOOD-XL", "global_unique_id": "", "price": f64::from(order.cents) / 100.0,
        "image": { "id": "", "src": "" }, "parent_name": null })
}

fn links(base: &str, collection: &str, id: u64) -> Value {
    let collection = format!("{base}/wp-json/wc/v3/{collection}");
    json!({
        "self": [{ "href": format!("{collection}/{id}"),
            "targetHints": { "allow": ["GET", "POST", "PUT", "PATCH", "DELETE"] } }],
        "collection": [{ "href": collection }],
    })
}

fn customer_links(account: &Account, base: &str) -> Value {
    links(base, "customers", account.id)
}

fn order_links(order: &Order, base: &str) -> Value {
    let mut links = links(base, "orders", order.id);
    let templates = format!("{base}/wp-json/wc/v3/orders/{}/actions/email_templates", order.id);
    links["email_templates"] = json!([{ "embeddable": true, "href": templates }]);
    if let Some(account) = order.account {
        links["customer"] = json!([{ "href": format!("{base}/wp-json/wc/v3/customers/{account}") }]);
    }
    links
}
