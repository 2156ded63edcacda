//! Use cases: authorise, decide, one transaction. Both transports call these and nothing below them.

pub mod accounts;
pub mod connectors;
pub mod consents;
pub mod contacts;
pub mod erasure;
pub mod evidence;
pub mod export;
pub mod health;
pub(crate) mod hosts;
pub mod input;
pub mod integrations;
pub mod lists;
pub mod mappings;
pub mod privacy;
pub mod relations;
mod resettle;
pub mod runs;
pub(crate) mod settle;
pub mod statistics;
mod store_consent;
pub(crate) mod stores;
mod story;
pub mod suppressions;
pub mod syncs;
pub mod tokens;
pub mod webhooks;
