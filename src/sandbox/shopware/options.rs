//! What only the simulated Shopware has.

use std::time::Duration;

/// What only the simulated Shopware has.
#[derive(Debug, Clone, Copy)]
pub struct ShopwareOptions {
    /// Life of a token.
    pub token_lives: Duration,
    /// Most tokens in a minute; `None` for no limit, as in a shop of one's own.
    pub tokens_per_minute: Option<u32>,
    /// Largest page.
    pub max_limit: u64,
    /// Privileges that the integration's role lacks, for example `customer:read`; none for an administrator.
    pub lacks: &'static [&'static str],
}

impl Default for ShopwareOptions {
    /// `vendors/shopware.md` sections 1, 2 and 5.
    fn default() -> Self {
        Self { token_lives: Duration::from_mins(10), tokens_per_minute: None, max_limit: 500, lacks: &[] }
    }
}
