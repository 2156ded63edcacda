//! Keeping lists in step with stores.
//!
//! [`scheduler`] queues what is due, [`worker`] takes runs up, [`engine`] carries one through, `page` writes one page in one
//! transaction, `reading` says what its records come to. `walk` reads a stream to its end, `keeping_up` what changes meanwhile;
//! `completeness` looks for whom a full pass did not see, `guard` stops a run that would take too many off a list, and `ending`
//! says what comes after a run.
//!
//! Beside runs, [`hints`] reads single records again after a webhook (`hint_batch`), and [`registration`] keeps the webhooks
//! registered at the stores; [`privacy`] carries out what people ask for by law, [`history`] removes old runs, and `dry_run` looks
//! without writing. [`workers`] keeps all of them up. `tell` and [`gauges`] are the metrics of all that.
//!
//! **Invariant:** whatever a run writes, it writes under its lease token; a worker that lost its lease writes nothing.

mod backoff;
mod completeness;
pub(crate) mod dry_run;
mod ending;
pub mod engine;
mod erased;
pub mod gauges;
mod guard;
mod hint_batch;
pub mod hints;
pub mod history;
mod keeping_up;
mod page;
pub mod privacy;
mod reading;
pub mod registration;
pub mod scheduler;
mod tell;
mod walk;
pub mod worker;
pub mod workers;
