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
    /// Whether what an order says stands beside other records.
    pub order_words: OrderWords,
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

/// Whether what an order says about marketing counts for an address that has other records, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderWords {
    /// Always: the newest word wins, wherever it stands.
    Count,
    /// Only where the address has no newsletter row. An order is frozen, the row is the living truth: what the row says
    /// counts, also if it says nothing, and a row that is deleted is an opt-out from what orders said before.
    YieldToRows,
    /// Only where the address has no account: the account's state is the living truth, also if it says nothing. An
    /// account that is deleted is no opt-out.
    YieldToAccounts,
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
    // `vendors/bigcommerce.md` sections 5 and 14.
    order_words: OrderWords::YieldToRows,
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Magento.
pub const MAGENTO: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::OwnAudience,
    subscribers: Subscribers::OptedInBy(&[NewsletterForm]),
    order_words: OrderWords::Count,
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Salesforce Commerce Cloud. The attribute is the merchant's "Accepts Marketing".
pub const SFCC: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[CustomAttribute]),
    order_words: OrderWords::Count,
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Shopify. An order without customer may carry the address of one all the same.
pub const SHOPIFY: ContactRules = ContactRules {
    customers: Customers::EveryoneWithEmail,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout, NewsletterForm, StoreSetting]),
    // `vendors/shopify.md` sections 4 and 14.
    order_words: OrderWords::YieldToAccounts,
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section Shopware. The platform keeps one newsletter state per address and sales channel and does
/// not tell whether account creation or checkout set it (`vendors/shopware.md` sections 4 and 8): that state counts.
pub const SHOPWARE: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout, StoreSetting]),
    order_words: OrderWords::Count,
    opt_out: OptOut::LeaveSubscribers,
};

/// Source: article, section WooCommerce.
pub const WOOCOMMERCE: ContactRules = ContactRules {
    customers: Customers::AccountHolders,
    guests: Guests::JoinCustomers,
    subscribers: Subscribers::OptedInBy(&[AccountCreation, Checkout]),
    order_words: OrderWords::Count,
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

    /// The kind of record beside which no order's word counts.
    const fn orders_yield_to(&self) -> Option<PersonKind> {
        match self.order_words {
            OrderWords::Count => None,
            OrderWords::YieldToRows => Some(PersonKind::Newsletter),
            OrderWords::YieldToAccounts => Some(PersonKind::Account),
        }
    }

    /// Whether what orders say counts beside these records.
    fn do_orders_count(&self, beside: &[Evidence]) -> bool {
        !self.orders_yield_to().is_some_and(|living| beside.iter().any(|record| record.kind == living))
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

const fn is_order(kind: PersonKind) -> bool {
    match kind {
        PersonKind::Guest | PersonKind::AccountOrder => true,
        PersonKind::Account | PersonKind::Newsletter => false,
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
    let do_orders_count = rules.do_orders_count(evidence);
    let newest = evidence
        .iter()
        .enumerate()
        .filter(|(_, record)| do_orders_count || !is_order(record.kind))
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
#[path = "contact_rules_tests.rs"]
mod tests;
