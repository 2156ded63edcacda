//! PostgreSQL: `graphile_worker` finds workers among all replicas (SKIP LOCKED, LISTEN/NOTIFY, heartbeats): ADR 10.

use std::time::Duration;

use futures::future::join_all;
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, Worker, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Carry;
use crate::app::App;
use crate::domain::sync::Lane;
use crate::error::storage_kind;
use crate::store::job_queue::{self, SCHEMA, task};

/// A worker takes one job a place and look, besides those it is notified of: enough for 40 short runs a second with four
/// places.
const POLL: Duration = Duration::from_millis(100);
/// How often a worker says that it is alive, and looks for those that don't.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a run has to finish its page once the service shall stop, far above what a page takes.
const GRACE: Duration = Duration::from_mins(1);
/// How often runs are looked for whose worker died or whose job got lost, and how soon a queue that failed is tried again.
const LOOK: Duration = Duration::from_secs(1);

/// What a handler needs; the queue wants it printable.
#[derive(Clone)]
struct Hands(Carry);

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hands")
    }
}

/// A job of the lane [`Lane::Changes`].
#[derive(Serialize, Deserialize)]
struct Changes {
    run: Uuid,
}

/// A job of the lane [`Lane::Whole`].
#[derive(Serialize, Deserialize)]
struct Whole {
    run: Uuid,
}

impl TaskHandler for Changes {
    const IDENTIFIER: &'static str = task(Lane::Changes);

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        carry(self.run, &context).await
    }
}

impl TaskHandler for Whole {
    const IDENTIFIER: &'static str = task(Lane::Whole);

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        carry(self.run, &context).await
    }
}

async fn carry(run: Uuid, context: &WorkerContext) -> Result<(), String> {
    let hands = context.get_ext::<Hands>().ok_or("the worker has no hands")?;
    // A task of its own, so that a panic is this run's alone.
    let carried = tokio::spawn((hands.0)(run.into())).await.map_err(|error| {
        tracing::error!(sync.run = %run, panicked = error.is_panic(), "a run's task ended badly");
        "it ended badly".to_owned()
    })?;
    carried.map_err(|error| error.to_string())
}

pub(super) async fn work(app: &App, carry: &Carry, shutdown: &CancellationToken) {
    let lanes = join_all(Lane::ALL.iter().map(|lane| work_lane(app, *lane, carry, shutdown)));
    tokio::join!(lanes, look_for_lost(app, shutdown));
}

/// Works on one lane until `shutdown`, also when the database was away.
async fn work_lane(app: &App, lane: Lane, carry: &Carry, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let worked = match worker(app, lane, carry, shutdown).await {
            Ok(worker) => worker.run().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = worked {
            tracing::warn!(lane = lane.as_str(), error.detail = error, "the job queue can't be worked on now");
            pause(LOOK, shutdown).await;
        }
    }
}

async fn worker(
    app: &App,
    lane: Lane,
    carry: &Carry,
    shutdown: &CancellationToken,
) -> Result<Worker, graphile_worker::WorkerBuildError> {
    let options = WorkerOptions::default()
        .pg_pool(app.db.get_postgres_connection_pool().clone())
        .schema(SCHEMA.to_owned())
        .concurrency(app.sync_slots)
        .poll_interval(POLL)
        .heartbeat_interval(HEARTBEAT)
        .sweep_interval(HEARTBEAT * 2)
        // Not before its lease ran out: until then nobody else could go on.
        .sweep_threshold(app.lease.max(HEARTBEAT * 3))
        .recovery_delay(Duration::ZERO)
        .listen_os_shutdown_signals(false)
        .shutdown_signal(shutdown.clone().cancelled_owned())
        .shutdown_grace_period(GRACE)
        .add_extension(Hands(carry.clone()));
    match lane {
        Lane::Changes => options.define_job::<Changes>(),
        Lane::Whole => options.define_job::<Whole>(),
    }
    .init()
    .await
}

/// Adds jobs for runs that wait without one.
async fn look_for_lost(app: &App, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = job_queue::add_missing(&app.db, app.clock.now()).await {
            tracing::warn!(error.detail = storage_kind(&error), "runs without a worker can't be looked for now");
        }
        pause(LOOK, shutdown).await;
    }
}

async fn pause(time: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
