//! What comes late writes nothing: a worker whose run another one has, that of a cancelled run, that of a store that is gone.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assent::domain::Audience;
use assent::domain::ids::SyncRunId;
use assent::service::{integrations, syncs};
use assent::sync::worker;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::going_on::{Answered, answered};
use super::{CUSTOMERS, Scheduled, customer};
use crate::support::answering::Reply;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_worker_whose_run_another_one_has_writes_nothing,
    a_page_in_hand_is_not_written_once_its_run_is_cancelled,
    a_page_in_hand_is_not_written_once_its_store_is_gone,
);

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where the second and the third page of customers begin; pages have 100 people and overlap.
const PAGES: [usize; 2] = [95, 190];

/// A store that holds back its second and its third page of customers, each the first time that it is asked for.
struct Late {
    it: Scheduled<Answered>,
    run: SyncRunId,
    gates: [Arc<Semaphore>; 2],
    /// How often either page was asked for.
    asked: [Arc<AtomicUsize>; 2],
}

impl Late {
    /// With a run that is due.
    async fn new(db: TestDatabase) -> Self {
        let gates = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
        let asked = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let (holding, counting) = (gates.clone(), asked.clone());
        let it = answered(db, move |asked| {
            let is_customers = asked.path.ends_with("/customers");
            let (offset, size) = (asked.number_of("offset").unwrap_or(0), asked.number_of("per_page").unwrap_or(10));
            let total = if is_customers { CUSTOMERS } else { 0 };
            let shown: Vec<Value> = (offset..usize::from(total).min(offset + size)).map(customer).collect();
            let page = Reply::json(&json!(shown)).header("X-WP-Total", &total);
            match PAGES.iter().position(|begins| is_customers && *begins == offset) {
                Some(at) if counting[at].fetch_add(1, Ordering::SeqCst) == 0 => page.held(&holding[at]),
                _ => page,
            }
        })
        .await;
        assert_eq!(it.tick().await, 1);
        let run = it.newest().await.id.into();
        Self { it, run, gates, asked }
    }

    /// A worker that has written the first page and waits for the second.
    async fn waits_for_the_second(&self) -> JoinHandle<()> {
        let worker = self.work();
        self.is_asked_for(0).await;
        self.has_read(100).await;
        worker
    }

    fn work(&self) -> JoinHandle<()> {
        let (app, run) = (self.it.test.app.clone(), self.run);
        tokio::spawn(async move { worker::run_one(&app, run, &CancellationToken::new()).await })
    }

    async fn is_asked_for(&self, page: usize) {
        self.until("it is asked for", async || self.asked[page].load(Ordering::SeqCst) > 0).await;
    }

    async fn has_read(&self, people: i64) {
        self.until("it is written", async || self.it.shop.run(self.run).await.read_count >= people).await;
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let so = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("{what} in time"));
    }

    fn open(&self, page: usize) {
        self.gates[page].add_permits(Semaphore::MAX_PERMITS);
    }

    /// Has the page come that the worker waits for, and the worker end.
    async fn comes(&self, page: usize, worker: JoinHandle<()>) {
        self.open(page);
        tokio::time::timeout(PATIENCE, worker).await.expect("it ends in time").expect("it ends well");
    }

    /// All that a page can have changed.
    async fn state(&self) -> (Vec<String>, Vec<String>) {
        (self.it.shop.members().await, self.it.shop.story().await)
    }
}

async fn a_worker_whose_run_another_one_has_writes_nothing(db: TestDatabase) {
    let late = Late::new(db).await;
    let slow = late.waits_for_the_second().await;
    late.it.test.clock.advance(TimeDelta::minutes(1));
    // Another one takes the run over, is shown the second page at once, and waits for the third.
    let second = late.work();
    late.is_asked_for(1).await;
    late.has_read(195).await;
    let (state, run) = (late.state().await, late.it.shop.run(late.run).await);
    assert_eq!((run.status.as_str(), run.attempts), ("running", 2));

    late.comes(0, slow).await;
    assert_eq!(late.state().await, state);
    let after = late.it.shop.run(late.run).await;
    let counts = |run: &::entity::sync_run::Model| (run.page_count, run.read_count, run.joined_count, run.lease_token);
    assert_eq!(counts(&after), counts(&run));

    late.comes(1, second).await;
    let ended = late.it.shop.run(late.run).await;
    assert_eq!((ended.status.as_str(), ended.read_count), ("succeeded", i64::from(CUSTOMERS)));
    assert_eq!(late.it.shop.on(Audience::Customers).await.len(), usize::from(CUSTOMERS));
}

async fn a_page_in_hand_is_not_written_once_its_run_is_cancelled(db: TestDatabase) {
    let late = Late::new(db).await;
    let worker = late.waits_for_the_second().await;
    let state = late.state().await;
    syncs::cancel(&late.it.test.app, &late.it.shop.caller, late.run).await.unwrap();
    late.comes(0, worker).await;
    assert_eq!(late.state().await, state);
    let ended = late.it.shop.run(late.run).await;
    assert_eq!((ended.status.as_str(), ended.read_count), ("cancelled", 100));
}

async fn a_page_in_hand_is_not_written_once_its_store_is_gone(db: TestDatabase) {
    let late = Late::new(db).await;
    let worker = late.waits_for_the_second().await;
    integrations::delete(&late.it.test.app, &late.it.shop.caller, late.it.shop.integration).await.unwrap();
    let state = late.state().await;
    assert!(state.0.is_empty(), "nobody is on a list because of a store that is gone");
    late.comes(0, worker).await;
    assert_eq!(late.state().await, state);
}
