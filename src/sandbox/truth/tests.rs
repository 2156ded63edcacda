//! The truth held against the article's table, person by person, and against itself after changes.

use super::*;
use crate::domain::Platform;
use crate::sandbox::nature::Sight;
use crate::sandbox::population::Population;
use crate::sandbox::{Change, MagentoOptions, SfccOptions, StoreOptions};

const NOW: Second = 1_800_000_000;

fn state_with(platform: Platform, people: u64, options: &StoreOptions) -> State {
    State::new(Population { platform, seed: 3, people, sight: Sight::of(platform, options) })
}

fn state(platform: Platform, people: u64) -> State {
    let magento = MagentoOptions { subscribers_endpoint: true, ..MagentoOptions::default() };
    state_with(platform, people, &StoreOptions { magento, ..StoreOptions::default() })
}

/// `s`, `c` and `g` for the audiences that some address of a person is on.
fn on(state: &State, person: u64) -> String {
    let truths = state.truths_of(person);
    let is_on = |audience| truths.iter().any(|truth| truth.audiences.contains(&audience));
    let words = [("s", Audience::Subscribers), ("c", Audience::Customers), ("g", Audience::Guests)];
    words.into_iter().filter(|(_, audience)| is_on(*audience)).map(|(word, _)| word).collect()
}

fn letters(truth: &Truth) -> String {
    truth.audiences.iter().filter_map(|audience| audience.as_str().chars().next()).collect()
}

/// In the order of the cast; a dash is nobody.
const EXPECTED: &[(Platform, &str)] = &[
    (Platform::BigCommerce, "sc c c c s - - c c sc sc c c - - - - - - c c c - - sc - sc c s c"),
    (Platform::Magento, "sc c c c c g g cg scg c g g c sc sc sc sc g - - - - - c s sg g - s -"),
    (Platform::Sfcc, "sc c c c - c sc c c sc c c sc - - c c c sc c c sc c - - - - - sc c"),
    (Platform::Shopify, "sc c c c sc sc sc c c - - c sc c sc - - c sc - sc sc - c sc c"),
    (Platform::Shopware, "sc c c sc c c sc c - c c - - s - - sc c c sc - sc c c - - - - c s"),
];

#[test]
fn everybody_is_where_the_article_puts_them() {
    for (platform, expected) in EXPECTED {
        let state = state(*platform, 200);
        for (person, expected) in (0..).zip(expected.split(' ')) {
            assert_eq!(on(&state, person), expected.trim_matches('-'), "{platform}: person {person}");
        }
    }
}

#[test]
fn what_the_store_hides_makes_nobody_a_subscriber() {
    let hidden = state_with(Platform::Magento, 30, &StoreOptions::default());
    assert_eq!([24, 25, 26].map(|person| on(&hidden, person)), ["", "g", "g"]);
    let sfcc = SfccOptions { attribute: false, order_attribute: false, ..SfccOptions::default() };
    let without = state_with(Platform::Sfcc, 30, &StoreOptions { sfcc, ..StoreOptions::default() });
    assert_eq!(without.totals().subscribers, 0);
    assert_eq!(without.totals().customers, state(Platform::Sfcc, 30).totals().customers);
}

fn apply(state: &mut State, change: &Change, seconds: Second) -> Truth {
    state.apply(change, NOW + seconds).expect("the change can be made");
    state.truth(&normalized(change.address()).expect("an address"))
}

#[test]
fn an_opt_out_and_a_newer_opt_in_are_told_on_every_platform() {
    for platform in Platform::ALL {
        let mut state = state(*platform, 30);
        let email = state.truths_of(0).remove(0).address.expect("the first person has an address");
        assert_eq!(letters(&apply(&mut state, &Change::OptOut { email: email.clone() }, 1)), "c", "{platform}");
        assert_eq!(letters(&apply(&mut state, &Change::OptIn { email: email.clone() }, 2)), "sc", "{platform}");
        assert!(apply(&mut state, &Change::Delete { email }, 3).deleted, "{platform}");
    }
}

#[test]
fn a_guest_who_ticks_is_told_as_the_article_says() {
    let guest = |opt_in| Change::GuestOrder { email: "New.Guest@example.com".into(), opt_in };
    for platform in Platform::ALL {
        let (silent, ticked) = if *platform == Platform::Magento { ("g", "sg") } else { ("c", "sc") };
        let mut state = state(*platform, 30);
        assert_eq!(letters(&apply(&mut state, &guest(None), 1)), silent, "{platform}");
        assert_eq!(letters(&apply(&mut state, &guest(Some(true)), 2)), ticked, "{platform}");
    }
}

#[test]
fn an_opt_in_goes_with_a_new_address_only_where_the_store_states_it() {
    use Platform::{BigCommerce, Magento, Sfcc, Shopify, Shopware, WooCommerce};
    for platform in Platform::ALL {
        for keep_opt_in in [false, true] {
            let mut state = state(*platform, 30);
            let email = state.truths_of(0).remove(0).address.expect("the first person has an address");
            let change = Change::ChangeEmail { email: email.clone(), to: "anew@example.com".into(), keep_opt_in };
            let new = letters(&apply(&mut state, &change, 1));
            let stated = keep_opt_in && matches!(platform, BigCommerce | Shopify | Shopware);
            assert_eq!(new, if stated { "sc" } else { "c" }, "{platform}");
            let old = letters(&state.truth(&normalized(&email).expect("an address")));
            let expected = match platform {
                // The subscriber record is another one than the account and stays (vendors/bigcommerce.md section 4).
                BigCommerce if !keep_opt_in => "s",
                BigCommerce | Magento | Sfcc | Shopify | Shopware | WooCommerce => "",
            };
            assert_eq!(old, expected, "{platform}");
        }
    }
}

#[test]
fn a_new_customer_is_told_and_an_address_is_taken_once() {
    for platform in Platform::ALL {
        let mut state = state(*platform, 30);
        let new = |opt_in| Change::NewCustomer { email: "Fresh.Face@example.org".into(), opt_in };
        assert_eq!(letters(&apply(&mut state, &new(Some(true)), 1)), "sc", "{platform}");
        assert!(state.apply(&new(None), NOW + 2).is_err(), "{platform}");
    }
}

#[test]
fn a_subscriber_record_that_is_deleted_is_an_opt_out_from_what_orders_said_before() {
    let mut state = state(Platform::BigCommerce, 30);
    let subscriber = state.truths_of(9).remove(0);
    assert_eq!(letters(&subscriber), "sc", "ticked at checkout, with a record");
    let record = subscriber.records.iter().find(|record| record.stream == "subscribers").expect("the record");
    state.delete_row(record.id, NOW);
    assert_eq!(letters(&state.truth(&subscriber.address.expect("an address"))), "c");
}

#[test]
fn shopware_deletes_hard_and_the_order_of_a_deleted_customer_still_tells_its_buyer() {
    let mut state = state(Platform::Shopware, 30);
    let email = state.truths_of(5).remove(0).address.expect("a guest with an order");
    let truth = apply(&mut state, &Change::Delete { email }, 1);
    assert_eq!((letters(&truth).as_str(), truth.records.len()), ("c", 1));
}

#[test]
fn totals_are_the_sum_of_the_truths_after_changes() {
    for platform in Platform::ALL {
        let mut state = state(*platform, 230);
        let known: Vec<_> = (0..230).flat_map(|person| state.truths_of(person)).collect();
        for (number, truth) in (0..).zip(&known).step_by(7) {
            let Some(email) = truth.address.clone() else { continue };
            let change = match number % 5 {
                0 => Change::OptOut { email },
                1 => Change::Delete { email },
                2 => Change::ChangeEmail { email, to: format!("moved{number}@example.net"), keep_opt_in: true },
                3 => Change::OptIn { email },
                _ => Change::GuestOrder { email, opt_in: Some(true) },
            };
            // Not every change can be made to everybody.
            _ = state.apply(&change, NOW + number);
        }
        let people = (0..230).flat_map(|person| state.truths_of(person));
        let added: Vec<_> = state.added_addresses().iter().map(|address| state.truth(address)).collect();
        let mut expected = Totals::default();
        people.chain(added).for_each(|truth| expected.add(&truth, 1));
        assert_eq!(state.totals(), expected, "{platform}");
    }
}
