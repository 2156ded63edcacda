//! The Shopware connector against shops that misbehave, and against the vendor's own examples.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod access;
mod answers;
mod connection;
mod contract;
mod hooks;
mod moved;
mod paging;
mod requests;
mod shop;
mod simulated;
mod synced;
