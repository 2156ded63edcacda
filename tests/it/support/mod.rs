//! What the tests share: the checkout's files, real databases, the reference data of the vendors.

pub(crate) mod app;
pub(crate) mod databases;
pub(crate) mod files;
mod postgres;
pub(crate) mod rust_source;
mod vendors;

use std::io::Write as _;

pub(crate) use vendors::vendors;

/// Says something past the test harness, which keeps what `eprintln!` writes to itself while a test passes.
pub(crate) fn announce(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error can be written to");
}

/// Whether a variable demands that a part of the tests must not be skipped: set, and neither empty nor `0`.
pub(crate) fn demanded(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.is_empty() && value != "0")
}
