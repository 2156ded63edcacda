//! Keeping lists in step with stores.
//!
//! [`worker`] takes runs up, [`engine`] carries one through, `page` writes one page in one transaction, `reading` says
//! what its records come to. Beside it [`hints`] reads single records again after a webhook and [`registration`] keeps
//! the webhooks registered at the stores. `dry_run` looks without writing.
//!
//! **Invariant:** whatever a run writes, it writes under its lease token; a worker that lost its lease writes nothing.

pub(crate) mod dry_run;
pub mod engine;
pub mod hints;
mod page;
mod reading;
pub mod registration;
mod erased;
mod page;
pub mod privacy;
pub mod worker;
