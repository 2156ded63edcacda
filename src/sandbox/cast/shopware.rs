//! Who shops at a Shopware store; sections of `vendors/shopware.md` in brackets.
//!
//! An account is a row of `customer`, a guest's too. A newsletter row says yes (`optIn` if confirmed, else `direct`),
//! no (`optOut`) or pending (`notSet`). Of several rows of one address in the chosen sales channels the newest word
//! counts (merge law).

use super::super::records::{OUTSIDE, Standing};
use super::{
    ACCOUNT, ACCOUNT_ORDER, AccountPart, Address, GUEST_ORDER, NameKind, OrderPart, Part, ROW_NO, ROW_PENDING, ROW_YES,
    RowPart, account, buyer, guest, member, reader,
};

const GUEST: AccountPart = AccountPart { standing: Standing::Guest, ..ACCOUNT };
const UNCONFIRMED: AccountPart = AccountPart { standing: Standing::Unconfirmed, ..ACCOUNT };
/// `updatedAt` is null [2].
const FRESH: AccountPart = AccountPart { shows_modified: false, ..ACCOUNT };
const CONFIRMED: RowPart = RowPart { confirmed: true, ..ROW_YES };
/// `confirmedAt` survives [4].
const OPTED_OUT: RowPart = RowPart { confirmed: true, ..ROW_NO };

/// One of each.
pub(crate) const ODD: &[Part] = &[
    member(&[ACCOUNT], &[CONFIRMED]),
    account(&[FRESH]),
    member(&[ACCOUNT], &[OPTED_OUT]),
    member(&[FRESH], &[ROW_YES]),
    member(&[ACCOUNT], &[ROW_PENDING]), // confirmation mail not answered [4]
    buyer(&[GUEST], &[ACCOUNT_ORDER]),
    Part { accounts: &[GUEST], orders: &[ACCOUNT_ORDER], rows: &[CONFIRMED] }, // opted in at checkout
    // A new row per checkout [3].
    buyer(
        &[GUEST, AccountPart { address: Address::OtherCase, ..GUEST }, GUEST],
        &[ACCOUNT_ORDER, OrderPart { address: Address::OtherCase, ..ACCOUNT_ORDER }, ACCOUNT_ORDER],
    ),
    account(&[GUEST]), // no order: an abandoned registration [3]
    buyer(&[ACCOUNT, GUEST], &[ACCOUNT_ORDER, ACCOUNT_ORDER]), // an account beside a guest row [3]
    guest(&[GUEST_ORDER]), // the customer was deleted: customerId is null [3]
    account(&[UNCONFIRMED]), // skipped until confirmed [3, 8]
    member(&[UNCONFIRMED], &[ROW_PENDING]),
    reader(&[ROW_YES]), // no customer: the join is the address [4]
    reader(&[OPTED_OUT]),
    reader(&[ROW_PENDING]),
    member(&[ACCOUNT], &[CONFIRMED, RowPart { channel: 1, ..ROW_YES }]),
    member(&[ACCOUNT], &[CONFIRMED, RowPart { channel: 1, ..OPTED_OUT }]), // in one channel in, later in another out [4]
    member(&[ACCOUNT], &[RowPart { channel: OUTSIDE, ..CONFIRMED }]),
    member(&[ACCOUNT], &[CONFIRMED, RowPart { channel: OUTSIDE, ..OPTED_OUT }]),
    reader(&[RowPart { channel: OUTSIDE, ..CONFIRMED }]),
    member(&[ACCOUNT], &[RowPart { address: Address::OtherCase, ..CONFIRMED }]), // no case change is made [3]
    account(&[ACCOUNT, AccountPart { channel: 1, ..ACCOUNT }]), // bound to their sales channels, or an old duplicate [3]
    buyer(&[ACCOUNT], &[OrderPart { address: Address::Office, ..ACCOUNT_ORDER }]), // a copy made at order time [3]
    account(&[AccountPart { address: Address::Nonsense, ..ACCOUNT }]),
    account(&[AccountPart { malformed: true, ..ACCOUNT }]),
    reader(&[RowPart { malformed: true, ..CONFIRMED }]),
    reader(&[RowPart { address: Address::Nonsense, ..ROW_YES }]),
    account(&[AccountPart { name: NameKind::Absent, ..ACCOUNT }]),
    reader(&[RowPart { name: NameKind::Absent, ..CONFIRMED }]),
];

/// The rest of a round: mostly people who were never asked.
pub(crate) const CROWD: &[Part] = &[
    account(&[ACCOUNT]),
    member(&[ACCOUNT], &[CONFIRMED]),
    buyer(&[GUEST], &[ACCOUNT_ORDER]),
    member(&[ACCOUNT], &[OPTED_OUT]),
    buyer(&[ACCOUNT], &[ACCOUNT_ORDER]),
    member(&[FRESH], &[ROW_YES]),
    account(&[FRESH]),
    reader(&[CONFIRMED]),
];
