//! Queries over sea-orm: rows in, domain out, every query scoped to an account.

pub mod connect;

pub use connect::{Database, begin};
