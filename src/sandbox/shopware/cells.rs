//! The columns of a row as filters see them.

use crate::sandbox::names::normalized;
use crate::sandbox::records::{Account, Order, Row, Second, Standing};
use crate::sandbox::{ids, shopware::channel_id};

/// One column of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Flag(bool),
    Number(u64),
    Text(String),
    /// Compared without regard to case, as the database compares addresses (sheet, section 3).
    Address(String),
    Time(Second),
}

/// A row that can be asked for its columns; `None` for a column that it does not have.
pub(super) trait Columns {
    fn cell(&self, field: &str) -> Option<Cell>;
}

fn address(email: Option<&str>, malformed: bool) -> Cell {
    match email.filter(|_| !malformed) {
        Some(email) => Cell::Address(folded(email)),
        None => Cell::Null,
    }
}

/// What an address is compared by.
pub(super) fn folded(email: &str) -> String {
    normalized(email).unwrap_or_else(|| email.to_lowercase())
}

fn updated(second: Second, shown: bool) -> Cell {
    if shown { Cell::Time(second) } else { Cell::Null }
}

impl Columns for Account {
    fn cell(&self, field: &str) -> Option<Cell> {
        Some(match field {
            "id" => Cell::Text(ids::text("customers", self.id)),
            "autoIncrement" => Cell::Number(self.id),
            "email" => address(self.email.as_deref(), self.malformed),
            "guest" => Cell::Flag(self.standing == Standing::Guest),
            "active" => Cell::Flag(self.standing != Standing::Unconfirmed),
            "orderCount" => Cell::Number(self.orders.into()),
            "boundSalesChannelId" if self.channel == 0 => Cell::Null,
            "salesChannelId" | "boundSalesChannelId" => Cell::Text(channel_id(self.channel)),
            "createdAt" => Cell::Time(self.created),
            "updatedAt" => updated(self.modified, self.shows_modified),
            // Of the first order; a filter on the association asks whether any fits.
            "orderCustomers.createdAt" if self.orders > 0 => Cell::Time(self.created),
            "orderCustomers.createdAt" => Cell::Null,
            _ => return None,
        })
    }
}

impl Columns for Row {
    fn cell(&self, field: &str) -> Option<Cell> {
        Some(match field {
            "id" => Cell::Text(ids::text("subscribers", self.id)),
            "email" => address(self.email.as_deref(), self.malformed),
            "status" => Cell::Text(super::rows::status(self).to_owned()),
            "salesChannelId" => Cell::Text(channel_id(self.channel)),
            "confirmedAt" => self.confirmed_at.map_or(Cell::Null, Cell::Time),
            "createdAt" => Cell::Time(self.created),
            "updatedAt" => updated(self.modified, self.shows_modified),
            _ => return None,
        })
    }
}

impl Columns for Order {
    fn cell(&self, field: &str) -> Option<Cell> {
        Some(match field {
            "id" => Cell::Text(ids::text("orders", self.id)),
            "autoIncrement" => Cell::Number(self.id),
            "salesChannelId" => Cell::Text(channel_id(0)),
            "createdAt" => Cell::Time(self.created),
            "updatedAt" => Cell::Time(self.modified),
            "orderCustomer.customerId" => {
                self.account.map_or(Cell::Null, |account| Cell::Text(ids::text("customers", account)))
            }
            "orderCustomer.email" => address(self.email.as_deref(), self.malformed),
            _ => return None,
        })
    }
}
