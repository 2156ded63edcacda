//! The pace of one store: who may ask next, and when its budget allows it.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::Instant;

use super::MAX_RETRY_AFTER;
use crate::domain::Platform;
use crate::telemetry::{Wait, Waiting};

tokio::task_local! {
    /// Whether the requests of this task go ahead of bulk reads.
    static GOES_AHEAD: bool;
}

/// Runs `reading` so that its requests overtake all bulk reads that wait for their turn at the same store.
///
/// One that is under way is not interrupted. For single records that are read again after a webhook: an opt-out must not
/// wait behind a pass over the whole store.
pub async fn ahead<T>(reading: impl Future<Output = T>) -> T {
    GOES_AHEAD.scope(true, reading).await
}

/// The pace of one store: one request at a time, within the budget that the store reports.
#[derive(Debug, Default)]
pub struct Pace {
    turn: Mutex<()>,
    /// How many that go ahead wait for their turn.
    ahead: AtomicUsize,
    /// Tells a bulk read that waits for the budget that somebody who goes ahead has come.
    somebody_ahead: Notify,
    budget: std::sync::Mutex<Option<Budget>>,
    /// Before which no further request of a fixed window is due.
    due: std::sync::Mutex<Option<Instant>>,
}

/// A leaky bucket as a store reports it.
#[derive(Debug, Clone, Copy)]
struct Budget {
    available: f64,
    maximum: f64,
    restored_per_second: f64,
    as_of: Instant,
}

impl Pace {
    /// Takes over what the store says about its budget.
    pub fn report(&self, available: f64, maximum: f64, restored_per_second: f64) {
        if [available, maximum, restored_per_second].iter().all(|value| value.is_finite()) {
            *self.lock() = Some(Budget { available, maximum, restored_per_second, as_of: Instant::now() });
        }
    }

    /// Takes over what the store says about a fixed window: `left` further requests until it ends in `reset`. They are
    /// spread evenly over it; with none left, the next one is for the next window.
    pub fn report_window(&self, left: u64, reset: Duration) {
        let parts = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        let due = Instant::now() + (reset / parts).min(MAX_RETRY_AFTER);
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(due);
    }

    /// How long until a request that costs `cost` is due; zero while the store has told no budget.
    #[must_use]
    pub fn delay(&self, cost: f64) -> Duration {
        let due = *self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let until_due = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
        self.until_it_fits(cost).max(until_due)
    }

    fn until_it_fits(&self, cost: f64) -> Duration {
        let Some(budget) = *self.lock() else { return Duration::ZERO };
        let restored = budget.as_of.elapsed().as_secs_f64() * budget.restored_per_second;
        let missing = cost.min(budget.maximum) - (budget.available + restored);
        if missing <= 0.0 {
            Duration::ZERO
        } else if budget.restored_per_second > 0.0 {
            Duration::from_secs_f64((missing / budget.restored_per_second).min(MAX_RETRY_AFTER.as_secs_f64()))
        } else {
            MAX_RETRY_AFTER
        }
    }

    /// Waits for the turn and the budget; the turn lasts until the guard goes.
    pub(super) async fn wait(&self, platform: Platform, cost: f64) -> MutexGuard<'_, ()> {
        if GOES_AHEAD.try_with(|goes_ahead| *goes_ahead).unwrap_or(false) {
            return self.wait_ahead(platform, cost).await;
        }
        loop {
            let somebody_ahead = self.somebody_ahead.notified();
            let turn = self.wait_for_turn(platform).await;
            // Those ahead stand in the same queue, so that asking again leads behind them.
            if self.ahead.load(Ordering::SeqCst) == 0 {
                let delay = self.delay(cost);
                if delay.is_zero() {
                    return turn;
                }
                let _waiting = Waiting::begin(platform, Wait::Budget);
                tokio::select! {
                    () = tokio::time::sleep(delay) => return turn,
                    () = somebody_ahead => {}
                }
            }
            drop(turn);
            tokio::task::yield_now().await;
        }
    }

    async fn wait_ahead(&self, platform: Platform, cost: f64) -> MutexGuard<'_, ()> {
        let _waits = Waits::begin(self);
        let turn = self.wait_for_turn(platform).await;
        let delay = self.delay(cost);
        if !delay.is_zero() {
            let _waiting = Waiting::begin(platform, Wait::Budget);
            tokio::time::sleep(delay).await;
        }
        turn
    }

    async fn wait_for_turn(&self, platform: Platform) -> MutexGuard<'_, ()> {
        if let Ok(turn) = self.turn.try_lock() {
            return turn;
        }
        let _waiting = Waiting::begin(platform, Wait::Turn);
        self.turn.lock().await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Budget>> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts somebody who goes ahead until the turn is theirs, also if they give up.
struct Waits<'a>(&'a Pace);

impl<'a> Waits<'a> {
    fn begin(pace: &'a Pace) -> Self {
        pace.ahead.fetch_add(1, Ordering::SeqCst);
        pace.somebody_ahead.notify_waiters();
        Self(pace)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.ahead.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::STORE_WAITS;
    use futures::FutureExt as _;
    use std::sync::Arc;

    const SHOP: Platform = Platform::WooCommerce;

    /// Lets everything run that can.
    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_goes_ahead_overtakes_bulk_reads_that_wait_for_their_turn() {
        let pace = Arc::new(Pace::default());
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let first = pace.wait(SHOP, 1.0).await;
        let ask = |name: &'static str, goes_ahead: bool| {
            let (pace, order) = (Arc::clone(&pace), Arc::clone(&order));
            let turn = async move {
                let _turn = pace.wait(SHOP, 1.0).await;
                order.lock().unwrap().push(name);
            };
            tokio::spawn(if goes_ahead { ahead(turn).boxed() } else { turn.boxed() })
        };
        let mut all = vec![ask("bulk 1", false), ask("bulk 2", false)];
        settle().await;
        all.extend([ask("opt-out 1", true), ask("opt-out 2", true)]);
        settle().await;
        assert!(order.lock().unwrap().is_empty(), "a request under way is not interrupted");
        drop(first);
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(order.lock().unwrap()[..2], ["opt-out 1", "opt-out 2"]);
        assert_eq!(order.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn who_goes_ahead_takes_the_turn_of_a_bulk_read_that_waits_for_the_budget() {
        let pace = Arc::new(Pace::default());
        pace.report(1.0, 100.0, 0.0);
        let bulk = {
            let pace = Arc::clone(&pace);
            tokio::spawn(async move { drop(pace.wait(SHOP, 61.0).await) })
        };
        settle().await;
        let turn = ahead(pace.wait(SHOP, 1.0)).await;
        assert!(!bulk.is_finished(), "the budget is too small for it");
        pace.report(100.0, 100.0, 0.0);
        drop(turn);
        bulk.await.unwrap();
    }

    #[tokio::test]
    async fn who_gives_up_waiting_blocks_nobody() {
        let pace = Pace::default();
        let first = pace.wait(SHOP, 1.0).await;
        assert!(ahead(pace.wait(SHOP, 1.0)).now_or_never().is_none());
        drop(first);
        assert!(pace.wait(SHOP, 1.0).now_or_never().is_some());
    }

    #[test]
    fn waits_are_measured_by_what_they_are_for() {
        let recorder = crate::telemetry::prometheus::exporter().unwrap().build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let pace = Pace::default();
                drop(pace.wait(SHOP, 1.0).await);
                let turn = pace.wait(SHOP, 1.0).await;
                let (_, ()) = tokio::join!(pace.wait(SHOP, 1.0), async { drop(turn) });
                pace.report_window(0, Duration::from_millis(20));
                drop(pace.wait(SHOP, 1.0).await);
            });
        });
        let page = recorder.handle().render();
        for reason in ["turn", "budget"] {
            let count = format!("{STORE_WAITS}_count{{platform=\"woocommerce\",reason=\"{reason}\"}} 1\n");
            assert!(page.contains(&count), "{page}");
        }
    }
}
