//! The cast: one hundred parts per platform, so that every rule has somebody in every hundred people.
//!
//! The odd ones come first, so that also a small population has them all (30 people suffice).

use super::records::{OrderStatus, Says, Standing};
use crate::domain::Platform;

/// People in one round of the cast.
pub(crate) const ROUND: u64 = 100;

/// One person: the records that the store keeps of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) accounts: &'static [AccountPart],
    /// Oldest first.
    pub(crate) orders: &'static [OrderPart],
}

/// Which address a record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// The person's own.
    Own,
    /// The same in other casing.
    OtherCase,
    /// Another one of the same person.
    Office,
    /// Not an address.
    Nonsense,
    /// What WooCommerce's erasure leaves (`vendors/woocommerce.md` section 3).
    Erased,
    /// None.
    Absent,
}

/// What a person is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// First and last name.
    Usual,
    /// One with an ampersand.
    Escaped,
    /// Nothing.
    Absent,
}

/// One account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountPart {
    pub(crate) says: Says,
    pub(crate) standing: Standing,
    pub(crate) address: Address,
    pub(crate) name: NameKind,
    pub(crate) shows_modified: bool,
    pub(crate) malformed: bool,
}

/// One order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderPart {
    /// Whether it belongs to the person's account.
    pub(crate) by_account: bool,
    pub(crate) says: Says,
    pub(crate) address: Address,
    pub(crate) status: OrderStatus,
    pub(crate) test: bool,
    pub(crate) malformed: bool,
}

const ACCOUNT: AccountPart = AccountPart {
    says: Says::Nothing,
    standing: Standing::Customer,
    address: Address::Own,
    name: NameKind::Usual,
    shows_modified: true,
    malformed: false,
};
const YES: AccountPart = AccountPart { says: Says::Yes, ..ACCOUNT };
const NO: AccountPart = AccountPart { says: Says::No, ..ACCOUNT };

const GUEST_ORDER: OrderPart = OrderPart {
    by_account: false,
    says: Says::Nothing,
    address: Address::Own,
    status: OrderStatus::Completed,
    test: false,
    malformed: false,
};
const GUEST_YES: OrderPart = OrderPart { says: Says::Yes, ..GUEST_ORDER };
const GUEST_NO: OrderPart = OrderPart { says: Says::No, status: OrderStatus::Processing, ..GUEST_ORDER };
const ACCOUNT_ORDER: OrderPart = OrderPart { by_account: true, ..GUEST_ORDER };

const fn account(accounts: &'static [AccountPart]) -> Part {
    Part { accounts, orders: &[] }
}
const fn guest(orders: &'static [OrderPart]) -> Part {
    Part { accounts: &[], orders }
}
const fn buyer(accounts: &'static [AccountPart], orders: &'static [OrderPart]) -> Part {
    Part { accounts, orders }
}

/// One of each for WooCommerce; sections of `vendors/woocommerce.md` in brackets.
const WOOCOMMERCE: &[Part] = &[
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[NO]),
    guest(&[GUEST_YES]),
    guest(&[GUEST_ORDER]),
    guest(&[GUEST_YES, GUEST_NO]), // an explicit no on a later order [8]
    guest(&[GUEST_NO, GUEST_YES]),
    guest(&[GUEST_YES, OrderPart { address: Address::OtherCase, status: OrderStatus::Pending, ..GUEST_ORDER }]), // the yes stays [7, 8]
    buyer(&[ACCOUNT], &[OrderPart { address: Address::Office, ..ACCOUNT_ORDER }]), // another billing.email [3]
    buyer(&[ACCOUNT], &[OrderPart { says: Says::Yes, ..ACCOUNT_ORDER }]),          // ticked at checkout only [4]
    buyer(&[ACCOUNT], &[OrderPart { address: Address::OtherCase, status: OrderStatus::Failed, ..GUEST_ORDER }]),
    account(&[AccountPart { shows_modified: false, ..YES }]), // date_modified is null [2]
    account(&[AccountPart { name: NameKind::Escaped, ..YES }]), // names are HTML-escaped [2]
    account(&[AccountPart { says: Says::YesProtected, ..ACCOUNT }]), // hidden meta key [2]
    account(&[AccountPart { says: Says::Gibberish, ..ACCOUNT }]),
    account(&[AccountPart { address: Address::Absent, ..ACCOUNT }]), // email may be empty [recorded]
    account(&[AccountPart { address: Address::Nonsense, ..YES }]),
    account(&[AccountPart { malformed: true, ..ACCOUNT }]),
    account(&[AccountPart { standing: Standing::ShopManager, ..YES }]), // only under role=all [2]
    account(&[AccountPart { standing: Standing::PlainUser, ..YES }]),   // WordPress role subscriber [2]
    account(&[AccountPart { standing: Standing::SubscriberAndCustomer, ..ACCOUNT }]),
    guest(&[OrderPart { says: Says::YesProtected, ..GUEST_ORDER }]), // shown on orders [2]
    guest(&[OrderPart { says: Says::Gibberish, ..GUEST_ORDER }]),
    guest(&[OrderPart { address: Address::Absent, ..GUEST_ORDER }]), // made by staff [3]
    guest(&[OrderPart { status: OrderStatus::Draft, ..GUEST_YES }]), // no consent and no purchase [2]
    guest(&[OrderPart { address: Address::Erased, ..GUEST_ORDER }]),
    guest(&[OrderPart { status: OrderStatus::Trash, ..GUEST_YES }]),
    guest(&[OrderPart { address: Address::Nonsense, status: OrderStatus::Cancelled, ..GUEST_ORDER }]),
    guest(&[OrderPart { malformed: true, ..GUEST_ORDER }]),
    guest(&[GUEST_ORDER, GUEST_ORDER]), // a former customer whose account was deleted [3]
];

/// The rest of a round: mostly people who were never asked.
const WOOCOMMERCE_CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[NO]),
    account(&[ACCOUNT]),
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[ACCOUNT]),
];

/// One of each for Shopify; sections of `vendors/shopify.md` in brackets.
const SHOPIFY: &[Part] = &[
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[NO]),
    buyer(&[AccountPart { standing: Standing::Guest, ..ACCOUNT }], &[ACCOUNT_ORDER]),
    buyer(&[AccountPart { standing: Standing::Guest, ..YES }], &[OrderPart { says: Says::Yes, ..ACCOUNT_ORDER }]),
    account(&[AccountPart { standing: Standing::Newsletter, name: NameKind::Absent, ..YES }]), // no name, no order [5]
    account(&[AccountPart { standing: Standing::Invited, ..YES }]),
    account(&[AccountPart { says: Says::Pending, ..ACCOUNT }]),
    account(&[AccountPart { says: Says::Invalid, ..ACCOUNT }]),
    account(&[AccountPart { address: Address::Absent, ..ACCOUNT }]), // phone only [5]
    account(&[AccountPart { address: Address::Nonsense, ..YES }]),   // validFormat is false [11]
    guest(&[GUEST_ORDER]),                                           // customer is null [4]
    guest(&[GUEST_YES]),
    guest(&[GUEST_YES, GUEST_NO]),
    guest(&[GUEST_NO, GUEST_YES]),
    guest(&[OrderPart { address: Address::Absent, ..GUEST_ORDER }]), // walk-in at the till [4]
    guest(&[OrderPart { test: true, ..GUEST_YES }]),
    account(&[YES, AccountPart { address: Address::OtherCase, ..NO }]), // one address, two customers [11]
    account(&[NO, AccountPart { address: Address::OtherCase, ..YES }]),
    account(&[AccountPart { address: Address::Absent, name: NameKind::Absent, ..ACCOUNT }]), // erased
    buyer(&[YES], &[OrderPart { address: Address::OtherCase, ..GUEST_YES }]),
    account(&[AccountPart { standing: Standing::Declined, ..YES }]), // state means nothing [4]
    guest(&[OrderPart { address: Address::Nonsense, ..GUEST_ORDER }]),
    buyer(&[ACCOUNT], &[OrderPart { address: Address::Office, ..ACCOUNT_ORDER }]),
];

const SHOPIFY_CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[AccountPart { standing: Standing::Newsletter, name: NameKind::Absent, ..YES }]),
    account(&[NO]),
    account(&[AccountPart { standing: Standing::Guest, ..ACCOUNT }]),
    buyer(&[YES], &[OrderPart { says: Says::Yes, ..ACCOUNT_ORDER }]),
    account(&[ACCOUNT]),
];

/// The part of a person; it depends only on the place in the round.
pub(crate) fn part(platform: Platform, person: u64) -> Part {
    let (odd, crowd) = match platform {
        Platform::Shopify => (SHOPIFY, SHOPIFY_CROWD),
        _ => (WOOCOMMERCE, WOOCOMMERCE_CROWD),
    };
    let place = usize::try_from(person % ROUND).unwrap_or_default();
    odd.get(place).copied().unwrap_or_else(|| crowd[(place - odd.len()) % crowd.len()])
}
