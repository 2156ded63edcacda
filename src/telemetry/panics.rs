//! What is told of a panic: where it was, and the text that stands there in the source.
//!
//! A message that was put together may hold a value, of a person or of a secret. The standard hook prints all of them on
//! stderr, where the log goes.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook};

/// What is told instead of a message that may hold a value.
const LEFT_OUT: &str = "the message is left out: it may hold values";

/// Has panics told as log lines from now on, without values; with the way there if `RUST_BACKTRACE` asks for it.
pub fn report_panics() {
    set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, ToString::to_string);
    let detail = told(panic.payload());
    // Names of functions and places in the source, no values.
    let way = Backtrace::capture();
    if way.status() == BacktraceStatus::Captured {
        tracing::error!(panic.place = place, error.detail = detail, panic.way = %way, "a fault of the service: it panicked");
    } else {
        tracing::error!(panic.place = place, error.detail = detail, "a fault of the service: it panicked");
    }
}

/// The message, if it stands so in the source.
fn told(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or(LEFT_OUT)
}
