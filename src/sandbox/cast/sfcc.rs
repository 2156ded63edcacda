//! Who shops at a Salesforce Commerce Cloud store; sections of `vendors/sfcc.md` in brackets.
//!
//! An account is a profile; it says something only where the merchant's attribute was set. No date goes with the
//! attribute, so of two profiles with one address a no wins (merge law: at unknown time the opt-out wins).

use super::super::records::{GuestFlag, OrderStatus, Says};
use super::{
    ACCOUNT, ACCOUNT_ORDER, AccountPart, Address, GUEST_NO, GUEST_ORDER, GUEST_YES, NO, NameKind, OrderPart, Part, YES,
    account, buyer, guest,
};

/// One of each.
pub(crate) const ODD: &[Part] = &[
    account(&[YES]),
    account(&[ACCOUNT]), // never set: absent, not false [4]
    account(&[NO]),
    account(&[AccountPart { says: Says::Gibberish, ..ACCOUNT }]), // a value that nobody can read
    account(&[AccountPart { address: Address::Absent, ..YES }]),  // email is optional [4]
    account(&[YES, AccountPart { address: Address::OtherCase, ..NO }]), // several profiles share one address [4]
    account(&[ACCOUNT, AccountPart { address: Address::OtherCase, ..YES }]),
    account(&[NO, YES]),
    guest(&[GUEST_ORDER]),
    guest(&[GUEST_YES]), // the attribute on the order [5]
    guest(&[GUEST_NO]),
    guest(&[OrderPart { guest_flag: GuestFlag::Numbered, ..GUEST_ORDER }]), // guest with a customerNo [5]
    guest(&[OrderPart { guest_flag: GuestFlag::Numbered, ..GUEST_YES }]),
    guest(&[OrderPart { status: OrderStatus::Draft, ..GUEST_YES }]), // created: not placed [5]
    guest(&[OrderPart { status: OrderStatus::Failed, ..GUEST_YES }]), // never succeeded [5]
    guest(&[OrderPart { status: OrderStatus::Cancelled, ..GUEST_ORDER }]),
    buyer(&[ACCOUNT], &[OrderPart { guest_flag: GuestFlag::Missing, ..ACCOUNT_ORDER }]), // no guest flag [5]
    buyer(&[ACCOUNT], &[OrderPart { address: Address::OtherCase, ..GUEST_ORDER }]),
    buyer(&[ACCOUNT], &[GUEST_YES]),
    buyer(&[ACCOUNT], &[OrderPart { address: Address::Office, ..ACCOUNT_ORDER }]),
    guest(&[GUEST_YES, GUEST_NO]),
    guest(&[GUEST_NO, GUEST_YES]),
    guest(&[OrderPart { says: Says::Gibberish, ..GUEST_ORDER }]),
    guest(&[OrderPart { address: Address::Absent, ..GUEST_ORDER }]),
    guest(&[OrderPart { address: Address::Nonsense, ..GUEST_ORDER }]),
    guest(&[OrderPart { malformed: true, ..GUEST_ORDER }]),
    account(&[AccountPart { address: Address::Nonsense, ..YES }]),
    account(&[AccountPart { malformed: true, ..ACCOUNT }]),
    account(&[AccountPart { name: NameKind::Absent, ..YES }]),
    guest(&[GUEST_ORDER, OrderPart { address: Address::OtherCase, ..GUEST_ORDER }]),
];

/// The rest of a round: mostly people who were never asked.
pub(crate) const CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    account(&[YES]),
    guest(&[GUEST_ORDER]),
    account(&[NO]),
    buyer(&[ACCOUNT], &[ACCOUNT_ORDER]),
    account(&[YES]),
    guest(&[OrderPart { guest_flag: GuestFlag::Numbered, ..GUEST_ORDER }]),
    account(&[ACCOUNT]),
];
