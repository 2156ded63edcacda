//! Webhooks of the stores, from the store to the list.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod arriving;
mod budget;
mod carried_out;
mod compliance;
mod handed_on;
mod late_answers;
mod latency;
mod lost_workers;
mod platforms;
mod post;
mod registered;
mod shopify;
mod shown;
mod turns;
