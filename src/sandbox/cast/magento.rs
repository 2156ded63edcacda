//! Who shops at a Magento store; sections of `vendors/magento.md` in brackets.
//!
//! An account says yes (status 1), pending (2), no (3) or unconfirmed (4); all but the first read false, as does
//! nothing. Rows are guest subscribers, which only the merchant's own endpoint shows.

use super::super::records::{GuestFlag, OrderStatus, Says, Standing};
use super::{
    ACCOUNT, ACCOUNT_ORDER, AccountPart, Address, GUEST_ORDER, NO, NameKind, OrderPart, Part, ROW_NO, ROW_PENDING,
    ROW_YES, RowPart, YES, account, buyer, guest, reader,
};

const PENDING: AccountPart = AccountPart { says: Says::Pending, ..ACCOUNT };
const UNCONFIRMED: AccountPart = AccountPart { says: Says::Unconfirmed, standing: Standing::Unconfirmed, ..ACCOUNT };

/// One of each.
pub(crate) const ODD: &[Part] = &[
    account(&[YES]),
    account(&[ACCOUNT]),
    account(&[NO]),
    account(&[PENDING]),
    account(&[UNCONFIRMED]), // registered all the same
    guest(&[GUEST_ORDER]),   // an audience of its own [5]
    guest(&[GUEST_ORDER, GUEST_ORDER]),
    buyer(&[ACCOUNT], &[GUEST_ORDER]), // customer and guest at once [5]
    buyer(&[YES], &[OrderPart { address: Address::OtherCase, ..GUEST_ORDER }]),
    buyer(&[ACCOUNT], &[OrderPart { address: Address::Office, ..ACCOUNT_ORDER }]),
    guest(&[OrderPart { guest_flag: GuestFlag::Wrong, ..GUEST_ORDER }]), // customer_is_guest 0, no customer_id [5]
    guest(&[OrderPart { guest_flag: GuestFlag::Missing, ..GUEST_ORDER }]), // null is dropped [5]
    // customer_is_guest 1 with a customer_id: no guest [5]
    buyer(&[ACCOUNT], &[OrderPart { guest_flag: GuestFlag::Wrong, address: Address::Office, ..ACCOUNT_ORDER }]),
    // One address on two websites: the list shows the first state found for both [6].
    account(&[PENDING, AccountPart { channel: 1, ..YES }]),
    account(&[YES, AccountPart { channel: 1, ..ACCOUNT }]),
    account(&[AccountPart { list_hides: true, address: Address::OtherCase, ..YES }]), // the subscriber row in small letters [6]
    account(&[AccountPart { channel: 1, ..YES }]),
    guest(&[OrderPart { status: OrderStatus::Cancelled, ..GUEST_ORDER }]), // any state counts [5]
    guest(&[OrderPart { malformed: true, ..GUEST_ORDER }]),
    guest(&[OrderPart { address: Address::Absent, ..GUEST_ORDER }]),
    guest(&[OrderPart { address: Address::Nonsense, ..GUEST_ORDER }]),
    account(&[AccountPart { address: Address::Nonsense, ..YES }]),
    account(&[AccountPart { malformed: true, ..ACCOUNT }]),
    account(&[AccountPart { name: NameKind::Absent, ..ACCOUNT }]),
    reader(&[ROW_YES]), // a guest subscriber [6]
    Part { accounts: &[], orders: &[GUEST_ORDER], rows: &[ROW_YES] },
    Part { accounts: &[], orders: &[GUEST_ORDER], rows: &[ROW_NO] },
    reader(&[ROW_PENDING]),
    reader(&[RowPart { channel: 1, ..ROW_YES }]),
    reader(&[RowPart { malformed: true, ..ROW_YES }]),
];

/// The rest of a round: mostly people who were never asked.
pub(crate) const CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    account(&[YES]),
    guest(&[GUEST_ORDER]),
    account(&[NO]),
    buyer(&[ACCOUNT], &[ACCOUNT_ORDER]),
    account(&[AccountPart { channel: 1, ..YES }]),
    guest(&[GUEST_ORDER]),
    account(&[ACCOUNT]),
];
