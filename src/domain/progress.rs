//! How far a run is, how fast it goes and when it will end: from the run and from earlier looks at it.
//!
//! Numbers are whole until the last step, so that nothing is divided by zero, and a percentage is rounded down and so
//! never promises more than there is.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::run::SyncRun;
use super::sync::RunStatus;

/// How far a rate looks back. Shorter ones jump with every page.
const WINDOW: TimeDelta = TimeDelta::seconds(10);
/// Shortest time over which a rate is told.
const SHORTEST: TimeDelta = TimeDelta::seconds(1);
/// After how long without a record a rate is zero. A page of a slow store may take its time-out, which is 60 seconds by
/// default.
const STALLED: TimeDelta = TimeDelta::seconds(60);
/// Longest time that is told as left: a year. Beyond, nobody knows.
const MOST_LEFT: u64 = 365 * 24 * 60 * 60;

/// A run with what can be said about its course.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncProgress {
    /// The run as it stands.
    pub run: SyncRun,
    /// Records read per second: of late while it runs, on average once it has ended, in tenths. `None` before anything
    /// can be said.
    pub records_per_second: Option<f64>,
    /// Share of the store's total that was read, 0 to 100 in tenths; `None` where the store tells no total. 100 only for
    /// a run that ended well.
    pub percent: Option<f64>,
    /// Seconds until all is read at this rate; `None` unless the run is under way, its total known and its rate not
    /// zero. A year at most.
    pub seconds_left: Option<u64>,
}

/// What one watcher has seen of a run.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// When a number of records was first seen, oldest first. None is older than the rate needs.
    looks: VecDeque<Look>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: DateTime<Utc>,
    read: u64,
}

impl Pace {
    /// Takes note of a run as it stands now, and tells its progress.
    pub fn look(&mut self, run: SyncRun, now: DateTime<Utc>) -> SyncProgress {
        let read = run.counts.read;
        let tenths = match run.status {
            RunStatus::Queued => None,
            RunStatus::Running => self.of_late(read, now).or_else(|| mean(&run, now)),
            RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => mean(&run, now),
        };
        SyncProgress {
            records_per_second: tenths.map(|tenths| f64::from(tenths) / 10.0),
            percent: run.total.map(|total| percent(run.status, already_read(&run), total)),
            seconds_left: seconds_left(&run, tenths),
            run,
        }
    }

    /// The rate since the newest look that is old enough and at which less was read; `None` if there is none.
    fn of_late(&mut self, read: u64, now: DateTime<Utc>) -> Option<u32> {
        if self.looks.back().is_none_or(|last| last.read != read) {
            self.looks.push_back(Look { at: now, read });
        }
        // Whatever lies before a look that serves will not be needed again.
        while self.looks.get(1).is_some_and(|next| next.read < read && now - next.at >= WINDOW) {
            self.looks.pop_front();
        }
        let last = self.looks.back()?;
        if now - last.at >= STALLED {
            return Some(0);
        }
        let first = self.looks.front().filter(|first| first.read < read)?;
        rate(read - first.read, now - first.at)
    }
}

/// Records of the store's total that need not be read any more.
const fn already_read(run: &SyncRun) -> u64 {
    run.read_before.saturating_add(run.counts.read)
}

/// Records per second since a run was taken up.
fn mean(run: &SyncRun, now: DateTime<Utc>) -> Option<u32> {
    rate(run.counts.read, run.finished_at.unwrap_or(now) - run.started_at?)
}

/// Tenths of a record per second; `None` over less than a second.
fn rate(records: u64, over: TimeDelta) -> Option<u32> {
    if over < SHORTEST {
        return None;
    }
    let tenths = u128::from(records) * 10_000 / u128::from(over.num_milliseconds().unsigned_abs());
    Some(u32::try_from(tenths).unwrap_or(u32::MAX))
}

/// Share of `total` that was read, in percent: 100 only for a run that ended well, which says more than its total, a
/// hint of the store's.
fn percent(status: RunStatus, read: u64, total: u64) -> f64 {
    if status == RunStatus::Succeeded {
        return 100.0;
    }
    let tenths = (u128::from(read) * 1000).checked_div(u128::from(total)).unwrap_or(0);
    f64::from(u16::try_from(tenths).unwrap_or(u16::MAX).min(999)) / 10.0
}

fn seconds_left(run: &SyncRun, tenths: Option<u32>) -> Option<u64> {
    if run.status != RunStatus::Running {
        return None;
    }
    let left = u128::from(run.total?.saturating_sub(already_read(run))) * 10;
    let tenths = tenths.filter(|tenths| *tenths > 0)?;
    Some(u64::try_from(left.div_ceil(u128::from(tenths))).unwrap_or(u64::MAX).min(MOST_LEFT))
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
