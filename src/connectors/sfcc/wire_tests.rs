use super::*;
use serde_json::json;

const ATTRIBUTE: Option<&str> = Some("c_acceptsMarketing");

/// A profile in the vendor's shape with some fields set otherwise; `null` stands for a field that is not there.
fn profile(changes: &Value) -> Value {
    let row = json!({"customerId": "abAnna0001", "customerNo": "00001001", "email": "anna@example.com",
        "firstName": "Anna", "lastName": "Berg", "creationDate": "2026-01-04T09:12:41.000Z",
        "lastModified": "2026-03-02T08:00:01.120Z", "credentials": {"enabled": true, "login": "anna"}});
    with(row, changes)
}

fn guest_order(changes: &Value) -> Value {
    let row = json!({"orderNo": "00009001", "status": "new", "creationDate": "2026-03-02T08:01:10.000Z",
        "lastModified": "2026-03-02T08:01:15.310Z", "siteId": "RefArch",
        "customerInfo": {"customerId": "abGuest1", "customerName": "Eli Noon", "email": "eli@example.com", "guest": true},
        "billingAddress": {"firstName": "Eli", "lastName": "Noon"}});
    with(row, changes)
}

fn with(mut row: Value, changes: &Value) -> Value {
    for (field, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(row.as_object_mut().unwrap().remove(field)),
            value => row[field] = value.clone(),
        }
    }
    row
}

fn person(record: StoreRecord) -> StorePerson {
    match record {
        StoreRecord::Person(person) => person,
        other => panic!("no person: {other:?}"),
    }
}

fn order_of(row: &Value) -> StoreRecord {
    order(row, "RefArch", ATTRIBUTE, |_| false)
}

fn skipped(record: &StoreRecord) -> Option<SkipReason> {
    match record {
        StoreRecord::Skipped { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn a_profile_is_known_by_its_customer_id_whatever_its_number() {
    let one = person(customer(&profile(&json!({})), ATTRIBUTE));
    let renumbered = person(customer(&profile(&json!({"customerNo": "77"})), ATTRIBUTE));
    assert_eq!(one.store_id, StoreId::new("abAnna0001"));
    assert_eq!(renumbered.store_id, one.store_id);
    assert_eq!(one.payload_hash(), renumbered.payload_hash());
    assert_eq!((one.first_name.as_deref(), one.last_name.as_deref()), (Some("Anna"), Some("Berg")));
}

#[test]
fn an_absent_attribute_is_not_a_no() {
    let statement =
        |value: Value| person(customer(&profile(&json!({"c_acceptsMarketing": value})), ATTRIBUTE)).statement;
    assert_eq!(statement(Value::Null).value, OptIn::Unknown);
    assert_eq!(statement(json!(false)).value, OptIn::Withdrawn);
    assert_eq!(statement(json!(true)).value, OptIn::Granted);
    assert_eq!(statement(json!(true)).detail, "c_acceptsMarketing = true");
    assert_eq!(statement(json!(true)).source, OptInSource::CustomAttribute);
}

#[test]
fn only_known_values_are_a_word() {
    for (value, expected) in [
        (json!("true"), OptIn::Granted),
        (json!(" Yes "), OptIn::Granted),
        (json!(1), OptIn::Granted),
        (json!("1"), OptIn::Granted),
        (json!("FALSE"), OptIn::Withdrawn),
        (json!("no"), OptIn::Withdrawn),
        (json!(0), OptIn::Withdrawn),
        (json!(""), OptIn::Unknown),
        (json!("pending"), OptIn::Unknown),
        (json!(2), OptIn::Unknown),
        (json!(1.5), OptIn::Unknown),
        (json!(["true"]), OptIn::Unknown),
        (json!({"value": true}), OptIn::Unknown),
        (Value::Null, OptIn::Unknown),
    ] {
        assert_eq!(meaning(&value), expected, "{value}");
    }
}

#[test]
fn without_an_attribute_in_the_settings_no_value_counts() {
    let row = profile(&json!({"c_acceptsMarketing": true}));
    assert_eq!(person(customer(&row, None)).statement.value, OptIn::Unknown);
    assert_eq!(person(customer(&row, Some("c_newsletter"))).statement.value, OptIn::Unknown);
    assert!(!carries(&row, None));
    assert!(carries(&row, ATTRIBUTE));
}

#[test]
fn the_opt_in_of_a_profile_is_undated_and_its_accounts() {
    let statement = person(customer(&profile(&json!({"c_acceptsMarketing": true})), ATTRIBUTE)).statement;
    assert_eq!(statement.at, None);
    assert_eq!(statement.since, date(&profile(&json!({})), "creationDate"));
    assert_eq!(statement.scope, Scope::Account);
}

#[test]
fn an_address_is_optional_and_a_login_is_none() {
    let row = profile(&json!({"email": null, "credentials": {"login": "anna@example.com"}}));
    assert_eq!(person(customer(&row, ATTRIBUTE)).email, None);
    assert_eq!(person(customer(&profile(&json!({"email": "  "})), ATTRIBUTE)).email, None);
}

#[test]
fn a_value_that_could_be_personal_is_not_shown() {
    let statement = person(customer(&profile(&json!({"c_acceptsMarketing": "anna@example.com"})), ATTRIBUTE)).statement;
    assert!(!statement.detail.contains("anna"), "{}", statement.detail);
}

#[test]
fn a_profile_of_another_shape_is_told_by_field_and_type() {
    for (row, id, told) in [
        (profile(&json!({"email": 7})), Some("abAnna0001"), "email: expected text"),
        (profile(&json!({"lastName": []})), Some("abAnna0001"), "lastName: expected text"),
        (profile(&json!({"customerId": null})), None, "customerId: expected text"),
        (profile(&json!({"customerId": 12})), None, "customerId: expected text"),
        (json!("Anna"), None, "record: expected an object"),
    ] {
        match customer(&row, ATTRIBUTE) {
            StoreRecord::Malformed { store_id, detail } => {
                assert_eq!((store_id, detail.as_str()), (id.map(StoreId::new), told));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_guest_flag_alone_tells_a_guest() {
    let customer_info = |guest: Value| {
        json!({"customerInfo": {"customerId": "abX", "customerNo": "00009904",
        "email": "eli@example.com", "guest": guest}})
    };
    let guest = person(order_of(&guest_order(&customer_info(json!(true)))));
    assert_eq!((guest.kind, guest.email.as_deref()), (PersonKind::Guest, Some("eli@example.com")));
    let account = order_of(&guest_order(&customer_info(json!(false))));
    assert_eq!(skipped(&account), Some(SkipReason::CoveredByAccount));
    assert!(matches!(order_of(&guest_order(&customer_info(json!("no")))), StoreRecord::Malformed { .. }));
}

#[test]
fn an_order_without_the_flag_is_a_guests_unless_its_number_has_a_profile() {
    let row = guest_order(&json!({"customerInfo": {"customerNo": "12", "email": "eli@example.com"}}));
    assert_eq!(unsettled_number(&row), Some("12"));
    assert_eq!(
        skipped(&order(&row, "RefArch", ATTRIBUTE, |number| number == "12")),
        Some(SkipReason::CoveredByAccount)
    );
    assert_eq!(person(order(&row, "RefArch", ATTRIBUTE, |_| false)).kind, PersonKind::Guest);
    let nameless = guest_order(&json!({"customerInfo": {"email": "eli@example.com"}}));
    assert_eq!(person(order(&nameless, "RefArch", ATTRIBUTE, |_| true)).kind, PersonKind::Guest);
    assert_eq!(unsettled_number(&guest_order(&json!({}))), None);
}

#[test]
fn orders_that_were_not_placed_make_nobody_a_customer() {
    for status in ["created", "failed"] {
        assert_eq!(skipped(&order_of(&guest_order(&json!({"status": status})))), Some(SkipReason::Draft), "{status}");
    }
    for status in ["new", "completed", "cancelled", "open"] {
        assert_eq!(person(order_of(&guest_order(&json!({"status": status})))).kind, PersonKind::Guest, "{status}");
    }
    assert!(matches!(order_of(&guest_order(&json!({"status": null}))), StoreRecord::Malformed { .. }));
}

#[test]
fn an_order_is_its_sites() {
    let row = guest_order(&json!({}));
    assert_eq!(order_of(&row).store_id(), Some(&StoreId::new("RefArch/00009001")));
    assert_ne!(order(&row, "Other", ATTRIBUTE, |_| false).store_id(), order_of(&row).store_id());
}

#[test]
fn an_order_without_an_address_or_a_customer_is_nobodys() {
    for changes in [json!({"customerInfo": null}), json!({"customerInfo": {"guest": true}})] {
        assert_eq!(skipped(&order_of(&guest_order(&changes))), Some(SkipReason::OrderWithoutEmail));
    }
}

#[test]
fn what_a_guest_ticked_is_dated_by_the_order_and_silence_is_not() {
    let ticked = person(order_of(&guest_order(&json!({"c_acceptsMarketing": true})))).statement;
    assert_eq!((ticked.value, ticked.scope), (OptIn::Granted, Scope::Address));
    assert_eq!(ticked.at, date(&guest_order(&json!({})), "creationDate"));
    let placed = guest_order(&json!({"c_acceptsMarketing": false, "placeDate": "2026-03-02T09:00:00.000Z"}));
    assert_eq!(person(order_of(&placed)).statement.at, date(&placed, "placeDate"));
    let silent = person(order_of(&guest_order(&json!({})))).statement;
    assert_eq!((silent.value, silent.at), (OptIn::Unknown, None));
}

#[test]
fn a_guests_name_is_the_billed_one_or_the_customers() {
    let billed = person(order_of(&guest_order(&json!({}))));
    assert_eq!((billed.first_name.as_deref(), billed.last_name.as_deref()), (Some("Eli"), Some("Noon")));
    let unbilled = person(order_of(&guest_order(&json!({"billingAddress": null}))));
    assert_eq!((unbilled.first_name, unbilled.last_name.as_deref()), (None, Some("Eli Noon")));
}
