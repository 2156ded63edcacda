//! What only the simulated Salesforce Commerce Cloud has.

use std::time::Duration;

use super::access::{CUSTOMERS_SCOPE, ORDERS_SCOPE};

/// What only the simulated Salesforce Commerce Cloud has.
#[derive(Debug, Clone, Copy)]
pub struct SfccOptions {
    /// The merchant has made the attribute `acceptsMarketing` of profiles (`vendors/sfcc.md` section 6).
    pub attribute: bool,
    /// The merchant writes the same attribute on orders, too (`vendors/sfcc.md` section 5).
    pub order_attribute: bool,
    /// Life of a token.
    pub token_lives: Duration,
    /// Which dates the customer search knows.
    pub searchable_dates: SearchableDates,
    /// Whether the API client has a role for the instance, without which there is no tenant scope
    /// (`vendors/sfcc.md` section 3).
    pub has_tenant: bool,
    /// The API scopes that the client may have.
    pub scopes: &'static [&'static str],
    /// Load of the instance in percent, as its headers tell; from 80 on it warns (`vendors/sfcc.md` section 8).
    pub load: u8,
}

impl Default for SfccOptions {
    /// Life of a token: `vendors/sfcc.md` section 3.
    fn default() -> Self {
        Self {
            attribute: true,
            order_attribute: true,
            token_lives: Duration::from_secs(1799),
            searchable_dates: SearchableDates::All,
            has_tenant: true,
            scopes: &[CUSTOMERS_SCOPE, ORDERS_SCOPE],
            load: 12,
        }
    }
}

/// Which dates the customer search knows: the sources contradict each other (`vendors/sfcc.md` section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchableDates {
    /// Creation and last change, as the release note says.
    All,
    /// Only the creation.
    CreationOnly,
    /// None, as the specification's list says: a search for one is refused.
    None,
}
