//! Assent: connects online stores to marketing contact lists and can prove consent.
//!
//! The map, in reading order:
//!
//! - [`domain`]: the rules, without I/O. Start with [`domain::contact_rules`].
//! - [`connectors`]: one store platform each, as a source of people.
//! - [`auth`], [`service`]: who calls, and the use cases.
//! - [`store`]: queries, every one scoped to an account.
//! - [`config`], [`app`], [`error`], [`secrets`]: what everything stands on.

pub mod app;
pub mod auth;
pub mod config;
pub mod connectors;
pub mod domain;
pub mod error;
pub mod secrets;
pub mod service;
pub mod store;
