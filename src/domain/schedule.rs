//! When an integration is synced next, and whose turn it is when many are due.
//!
//! An interval is counted from the end of the last run, so that slow stores are not asked without pause and no time zone
//! matters to it. Once a day a run reads the whole store, which finds deletions and what changed without a trace.
//!
//! **Invariant:** chance comes in as an argument between 0 and 1; the same input gives the same answer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::ids::{AccountId, IntegrationId};
use super::sync::Lane;

/// Interval where none is set (`product.md` section 4).
pub const DEFAULT_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// Shortest interval.
pub const MIN_INTERVAL: TimeDelta = TimeDelta::minutes(1);
/// Longest interval.
pub const MAX_INTERVAL: TimeDelta = TimeDelta::hours(24);
/// From installation to the first run: time to map more audiences, or to start it by hand.
pub const FIRST_RUN_AFTER: TimeDelta = TimeDelta::seconds(10);

/// Most that chance adds to an interval, as a share of it: enough that a thousand integrations that were installed at
/// once have drifted apart after a few runs, and little enough that nobody notices.
const JITTER: f64 = 0.1;
/// A full pass without a local time begins this long after the last one ended, or up to an hour earlier.
const DAY: TimeDelta = TimeDelta::hours(24);
/// Most that chance takes off a day.
const DAY_JITTER: TimeDelta = TimeDelta::hours(1);
/// First wait after a run that failed; doubles with each further one.
const RETRY_START: TimeDelta = TimeDelta::seconds(30);
/// Longest wait after failures, unless the interval is longer.
const RETRY_LIMIT: TimeDelta = TimeDelta::hours(1);
/// Longest gap that a change to summer time makes in a day, with room.
const LONGEST_GAP_MINUTES: i64 = 24 * 60;

/// When one integration is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From the end of one run to the beginning of the next, [`MIN_INTERVAL`] to [`MAX_INTERVAL`].
    pub interval: TimeDelta,
    /// When the daily full pass shall begin; without it a day after the last one.
    pub full_pass: Option<LocalTime>,
}

/// A time of day somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// What the clock there shows.
    pub time: NaiveTime,
    /// Where.
    pub zone: Tz,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { interval: DEFAULT_INTERVAL, full_pass: None }
    }
}

impl Schedule {
    /// When the run after one that ended well begins.
    #[must_use]
    pub fn next_run(&self, ended_at: DateTime<Utc>, chance: f64) -> DateTime<Utc> {
        ended_at + self.interval + share(self.interval, JITTER * chance)
    }

    /// The same, or when the whole store is to be read if that is sooner: else a time of day would be kept by chance alone where the
    /// interval is long.
    #[must_use]
    pub fn next_run_before(
        &self,
        full_pass_at: Option<DateTime<Utc>>,
        ended_at: DateTime<Utc>,
        chance: f64,
    ) -> DateTime<Utc> {
        let next = self.next_run(ended_at, chance);
        // One that is due already found no room, and is synced by what changed until it does.
        full_pass_at.filter(|at| *at > ended_at).map_or(next, |at| at.min(next))
    }

    /// From when on a run reads the whole store again, after a full pass or a change of the schedule at `from`.
    #[must_use]
    pub fn next_full_pass(&self, from: DateTime<Utc>, chance: f64) -> DateTime<Utc> {
        match self.full_pass {
            Some(local) => local.first_after(from),
            None => from + DAY - share(DAY_JITTER, chance),
        }
    }

    /// When to try again after so many failed runs in a row, one or more.
    #[must_use]
    pub fn retry(&self, ended_at: DateTime<Utc>, failures: u32, chance: f64) -> DateTime<Utc> {
        let doubled = RETRY_START * (1 << failures.saturating_sub(1).min(16));
        let wait = doubled.min(self.interval.max(RETRY_LIMIT));
        // Half fixed, half random: stores that failed together do not come back together.
        ended_at + share(wait, 0.5 + chance / 2.0)
    }
}

impl LocalTime {
    /// The first instant after `from` at which the clock there shows this time. Where a change to summer time leaves it out, the
    /// first instant after the gap; where the clock shows it twice, the first.
    fn first_after(&self, from: DateTime<Utc>) -> DateTime<Utc> {
        let today = from.with_timezone(&self.zone).date_naive();
        (0..=2)
            .filter_map(|days| today.checked_add_days(Days::new(days)))
            .filter_map(|date| {
                let clock = date.and_time(self.time);
                (0..=LONGEST_GAP_MINUTES).find_map(|minutes| {
                    self.zone.from_local_datetime(&(clock + TimeDelta::minutes(minutes))).earliest()
                })
            })
            .map(|instant| instant.with_timezone(&Utc))
            .find(|instant| *instant > from)
            .unwrap_or(from + DAY)
    }
}

fn share(of: TimeDelta, part: f64) -> TimeDelta {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "whole milliseconds of at most days"
    )]
    TimeDelta::milliseconds((of.num_milliseconds() as f64 * part) as i64)
}

/// An integration that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub integration: IntegrationId,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What stands in its plan.
    pub next_run_at: DateTime<Utc>,
}

/// How many runs of a lane may wait for a worker, in all replicas together.
///
/// Few, so that what becomes due later can still take its turn before them; and for passes over whole stores so few that
/// none waits for long: while there is no room, the integration is synced by what changed instead, in time.
#[must_use]
pub const fn waiting_at_most(lane: Lane) -> usize {
    match lane {
        Lane::Changes => 64,
        Lane::Whole => 4,
    }
}

/// Whose turn it is: at most `room` of the due ones, in order.
///
/// The account with the fewest runs under way goes first, and among its own the integration that is due longest; between
/// accounts with as many, the one that is due longest. So an account with a thousand stores never keeps another one
/// waiting for more than the run that is under way.
#[must_use]
pub fn in_turn(due: &[Due], under_way: &BTreeMap<AccountId, usize>, room: usize) -> Vec<Due> {
    let mut waiting: BTreeMap<AccountId, VecDeque<Due>> = BTreeMap::new();
    let mut oldest_first = due.to_vec();
    oldest_first.sort_by_key(|due| (due.since, due.integration));
    for due in oldest_first {
        waiting.entry(due.account).or_default().push_back(due);
    }
    let mut accounts: BinaryHeap<Reverse<(usize, DateTime<Utc>, AccountId)>> = waiting
        .iter()
        .filter_map(|(account, of_account)| {
            Some(Reverse((under_way.get(account).copied().unwrap_or_default(), of_account.front()?.since, *account)))
        })
        .collect();
    let mut chosen = Vec::with_capacity(room.min(due.len()));
    while chosen.len() < room
        && let Some(Reverse((runs, _, account))) = accounts.pop()
        && let Some(of_account) = waiting.get_mut(&account)
    {
        chosen.extend(of_account.pop_front());
        if let Some(next) = of_account.front() {
            accounts.push(Reverse((runs + 1, next.since, account)));
        }
    }
    chosen
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
