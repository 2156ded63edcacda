//! BigCommerce.

pub(crate) mod settings;
