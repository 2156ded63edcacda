//! What a record means, against the vendor's shapes and against damaged ones.

use serde_json::json;

use super::*;
use crate::connectors::Settings;
use crate::connectors::bigcommerce::settings::{BigCommerceSettings, FIELDS};

fn row(record: &Value) -> Row {
    serde_json::from_value(record.clone()).unwrap()
}

fn channels(ids: &Value) -> Channels {
    let input = json!({"storeHash": "a", "accessToken": "t", "clientSecret": "s", "channelIds": ids});
    let settings = Settings::parse(FIELDS, input.as_object().unwrap().clone()).unwrap();
    BigCommerceSettings::read(&settings).unwrap().channels
}

/// A record in short: what it is and says, or why it is nobody.
fn read(stream: Stream, record: &Value) -> String {
    short(&super::record(stream, &row(record), &Channels::default()))
}

fn short(record: &StoreRecord) -> String {
    match record {
        StoreRecord::Person(person) => format!("{} {}", person.kind, person.statement.value),
        StoreRecord::Skipped { reason, .. } => reason.to_string(),
        StoreRecord::Malformed { detail, .. } => detail.clone(),
    }
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut record = base.clone();
    record[name] = value;
    record
}

fn subscriber_row() -> Value {
    json!({"id": 501, "email": " Ada@Example.com ", "first_name": "Ada", "last_name": "", "source": "storefront",
        "order_id": null, "channel_id": 1, "consents": ["marketing_newsletter"],
        "date_created": "2026-09-01T09:00:00Z", "date_modified": "2026-10-01T08:00:00Z"})
}

fn order_row() -> Value {
    json!({"id": 1002, "customer_id": 0, "status_id": 11, "is_deleted": false, "is_email_opt_in": true, "channel_id": 1,
        "date_created": "Thu, 01 Oct 2026 08:15:05 +0000", "date_modified": "Thu, 01 Oct 2026 08:16:00 +0000",
        "billing_address": {"first_name": "Gil", "last_name": "Guest", "email": "gil@example.com"}})
}

#[test]
fn only_the_newsletter_consent_is_an_opt_in() {
    for (consents, expected) in [
        (json!(["marketing_newsletter"]), "newsletter granted"),
        (json!(["abandoned_cart", "marketing_newsletter"]), "newsletter granted"),
        (json!(["abandoned_cart"]), "newsletter unknown"),
        (json!([]), "newsletter unknown"),
        (json!(null), "newsletter unknown"),
        (json!(["MARKETING_NEWSLETTER", "newsletter", 1, null]), "newsletter unknown"),
        (json!("marketing_newsletter"), "consents: expected a list"),
    ] {
        assert_eq!(
            read(Stream::Subscribers, &with(&subscriber_row(), "consents", consents.clone())),
            expected,
            "{consents}"
        );
    }
    let mut old = subscriber_row();
    old.as_object_mut().unwrap().remove("consents");
    assert_eq!(read(Stream::Subscribers, &old), "newsletter unknown");
}

#[test]
fn a_consent_has_no_time_but_is_no_older_than_its_record() {
    let record = super::record(Stream::Subscribers, &row(&subscriber_row()), &Channels::default());
    let StoreRecord::Person(person) = record else { panic!("a subscriber is a person") };
    assert_eq!(person.email.as_deref(), Some("Ada@Example.com"));
    assert_eq!((person.statement.at, person.statement.scope), (None, Scope::Address));
    assert_eq!(person.statement.since, "2026-09-01T09:00:00Z".parse().ok());
    assert_eq!(person.statement.detail, "marketing_newsletter, source storefront");
}

#[test]
fn customers_say_nothing_about_marketing() {
    let customer = json!({"id": 11, "email": "ada@example.com", "first_name": "Ada", "last_name": "A",
        "accepts_product_review_abandoned_cart_emails": true, "accepts_marketing": true, "channel_ids": [1]});
    assert_eq!(read(Stream::Customers, &customer), "account unknown");
}

#[test]
fn guests_are_buyers_without_an_account() {
    let base = order_row();
    for (field, value, expected) in [
        ("customer_id", json!(0), "guest granted"),
        ("customer_id", json!(null), "guest granted"),
        ("customer_id", json!(7), "covered_by_account"),
        ("customer_id", json!("7"), "customer_id: expected a whole number"),
        ("is_email_opt_in", json!(false), "guest unknown"),
        ("is_email_opt_in", json!(null), "guest unknown"),
        ("is_email_opt_in", json!("true"), "is_email_opt_in: expected true or false"),
        ("status_id", json!(0), "draft"),
        ("status_id", json!(null), "status_id: expected a whole number"),
        ("is_deleted", json!(true), "trashed"),
        ("billing_address", json!({"email": " "}), "order_without_email"),
        ("billing_address", json!({"email": 7}), "billing_address.email: expected text"),
        ("billing_address", json!([]), "billing_address: expected an object"),
        ("id", json!("x"), "id: expected a whole number"),
    ] {
        assert_eq!(read(Stream::Orders, &with(&base, field, value.clone())), expected, "{field} {value}");
    }
    assert_eq!(read(Stream::Orders, &json!("four")), "record: expected an object");
}

#[test]
fn a_tick_is_dated_by_its_order() {
    let record = super::record(Stream::Orders, &row(&order_row()), &Channels::default());
    let StoreRecord::Person(person) = record else { panic!("a guest is a person") };
    assert_eq!(person.statement.at, "2026-10-01T08:15:05Z".parse().ok());
}

#[test]
fn times_come_in_three_spellings() {
    for text in
        ["2026-10-01T08:15:05Z", "2026-10-01T08:15:05+00:00", "2026-10-01T08:15:05", "Thu, 01 Oct 2026 08:15:05 +0000"]
    {
        assert_eq!(modified(&row(&json!({"date_modified": text}))), "2026-10-01T08:15:05Z".parse().ok(), "{text}");
    }
    for text in [json!(""), json!("soon"), json!(null), json!(1_790_000_000)] {
        assert_eq!(modified(&row(&json!({"date_modified": text}))), None, "{text}");
    }
}

#[test]
fn who_is_in_another_channel_is_passed_over() {
    let two = channels(&json!(["2"]));
    let is_read = |stream, record: &Value| short(&super::record(stream, &row(record), &two)) != "other_channel";
    let customer = |ids: Value| json!({"id": 1, "email": "a@example.com", "channel_ids": ids});
    for (ids, expected) in [(json!([1]), false), (json!([1, 2]), true), (json!([]), false), (json!(null), true)] {
        assert_eq!(is_read(Stream::Customers, &customer(ids.clone())), expected, "{ids}");
    }
    for (id, expected) in [(json!(1), false), (json!(2), true), (json!(null), false)] {
        assert_eq!(is_read(Stream::Orders, &with(&order_row(), "channel_id", id)), expected);
    }
}

#[test]
fn a_subscriber_of_another_channel_is_a_row_without_a_yes() {
    let two = channels(&json!(["2"]));
    let row_in = |channel: Value, consents: Value| {
        let record = with(&with(&subscriber_row(), "channel_id", channel), "consents", consents);
        match super::record(Stream::Subscribers, &row(&record), &two) {
            StoreRecord::Person(person) => person,
            other => panic!("not a person: {other:?}"),
        }
    };
    let yes = json!(["marketing_newsletter"]);
    for (channel, scope) in [(json!(2), Scope::Address), (json!(1), Scope::Elsewhere), (json!(null), Scope::Elsewhere)]
    {
        let person = row_in(channel.clone(), yes.clone());
        assert_eq!((person.kind, person.statement.scope), (PersonKind::Newsletter, scope), "{channel}");
        assert_eq!(person.first_name.is_some(), scope == Scope::Address, "{channel}");
    }
    let no = row_in(json!(1), json!([])).statement;
    assert_eq!((no.value, no.scope), (OptIn::Unknown, Scope::Address), "a no counts, wherever it was said");
}
