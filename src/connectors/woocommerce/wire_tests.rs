use serde_json::json;

use super::*;

fn keys() -> OptInKeys {
    OptInKeys::new(None)
}

fn a_customer() -> Value {
    json!({"id": 7, "email": "Anna@Example.com", "first_name": "Anna &amp; Bo", "last_name": "O&#039;Neil",
        "meta_data": [{"id": 1, "key": "mailchimp_woocommerce_is_subscribed", "value": "1"}]})
}

fn an_order() -> Value {
    json!({"id": 16, "status": "completed", "customer_id": 0, "date_created_gmt": "2025-01-02T12:30:00",
        "billing": {"first_name": "Brown &amp;", "last_name": "", "email": " Guest0@Example.com "},
        "meta_data": [{"id": 7, "key": "_wc_subscribed_to_newsletter", "value": "1"}]})
}

fn with(mut record: Value, pointer: &str, value: Value) -> Value {
    *record.pointer_mut(pointer).unwrap() = value;
    record
}

fn person(record: StoreRecord) -> StorePerson {
    match record {
        StoreRecord::Person(person) => person,
        other => panic!("not a person: {other:?}"),
    }
}

fn skip(record: &StoreRecord) -> SkipReason {
    match record {
        StoreRecord::Skipped { reason, .. } => *reason,
        other => panic!("not skipped: {other:?}"),
    }
}

fn malformed(record: StoreRecord) -> String {
    match record {
        StoreRecord::Malformed { detail, .. } => detail,
        other => panic!("not malformed: {other:?}"),
    }
}

#[test]
fn a_customer_is_an_account_with_decoded_names_and_an_undated_flag() {
    let person = person(customer(&a_customer(), &keys()));
    assert_eq!(person.kind, PersonKind::Account);
    assert_eq!(person.store_id.as_str(), "7");
    assert_eq!(person.email.as_deref(), Some("Anna@Example.com"));
    assert_eq!((person.first_name.as_deref(), person.last_name.as_deref()), (Some("Anna & Bo"), Some("O'Neil")));
    assert_eq!(person.statement.value, OptIn::Granted);
    assert_eq!((person.statement.at, person.statement.scope), (None, Scope::Account));
    assert_eq!(person.statement.detail, "mailchimp_woocommerce_is_subscribed = \"1\"");
}

#[test]
fn a_customer_without_an_address_is_a_person_without_one() {
    for nothing in [json!(""), json!("  "), json!(null)] {
        assert_eq!(person(customer(&with(a_customer(), "/email", nothing), &keys())).email, None);
    }
}

#[test]
fn a_customer_without_the_key_says_nothing() {
    let person = person(customer(&with(a_customer(), "/meta_data", json!([])), &keys()));
    assert_eq!(person.statement.value, OptIn::Unknown);
    assert_eq!(person.statement.detail, "no opt-in key");
}

#[test]
fn a_guest_order_is_a_guest_whose_opt_in_is_as_old_as_the_order() {
    let person = person(order(&an_order(), &keys()));
    assert_eq!(person.kind, PersonKind::Guest);
    assert_eq!(person.email.as_deref(), Some("Guest0@Example.com"));
    assert_eq!(person.first_name.as_deref(), Some("Brown &amp;"), "billing names are not escaped by the store");
    assert_eq!(person.last_name, None);
    assert_eq!(person.statement.value, OptIn::Granted);
    assert_eq!(person.statement.at.unwrap().to_rfc3339(), "2025-01-02T12:30:00+00:00");
    assert_eq!((person.statement.source, person.statement.scope), (OptInSource::Checkout, Scope::Address));
}

#[test]
fn an_explicit_no_at_checkout_is_a_dated_withdrawal() {
    let person = person(order(&with(an_order(), "/meta_data/0/value", json!("0")), &keys()));
    assert_eq!(person.statement.value, OptIn::Withdrawn);
    assert!(person.statement.at.is_some());
}

#[test]
fn a_guest_order_that_says_nothing_has_no_time_of_saying_it() {
    for meta in [json!([]), json!([{"key": "_wc_subscribed_to_newsletter", "value": "maybe"}])] {
        let person = person(order(&with(an_order(), "/meta_data", meta), &keys()));
        assert_eq!((person.statement.value, person.statement.at), (OptIn::Unknown, None));
    }
}

#[test]
fn an_order_of_an_account_counts_only_for_its_opt_in() {
    let of_account = with(an_order(), "/customer_id", json!(4));
    assert_eq!(person(order(&of_account, &keys())).kind, PersonKind::AccountOrder);
    let silent = with(of_account, "/meta_data", json!([]));
    assert_eq!(skip(&order(&silent, &keys())), SkipReason::CoveredByAccount);
}

#[test]
fn orders_that_are_nobody_are_skipped_with_their_reason() {
    for (pointer, value, reason) in [
        ("/status", json!("checkout-draft"), SkipReason::Draft),
        ("/status", json!("auto-draft"), SkipReason::Draft),
        ("/status", json!("trash"), SkipReason::Trashed),
        ("/billing/email", json!(""), SkipReason::OrderWithoutEmail),
        ("/billing/email", json!("Deleted@site.invalid"), SkipReason::Erased),
    ] {
        assert_eq!(skip(&order(&with(an_order(), pointer, value), &keys())), reason, "{pointer}");
    }
}

#[test]
fn wrong_types_are_named_without_their_value() {
    let secret = json!({"anna@example.com": "x"});
    for (pointer, field) in [
        ("/status", "status: expected text"),
        ("/customer_id", "customer_id: expected a whole number"),
        ("/billing", "billing.email: expected text"),
        ("/billing/email", "billing.email: expected text"),
        ("/billing/first_name", "billing.first_name: expected text"),
        ("/billing/last_name", "billing.last_name: expected text"),
        ("/date_created_gmt", "date_created_gmt: expected text"),
        ("/id", "id: expected a whole number"),
    ] {
        let value = if pointer == "/billing" { json!({"email": 7}) } else { secret.clone() };
        assert_eq!(malformed(order(&with(an_order(), pointer, value), &keys())), field);
    }
    for (pointer, field) in [
        ("/email", "email: expected text"),
        ("/first_name", "first_name: expected text"),
        ("/last_name", "last_name: expected text"),
    ] {
        assert_eq!(malformed(customer(&with(a_customer(), pointer, secret.clone()), &keys())), field);
    }
    let bad_time = with(an_order(), "/date_created_gmt", json!("yesterday"));
    assert_eq!(malformed(order(&bad_time, &keys())), "date_created_gmt: expected a time as 2026-01-31T23:59:59");
    assert_eq!(malformed(customer(&json!("Anna"), &keys())), "record: expected an object");
}

#[test]
fn missing_meta_data_is_malformed_and_not_an_opt_out() {
    for missing in [json!(null), json!("none")] {
        let record = customer(&with(a_customer(), "/meta_data", missing), &keys());
        assert_eq!(malformed(record), "meta_data: expected a list");
    }
}

#[test]
fn an_order_without_a_customer_id_is_not_a_guests() {
    let mut record = an_order();
    record.as_object_mut().unwrap().remove("customer_id");
    assert_eq!(malformed(order(&record, &keys())), "customer_id: expected a whole number");
}

#[test]
fn a_list_with_holes_as_php_writes_it_is_read() {
    let holes = json!({"0": {"key": "a", "value": 1}, "2": {"key": "assent_marketing_opt_in", "value": "yes"}});
    let value = |meta| person(customer(&with(a_customer(), "/meta_data", meta), &keys())).statement.value;
    assert_eq!(value(holes), OptIn::Granted);
    let odd = json!([7, {"value": 1}, {"key": 3, "value": 1}]);
    assert_eq!(value(odd), OptIn::Unknown);
}

proptest::proptest! {
    #[test]
    fn no_record_makes_the_reader_panic(pointer in proptest::sample::select(vec![
        "/id", "/status", "/customer_id", "/date_created_gmt", "/billing", "/meta_data", "/meta_data/0", "/billing/email",
    ]), text in ".*", kind in 0..5) {
        let value = match kind { 0 => json!(text), 1 => json!([text]), 2 => json!({text: 1}), 3 => json!(-1.5), _ => json!(null) };
        let _ = order(&with(an_order(), pointer, value), &keys());
    }
}
