//! What only the simulated Salesforce Commerce Cloud has.

use std::time::Duration;

/// What only the simulated Salesforce Commerce Cloud has.
#[derive(Debug, Clone, Copy)]
pub struct SfccOptions {
    /// The merchant has made the attribute `acceptsMarketing` of profiles (`vendors/sfcc.md` section 6).
    pub attribute: bool,
    /// The merchant writes the same attribute on orders, too (`vendors/sfcc.md` section 5).
    pub order_attribute: bool,
    /// Life of a token.
    pub token_lives: Duration,
}

impl Default for SfccOptions {
    /// Life of a token: `vendors/sfcc.md` section 3.
    fn default() -> Self {
        Self { attribute: true, order_attribute: true, token_lives: Duration::from_secs(1799) }
    }
}
