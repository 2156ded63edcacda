//! What sets one platform apart from another, as one table: a simulated platform is a row here, a cast and a server.

use super::StoreOptions;
use super::cast::{self, Part};
use super::population::ERASED;
use super::records::{Account, OrderStatus, Standing};
use crate::domain::{Audience, Platform};

/// What sets one platform apart.
#[derive(Debug)]
pub(crate) struct Nature {
    /// What to call the store.
    pub(crate) name: &'static str,
    /// Stands in the addresses of people who shop in this store only.
    pub(crate) tag: &'static str,
    pub(crate) first_ids: FirstIds,
    pub(crate) ids: Ids,
    pub(crate) letters: Letters,
    pub(crate) opt_in_on: OptInOn,
    /// Whether an opt-in on an account moves its date of modification, and whether an opt-out does.
    pub(crate) moved_by: (bool, bool),
    /// Whether the opt-in of an account has a date; without one a no beats every yes said before anybody looked.
    pub(crate) dates_words: bool,
    pub(crate) unticked: Unticked,
    pub(crate) new_address: NewAddress,
    pub(crate) orders_after: OrdersAfter,
    pub(crate) erased: Erased,
    pub(crate) guests: Guests,
    /// Orders in one of these states are no purchases.
    pub(crate) unplaced: &'static [OrderStatus],
    pub(crate) orders_speak: OrdersSpeak,
    /// Whether an account makes a customer.
    pub(crate) holds: fn(&Account) -> bool,
    /// One of each odd case, then a crowd.
    pub(crate) cast: (&'static [Part], &'static [Part]),
}

/// The number of the first record of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstIds {
    pub(crate) account: u64,
    pub(crate) order: u64,
    pub(crate) row: u64,
}

/// How the platform's API writes an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// As a number.
    Number,
    /// As text without meaning, see [`super::ids`].
    Text,
    /// Customers as text without meaning, orders by number within a site.
    Commerce,
}

/// Which letters the platform takes in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    /// ASCII only.
    Ascii,
    /// Any before the `@`; the domain is kept in ASCII.
    AnyBeforeAt,
    /// Any.
    Any,
}

/// Which record keeps what somebody says about marketing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptInOn {
    /// The account; a guest speaks by an order.
    Account,
    /// The account; who has none has a newsletter row.
    AccountElseRow,
    /// A newsletter row, whoever it is.
    Row,
}

/// What a box left unticked at checkout or at account creation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unticked {
    /// No.
    No,
    /// Nothing: what was said before stays.
    Nothing,
}

/// What becomes of the opt-in when an account gets another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewAddress {
    /// The flag stays on the account and says nothing about the new address.
    FlagStays,
    /// The store states it anew or drops it.
    StatedAnew,
    /// The row belongs to the old address, unless somebody changes the row, too.
    RowStays,
    /// The row is rewritten to the new address without a trace; newer releases ask for a new confirmation.
    RowFollows,
}

/// What becomes of the orders of a deleted account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrdersAfter {
    /// Erased with it.
    Erased,
    /// They become guest orders, and their date moves.
    BecomeGuestOrders,
    /// They lose the link to the account, and no date moves.
    LoseAccount,
    /// They stay as they are.
    Stay,
}

/// What becomes of the order of a guest who is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Erased {
    /// The address is replaced.
    Replaced(&'static str),
    /// The address is taken out.
    Blank,
    /// The order is archived.
    Archived,
    /// The order is deleted.
    Deleted,
}

/// Where guests are kept and which audience they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guests {
    /// A checkout without account makes a record among the accounts.
    pub(crate) among_accounts: bool,
    pub(crate) audience: Audience,
}

/// What an order says about marketing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrdersSpeak {
    /// Nothing.
    Never,
    /// A guest's yes counts where no newsletter row has the address.
    WithoutRow,
    /// A dated yes or no, if the order's account still has the address.
    Always,
    /// Whether marketing is accepted, yes or no, if neither it nor its address has an account.
    WithoutAccount,
}

const fn everyone(_: &Account) -> bool {
    true
}

/// Sources: `vendors/bigcommerce.md` sections 3 to 6 and 14.
const BIGCOMMERCE: Nature = Nature {
    name: "BigCommerce sandbox",
    tag: "b",
    first_ids: FirstIds { account: 11, order: 101, row: 1 },
    ids: Ids::Number,
    letters: Letters::Ascii,
    opt_in_on: OptInOn::Row,
    moved_by: (false, false),
    dates_words: false,
    unticked: Unticked::Nothing,
    new_address: NewAddress::RowStays,
    orders_after: OrdersAfter::Stay,
    erased: Erased::Archived,
    guests: Guests { among_accounts: false, audience: Audience::Customers },
    unplaced: &[OrderStatus::Draft, OrderStatus::Trash],
    orders_speak: OrdersSpeak::WithoutRow,
    holds: everyone,
    cast: (cast::bigcommerce::ODD, cast::bigcommerce::CROWD),
};

/// Sources: `vendors/magento.md` sections 4 to 6; recorded: `customer_non_ascii_email`, `order_of_deleted_customer`.
const MAGENTO: Nature = Nature {
    name: "Magento sandbox",
    tag: "m",
    first_ids: FirstIds { account: 1, order: 1, row: 1 },
    ids: Ids::Number,
    letters: Letters::Any,
    opt_in_on: OptInOn::AccountElseRow,
    moved_by: (true, false),
    dates_words: false,
    unticked: Unticked::Nothing,
    new_address: NewAddress::FlagStays,
    orders_after: OrdersAfter::LoseAccount,
    erased: Erased::Blank,
    guests: Guests { among_accounts: false, audience: Audience::Guests },
    unplaced: &[],
    orders_speak: OrdersSpeak::Never,
    holds: everyone,
    cast: (cast::magento::ODD, cast::magento::CROWD),
};

/// Sources: `vendors/sfcc.md` sections 4 to 7.
const SFCC: Nature = Nature {
    name: "Salesforce Commerce Cloud sandbox",
    tag: "f",
    first_ids: FirstIds { account: 1_001, order: 50_001, row: 1 },
    ids: Ids::Commerce,
    letters: Letters::Ascii,
    opt_in_on: OptInOn::Account,
    moved_by: (true, true),
    dates_words: false,
    unticked: Unticked::No,
    new_address: NewAddress::FlagStays,
    orders_after: OrdersAfter::Stay,
    erased: Erased::Blank,
    guests: Guests { among_accounts: false, audience: Audience::Customers },
    unplaced: &[OrderStatus::Draft, OrderStatus::Failed],
    orders_speak: OrdersSpeak::Always,
    holds: everyone,
    cast: (cast::sfcc::ODD, cast::sfcc::CROWD),
};

/// Sources: `vendors/shopify.md` sections 4 to 6 and 11. The ids need 64 bits.
const SHOPIFY: Nature = Nature {
    name: "Shopify sandbox",
    tag: "s",
    first_ids: FirstIds { account: 9_000_000_000_001, order: 6_000_000_001_001, row: 1 },
    ids: Ids::Number,
    letters: Letters::Any,
    opt_in_on: OptInOn::Account,
    moved_by: (true, true),
    dates_words: true,
    unticked: Unticked::No,
    new_address: NewAddress::StatedAnew,
    orders_after: OrdersAfter::Erased,
    erased: Erased::Blank,
    guests: Guests { among_accounts: false, audience: Audience::Customers },
    unplaced: &[],
    orders_speak: OrdersSpeak::WithoutAccount,
    holds: everyone,
    cast: (cast::shopify::ODD, cast::shopify::CROWD),
};

/// Sources: `vendors/shopware.md` sections 2 to 4 and 8.
const SHOPWARE: Nature = Nature {
    name: "Shopware sandbox",
    tag: "p",
    first_ids: FirstIds { account: 10_001, order: 20_001, row: 1 },
    ids: Ids::Text,
    letters: Letters::AnyBeforeAt,
    opt_in_on: OptInOn::Row,
    moved_by: (false, false),
    dates_words: true,
    unticked: Unticked::Nothing,
    new_address: NewAddress::RowFollows,
    orders_after: OrdersAfter::LoseAccount,
    erased: Erased::Deleted,
    guests: Guests { among_accounts: true, audience: Audience::Customers },
    unplaced: &[],
    orders_speak: OrdersSpeak::Never,
    // A guest row without order is an abandoned registration; an unconfirmed account is skipped.
    holds: |account| match account.standing {
        Standing::Guest => account.orders > 0,
        standing => standing != Standing::Unconfirmed,
    },
    cast: (cast::shopware::ODD, cast::shopware::CROWD),
};

/// Sources: `vendors/woocommerce.md` sections 2 to 4. User 1 is the administrator.
const WOOCOMMERCE: Nature = Nature {
    name: "WooCommerce sandbox",
    tag: "w",
    first_ids: FirstIds { account: 2, order: 1_001, row: 1 },
    ids: Ids::Number,
    letters: Letters::Ascii,
    opt_in_on: OptInOn::Account,
    moved_by: (false, false),
    dates_words: true,
    unticked: Unticked::No,
    new_address: NewAddress::FlagStays,
    orders_after: OrdersAfter::BecomeGuestOrders,
    erased: Erased::Replaced(ERASED),
    guests: Guests { among_accounts: false, audience: Audience::Customers },
    unplaced: &[OrderStatus::Draft, OrderStatus::Trash],
    orders_speak: OrdersSpeak::Always,
    holds: |account| matches!(account.standing, Standing::Customer | Standing::SubscriberAndCustomer),
    cast: (cast::woocommerce::ODD, cast::woocommerce::CROWD),
};

/// The nature of a platform.
pub(crate) const fn of(platform: Platform) -> &'static Nature {
    match platform {
        Platform::BigCommerce => &BIGCOMMERCE,
        Platform::Magento => &MAGENTO,
        Platform::Sfcc => &SFCC,
        Platform::Shopify => &SHOPIFY,
        Platform::Shopware => &SHOPWARE,
        Platform::WooCommerce => &WOOCOMMERCE,
    }
}

/// What the set-up of a store lets anybody see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    /// What accounts say about marketing.
    pub(crate) words_of_accounts: bool,
    /// What orders say about marketing.
    pub(crate) words_of_orders: bool,
    /// Newsletter rows.
    pub(crate) rows: bool,
}

impl Sight {
    pub(crate) const fn of(platform: Platform, options: &StoreOptions) -> Self {
        let everything = Self { words_of_accounts: true, words_of_orders: true, rows: true };
        match platform {
            Platform::Magento => Self { rows: options.magento.subscribers_endpoint, ..everything },
            Platform::Sfcc => Self {
                words_of_accounts: options.sfcc.attribute,
                words_of_orders: options.sfcc.order_attribute,
                ..everything
            },
            _ => everything,
        }
    }
}
