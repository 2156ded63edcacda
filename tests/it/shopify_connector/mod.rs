//! The Shopify connector, against a shop on a loopback port that gives the recorded examples and worse.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod errors;
mod export;
mod paging;
mod queries;
mod reading;
mod shop;
mod simulated;
mod token;
