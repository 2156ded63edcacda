//! Assent: connects online stores to marketing contact lists and can prove consent.
//!
//! The map, in reading order. [`domain`] is the heart and knows no I/O.

pub mod connectors;
pub mod domain;
