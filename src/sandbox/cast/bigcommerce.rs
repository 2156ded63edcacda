//! Who shops at a `BigCommerce` store; sections of `vendors/bigcommerce.md` in brackets.
//!
//! A row is a subscriber record: yes is `marketing_newsletter`, no is an empty list, nothing is `abandoned_cart` alone.

use super::super::records::{GuestFlag, OrderStatus, Says};
use super::{
    ACCOUNT, ACCOUNT_ORDER, AccountPart, Address, GUEST_ORDER, GUEST_YES, NameKind, OrderPart, Part, ROW_NO,
    ROW_SILENT, ROW_YES, RowPart, account, buyer, guest, member, reader,
};

const ROW_ABSENT: RowPart = RowPart { says: Says::Absent, ..ROW_YES };

/// A guest order and a subscriber record of one address.
const fn ticked(orders: &'static [OrderPart], rows: &'static [RowPart]) -> Part {
    Part { accounts: &[], orders, rows }
}

/// One of each.
pub(crate) const ODD: &[Part] = &[
    member(&[ACCOUNT], &[ROW_YES]),    // opted in at account creation [4]
    account(&[ACCOUNT]),               // accepts_product_review_... is no newsletter consent [3]
    member(&[ACCOUNT], &[ROW_NO]),     // opted out, the record stays [4]
    member(&[ACCOUNT], &[ROW_SILENT]), // abandoned cart only: never opted in [4]
    reader(&[ROW_YES]),                // footer form, no account and no order [4, 14]
    reader(&[ROW_SILENT]),
    reader(&[ROW_NO]),
    member(&[ACCOUNT], &[ROW_ABSENT]), // old data without consents [4]
    guest(&[GUEST_ORDER]),             // customer_id is 0 [5]
    ticked(&[GUEST_YES], &[ROW_YES]),  // opted in at checkout [5]
    guest(&[GUEST_YES]),               // no subscriber record: the order is the evidence [14]
    ticked(&[GUEST_YES], &[ROW_NO]),   // a present record wins [14]
    ticked(&[GUEST_YES], &[ROW_SILENT]),
    guest(&[OrderPart { status: OrderStatus::Draft, ..GUEST_YES }]), // status_id 0: never paid [5]
    ticked(&[OrderPart { status: OrderStatus::Draft, ..GUEST_YES }], &[ROW_SILENT]),
    guest(&[OrderPart { status: OrderStatus::Trash, ..GUEST_YES }]), // is_deleted [5]
    guest(&[OrderPart { address: Address::Absent, ..GUEST_ORDER }]), // billing email may be empty [5]
    guest(&[OrderPart { address: Address::Nonsense, ..GUEST_ORDER }]),
    guest(&[OrderPart { malformed: true, ..GUEST_ORDER }]),
    guest(&[OrderPart { guest_flag: GuestFlag::Missing, ..GUEST_ORDER }]), // migrated: customer_id is null [5]
    buyer(&[ACCOUNT], &[OrderPart { address: Address::OtherCase, ..GUEST_ORDER }]), // account and guest at once [5]
    buyer(&[ACCOUNT], &[OrderPart { address: Address::Office, ..ACCOUNT_ORDER }]), // another address at checkout
    account(&[AccountPart { malformed: true, ..ACCOUNT }]),
    account(&[AccountPart { address: Address::Nonsense, ..ACCOUNT }]),
    member(&[ACCOUNT], &[RowPart { address: Address::OtherCase, ..ROW_YES }]), // matched by address only [4]
    reader(&[RowPart { malformed: true, ..ROW_YES }]),
    guest(&[GUEST_YES, GUEST_ORDER]), // not ticked the second time: no word, so the yes stays [5]
    guest(&[OrderPart { status: OrderStatus::Cancelled, ..GUEST_ORDER }]),
    reader(&[RowPart { name: NameKind::Absent, ..ROW_YES }]),
    account(&[AccountPart { name: NameKind::Absent, ..ACCOUNT }]),
];

/// The rest of a round: mostly people who were never asked.
pub(crate) const CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    member(&[ACCOUNT], &[ROW_YES]),
    guest(&[GUEST_ORDER]),
    member(&[ACCOUNT], &[ROW_SILENT]),
    reader(&[ROW_YES]),
    member(&[ACCOUNT], &[ROW_NO]),
    buyer(&[ACCOUNT], &[ACCOUNT_ORDER]),
    ticked(&[GUEST_YES], &[ROW_YES]),
];
