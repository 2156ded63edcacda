//! REST over the real router, on both databases.

mod bad_input;
mod consents;
mod contract;
mod doors;
mod integrations;
mod lists;
mod pages;
mod tokens;
