//! The rules cell by cell, and the laws that hold for all of them.

use super::*;
use proptest::prelude::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn said(kind: PersonKind, value: OptIn, source: OptInSource, second: i64) -> Evidence {
    Evidence { kind, word: Some((Word { at: at(second), value, observed: false }, source)) }
}

fn silent(kind: PersonKind) -> Evidence {
    Evidence { kind, word: None }
}

/// On which audiences the person is, as a short word: `s`, `c`, `g`.
fn on(platform: Platform, evidence: &[Evidence]) -> String {
    apply(of(platform), evidence, None)
        .iter()
        .map(|(audience, _)| char::from(audience.as_str().as_bytes()[0]))
        .collect()
}

/// One case per cell of the rules table of the article; the row says what it shows.
#[test]
fn every_cell_of_the_rules_table_holds() {
    use OptIn::{Granted, Unknown, Withdrawn};
    use PersonKind::{Account, Guest, Newsletter};
    use Platform::{BigCommerce, Magento, Sfcc, Shopify, Shopware, WooCommerce};
    let cases: &[(Platform, &str, &[Evidence], &str)] = &[
        (BigCommerce, "customers: an account, not opted in", &[silent(Account)], "c"),
        (BigCommerce, "guests join the customers", &[silent(Guest)], "c"),
        (BigCommerce, "opted in at account creation", &[said(Account, Granted, AccountCreation, 1)], "sc"),
        (BigCommerce, "opted in at checkout", &[said(Guest, Granted, Checkout, 1)], "sc"),
        (BigCommerce, "newsletter form", &[said(Newsletter, Granted, NewsletterForm, 1)], "s"),
        (
            BigCommerce,
            "a row without consent outweighs a tick",
            &[silent(Newsletter), said(Guest, Granted, Checkout, 9)],
            "c",
        ),
        (
            BigCommerce,
            "a row's consent needs no tick",
            &[said(Newsletter, Granted, NewsletterForm, 1), silent(Guest)],
            "sc",
        ),
        (BigCommerce, "opt-out leaves subscribers only", &[said(Account, Withdrawn, AccountCreation, 1)], "c"),
        (Magento, "customers: registered accounts", &[silent(Account)], "c"),
        (Magento, "guests are on their own", &[silent(Guest)], "g"),
        (Magento, "guest and customer at once", &[silent(Guest), silent(Account)], "cg"),
        (Magento, "newsletter subscription", &[said(Account, Granted, NewsletterForm, 1)], "sc"),
        (Magento, "a checkout tick is no newsletter subscription", &[said(Guest, Granted, Checkout, 1)], "g"),
        (Magento, "opt-out leaves subscribers only", &[said(Account, Withdrawn, NewsletterForm, 1)], "c"),
        (Sfcc, "customers: an account, not opted in", &[silent(Account)], "c"),
        (Sfcc, "guests join the customers", &[silent(Guest)], "c"),
        (Sfcc, "Accepts Marketing is true", &[said(Account, Granted, CustomAttribute, 1)], "sc"),
        (Sfcc, "only the attribute makes a subscriber", &[said(Account, Granted, AccountCreation, 1)], "c"),
        (Sfcc, "opt-out leaves subscribers only", &[said(Account, Withdrawn, CustomAttribute, 1)], "c"),
        (Shopify, "customers: everyone with an address", &[silent(Account)], "c"),
        (Shopify, "a newsletter row has an address too", &[silent(Newsletter)], "c"),
        (Shopify, "guests join the customers", &[silent(Guest)], "c"),
        (Shopify, "opted-in guests join both", &[said(Guest, Granted, Checkout, 1)], "sc"),
        (Shopify, "opted in at account creation", &[said(Account, Granted, AccountCreation, 1)], "sc"),
        (Shopify, "opted in by the newsletter form", &[said(Account, Granted, NewsletterForm, 1)], "sc"),
        (Shopify, "Accept Marketing is true", &[said(Account, Granted, StoreSetting, 1)], "sc"),
        (
            Shopify,
            "a box left at an order without customer takes no subscribed customer off",
            &[said(Account, Granted, StoreSetting, 1), said(Guest, Unknown, Checkout, 9)],
            "sc",
        ),
        (
            Shopify,
            "a tick at an order without customer brings no opted-out customer back",
            &[said(Account, Withdrawn, StoreSetting, 1), said(Guest, Granted, Checkout, 9)],
            "c",
        ),
        (Shopify, "opt-out leaves subscribers only", &[said(Account, Withdrawn, StoreSetting, 1)], "c"),
        (Shopware, "customers: an account, not opted in", &[silent(Account)], "c"),
        (Shopware, "guests join the customers", &[silent(Guest)], "c"),
        (Shopware, "opted in at account creation", &[said(Account, Granted, AccountCreation, 1)], "sc"),
        (Shopware, "opted in at checkout", &[said(Guest, Granted, Checkout, 1)], "sc"),
        (Shopware, "a newsletter row, whatever set it", &[said(Newsletter, Granted, StoreSetting, 1)], "s"),
        (
            Shopware,
            "a subscriber who is also a customer",
            &[silent(Account), said(Newsletter, Granted, StoreSetting, 1)],
            "sc",
        ),
        (
            Shopware,
            "opt-out leaves subscribers only",
            &[silent(Account), said(Newsletter, Withdrawn, StoreSetting, 1)],
            "c",
        ),
        (WooCommerce, "customers: an account, not opted in", &[silent(Account)], "c"),
        (WooCommerce, "guests join the customers", &[silent(Guest)], "c"),
        (WooCommerce, "opted in at account creation", &[said(Account, Granted, AccountCreation, 1)], "sc"),
        (WooCommerce, "opted in at checkout", &[said(Guest, Granted, Checkout, 1)], "sc"),
        (WooCommerce, "opt-out leaves subscribers only", &[said(Account, Withdrawn, AccountCreation, 1)], "c"),
        (WooCommerce, "unknown is not a yes", &[said(Account, Unknown, AccountCreation, 1)], "c"),
        (
            WooCommerce,
            "an account holder's order speaks for the account's address",
            &[silent(Account), said(PersonKind::AccountOrder, Granted, Checkout, 1)],
            "sc",
        ),
        (
            WooCommerce,
            "an account holder's order makes nobody of another address",
            &[said(PersonKind::AccountOrder, Granted, Checkout, 1)],
            "",
        ),
        (
            WooCommerce,
            "the newest word of all records wins",
            &[said(Account, Granted, AccountCreation, 1), said(Guest, Withdrawn, Checkout, 2)],
            "c",
        ),
    ];
    for (platform, case, evidence, expected) in cases {
        assert_eq!(on(*platform, evidence), *expected, "{platform}: {case}");
    }
}

#[test]
fn without_a_customer_the_newest_shopify_order_decides() {
    let order = |value, second| said(PersonKind::Guest, value, Checkout, second);
    assert_eq!(on(Platform::Shopify, &[order(OptIn::Granted, 1), order(OptIn::Unknown, 9)]), "c");
    assert_eq!(on(Platform::Shopify, &[order(OptIn::Unknown, 1), order(OptIn::Granted, 9)]), "sc");
}

#[test]
fn guests_can_be_mapped_only_where_they_are_an_audience() {
    for platform in Platform::ALL {
        let has_guests = of(*platform).audiences().contains(&Audience::Guests);
        assert_eq!(has_guests, *platform == Platform::Magento, "{platform}");
    }
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let word = (0..10i64, proptest::sample::select(OptIn::ALL), proptest::sample::select(OptInSource::ALL))
        .prop_map(|(second, value, source)| (Word { at: at(second), value, observed: false }, source));
    (proptest::sample::select(PersonKind::ALL), proptest::option::of(word))
        .prop_map(|(kind, word)| Evidence { kind, word })
}

fn audiences(wanted: Wanted) -> Vec<Audience> {
    wanted.iter().map(|(audience, _)| audience).collect()
}

proptest! {
    #[test]
    fn the_rules_do_not_depend_on_order_or_repetition(
        platform in proptest::sample::select(Platform::ALL),
        evidence in proptest::collection::vec(any_evidence(), 0..6),
        opted_out in proptest::option::of(0..10i64),
    ) {
        let rules = of(platform);
        let result = audiences(apply(rules, &evidence, opted_out.map(at)));
        let mut backwards = evidence.clone();
        backwards.reverse();
        prop_assert_eq!(audiences(apply(rules, &backwards, opted_out.map(at))), result.clone());
        let twice: Vec<Evidence> = evidence.iter().chain(&evidence).copied().collect();
        prop_assert_eq!(audiences(apply(rules, &twice, opted_out.map(at))), result);
    }

    #[test]
    fn a_subscriber_has_a_yes_that_is_newer_than_every_no(
        platform in proptest::sample::select(Platform::ALL),
        evidence in proptest::collection::vec(any_evidence(), 0..6),
        opted_out in proptest::option::of(0..10i64),
    ) {
        if let Some(index) = apply(of(platform), &evidence, opted_out.map(at)).subscribers {
            let (yes, source) = evidence[index].word.unwrap();
            prop_assert_eq!(yes.value, OptIn::Granted);
            prop_assert!(of(platform).is_subscriber_source(source));
            prop_assert!(opted_out.is_none_or(|second| yes.at > at(second)));
            let has_account = evidence.iter().any(|record| record.kind == PersonKind::Account);
            let speaks = |record: &&Evidence| {
                (has_account || record.kind != PersonKind::AccountOrder)
                    && (of(platform).do_orders_count(&evidence) || !is_order(record.kind))
            };
            for (word, _) in evidence.iter().filter(speaks).filter_map(|record| record.word) {
                prop_assert!(word.value == OptIn::Granted || yes.at > word.at);
            }
        }
    }

    #[test]
    fn what_orders_say_changes_nothing_beside_a_record_that_they_yield_to(
        (platform, kind) in proptest::sample::select(vec![
            (Platform::BigCommerce, PersonKind::Newsletter),
            (Platform::Shopify, PersonKind::Account),
        ]),
        living in any_evidence(),
        evidence in proptest::collection::vec(any_evidence(), 0..6),
        opted_out in proptest::option::of(0..10i64),
    ) {
        let living = Evidence { kind, ..living };
        let all: Vec<Evidence> = std::iter::once(living).chain(evidence).collect();
        let hushed: Vec<Evidence> = all
            .iter()
            .map(|record| Evidence { word: record.word.filter(|_| !is_order(record.kind)), ..*record })
            .collect();
        let opted_out = opted_out.map(at);
        prop_assert_eq!(apply(of(platform), &all, opted_out), apply(of(platform), &hushed, opted_out));
    }

    #[test]
    fn an_opt_out_never_takes_anyone_off_the_other_lists(
        platform in proptest::sample::select(Platform::ALL),
        evidence in proptest::collection::vec(any_evidence(), 0..6),
    ) {
        let before = apply(of(platform), &evidence, None);
        let after = apply(of(platform), &evidence, Some(at(100)));
        prop_assert_eq!((after.customers, after.guests), (before.customers, before.guests));
        prop_assert_eq!(after.subscribers, None);
    }
}
