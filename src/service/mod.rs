//! Use cases: authorise, decide, one transaction. Both transports call these and nothing below them.

pub mod accounts;
pub mod input;
pub mod integrations;
pub mod tokens;
