//! The Magento connector against shops that answer as a test tells them to.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod answers;
mod check;
mod paging;
pub(crate) mod shop;
mod websites;
