//! Salesforce Commerce Cloud.

pub(crate) mod settings;
