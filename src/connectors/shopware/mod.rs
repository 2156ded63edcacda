//! Shopware 6.

pub(crate) mod settings;
