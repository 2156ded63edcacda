//! The BigCommerce connector: against stores that misbehave, the vendor's own deliveries, and the simulated store.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod answers;
mod budget;
mod contract;
mod deliveries;
mod paging;
pub(crate) mod shop;
mod simulated;
