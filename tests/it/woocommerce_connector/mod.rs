//! The WooCommerce connector against shops that misbehave, and its requests against the vendor's own description.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod answers;
mod paging;
mod requests;
pub(crate) mod shop;
mod simulated;
