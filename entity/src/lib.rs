//! One file per table: sea-orm entities, no logic.
//!
//! Words (platforms, states, kinds) stand as text; the domain knows their sets. Times are UTC, whole microseconds.

pub mod account;
pub mod api_client;
pub mod consent_record;
pub mod contact;
pub mod contact_list;
pub mod departed_store;
pub mod erasure;
pub mod ground;
pub mod hint_lane;
pub mod integration;
pub mod ledger_head;
pub mod mapping;
pub mod membership;
pub mod membership_event;
pub mod opt_out;
pub mod pending_hint;
pub mod privacy_request;
pub mod quarantined_record;
pub mod schedule;
pub mod signing_key;
pub mod source_record;
pub mod suppression;
pub mod sync_page;
pub mod sync_run;
pub mod user;
pub mod webhook_delivery;
pub mod webhook_endpoint;
