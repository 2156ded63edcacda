//! The integration tests: one binary, one module per subject. `support` holds what they share.

mod architecture;
mod command_line;
mod databases;
mod dependencies;
mod documents;
mod examples;
mod graphql;
mod rest;
mod sandbox_people;
mod sandbox_shopify;
mod sandbox_woocommerce;
mod sandbox_woocommerce_recorded;
mod sfcc_connector;
mod shopify_connector;
mod sign_in;
mod support;
mod sync;
mod sync_cost;
mod sync_crash;
mod sync_faults;
mod sync_recorded;
mod sync_stop;
mod sync_words;
mod woocommerce_connector;
mod woocommerce_recorded;
