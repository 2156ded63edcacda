//! How long to wait before a store is asked again.

use std::time::Duration;

use rand::Rng as _;

/// A wait that doubles from `start` with each failure before, up to `limit`. Half fixed, half random, so that many do not
/// knock at once.
pub(super) fn backoff(start: Duration, failures: u32, limit: Duration) -> Duration {
    let doubled = start.saturating_mul(1 << failures.min(16)).min(limit);
    doubled.mul_f64(0.5 + rand::rng().random::<f64>() / 2.0)
}
