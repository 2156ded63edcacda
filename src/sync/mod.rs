//! Keeping lists in step with stores.
//!
//! [`worker`] takes runs up, [`engine`] carries one through, `page` writes one page in one transaction.
//!
//! **Invariant:** whatever a run writes, it writes under its lease token; a worker that lost its lease writes nothing.

pub mod engine;
mod page;
pub mod worker;
