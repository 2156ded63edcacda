//! Queries over sea-orm: rows in, domain out, every query scoped to an account.

pub(crate) mod accounts;
pub mod connect;
pub(crate) mod consents;
pub(crate) mod departed;
pub(crate) mod erased;
pub(crate) mod erasure;
pub(crate) mod hint_lanes;
pub(crate) mod hints;
pub(crate) mod history;
pub(crate) mod installed;
pub mod job_queue;
pub(crate) mod leases;
pub mod ledger;
pub(crate) mod lists_by_id;
pub(crate) mod mappings;
pub(crate) mod memberships;
pub mod migrate;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod planner;
pub(crate) mod privacy_requests;
pub(crate) mod progress;
pub(crate) mod quarantine;
pub(crate) mod queues;
pub(crate) mod resume;
pub(crate) mod schedules;
pub(crate) mod seen;
pub(crate) mod signing_keys;
pub(crate) mod source_records;
pub(crate) mod statistics;
pub(crate) mod sync_runs;
pub mod view;
pub(crate) mod webhooks;
pub(crate) mod words;

pub use connect::{Database, begin};
