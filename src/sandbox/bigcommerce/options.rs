//! What only the simulated `BigCommerce` has.

use std::time::Duration;

/// What only the simulated `BigCommerce` has.
#[derive(Debug, Clone, Copy)]
pub struct BigCommerceOptions {
    /// Requests that the store takes in a window.
    pub quota: u32,
    /// Length of a window.
    pub window: Duration,
}

impl Default for BigCommerceOptions {
    /// A Standard or Plus store: `vendors/bigcommerce.md` section 7.
    fn default() -> Self {
        Self { quota: 150, window: Duration::from_secs(30) }
    }
}
