//! Assent: connects online stores to marketing contact lists and can prove consent.
//!
//! The map, in reading order:
//!
//! - [`domain`]: the rules, without I/O. Start with [`domain::contact_rules`].
//! - [`connectors`]: one store platform each, as a source of people.
//! - [`api`]: what both transports show and take.
//! - [`auth`], [`service`]: who calls, and the use cases. The heart of them settles a store's people.
//! - [`sync`]: keeps lists in step with stores; [`jobs`] finds workers for its runs.
//! - [`store`]: queries, every one scoped to an account.
//! - [`sandbox`]: simulated stores that speak the vendors' wire formats.
//! - [`rest`], [`graphql`], [`server`]: two transports, and the HTTP server around both.
//! - [`config`], [`app`], [`error`], [`secrets`], [`telemetry`]: what everything stands on.
//! - [`cli`]: the commands of the program.

pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod connectors;
pub mod domain;
pub mod error;
pub mod graphql;
pub mod jobs;
pub mod rest;
pub mod sandbox;
pub mod secrets;
pub mod server;
pub mod service;
pub mod store;
pub mod sync;
pub mod telemetry;

#[cfg(test)]
#[path = "../tests/it/support/skipping.rs"]
mod skipping;
