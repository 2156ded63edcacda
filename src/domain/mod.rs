//! The rules of the product, without I/O: who is a subscriber, whose word is newest, what a membership rests on.
//!
//! Read in this order: [`contact_rules`] (who belongs on which list), [`statement`] (the merge law),
//! [`membership`] (from wanted to present), [`consent`] and [`ledger`] (the evidence).
//!
//! **Invariant:** nothing here reads a clock, a socket or a database; the same input gives the same answer.

pub mod access;
pub mod capabilities;
pub mod clock;
pub mod completeness;
pub mod consent;
pub mod contact;
pub mod contact_rules;
pub mod email;
pub mod evidence;
pub mod failure;
pub mod health;
pub mod ids;
pub mod integration;
pub mod ledger;
pub mod list;
pub mod membership;
pub mod page;
pub mod people;
pub mod privacy;
pub mod progress;
pub mod run;
pub mod schedule;
pub mod shrink;
pub mod source_record;
pub mod statement;
pub mod sync;
pub mod webhook;
mod wire_enum;
pub mod words;

pub use clock::{Clock, SystemClock};
pub use email::{Email, EmailProblem};
pub use words::{Audience, Platform, Purpose};
