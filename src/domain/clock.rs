//! Where time comes from, so that tests can stand still and the rest can't cheat.

use chrono::{DateTime, SubsecRound, Utc};

/// A source of the present time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present time in UTC, whole microseconds (PostgreSQL keeps no more).
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}
