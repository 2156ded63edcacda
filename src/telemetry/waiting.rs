//! How long reading from a store is held up, and by what.

use tokio::time::Instant;

use super::STORE_WAITS;
use crate::domain::Platform;

/// What holds reading up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Another request to the same store is under way.
    Turn,
    /// The budget that the store reports is used up for now.
    Budget,
    /// The store asked to slow down (429).
    Throttled,
    /// The store failed, or did not answer well.
    Backoff,
    /// The store prepares what it was asked for.
    NotReady,
}

impl Wait {
    /// The value of the label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Budget => "budget",
            Self::Throttled => "throttled",
            Self::Backoff => "backoff",
            Self::NotReady => "not_ready",
        }
    }
}

/// Measures a wait until it is dropped, also if the one who waits gives up.
#[derive(Debug)]
pub struct Waiting {
    platform: Platform,
    reason: Wait,
    since: Instant,
}

impl Waiting {
    /// Begins to measure.
    #[must_use]
    pub fn begin(platform: Platform, reason: Wait) -> Self {
        Self { platform, reason, since: Instant::now() }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        metrics::histogram!(STORE_WAITS, "platform" => self.platform.as_str(), "reason" => self.reason.as_str())
            .record(self.since.elapsed().as_secs_f64());
    }
}
