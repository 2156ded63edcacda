//! Entities as the Admin API shows them: every column, null where it is empty (sheet, list on top).
//!
//! Field by field as in the examples `search_customer_delta.json`, `search_newsletter_recipient_all.json`,
//! `search_order_customer_deleted.json` and `search_sales_channel_200.json`.

use chrono::DateTime;
use serde_json::{Value, json};

use super::channel_id;
use crate::sandbox::ids;
use crate::sandbox::records::{Account, Order, Row, Says, Second, Standing};

/// The only version of an order that is not a draft.
const LIVE_VERSION: &str = "0fa91ce3e96a4bc2be4bd9ce752c3425";
/// The language that every shop has.
pub(super) const LANGUAGE: &str = "2fbb5fe2e29a4d70aa5854ce7ce3e20b";

/// `notSet`, `direct`, `optIn` or `optOut` (sheet, section 4).
pub(super) const fn status(row: &Row) -> &'static str {
    match (row.says, row.confirmed_at) {
        (Says::Yes, Some(_)) => "optIn",
        (Says::Yes, None) => "direct",
        (Says::No, _) => "optOut",
        _ => "notSet",
    }
}

/// Always UTC with milliseconds (sheet, section 2).
fn time(second: Second) -> String {
    let time = DateTime::from_timestamp(second, 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S.000+00:00").to_string()
}

fn updated(second: Second, shown: bool) -> Option<String> {
    shown.then(|| time(second))
}

fn email(email: Option<&String>, malformed: bool) -> Value {
    match email {
        _ if malformed => json!(7),
        Some(email) => json!(email),
        None => Value::Null,
    }
}

/// An id of something that nobody here has, always the same.
fn other(kind: &str) -> String {
    ids::text(kind, 1)
}

fn with_frame(mut entity: Value, id: &str, alias: &str) -> Value {
    entity["id"] = id.into();
    entity["_uniqueIdentifier"] = id.into();
    entity["translated"] = json!([]);
    entity["extensions"] = json!({ "foreignKeys": { "apiAlias": null, "extensions": [] } });
    entity["apiAlias"] = alias.into();
    entity
}

pub(super) fn customer(account: &Account) -> Value {
    let is_unconfirmed = account.standing == Standing::Unconfirmed;
    let bound = (account.channel != 0).then(|| channel_id(account.channel));
    let entity = json!({
        "groupId": other("group"), "salesChannelId": channel_id(account.channel), "languageId": LANGUAGE,
        "lastPaymentMethodId": null, "defaultBillingAddressId": ids::text("addresses", account.id),
        "defaultShippingAddressId": ids::text("addresses", account.id), "customerNumber": account.id.to_string(),
        "salutationId": null, "firstName": account.first_name, "lastName": account.last_name, "company": null,
        "email": email(account.email.as_ref(), account.malformed), "title": null, "vatIds": null, "affiliateCode": null,
        "campaignCode": null, "active": !is_unconfirmed, "doubleOptInRegistration": is_unconfirmed,
        "doubleOptInEmailSentDate": is_unconfirmed.then(|| time(account.created)), "doubleOptInConfirmDate": null,
        "hash": null, "guest": account.standing == Standing::Guest, "firstLogin": null, "lastLogin": null,
        "accountType": "private", "birthday": null,
        // Completed orders only, written without moving a date; the ones here are never completed.
        "lastOrderDate": null, "orderCount": 0, "orderTotalAmount": 0.0, "reviewCount": 0,
        "autoIncrement": account.id, "tagIds": null, "remoteAddress": "198.51.100.0", "requestedGroupId": null,
        "boundSalesChannelId": bound, "createdById": null, "updatedById": null, "customFields": null,
        "createdAt": time(account.created), "updatedAt": updated(account.modified, account.shows_modified),
        "versionId": null,
    });
    with_frame(entity, &ids::text("customers", account.id), "customer")
}

pub(super) fn recipient(row: &Row) -> Value {
    let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let entity = json!({
        "email": email(row.email.as_ref(), row.malformed), "title": null, "firstName": name(&row.first_name),
        "lastName": name(&row.last_name), "zipCode": null, "city": null, "street": null, "status": status(row),
        "hash": ids::text("hashes", row.id), "salutationId": null, "salutation": null, "languageId": LANGUAGE,
        "language": null, "salesChannelId": channel_id(row.channel), "salesChannel": null,
        "confirmedAt": row.confirmed_at.map(time), "tags": null, "customFields": null, "createdAt": time(row.created),
        "updatedAt": updated(row.modified, row.shows_modified), "versionId": null,
    });
    with_frame(entity, &ids::text("subscribers", row.id), "newsletter_recipient")
}

pub(super) fn order(order: &Order, with_customer: bool) -> Value {
    let id = ids::text("orders", order.id);
    let price = f64::from(order.cents) / 100.0;
    let rounding = json!({ "decimals": 2, "interval": 0.01, "roundForNet": true, "extensions": [] });
    let customer = with_customer.then(|| order_customer(order, &id));
    let entity = json!({
        "orderNumber": order.id.to_string(), "billingAddressId": ids::text("order addresses", order.id),
        "currencyId": other("currency"), "languageId": LANGUAGE, "salesChannelId": channel_id(0),
        "orderDateTime": time(order.created), "orderDate": time(order.created - order.created.rem_euclid(86_400)),
        "price": { "netPrice": price, "totalPrice": price, "calculatedTaxes": [], "taxRules": [], "positionPrice": price,
            "rawTotal": price, "taxStatus": "tax-free", "apiAlias": "cart_price" },
        "amountTotal": price, "amountNet": price, "positionPrice": price, "taxStatus": "tax-free", "shippingTotal": 0,
        "currencyFactor": 1, "deepLinkCode": ids::text("links", order.id), "affiliateCode": null, "campaignCode": null,
        "customerComment": null, "internalComment": null, "source": null, "stateId": other("state"), "ruleIds": [],
        "customFields": null, "createdById": null, "updatedById": null, "itemRounding": rounding,
        "totalRounding": rounding, "autoIncrement": order.id, "orderCustomer": customer,
        "createdAt": time(order.created), "updatedAt": time(order.modified), "versionId": LIVE_VERSION,
    });
    with_frame(entity, &id, "order")
}

/// A copy made at order time; `customerId` is null once the customer is deleted (sheet, section 3).
fn order_customer(order: &Order, order_id: &str) -> Value {
    let entity = json!({
        "versionId": LIVE_VERSION, "customerId": order.account.map(|account| ids::text("customers", account)),
        "orderId": order_id, "orderVersionId": LIVE_VERSION, "email": email(order.email.as_ref(), order.malformed),
        "salutationId": null, "firstName": order.first_name, "lastName": order.last_name, "company": null, "title": null,
        "vatIds": null, "customerNumber": null, "customer": null, "salutation": null, "remoteAddress": "198.51.100.0",
        "customFields": null, "createdAt": time(order.created), "updatedAt": null,
    });
    with_frame(entity, &ids::text("order customers", order.id), "order_customer")
}

pub(super) fn sales_channel(id: &str, name: &str) -> Value {
    let entity = json!({
        "typeId": other("type"), "languageId": LANGUAGE, "currencyId": other("currency"),
        "paymentMethodId": other("payment"), "shippingMethodId": other("shipping"), "countryId": other("country"),
        "navigationCategoryId": other("category"), "customerGroupId": other("group"), "accessKey": format!("SWSC{id}"),
        "name": name, "active": true, "maintenance": false, "homeEnabled": true,
        "createdAt": "2022-06-01T09:00:00.000+00:00", "updatedAt": null,
    });
    let mut entity = with_frame(entity, id, "sales_channel");
    entity["translated"] = json!({ "name": name });
    entity
}
