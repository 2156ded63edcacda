//! The contact rules: six tables, one under the other, and the one interpreter that reads them.
//!
//! Source of every cell: the article "Commerce flow contact types"; where it is silent, "the same as the rest".
//!
//! **Invariant:** only a positive, current opt-in makes a subscriber; an opt-out takes the person off the
//! subscribers list and nothing else; no rule ever suppresses.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::people::PersonKind;
use super::statement::{OptIn, OptInSource, Word};
use super::words::{Audience, Platform};

use OptInSource::{AccountCreation, Checkout, CustomAttribute, NewsletterForm, StoreSetting};

/// How one connector handles the people of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactRules {
    /// Who is a customer.
    pub customers: Customers,
    /// Where guests go.
    pub guests: Guests,
    /// Who is a subscriber.
    pub subscribers: Subscribers,
    /// What an opt-out in the store does.
    pub opt_out: OptOut,
}

/// Who is a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Customers {
    /// Everyone with a store account, opted in or not.
    AccountHolders,
    /// Everyone who gave an email address, opted in or not.
    EveryoneWithEmail,
}

/// Where guests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Guests {
    /// Into the customers list; if they opted in also into the subscribers list.
    JoinCustomers,
    /// An audience of their own, with its own list; never the customers list.
    OwnAudience,
}

/// Who is a subscriber: people whose newest word is a yes, given in one of these ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Subscribers {
    /// Opted in by one of these ways.
    OptedInBy(&'static [OptInSource]),
}

/// What an opt-out in the store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OptOut {
    /// Leave the subscribers list; stay on the others; never suppressed.
    LeaveSubscribers,
}

/// Source: article, section BigCommerce. Opt-out: the article is silent, same rule as the rest.
pub const BIGCOMMERCE: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout, NewsletterForm]),
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Magento.
pub const MAGENTO: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::OwnAudience,
    subscribers: Subscribers::OptedInBy(&[NewsletterForm]),
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Salesforce Commerce Cloud. The attribute is the merchant's "Accepts Marketing".
pub const SFCC: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[CustomAttribute]),
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Shopify.
pub const SHOPIFY: ContactRules = ContactRules {
    customers: Customers::EveryoneWithEmail,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout, NewsletterForm, StoreSetting]),
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Shopware.
pub const SHOPWARE: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout]),
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section WooCommerce.
pub const WOOCOMMERCE: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout]),
    opt_out: OptOut::LeaveSubscribers,
};

/// The rules of a platform.
#[must_use]
pub const fn of(platform: Platform) -> &'static ContactRules {
    match platform {
        Platform::BigCommerce => &BIGCOMMERCE,
        Platform::Magento => &MAGENTO,
        Platform::Sfcc => &SFCC,
        Platform::Shopify => &SHOPIFY,
        Platform::Shopware => &SHOPWARE,
        Platform::WooCommerce => &WOOCOMMERCE,
    }
}

impl ContactRules {
    /// The audiences that can be mapped to a list: guests only where they are an audience of their own.
    #[must_use]
    pub const fn audiences(&self) -> &'static [Audience] {
        match self.guests {
            Guests::JoinCustomers => &[Audience::Subscribers, Audience::Customers],
            Guests::OwnAudience => &[Audience::Subscribers, Audience::Customers, Audience::Guests],
        }
    }

    fn is_subscriber_source(&self, source: OptInSource) -> bool {
        let Subscribers::OptedInBy(sources) = self.subscribers;
        sources.contains(&source)
    }

    fn audience_of(&self, kind: PersonKind) -> Option<Audience> {
        match (kind, self.guests, self.customers) {
            (PersonKind::Account, _, _)
            | (PersonKind::Guest, Guests::JoinCustomers, _)
            | (PersonKind::Newsletter, _, Customers::EveryoneWithEmail) => Some(Audience::Customers),
            (PersonKind::Guest, Guests::OwnAudience, _) => Some(Audience::Guests),
            (PersonKind::AccountOrder, _, _) | (PersonKind::Newsletter, _, Customers::AccountHolders) => None,
        }
    }
}

/// What one live source record says about one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Standing in the store.
    pub kind: PersonKind,
    /// The newest word this record holds, with the way it came about.
    pub word: Option<(Word, OptInSource)>,
}

/// The audiences one address belongs to in one store, each with the index of the evidence it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Rests on the newest opt-in.
    pub subscribers: Option<usize>,
    /// Rests on the first record that makes a customer.
    pub customers: Option<usize>,
    /// Rests on the first guest order.
    pub guests: Option<usize>,
}

impl Wanted {
    /// The audiences with what each rests on.
    pub fn iter(self) -> impl Iterator<Item = (Audience, usize)> {
        [
            (Audience::Subscribers, self.subscribers),
            (Audience::Customers, self.customers),
            (Audience::Guests, self.guests),
        ]
        .into_iter()
        .filter_map(|(audience, rests_on)| Some((audience, rests_on?)))
    }
}

/// Applies a connector's rules to all live records of one address in one store.
///
/// `opted_out_at` is the newest opt-out ever seen for this address in this store, also from records that are gone
/// or have moved to another address: a grant counts only if it is newer. The order of `evidence` decides only which
/// record is named as the reason.
#[must_use]
pub fn apply(rules: &ContactRules, evidence: &[Evidence], opted_out_at: Option<DateTime<Utc>>) -> Wanted {
    let first_of = |audience| evidence.iter().position(|record| rules.audience_of(record.kind) == Some(audience));
    // What an account holder ticked at a checkout counts for the account's own address only (product rule 7).
    let has_account = evidence.iter().any(|record| record.kind == PersonKind::Account);
    let newest = evidence
        .iter()
        .enumerate()
        .filter(|(_, record)| has_account || record.kind != PersonKind::AccountOrder)
        .filter_map(|(index, record)| record.word.map(|(word, source)| (word, source, index)))
        .filter(|(word, source, _)| word.value != OptIn::Granted || rules.is_subscriber_source(*source))
        .max_by_key(|(word, _, index)| (*word, std::cmp::Reverse(*index)));
    let subscribers = newest
        .filter(|(word, _, _)| word.value == OptIn::Granted)
        .filter(|(word, _, _)| opted_out_at.is_none_or(|opted_out_at| word.at > opted_out_at))
        .map(|(_, _, index)| index);
    Wanted { subscribers, customers: first_of(Audience::Customers), guests: first_of(Audience::Guests) }
}

#[cfg(test)]
mod tests {
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
            (Shopify, "opt-out leaves subscribers only", &[said(Account, Withdrawn, StoreSetting, 1)], "c"),
            (Shopware, "customers: an account, not opted in", &[silent(Account)], "c"),
            (Shopware, "guests join the customers", &[silent(Guest)], "c"),
            (Shopware, "opted in at account creation", &[said(Account, Granted, AccountCreation, 1)], "sc"),
            (Shopware, "opted in at checkout", &[said(Guest, Granted, Checkout, 1)], "sc"),
            (Shopware, "opt-out leaves subscribers only", &[said(Account, Withdrawn, Checkout, 1)], "c"),
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
                let speaks = |record: &&Evidence| has_account || record.kind != PersonKind::AccountOrder;
                for (word, _) in evidence.iter().filter(speaks).filter_map(|record| record.word) {
                    prop_assert!(word.value == OptIn::Granted || yes.at > word.at);
                }
            }
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
}
