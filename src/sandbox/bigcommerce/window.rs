//! The rate limit: a fixed window, told with every answer (`vendors/bigcommerce.md` section 7).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::params::{Rejected, Version};
use crate::sandbox::BigCommerceOptions;
use crate::sandbox::server::Answer;

/// The window that runs.
#[derive(Debug)]
pub(super) struct RateLimit {
    options: BigCommerceOptions,
    window: Mutex<(Instant, u32)>,
}

/// What is left after a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    length: Duration,
    quota: u32,
    /// `None`: there was nothing left for this one.
    left: Option<u32>,
    reset: Duration,
}

impl RateLimit {
    pub(super) fn new(options: BigCommerceOptions) -> Self {
        Self { options, window: Mutex::new((Instant::now(), 0)) }
    }

    /// Takes one request out of the window.
    pub(super) fn spend(&self) -> Spent {
        let BigCommerceOptions { quota, window: length } = self.options;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0.elapsed() >= length {
            *window = (Instant::now(), 0);
        }
        let left = quota.checked_sub(window.1 + 1);
        if left.is_some() {
            window.1 += 1;
        }
        Spent { length, quota, left, reset: length.saturating_sub(window.0.elapsed()) }
    }
}

impl Spent {
    /// The refusal of a request for which nothing was left.
    pub(super) fn refusal(&self, version: Version) -> Option<Answer> {
        let seconds = self.reset.as_secs() + 1;
        let refused = || Rejected::new(429, "Too many requests").answer(version);
        self.left.is_none().then(|| refused().with("x-retry-after", seconds.to_string()))
    }

    pub(super) fn tell(&self, answer: Answer) -> Answer {
        answer
            .with("x-rate-limit-time-window-ms", self.length.as_millis().to_string())
            .with("x-rate-limit-time-reset-ms", self.reset.as_millis().to_string())
            .with("x-rate-limit-requests-quota", self.quota.to_string())
            .with("x-rate-limit-requests-left", self.left.unwrap_or_default().to_string())
    }
}
