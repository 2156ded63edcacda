//! What somebody can do in a simulated store while it runs.

mod rows;

use serde::Deserialize;

use super::names::normalized;
use super::nature::{Erased, Letters, NewAddress, OptInOn, OrdersAfter, OrdersSpeak, Unticked};
use super::records::{Account, GuestFlag, Order, OrderStatus, Says, Second, Standing};
use super::state::{Records, State};

/// A change in a store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// The person with this address opts in: on the account or on the newsletter row, whichever the platform has. In
    /// WooCommerce that changes meta only, so no date moves.
    OptIn {
        /// Whose.
        email: String,
    },
    /// The person with this address opts out. In Magento no date moves.
    OptOut {
        /// Whose.
        email: String,
    },
    /// The account with this address gets another one.
    ChangeEmail {
        /// The present address.
        email: String,
        /// The new one.
        to: String,
        /// Shopify, BigCommerce, Shopware: whether the store states the same opt-in for the new address.
        #[serde(default)]
        keep_opt_in: bool,
    },
    /// The account and the newsletter rows are deleted; a guest is erased. In WooCommerce the orders of a deleted
    /// account become guest orders, in Shopware and Magento they
    /// lose their customer.
    Delete {
        /// Whose.
        email: String,
    },
    /// Somebody buys without an account.
    GuestOrder {
        /// With this address.
        email: String,
        /// Ticked, unticked, or not asked.
        #[serde(default)]
        opt_in: Option<bool>,
    },
    /// Somebody buys without an account, and only the order tells of it: on Shopify it has no customer although the
    /// address may have one, on BigCommerce no subscriber record is made. Elsewhere a `GuestOrder` like any other.
    LooseOrder {
        /// With this address.
        email: String,
        /// Ticked, unticked, or not asked.
        #[serde(default)]
        opt_in: Option<bool>,
    },
    /// Somebody makes an account.
    NewCustomer {
        /// With this address.
        email: String,
        /// Ticked, unticked, or not asked.
        #[serde(default)]
        opt_in: Option<bool>,
    },
}

impl Change {
    /// The address whose truth the change may alter; the new one of a change of address.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::OptIn { email }
            | Self::OptOut { email }
            | Self::Delete { email }
            | Self::GuestOrder { email, .. }
            | Self::LooseOrder { email, .. }
            | Self::NewCustomer { email, .. } => email,
            Self::ChangeEmail { to, .. } => to,
        }
    }
}

/// Why a change can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Nobody has the address.
    #[error("nobody in the store has this address")]
    Nobody,
    /// The address has no account: a guest speaks by an order.
    #[error("this address has no account; a guest says yes or no with a guestOrder")]
    NoAccount,
    /// Not an address, or one that the platform refuses.
    #[error("this is not an address that the platform takes")]
    BadAddress,
    /// Another account has the address.
    #[error("an account with this address exists already")]
    Taken,
}

impl State {
    /// Makes a change, stamped `now`.
    pub(crate) fn apply(&mut self, change: &Change, now: Second) -> Result<(), ChangeError> {
        let now = now.max(self.changed_at);
        match change {
            Change::OptIn { email } => self.say(email, Says::Yes, now)?,
            Change::OptOut { email } => self.say(email, Says::No, now)?,
            Change::ChangeEmail { email, to, keep_opt_in } => self.change_email(email, to, *keep_opt_in, now)?,
            Change::Delete { email } => self.delete(email, now)?,
            Change::GuestOrder { email, opt_in } => self.guest_order(email, *opt_in, now)?,
            Change::LooseOrder { email, opt_in } => match self.nature().orders_speak {
                OrdersSpeak::Never | OrdersSpeak::Always => self.guest_order(email, *opt_in, now)?,
                OrdersSpeak::WithoutRow | OrdersSpeak::WithoutAccount => {
                    let says = said(*opt_in, self.nature().unticked);
                    self.put_guest_order(email, None, says, now);
                }
            },
            Change::NewCustomer { email, opt_in } => self.new_customer(email, *opt_in, now)?,
        }
        self.changed_at = self.changed_at.max(now);
        Ok(())
    }

    fn known(&self, email: &str) -> Result<(String, Records), ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let found = self.records_with(&address);
        let nobody = found.accounts.is_empty() && found.orders.is_empty() && found.rows.is_empty();
        if nobody { Err(ChangeError::Nobody) } else { Ok((address, found)) }
    }

    fn say(&mut self, email: &str, says: Says, now: Second) -> Result<(), ChangeError> {
        let (address, found) = self.known(email)?;
        let now = self.after_the_last_no(&address, says, now);
        let nature = self.nature();
        match nature.opt_in_on {
            OptInOn::Row => self.say_on_rows(email, says, now),
            OptInOn::AccountElseRow if found.accounts.is_empty() => self.say_on_rows(email, says, now),
            OptInOn::Account if found.accounts.is_empty() => return Err(ChangeError::NoAccount),
            OptInOn::Account | OptInOn::AccountElseRow => {
                let (moved_by_opt_in, moved_by_opt_out) = nature.moved_by;
                for mut account in found.accounts {
                    // A flag that already says it shows nothing new, so it goes on saying nothing about a changed
                    // address.
                    account.flag_is_stale &= account.says == says;
                    account.says = says;
                    account.said_at = now;
                    if if says == Says::Yes { moved_by_opt_in } else { moved_by_opt_out } {
                        account.modified = now;
                    }
                    self.accounts.put(account);
                }
            }
        }
        if says == Says::No {
            self.noes.insert(address, now);
        }
        Ok(())
    }

    /// A yes right after a no is stamped a second later, since within a second the no would win.
    fn after_the_last_no(&mut self, address: &str, says: Says, now: Second) -> Second {
        let last_no = self.noes.get(address).filter(|_| says == Says::Yes);
        let now = last_no.map_or(now, |last_no| now.max(last_no + 1));
        self.changed_at = self.changed_at.max(now);
        now
    }

    fn change_email(&mut self, email: &str, to: &str, keep: bool, now: Second) -> Result<(), ChangeError> {
        let (_, found) = self.known(email)?;
        let among_accounts = self.nature().guests.among_accounts;
        let accounts: Vec<_> =
            found.accounts.into_iter().filter(|account| has_login(account, among_accounts)).collect();
        if accounts.is_empty() {
            return Err(ChangeError::NoAccount);
        }
        let to = self.new_address(to)?;
        for mut account in accounts {
            account.email = Some(to.clone());
            (account.modified, account.shows_modified) = (now, true);
            match self.nature().new_address {
                NewAddress::FlagStays => account.flag_is_stale = matches!(account.says, Says::Yes | Says::No),
                NewAddress::StatedAnew if !keep => account.says = Says::Nothing,
                NewAddress::StatedAnew | NewAddress::RowStays | NewAddress::RowFollows => {}
            }
            self.accounts.put(account);
        }
        for mut row in found.rows {
            match self.nature().new_address {
                NewAddress::RowStays if keep => {
                    self.row_leaves(&row, now);
                    row.modified = now;
                }
                // By plain SQL: no date moves (vendors/shopware.md section 4).
                NewAddress::RowFollows if !keep && row.says == Says::Yes => {
                    (row.says, row.confirmed_at) = (Says::Pending, None);
                }
                NewAddress::RowFollows => {}
                _ => continue,
            }
            row.email = Some(to.clone());
            self.rows.put(row);
        }
        Ok(())
    }

    /// The address as the store keeps it. Addresses are unique among accounts, and not every platform takes every
    /// letter (recorded for WooCommerce, both).
    fn new_address(&self, email: &str) -> Result<String, ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let nature = self.nature();
        let typed = email.trim();
        let kept = match (nature.letters, address.split_once('@'), typed.split_once('@')) {
            (Letters::Ascii, ..) if !typed.is_ascii() => return Err(ChangeError::BadAddress),
            (Letters::AnyBeforeAt, Some((_, domain)), Some((local, _))) => format!("{local}@{domain}"),
            _ => typed.to_owned(),
        };
        let among_accounts = nature.guests.among_accounts;
        let is_taken = self.records_with(&address).accounts.iter().any(|account| has_login(account, among_accounts));
        if is_taken { Err(ChangeError::Taken) } else { Ok(kept) }
    }

    fn delete(&mut self, email: &str, now: Second) -> Result<(), ChangeError> {
        let (_, found) = self.known(email)?;
        if found.accounts.is_empty() {
            for order in found.orders {
                self.erase(order, now);
            }
        }
        for account in found.accounts {
            self.delete_account(account.id, now);
        }
        for row in found.rows {
            self.delete_row(row.id, now);
        }
        Ok(())
    }

    pub(crate) fn delete_account(&mut self, id: u64, now: Second) {
        let now = now.max(self.changed_at);
        self.changed_at = now;
        for mut order in self.orders_of_account(id) {
            match self.nature().orders_after {
                // With orders there is only erasure (vendors/shopify.md section 6).
                OrdersAfter::Erased => self.erase(order, now),
                // The order becomes a guest order and its date moves (recorded).
                OrdersAfter::BecomeGuestOrders => {
                    (order.account, order.modified) = (None, now);
                    self.orders.put(order);
                }
                // The flag goes on saying that no guest placed it (recorded for Magento).
                OrdersAfter::LoseAccount => {
                    (order.account, order.guest_flag) = (None, GuestFlag::Wrong);
                    self.orders.put(order);
                }
                OrdersAfter::Stay => {}
            }
        }
        self.accounts.remove(id);
    }

    pub(crate) fn orders_of_account(&self, id: u64) -> Vec<Order> {
        let laid_out = self.accounts.laid_out(id).map(|place| self.records_of(place.person)).unwrap_or_default().orders;
        let mut orders: Vec<_> = laid_out.into_iter().chain(self.orders.changed_live().cloned()).collect();
        orders.retain(|order| order.account == Some(id));
        orders.sort_by_key(|order| order.id);
        orders.dedup_by_key(|order| order.id);
        orders
    }

    fn erase(&mut self, mut order: Order, now: Second) {
        match self.nature().erased {
            Erased::Deleted => return self.orders.remove(order.id),
            Erased::Archived => order.status = OrderStatus::Trash,
            Erased::Replaced(by) => order.email = Some(by.to_owned()),
            Erased::Blank => order.email = None,
        }
        (order.account, order.modified) = (None, now);
        (order.first_name, order.last_name) = (String::new(), String::new());
        self.orders.put(order);
    }

    fn guest_order(&mut self, email: &str, opt_in: Option<bool>, now: Second) -> Result<(), ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let Records { accounts, .. } = self.records_with(&address);
        let nature = self.nature();
        let mut says = said(opt_in, nature.unticked);
        let now = self.after_the_last_no(&address, says, now);
        if nature.new_address == NewAddress::StatedAnew && !accounts.is_empty() {
            // A tick at checkout changes the customer; the order shows the state at the time of purchase.
            match opt_in {
                Some(_) => self.say(email, says, now)?,
                None => {
                    says = accounts.iter().max_by_key(|account| account.said_at).map_or(says, |account| account.says);
                }
            }
        }
        if says == Says::No {
            self.noes.insert(address, now);
        }
        let account = nature.guests.among_accounts.then(|| {
            let guest = Account { standing: Standing::Guest, orders: 1, ..self.blank_account(email.trim(), now) };
            self.accounts.put(guest.clone());
            guest.id
        });
        self.put_guest_order(email, account, says, now);
        if says == Says::Yes && nature.opt_in_on != OptInOn::Account {
            self.say(email, says, now)?;
        }
        Ok(())
    }

    fn put_guest_order(&mut self, email: &str, account: Option<u64>, says: Says, now: Second) {
        let id = self.orders.issue_id();
        self.orders.put(Order {
            id,
            account,
            guest_flag: GuestFlag::Right,
            email: Some(email.trim().to_owned()),
            first_name: "Gäst".to_owned(),
            last_name: format!("№ {id}"),
            says,
            created: now,
            modified: now,
            status: OrderStatus::Processing,
            test: false,
            cents: 4_900,
            malformed: false,
        });
    }

    fn new_customer(&mut self, email: &str, opt_in: Option<bool>, now: Second) -> Result<(), ChangeError> {
        let kept = self.new_address(email)?;
        let nature = self.nature();
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let says = said(opt_in, nature.unticked);
        let now = self.after_the_last_no(&address, says, now);
        if says == Says::No {
            self.noes.insert(address, now);
        }
        let on_account = if nature.opt_in_on == OptInOn::Row { Says::Nothing } else { says };
        let account = Account { says: on_account, ..self.blank_account(&kept, now) };
        self.accounts.put(account);
        if says == Says::Yes && nature.opt_in_on == OptInOn::Row {
            self.say_on_rows(&kept, says, now);
        }
        Ok(())
    }

    fn blank_account(&mut self, email: &str, now: Second) -> Account {
        Account {
            id: self.accounts.issue_id(),
            standing: Standing::Customer,
            email: Some(email.to_owned()),
            billing_email: None,
            first_name: "Neve".to_owned(),
            last_name: "Newcomer".to_owned(),
            says: Says::Nothing,
            said_at: now,
            flag_is_stale: false,
            created: now,
            modified: now,
            // Shopware has null until the first update (vendors/shopware.md section 2).
            shows_modified: !self.nature().guests.among_accounts,
            orders: 0,
            channel: 0,
            list_hides: false,
            malformed: false,
        }
    }
}

/// Whether it is an account that somebody signs in to, where guests are among the accounts, too.
fn has_login(account: &Account, among_accounts: bool) -> bool {
    !among_accounts || account.standing != Standing::Guest
}

fn said(opt_in: Option<bool>, unticked: Unticked) -> Says {
    match (opt_in, unticked) {
        (Some(true), _) => Says::Yes,
        (Some(false), Unticked::No) => Says::No,
        (Some(false), Unticked::Nothing) | (None, _) => Says::Nothing,
    }
}
