//! Who shops at a Shopify store; sections of `vendors/shopify.md` in brackets.

use super::super::records::{Says, Standing};
use super::{
    ACCOUNT, ACCOUNT_ORDER, AccountPart, Address, GUEST_NO, GUEST_ORDER, GUEST_YES, NO, NameKind, OrderPart, Part, YES,
    account, buyer, guest,
};

/// One of each.
pub(crate) const ODD: &[Part] = &[
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
    buyer(&[YES], &[GUEST_ORDER]), // an order without customer says nothing beside the customer's state [4, 14]
    buyer(&[NO], &[GUEST_YES]),
];

/// The rest of a round: mostly people who were never asked.
pub(crate) const CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[AccountPart { standing: Standing::Newsletter, name: NameKind::Absent, ..YES }]),
    account(&[NO]),
    account(&[AccountPart { standing: Standing::Guest, ..ACCOUNT }]),
    buyer(&[YES], &[OrderPart { says: Says::Yes, ..ACCOUNT_ORDER }]),
    account(&[ACCOUNT]),
];
