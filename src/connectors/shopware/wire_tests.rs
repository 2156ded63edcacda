use serde_json::json;

use super::*;

const ID: &str = "1f07921f4416f182a32c483ccac2b0e6";
const CHANNEL: &str = "1e03357025d2ad7a43f2e45e0e974cd2";

fn a_customer() -> Value {
    json!({"id": ID, "autoIncrement": 7, "email": "Ben.Okafor@Example.com", "firstName": " Ben ", "lastName": "Okafor",
        "guest": false, "active": true, "doubleOptInRegistration": false, "doubleOptInConfirmDate": null,
        "apiAlias": "customer"})
}

fn a_recipient() -> Value {
    json!({"id": ID, "email": "anna@example.com", "firstName": null, "lastName": null, "status": "optIn",
        "confirmedAt": "2026-01-10T09:20:11.004+00:00", "createdAt": "2026-01-10T09:00:00.000+00:00",
        "salesChannelId": CHANNEL, "apiAlias": "newsletter_recipient"})
}

fn an_order() -> Value {
    json!({"id": ID, "autoIncrement": 3, "apiAlias": "order", "orderCustomer": {"customerId": null,
        "email": "gone@example.com", "firstName": "Gina", "lastName": "Guest", "apiAlias": "order_customer"}})
}

fn with(mut row: Value, pointer: &str, value: Value) -> Value {
    *row.pointer_mut(pointer).unwrap() = value;
    row
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
fn a_customer_is_an_account_and_with_the_flag_a_guest_and_says_nothing() {
    let account = person(customer(&a_customer()));
    assert_eq!((account.kind, account.store_id.as_str()), (PersonKind::Account, ID));
    assert_eq!(
        (account.email.as_deref(), account.first_name.as_deref()),
        (Some("Ben.Okafor@Example.com"), Some("Ben"))
    );
    assert_eq!((account.statement.value, account.statement.at), (OptIn::Unknown, None));
    let guest = person(customer(&with(a_customer(), "/guest", json!(true))));
    assert_eq!(guest.kind, PersonKind::Guest);
}

#[test]
fn an_account_that_was_never_confirmed_is_nobody_yet() {
    let unconfirmed = with(with(a_customer(), "/active", json!(false)), "/doubleOptInRegistration", json!(true));
    assert_eq!(skip(&customer(&unconfirmed)), SkipReason::Unconfirmed);
    let confirmed = with(unconfirmed, "/doubleOptInConfirmDate", json!("2026-01-10T09:00:00.000+00:00"));
    assert_eq!(person(customer(&confirmed)).kind, PersonKind::Account, "switched off later, but an account");
    let switched_off = with(a_customer(), "/active", json!(false));
    assert_eq!(person(customer(&switched_off)).kind, PersonKind::Account);
}

#[test]
fn only_the_status_of_a_newsletter_row_decides() {
    let confirmed = Some("2026-01-10T09:20:11.004Z".parse().unwrap());
    for (status, value, at) in [
        ("optIn", OptIn::Granted, confirmed),
        ("direct", OptIn::Granted, None),
        ("optOut", OptIn::Withdrawn, None),
        ("notSet", OptIn::Unknown, None),
        ("OPTIN", OptIn::Unknown, None),
        ("", OptIn::Unknown, None),
        ("something new", OptIn::Unknown, None),
    ] {
        let statement = person(recipient(&with(a_recipient(), "/status", json!(status)))).statement;
        assert_eq!((statement.value, statement.at), (value, at), "{status}: confirmedAt stays whatever the status");
    }
}

#[test]
fn a_sign_up_without_confirmation_is_no_older_than_its_row() {
    for (pointer, value) in [("/status", json!("direct")), ("/confirmedAt", json!(null))] {
        let statement = person(recipient(&with(a_recipient(), pointer, value))).statement;
        assert_eq!((statement.value, statement.at), (OptIn::Granted, None));
        assert_eq!(statement.since, Some("2026-01-10T09:00:00Z".parse().unwrap()));
    }
}

#[test]
fn a_newsletter_row_is_no_customer_and_keeps_its_words_as_evidence() {
    let person = person(recipient(&a_recipient()));
    assert_eq!(person.kind, PersonKind::Newsletter);
    assert_eq!(person.statement.detail, format!("newsletter_recipient.status optIn, sales channel {CHANNEL}"));
    let odd = with(with(a_recipient(), "/status", json!("anna@example.com")), "/salesChannelId", json!("anna"));
    let StoreRecord::Person(odd) = recipient(&odd) else { panic!("not a person") };
    assert!(!odd.statement.detail.contains("anna"), "{}", odd.statement.detail);
}

#[test]
fn times_with_any_offset_are_the_same_moment() {
    for text in ["2026-01-10T10:20:11.004+01:00", "2026-01-10T09:20:11.004Z", "2026-01-09T23:20:11.004-10:00"] {
        let statement = person(recipient(&with(a_recipient(), "/confirmedAt", json!(text)))).statement;
        assert_eq!(statement.at.unwrap().to_rfc3339(), "2026-01-10T09:20:11.004+00:00");
    }
}

#[test]
fn an_order_of_a_deleted_customer_is_a_guest_and_others_are_nobody() {
    let guest = person(order(&an_order()));
    assert_eq!((guest.kind, guest.email.as_deref()), (PersonKind::Guest, Some("gone@example.com")));
    let covered = with(an_order(), "/orderCustomer/customerId", json!(ID));
    assert_eq!(skip(&order(&covered)), SkipReason::CoveredByAccount);
    let without = with(an_order(), "/orderCustomer", json!(null));
    assert_eq!(skip(&order(&without)), SkipReason::OrderWithoutEmail);
    let mut unanswered = an_order();
    unanswered["orderCustomer"].as_object_mut().unwrap().remove("customerId");
    assert_eq!(malformed(order(&unanswered)), "orderCustomer.customerId: expected text or null");
}

#[test]
fn wrong_types_are_named_without_their_value() {
    let secret = json!({"anna@example.com": "x"});
    for (pointer, problem) in [
        ("/email", "email: expected text"),
        ("/firstName", "firstName: expected text"),
        ("/guest", "guest: expected true or false"),
        ("/active", "active: expected true or false"),
        ("/doubleOptInConfirmDate", "doubleOptInConfirmDate: expected a time with an offset"),
        ("/id", "id: expected 32 hexadecimal digits"),
    ] {
        assert_eq!(malformed(customer(&with(a_customer(), pointer, secret.clone()))), problem);
    }
    for (pointer, value, problem) in [
        ("/status", json!(null), "status: expected text"),
        ("/status", json!(1), "status: expected text"),
        ("/confirmedAt", json!("2026-01-10 09:20:11"), "confirmedAt: expected a time with an offset"),
        ("/createdAt", json!(7), "createdAt: expected a time with an offset"),
    ] {
        assert_eq!(malformed(recipient(&with(a_recipient(), pointer, value))), problem);
    }
    assert_eq!(malformed(customer(&with(a_customer(), "/guest", json!(null)))), "guest: expected true or false");
    assert_eq!(malformed(customer(&json!("anna"))), "record: expected an object");
}

#[test]
fn a_row_without_an_address_is_a_person_without_one() {
    for nothing in [json!(null), json!(""), json!("  ")] {
        assert_eq!(person(customer(&with(a_customer(), "/email", nothing.clone()))).email, None);
        assert_eq!(person(recipient(&with(a_recipient(), "/email", nothing))).email, None);
    }
}
