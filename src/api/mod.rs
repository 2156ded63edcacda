//! Views and inputs: one of each per resource, for both transports.
//!
//! A view is built from a domain type by full destructuring, so that a new field is a decision. GraphQL adds
//! relations to a view, REST the page envelope; nothing else differs.

pub mod capabilities;
pub mod connector;
pub mod consent;
pub mod consent_input;
pub mod consent_words;
pub mod contact;
pub mod integration;
pub mod leave_limit;
pub mod list;
mod mirror;
pub mod object;
pub mod page;
pub mod privacy;
pub mod progress;
pub mod schedule;
pub mod sync;
pub mod webhook;
pub mod words;
