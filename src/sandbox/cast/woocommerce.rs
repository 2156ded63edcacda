//! Who shops at a WooCommerce store; sections of `vendors/woocommerce.md` in brackets.

use super::super::records::{OrderStatus, Says, Standing};
use super::{
    ACCOUNT, ACCOUNT_ORDER, AccountPart, Address, GUEST_NO, GUEST_ORDER, GUEST_YES, NO, NameKind, OrderPart, Part, YES,
    account, buyer, guest,
};

/// One of each.
pub(crate) const ODD: &[Part] = &[
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
pub(crate) const CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[NO]),
    account(&[ACCOUNT]),
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[ACCOUNT]),
];
