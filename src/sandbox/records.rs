//! What a simulated store keeps, before it is put into a vendor's words.

/// Seconds since 1970, UTC; the stores keep whole seconds.
pub(crate) type Second = i64;

/// What a record says about marketing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// Was never asked, or the record carries no flag.
    Nothing,
    /// Yes.
    Yes,
    /// No.
    No,
    /// Something that nobody can read: a value outside the documented ones. `WooCommerce` only.
    Gibberish,
    /// Yes, under the protected key `_wc_subscribed_to_newsletter`: hidden on accounts, shown on orders. `WooCommerce` only.
    YesProtected,
    /// A confirmation was sent. Shopify only.
    Pending,
    /// The platform holds the address for invalid. Shopify only.
    Invalid,
    /// Waits until the account is confirmed. Magento only.
    Unconfirmed,
    /// The field that would say it is missing from the record. `BigCommerce` only.
    Absent,
}

/// How an account came to be, or which rights it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// An account of the shop.
    Customer,
    /// `WooCommerce`: roles subscriber and customer at once.
    SubscriberAndCustomer,
    /// `WooCommerce`: a plain `WordPress` user of role subscriber, nothing to do with newsletters.
    PlainUser,
    /// `WooCommerce`: staff.
    ShopManager,
    /// Shopify and Shopware: made by a checkout without account.
    Guest,
    /// Magento and Shopware: registered, the address not confirmed yet.
    Unconfirmed,
    /// Shopify: made by the newsletter form.
    Newsletter,
    /// Shopify: made by the merchant and invited.
    Invited,
    /// Shopify: refused the invitation.
    Declined,
}

/// An account (a `WooCommerce` user, a Shopify customer, a Shopware customer or guest).
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the quirks of a record have nothing to do with each other")]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) standing: Standing,
    /// Address as typed; `None` where there is none.
    pub(crate) email: Option<String>,
    /// The address typed at checkout, if it is another.
    pub(crate) billing_email: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) says: Says,
    /// When it was said. Only Shopify shows it.
    pub(crate) said_at: Second,
    /// The address has changed since the flag was set, so that the flag says nothing about the new one.
    pub(crate) flag_is_stale: bool,
    pub(crate) created: Second,
    pub(crate) modified: Second,
    /// Whether the store shows `modified`: `WooCommerce` has null where it was never saved.
    pub(crate) shows_modified: bool,
    pub(crate) orders: u32,
    /// Which of the store's websites or sales channels it belongs to, from 0.
    pub(crate) channel: usize,
    /// The opt-in shows only when the record is read by its id (Magento; `vendors/magento.md` section 6).
    pub(crate) list_hides: bool,
    /// The record has the wrong type in the place of its address.
    pub(crate) malformed: bool,
}

/// The sales channel that is not among the chosen ones; 0 and 1 are.
pub(crate) const OUTSIDE: usize = 2;

/// A newsletter row: an address and what it said, without a link to an account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// Address as typed; `None` where there is none.
    pub(crate) email: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) says: Says,
    pub(crate) said_at: Second,
    /// When a confirmation mail was answered; stays when the person opts out (`vendors/shopware.md` section 4).
    pub(crate) confirmed_at: Option<Second>,
    /// Which of the store's websites or sales channels it belongs to; [`OUTSIDE`] is not a chosen one.
    pub(crate) channel: usize,
    pub(crate) created: Second,
    pub(crate) modified: Second,
    /// Whether it was changed since it was made.
    pub(crate) shows_modified: bool,
    /// The record has the wrong type in the place of its address.
    pub(crate) malformed: bool,
}

/// What an order tells of whether a guest placed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestFlag {
    /// The truth.
    Right,
    /// Nothing: the flag is missing or null.
    Missing,
    /// The opposite (Magento; `vendors/magento.md` section 5).
    Wrong,
    /// The truth, but a guest's order has an account number all the same (SFCC; `vendors/sfcc.md` section 5).
    Numbered,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderStatus {
    Completed,
    Processing,
    Pending,
    Cancelled,
    Failed,
    /// A block checkout that was never finished.
    Draft,
    Trash,
}

/// An order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: u64,
    /// The account it belongs to; `None` for a guest.
    pub(crate) account: Option<u64>,
    pub(crate) guest_flag: GuestFlag,
    pub(crate) email: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) says: Says,
    pub(crate) created: Second,
    pub(crate) modified: Second,
    pub(crate) status: OrderStatus,
    pub(crate) test: bool,
    pub(crate) cents: u32,
    pub(crate) malformed: bool,
}

/// What all kinds have in common for keeping them in order.
pub(crate) trait Record: Clone {
    fn id(&self) -> u64;
    fn modified(&self) -> Second;
    /// As typed, of kinds that carry one.
    fn email(&self) -> Option<&str> {
        None
    }
}

impl Record for Account {
    fn id(&self) -> u64 {
        self.id
    }
    fn modified(&self) -> Second {
        self.modified
    }
    fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

impl Record for Order {
    fn id(&self) -> u64 {
        self.id
    }
    fn modified(&self) -> Second {
        self.modified
    }
    fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

impl Record for Row {
    fn id(&self) -> u64 {
        self.id
    }
    fn modified(&self) -> Second {
        self.modified
    }
    fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}
