//! Magento and Adobe Commerce.

pub(crate) mod settings;
