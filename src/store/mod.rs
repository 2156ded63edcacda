//! Queries over sea-orm: rows in, domain out, every query scoped to an account.

pub(crate) mod accounts;
pub mod connect;
pub mod migrate;
pub(crate) mod signing_keys;

pub use connect::{Database, begin};
