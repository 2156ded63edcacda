//! Who carries runs out: a job queue in PostgreSQL shared by all replicas, or this process alone on SQLite.
//!
//! Runs are queued in their own table, in the transaction of what causes them (`store::sync_runs`, `store::job_queue`).
//! This module finds them workers. Both engines promise the same, and pass the same tests:
//!
//! - a queued run is offered to a worker soon after its transaction is committed, and never if that is rolled back;
//! - each lane has its own places, so that runs that read what changed never wait behind passes over whole stores;
//! - a run whose worker died is offered again once its lease ran out;
//! - a run may be offered more than once, also at the same time: its lease says who may write.

mod embedded;
mod postgres;

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::ids::SyncRunId;
use crate::store::connect::is_postgres;

/// A run could not even be looked at; it is offered again.
#[derive(Debug, thiserror::Error)]
#[error("the run could not be taken up")]
pub struct NotTakenUp;

/// Carries one run as far as it goes now. Ends soon after the service was told to stop.
pub type Carry = Arc<dyn Fn(SyncRunId) -> BoxFuture<'static, Result<(), NotTakenUp>> + Send + Sync>;

/// Offers runs to `carry` until `shutdown`, then waits for those that are under way.
pub async fn work(app: &App, carry: Carry, shutdown: CancellationToken) {
    if is_postgres(app.db.get_database_backend()) {
        postgres::work(app, &carry, &shutdown).await;
    } else {
        embedded::work(app, &carry, &shutdown).await;
    }
}
