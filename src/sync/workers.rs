//! All workers of a serving process.
//!
//! **Invariant:** none of them ends before the service does. A fault of ours in one of them must not leave a service that
//! answers and looks well while nothing is synced any more.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use tokio_util::sync::CancellationToken;

use super::{gauges, hints, history, registration, scheduler, worker};
use crate::app::App;

/// How soon a worker that panicked begins again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

type Worker = fn(App, CancellationToken) -> BoxFuture<'static, ()>;

/// By the name that the log knows.
const WORKERS: [(&str, Worker); 6] = [
    ("scheduler", |app, shutdown| scheduler::run(app, shutdown).boxed()),
    ("runs", |app, shutdown| worker::run(app, shutdown).boxed()),
    ("webhooks", |app, shutdown| hints::run(app, shutdown).boxed()),
    ("registration", |app, shutdown| registration::run(app, shutdown).boxed()),
    ("gauges", |app, shutdown| gauges::run(app, shutdown).boxed()),
    ("history", |app, shutdown| history::run(app, shutdown).boxed()),
];

/// Works until `shutdown`; then finishes what is under way.
pub async fn run(app: &App, shutdown: &CancellationToken) {
    join_all(WORKERS.map(|(name, worker)| keep_up(name, worker, app, shutdown))).await;
}

/// Has a worker begin again that panicked. What it had under way keeps its leases until they run out, and is then taken up
/// again.
async fn keep_up(name: &str, worker: Worker, app: &App, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = tokio::spawn(worker(app.clone(), shutdown.clone())).await {
            tracing::error!(worker = name, panicked = error.is_panic(), "a worker ended badly; it begins again");
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(AGAIN_AFTER) => {}
            }
        }
    }
}
