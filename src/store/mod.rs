//! Queries over sea-orm: rows in, domain out, every query scoped to an account.

pub(crate) mod accounts;
pub mod connect;
pub(crate) mod signing_keys;

pub use connect::{Database, begin};
