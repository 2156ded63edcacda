//! What the tests share: the service in process, real databases, the checkout's files, the vendors' data.

pub(crate) mod answering;
pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod consent;
pub(crate) mod databases;
pub(crate) mod files;
pub(crate) mod openapi;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod recorded;
pub(crate) mod recording_proxy;
pub(crate) mod rust_source;
pub(crate) mod shop;
mod skipping;

pub(crate) use skipping::{announce, demanded, vendors};
