//! Whether a full pass saw everybody whom the store counts.

use serde::{Deserialize, Serialize};

use super::people::Stream;
use super::words::{Audience, Platform};

/// What a stream of a full pass showed, beside the store's own count of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completeness {
    /// Whom its records can bring onto a list.
    pub audiences: Vec<Audience>,
    /// How many records the store counted last.
    pub store_total: u64,
    /// How many different records the pass saw, those that could not be used among them.
    pub seen: u64,
    /// How many of those were found only when the stream was read once more.
    pub swept: u64,
}

impl Completeness {
    /// How many records the store counts that nobody saw. Never negative: whoever was seen and is no longer counted was
    /// deleted while the pass was under way.
    #[must_use]
    pub const fn gap(&self) -> u64 {
        self.store_total.saturating_sub(self.seen)
    }
}

/// The audiences that a stream's records can bring somebody to, by the platform's contact rules and sheet.
#[must_use]
pub const fn audiences_of(platform: Platform, stream: Stream) -> &'static [Audience] {
    use Audience::{Customers, Guests, Subscribers};
    match (stream, platform) {
        (Stream::Customers, Platform::BigCommerce | Platform::Shopware) | (Stream::Orders, Platform::Shopware) => {
            &[Customers]
        }
        (Stream::Orders, Platform::Magento) => &[Guests],
        (Stream::Customers, Platform::Magento | Platform::Sfcc | Platform::Shopify | Platform::WooCommerce)
        | (Stream::Orders, Platform::BigCommerce | Platform::Sfcc | Platform::Shopify | Platform::WooCommerce) => {
            &[Subscribers, Customers]
        }
        (
            Stream::Subscribers,
            Platform::BigCommerce
            | Platform::Magento
            | Platform::Sfcc
            | Platform::Shopify
            | Platform::Shopware
            | Platform::WooCommerce,
        ) => &[Subscribers],
    }
}
