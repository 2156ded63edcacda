//! Reads single records again because a webhook said that they changed, beside whatever run is under way.
//!
//! Batches of hints are taken up under a lease (`store::hint_lanes` says whose turn it is) and carried out side by
//! side (`hint_batch`).

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::hint_batch;
use crate::app::App;
use crate::error::storage_kind;
use crate::store::begin;
use crate::store::hint_lanes::{self, Batch};

/// Batches at once in one process.
const MAX_BATCHES: usize = 4;
/// Batches of urgent hints, or of others, among them: a place is always left for the other kind.
const MAX_OF_A_KIND: usize = 3;
/// Hints of one batch: few, so that the first is not written late because of the last.
const BATCH: u64 = 10;
/// How often the database is asked for hints that other processes took.
const POLL: Duration = Duration::from_secs(1);

/// What this process works on.
#[derive(Default)]
struct UnderWay {
    urgent: JoinSet<()>,
    others: JoinSet<()>,
}

impl UnderWay {
    /// Of which kinds more may be taken up.
    fn room(&self) -> &'static [bool] {
        if self.urgent.len() + self.others.len() >= MAX_BATCHES {
            &[]
        } else if self.urgent.len() >= MAX_OF_A_KIND {
            &[false]
        } else if self.others.len() >= MAX_OF_A_KIND {
            &[true]
        } else {
            &[true, false]
        }
    }

    fn begin(&mut self, app: &App, batch: Batch) {
        let batches = if batch.urgent { &mut self.urgent } else { &mut self.others };
        let app = app.clone();
        batches.spawn(async move { hint_batch::carry(&app, batch).await });
    }

    /// Waits until a batch has ended; for ever if there is none.
    async fn ended(&mut self) {
        tokio::select! {
            Some(ended) = self.urgent.join_next() => report(ended),
            Some(ended) = self.others.join_next() => report(ended),
            else => std::future::pending().await,
        }
    }
}

/// Works until `shutdown`; then finishes the batches that are under way.
pub async fn run(app: App, shutdown: CancellationToken) {
    let mut under_way = UnderWay::default();
    while !shutdown.is_cancelled() {
        while let Some(batch) = take_up(&app, under_way.room()).await {
            under_way.begin(&app, batch);
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = app.wake_hints.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = under_way.ended() => {}
        }
    }
    while !under_way.urgent.is_empty() || !under_way.others.is_empty() {
        under_way.ended().await;
    }
}

/// Carries out all hints that are due now, in this process, one batch after the other, and tells how many batches those
/// were; at most a thousand.
pub async fn run_due(app: &App) -> usize {
    for done in 0..1000 {
        let Some(batch) = take_up(app, &[true, false]).await else { return done };
        hint_batch::carry(app, batch).await;
    }
    1000
}

/// A batch that panicked keeps its lease until it runs out, and is then taken up again.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(panicked = error.is_panic(), "a webhook task ended badly");
    }
}

async fn take_up(app: &App, urgent: &[bool]) -> Option<Batch> {
    let taken = async {
        let now = app.clock.now();
        if urgent.is_empty() || !hint_lanes::any_ready(&app.db, urgent, now).await? {
            return Ok(None);
        }
        let tx = begin(&app.db).await?;
        let batch = hint_lanes::claim(&tx, urgent, BATCH, hint_batch::lease(app), now).await?;
        tx.commit().await?;
        Ok(batch)
    };
    taken.await.unwrap_or_else(|error: sea_orm::DbErr| {
        tracing::warn!(error.detail = storage_kind(&error), "no webhooks can be carried out now");
        None
    })
}
