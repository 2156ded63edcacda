//! The cast: one hundred parts per platform, so that every rule has somebody in every hundred people.
//!
//! The odd ones come first, so that also a small population has them all (30 people suffice).

pub(crate) mod bigcommerce;
pub(crate) mod magento;
pub(crate) mod sfcc;
pub(crate) mod shopify;
pub(crate) mod shopware;
pub(crate) mod woocommerce;

use super::nature::Nature;
use super::records::{GuestFlag, OrderStatus, Says, Standing};

/// People in one round of the cast.
pub(crate) const ROUND: u64 = 100;

/// One person: the records that the store keeps of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) accounts: &'static [AccountPart],
    /// Oldest first. The first one that belongs to an account belongs to the first account, and so on; further ones
    /// to the last.
    pub(crate) orders: &'static [OrderPart],
    pub(crate) rows: &'static [RowPart],
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
    pub(crate) channel: usize,
    pub(crate) list_hides: bool,
    pub(crate) malformed: bool,
}

/// One newsletter row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPart {
    pub(crate) says: Says,
    /// Whether a confirmation mail was answered.
    pub(crate) confirmed: bool,
    pub(crate) address: Address,
    pub(crate) name: NameKind,
    pub(crate) channel: usize,
    pub(crate) malformed: bool,
}

/// One order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderPart {
    /// Whether it belongs to the person's account.
    pub(crate) by_account: bool,
    pub(crate) guest_flag: GuestFlag,
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
    channel: 0,
    list_hides: false,
    malformed: false,
};
const YES: AccountPart = AccountPart { says: Says::Yes, ..ACCOUNT };
const NO: AccountPart = AccountPart { says: Says::No, ..ACCOUNT };

const ROW_YES: RowPart = RowPart {
    says: Says::Yes,
    confirmed: false,
    address: Address::Own,
    name: NameKind::Usual,
    channel: 0,
    malformed: false,
};
const ROW_NO: RowPart = RowPart { says: Says::No, ..ROW_YES };
const ROW_SILENT: RowPart = RowPart { says: Says::Nothing, ..ROW_YES };
const ROW_PENDING: RowPart = RowPart { says: Says::Pending, ..ROW_YES };

const GUEST_ORDER: OrderPart = OrderPart {
    by_account: false,
    guest_flag: GuestFlag::Right,
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
    Part { accounts, orders: &[], rows: &[] }
}
const fn guest(orders: &'static [OrderPart]) -> Part {
    Part { accounts: &[], orders, rows: &[] }
}
const fn buyer(accounts: &'static [AccountPart], orders: &'static [OrderPart]) -> Part {
    Part { accounts, orders, rows: &[] }
}
const fn reader(rows: &'static [RowPart]) -> Part {
    Part { accounts: &[], orders: &[], rows }
}
const fn member(accounts: &'static [AccountPart], rows: &'static [RowPart]) -> Part {
    Part { accounts, orders: &[], rows }
}

/// The part of a person; it depends only on the place in the round.
pub(crate) fn part(nature: &Nature, person: u64) -> Part {
    let (odd, crowd) = nature.cast;
    let place = usize::try_from(person % ROUND).unwrap_or_default();
    odd.get(place).copied().unwrap_or_else(|| crowd[(place - odd.len()) % crowd.len()])
}

impl Part {
    /// Which of the person's accounts an order belongs to; 0 also for a guest's.
    pub(crate) fn account_of(&self, order: usize) -> usize {
        let before = self.orders.iter().take(order).filter(|order| order.by_account).count();
        before.min(self.accounts.len().saturating_sub(1))
    }

    /// How many of the person's orders belong to an account.
    pub(crate) fn orders_of(&self, account: usize) -> usize {
        let belongs = |(number, order): &(usize, &OrderPart)| order.by_account && self.account_of(*number) == account;
        self.orders.iter().enumerate().filter(belongs).count()
    }
}
