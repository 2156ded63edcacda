//! Shopify.

pub(crate) mod settings;
