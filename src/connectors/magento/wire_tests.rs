use proptest::prelude::*;
use serde_json::json;

use super::*;

fn a_customer() -> Value {
    json!({"id": 3, "email": "Mixed.Case3@Example.com", "firstname": "José", "lastname": "Brown & Söns",
        "created_at": "2026-11-21 19:33:16", "updated_at": "2026-11-21 19:33:17", "website_id": 1,
        "extension_attributes": {"is_subscribed": true}})
}

fn an_order() -> Value {
    json!({"entity_id": 1, "customer_email": "Guest0@Example.com", "customer_firstname": "Gäst",
        "customer_lastname": "Nr 0", "store_id": 1, "updated_at": "2026-11-21 19:34:21",
        "billing_address": {"firstname": "Bill", "lastname": "Payer"}})
}

fn a_subscriber() -> Value {
    json!({"subscriber_id": 9, "store_id": 1, "customer_id": 0, "subscriber_email": "news@example.com",
        "subscriber_status": 1, "change_status_at": "2026-03-02 08:00:00"})
}

fn with(mut row: Value, field: &str, value: Value) -> Value {
    row[field] = value;
    row
}

fn without(mut row: Value, field: &str) -> Value {
    row.as_object_mut().unwrap().remove(field);
    row
}

fn person(stream: Stream, row: &Value) -> StorePerson {
    match record(stream, row) {
        StoreRecord::Person(person) => person,
        other => panic!("not a person: {other:?}"),
    }
}

fn malformed(stream: Stream, row: &Value) -> String {
    match record(stream, row) {
        StoreRecord::Malformed { detail, .. } => detail,
        other => panic!("not malformed: {other:?}"),
    }
}

#[test]
fn a_customer_is_an_account_with_an_undated_flag_no_older_than_the_account() {
    let person = person(Stream::Customers, &a_customer());
    assert_eq!((person.kind, person.store_id.as_str()), (PersonKind::Account, "3"));
    assert_eq!(person.email.as_deref(), Some("Mixed.Case3@Example.com"));
    assert_eq!((person.first_name.as_deref(), person.last_name.as_deref()), (Some("José"), Some("Brown & Söns")));
    assert_eq!((person.statement.value, person.statement.at), (OptIn::Granted, None));
    assert_eq!(person.statement.since.unwrap().to_rfc3339(), "2026-11-21T19:33:16+00:00");
    assert_eq!((person.statement.source, person.statement.scope), (OptInSource::NewsletterForm, Scope::Account));
}

#[test]
fn a_no_of_the_flag_is_no_opt_out_by_itself() {
    for flag in [json!({"is_subscribed": false}), json!({}), json!([]), json!({"is_subscribed": "perhaps"})] {
        let person = person(Stream::Customers, &with(a_customer(), "extension_attributes", flag));
        assert_eq!(person.statement.value, OptIn::Unknown);
    }
    assert_eq!(
        person(Stream::Customers, &without(a_customer(), "extension_attributes")).statement.value,
        OptIn::Unknown
    );
}

#[test]
fn a_flag_is_also_read_from_numbers_and_text() {
    let read = |value: Value| flag(&json!({"extension_attributes": {"is_subscribed": value}}));
    assert_eq!([json!(1), json!("1"), json!(true)].map(read), [Flag::Yes; 3]);
    assert_eq!([json!(0), json!("0"), json!(false)].map(read), [Flag::No; 3]);
    assert_eq!([json!(null), json!(2), json!("yes")].map(read), [Flag::Absent; 3]);
}

#[test]
fn an_order_without_a_customer_is_a_guests_whatever_its_flag_says() {
    for flag in [json!(0), json!(1), json!(null)] {
        let guest = person(Stream::Orders, &with(an_order(), "customer_is_guest", flag.clone()));
        assert_eq!((guest.kind, guest.statement.value), (PersonKind::Guest, OptIn::Unknown));
        let of_account = with(with(an_order(), "customer_is_guest", flag), "customer_id", json!(120));
        let covered = record(Stream::Orders, &of_account);
        assert!(matches!(covered, StoreRecord::Skipped { reason: SkipReason::CoveredByAccount, .. }), "{covered:?}");
    }
    for nobody in [json!(null), json!(0), json!("0")] {
        assert_eq!(person(Stream::Orders, &with(an_order(), "customer_id", nobody)).kind, PersonKind::Guest);
    }
}

#[test]
fn a_guest_without_names_has_those_of_the_bill() {
    let named = |order: &Value| {
        let guest = person(Stream::Orders, order);
        (guest.first_name, guest.last_name)
    };
    assert_eq!(named(&an_order()), (Some("Gäst".to_owned()), Some("Nr 0".to_owned())));
    let nameless = without(with(an_order(), "customer_lastname", json!(" ")), "customer_firstname");
    assert_eq!(named(&nameless), (Some("Bill".to_owned()), Some("Payer".to_owned())));
    for nothing in [json!(null), json!([])] {
        assert_eq!(named(&with(nameless.clone(), "billing_address", nothing)), (None, None));
    }
}

#[test]
fn an_order_without_an_address_is_nobody() {
    for nothing in [json!(null), json!(""), json!("  ")] {
        let record = record(Stream::Orders, &with(an_order(), "customer_email", nothing));
        assert!(matches!(record, StoreRecord::Skipped { reason: SkipReason::OrderWithoutEmail, .. }), "{record:?}");
    }
}

#[test]
fn only_status_one_of_a_newsletter_row_is_a_yes_and_only_three_a_no() {
    for (status, value, is_dated) in [
        (json!(1), OptIn::Granted, true),
        (json!("1"), OptIn::Granted, true),
        (json!(2), OptIn::Unknown, false),
        (json!(3), OptIn::Withdrawn, true),
        (json!(4), OptIn::Unknown, false),
        (json!(5), OptIn::Unknown, false),
    ] {
        let row = person(Stream::Subscribers, &with(a_subscriber(), "subscriber_status", status.clone()));
        assert_eq!((row.kind, row.statement.value), (PersonKind::Newsletter, value), "{status}");
        assert_eq!(row.statement.at.is_some(), is_dated, "{status}");
        assert_eq!(row.statement.scope, Scope::Address);
    }
}

#[test]
fn wrong_types_are_named_without_their_value() {
    let secret = json!({"anna@example.com": "x"});
    for (stream, row, fields) in [
        (Stream::Customers, a_customer(), &["id", "email", "firstname", "lastname"][..]),
        (
            Stream::Orders,
            an_order(),
            &["entity_id", "customer_id", "customer_email", "customer_firstname", "customer_lastname"][..],
        ),
        (Stream::Subscribers, a_subscriber(), &["subscriber_id", "subscriber_email", "subscriber_status"][..]),
    ] {
        for field in fields {
            let detail = malformed(stream, &with(row.clone(), field, secret.clone()));
            assert!(detail.starts_with(&format!("{field}: expected ")) && !detail.contains("anna"), "{detail}");
        }
        assert_eq!(malformed(stream, &json!("Anna")), "record: expected an object");
    }
    let bill = malformed(Stream::Orders, &with(an_order(), "billing_address", json!("Anna")));
    assert_eq!(bill, "billing_address: expected an object");
    let status = malformed(Stream::Subscribers, &without(a_subscriber(), "subscriber_status"));
    assert_eq!(status, "subscriber_status: expected a whole number");
    let time = malformed(Stream::Subscribers, &with(a_subscriber(), "change_status_at", json!("yesterday")));
    assert_eq!(time, "change_status_at: expected a time as 2026-01-31 23:59:59");
}

#[test]
fn times_are_utc_without_a_mark() {
    let read = |text: &str| keys(Stream::Orders, &json!({"entity_id": 1, "updated_at": text})).changed;
    assert_eq!(read("2026-03-29 02:30:00").unwrap().to_rfc3339(), "2026-03-29T02:30:00+00:00");
    for other in ["2026-03-29T02:30:00Z", "2026-03-29 02:30:00+02:00", "", "0000-00-00 00:00:00"] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn rows_of_other_store_views_are_not_of_the_chosen_ones() {
    let chosen = BTreeSet::from([2]);
    for (stream, row, field) in [
        (Stream::Customers, a_customer(), "website_id"),
        (Stream::Orders, an_order(), "store_id"),
        (Stream::Subscribers, a_subscriber(), "store_id"),
    ] {
        assert!(!is_of(stream, &row, Some(&chosen)));
        assert!(is_of(stream, &with(row.clone(), field, json!("2")), Some(&chosen)));
        assert!(is_of(stream, &row, None));
        assert!(is_of(stream, &without(row, field), Some(&chosen)));
    }
}

proptest! {
    #[test]
    fn no_row_makes_the_reader_panic(field in proptest::sample::select(vec![
        "id", "entity_id", "subscriber_id", "email", "extension_attributes", "customer_id", "billing_address",
        "subscriber_status", "change_status_at", "updated_at", "created_at", "website_id",
    ]), text in ".*", kind in 0..5) {
        let value = match kind { 0 => json!(text), 1 => json!([text]), 2 => json!({text: 1}), 3 => json!(-1.5), _ => json!(null) };
        for (stream, row) in [
            (Stream::Customers, a_customer()), (Stream::Orders, an_order()), (Stream::Subscribers, a_subscriber()),
        ] {
            let row = with(row, field, value.clone());
            let _ = (record(stream, &row), keys(stream, &row));
        }
    }
}
