//! What somebody can do in a simulated store while it runs.

use serde::Deserialize;

use super::names::normalized;
use super::population::ERASED;
use super::records::{Account, Order, OrderStatus, Says, Second, Standing};
use super::state::State;
use crate::domain::Platform;

/// A change in a store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// The account with this address opts in. In WooCommerce that changes meta only, so no date moves.
    OptIn {
        /// Whose.
        email: String,
    },
    /// The account with this address opts out.
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
        /// Shopify: whether the store states the same opt-in for the new address.
        #[serde(default)]
        keep_opt_in: bool,
    },
    /// The account is deleted; a guest is erased. In WooCommerce the orders of a deleted account become guest orders.
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
            Change::NewCustomer { email, opt_in } => self.new_customer(email, *opt_in, now)?,
        }
        self.changed_at = self.changed_at.max(now);
        Ok(())
    }

    fn is_shopify(&self) -> bool {
        self.population.platform == Platform::Shopify
    }

    fn accounts_with(&self, email: &str) -> Result<(String, Vec<Account>), ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let (accounts, orders) = self.records_with(&address);
        match (accounts.is_empty(), orders.is_empty()) {
            (true, true) => Err(ChangeError::Nobody),
            (true, false) => Err(ChangeError::NoAccount),
            (false, _) => Ok((address, accounts)),
        }
    }

    fn say(&mut self, email: &str, says: Says, now: Second) -> Result<(), ChangeError> {
        let (address, accounts) = self.accounts_with(email)?;
        let now = self.after_the_last_no(&address, says, now);
        for mut account in accounts {
            // A flag that already says it shows nothing new, so it goes on saying nothing about a changed address.
            account.flag_is_stale &= account.says == says;
            account.says = says;
            account.said_at = now;
            if self.is_shopify() {
                account.modified = now;
            }
            self.accounts.put(account);
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
        let (_, accounts) = self.accounts_with(email)?;
        self.check_new(to)?;
        for mut account in accounts {
            account.email = Some(to.to_owned());
            (account.modified, account.shows_modified) = (now, true);
            if !self.is_shopify() {
                account.flag_is_stale = matches!(account.says, Says::Yes | Says::No);
            } else if !keep {
                account.says = Says::Nothing;
            }
            self.accounts.put(account);
        }
        Ok(())
    }

    /// Addresses are unique among accounts, and WooCommerce refuses non-ASCII ones (recorded, both).
    fn check_new(&self, email: &str) -> Result<(), ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        if !self.is_shopify() && !email.is_ascii() {
            return Err(ChangeError::BadAddress);
        }
        if self.records_with(&address).0.is_empty() { Ok(()) } else { Err(ChangeError::Taken) }
    }

    fn delete(&mut self, email: &str, now: Second) -> Result<(), ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let (accounts, orders) = self.records_with(&address);
        if accounts.is_empty() && orders.is_empty() {
            return Err(ChangeError::Nobody);
        }
        if accounts.is_empty() {
            for order in orders {
                self.erase(order, now);
            }
        }
        for account in accounts {
            self.delete_account(account.id, now);
        }
        Ok(())
    }

    pub(crate) fn delete_account(&mut self, id: u64, now: Second) {
        let now = now.max(self.changed_at);
        self.changed_at = now;
        for mut order in self.orders_of_account(id) {
            if self.is_shopify() {
                // With orders there is only erasure (vendors/shopify.md section 6).
                self.erase(order, now);
            } else {
                // The order becomes a guest order and its date moves (recorded).
                (order.account, order.modified) = (None, now);
                self.orders.put(order);
            }
        }
        self.accounts.remove(id);
    }

    fn orders_of_account(&self, id: u64) -> Vec<Order> {
        let laid_out = self.accounts.laid_out(id).map(|place| self.records_of(place.person).1).unwrap_or_default();
        let mut orders: Vec<_> = laid_out.into_iter().chain(self.orders.changed_live().cloned()).collect();
        orders.retain(|order| order.account == Some(id));
        orders.sort_by_key(|order| order.id);
        orders.dedup_by_key(|order| order.id);
        orders
    }

    fn erase(&mut self, mut order: Order, now: Second) {
        // vendors/woocommerce.md section 3; Shopify redacts to null.
        order.email = (!self.is_shopify()).then(|| ERASED.to_owned());
        (order.account, order.modified) = (None, now);
        (order.first_name, order.last_name) = (String::new(), String::new());
        self.orders.put(order);
    }

    fn guest_order(&mut self, email: &str, opt_in: Option<bool>, now: Second) -> Result<(), ChangeError> {
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let (accounts, _) = self.records_with(&address);
        let mut says = said(opt_in);
        let now = self.after_the_last_no(&address, says, now);
        if self.is_shopify() && !accounts.is_empty() {
            // A tick at checkout changes the customer; the order shows the state at the time of purchase.
            match opt_in {
                Some(_) => self.say(email, says, now)?,
                None => {
                    says = accounts.iter().max_by_key(|account| account.said_at).map_or(says, |account| account.says);
                }
            }
        }
        if opt_in == Some(false) {
            self.noes.insert(address, now);
        }
        let id = self.orders.issue_id();
        self.orders.put(Order {
            id,
            account: None,
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
        Ok(())
    }

    fn new_customer(&mut self, email: &str, opt_in: Option<bool>, now: Second) -> Result<(), ChangeError> {
        self.check_new(email)?;
        let id = self.accounts.issue_id();
        let address = normalized(email).ok_or(ChangeError::BadAddress)?;
        let now = self.after_the_last_no(&address, said(opt_in), now);
        if opt_in == Some(false) {
            self.noes.insert(address, now);
        }
        self.accounts.put(Account {
            id,
            standing: Standing::Customer,
            email: Some(email.trim().to_owned()),
            billing_email: None,
            first_name: "Neve".to_owned(),
            last_name: "Newcomer".to_owned(),
            says: said(opt_in),
            said_at: now,
            flag_is_stale: false,
            created: now,
            modified: now,
            shows_modified: true,
            orders: 0,
            malformed: false,
        });
        Ok(())
    }
}

fn said(opt_in: Option<bool>) -> Says {
    match opt_in {
        Some(true) => Says::Yes,
        Some(false) => Says::No,
        None => Says::Nothing,
    }
}
