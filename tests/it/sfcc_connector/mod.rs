//! The Salesforce Commerce Cloud connector against stores that answer what a test says, and against the simulated one.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod access;
mod connection;
mod contract;
mod customers;
mod examples;
mod orders;
mod simulated;
mod store;
