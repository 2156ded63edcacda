//! The Magento connector against shops that answer as a test tells them to.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod answers;
mod check;
mod contract;
mod paging;
pub(crate) mod shop;
mod simulated;
mod websites;
