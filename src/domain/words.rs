//! The closed sets of words that everything else speaks in.

use super::wire_enum::wire_enum;

/// A word that is not in its closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not one of: {}", expected.join(", "))]
pub struct UnknownWord {
    /// Name of the set.
    pub set: &'static str,
    /// The words that would have been accepted.
    pub expected: &'static [&'static str],
}

wire_enum! {
    /// The store platforms that Assent connects to.
    Platform {
        /// BigCommerce.
        BigCommerce = "bigcommerce",
        /// Magento 2 and Adobe Commerce.
        Magento = "magento",
        /// Salesforce Commerce Cloud.
        Sfcc = "sfcc",
        /// Shopify.
        Shopify = "shopify",
        /// Shopware 6.
        Shopware = "shopware",
        /// WooCommerce.
        WooCommerce = "woocommerce",
    }
}

wire_enum! {
    /// The kind of person that a store yields and a list can be mapped to.
    Audience {
        /// People with a positive, current opt-in.
        Subscribers = "subscribers",
        /// People with a store account and, on most platforms, guest buyers.
        Customers = "customers",
        /// Guest buyers, where the connector keeps them apart (Magento).
        Guests = "guests",
    }
}

wire_enum! {
    /// What a list may be used for.
    Purpose {
        /// Marketing messages: only people who opted in may be on it.
        Marketing = "marketing",
        /// Anything else: service messages, analysis.
        Other = "other",
    }
}

/// Name of the list that an installation creates, or reuses, for subscribers.
///
/// Source: article "Choose lists for customers and subscribers for BigCommerce".
pub const DEFAULT_SUBSCRIBER_LIST: &str = "Store subscribers";
