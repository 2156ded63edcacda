//! PostgreSQL: `graphile_worker` finds workers among all replicas (SKIP LOCKED, LISTEN/NOTIFY, heartbeats): ADR 10.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, Worker, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Carry;
use crate::app::App;
use crate::domain::ids::SyncRunId;
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

/// What carries out the runs of one lane, and counts them itself: the queue gives up its handlers when it lost the database or
/// the grace is over, and a run goes on then, until it finds out for itself.
#[derive(Clone)]
struct Hands {
    carry: Carry,
    /// As many as the lane has; a worker that comes after one that failed shares them with the runs that this one left.
    places: Arc<Semaphore>,
    under_way: TaskTracker,
}

impl Hands {
    fn new(carry: &Carry, places: usize) -> Self {
        Self { carry: Arc::clone(carry), places: Arc::new(Semaphore::new(places)), under_way: TaskTracker::new() }
    }

    /// Carries a run out once there is a place, and tells what came of it.
    async fn carry(&self, run: SyncRunId) -> Result<(), String> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| error.to_string())?;
        let run_it = (self.carry)(run);
        // A task of its own, so that a panic is this run's alone, and the place is taken for as long as it goes on.
        let carried = self.under_way.spawn(async move {
            let result = run_it.await;
            drop(place);
            result
        });
        let carried = carried.await.map_err(|error| {
            tracing::error!(sync.run = %run, panicked = error.is_panic(), "a run's task ended badly");
            "it ended badly".to_owned()
        })?;
        carried.map_err(|error| error.to_string())
    }

    /// Waits for the runs that are under way, those too that no worker waits for any more.
    async fn done(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }
}

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
        carried(self.run, &context).await
    }
}

impl TaskHandler for Whole {
    const IDENTIFIER: &'static str = task(Lane::Whole);

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        carried(self.run, &context).await
    }
}

async fn carried(run: Uuid, context: &WorkerContext) -> Result<(), String> {
    let hands = context.get_ext::<Hands>().ok_or("the worker has no hands")?;
    hands.carry(run.into()).await
}

pub(super) async fn work(app: &App, carry: &Carry, shutdown: &CancellationToken) {
    let lanes = join_all(Lane::ALL.iter().map(|lane| work_lane(app, *lane, carry, shutdown)));
    tokio::join!(lanes, look_for_lost(app, shutdown));
}

/// Works on one lane until `shutdown`, also when the database was away; then waits for its runs.
async fn work_lane(app: &App, lane: Lane, carry: &Carry, shutdown: &CancellationToken) {
    let hands = Hands::new(carry, app.sync_slots);
    while !shutdown.is_cancelled() {
        let worked = match worker(app, lane, &hands, shutdown).await {
            Ok(worker) => worker.run().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = worked {
            tracing::warn!(lane = lane.as_str(), error.detail = error, "the job queue can't be worked on now");
            pause(LOOK, shutdown).await;
        }
    }
    hands.done().await;
}

async fn worker(
    app: &App,
    lane: Lane,
    hands: &Hands,
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
        .add_extension(hands.clone());
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::mpsc;

    use super::*;

    /// Hands with one place, whose runs tell that they began and go on until there is a permit for each.
    fn held() -> (Hands, mpsc::UnboundedReceiver<SyncRunId>, Arc<Semaphore>) {
        let (sender, began) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let carry: Carry = Arc::new(move |run| {
            let (sender, gate) = (sender.clone(), Arc::clone(&held));
            async move {
                sender.send(run).expect("the test listens");
                gate.acquire().await.expect("it is never closed").forget();
                Ok(())
            }
            .boxed()
        });
        (Hands::new(&carry, 1), began, gate)
    }

    fn begin(hands: &Hands, run: u128) -> tokio::task::JoinHandle<Result<(), String>> {
        let hands = hands.clone();
        tokio::spawn(async move { hands.carry(Uuid::from_u128(run).into()).await })
    }

    #[tokio::test]
    async fn a_run_whose_handler_was_given_up_keeps_its_place_and_is_waited_for() {
        let (hands, mut began, gate) = held();
        let given_up = begin(&hands, 1);
        assert_eq!(began.recv().await, Some(Uuid::from_u128(1).into()));
        given_up.abort();
        assert!(given_up.await.expect_err("it was aborted").is_cancelled());
        let next = begin(&hands, 2);
        let mut done = std::pin::pin!(hands.done());
        for _ in 0..100 {
            tokio::task::yield_now().await;
            assert!(done.as_mut().now_or_never().is_none(), "the first one goes on");
        }
        assert!(began.try_recv().is_err(), "there is one place");
        gate.add_permits(1);
        assert_eq!(began.recv().await, Some(Uuid::from_u128(2).into()));
        gate.add_permits(1);
        assert_eq!(next.await.expect("it ends well"), Ok(()));
        done.await;
    }
}
