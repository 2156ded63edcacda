//! WooCommerce.

pub(crate) mod settings;
