use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::sync::{Counts, RunCause, RunMode};

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_775_304_000_000 + milliseconds).unwrap()
}

/// A run that was taken up at zero.
fn run(status: RunStatus, read: u64, total: Option<u64>) -> SyncRun {
    SyncRun {
        id: Uuid::nil().into(),
        integration_id: Uuid::nil().into(),
        mode: RunMode::Full,
        status,
        counts: Counts { read, ..Counts::default() },
        total,
        cancel_requested: false,
        continues: None,
        read_before: 0,
        completeness: BTreeMap::new(),
        cause: RunCause::Request,
        failure: None,
        queued_at: at(0),
        started_at: (status != RunStatus::Queued).then(|| at(0)),
        finished_at: status.has_ended().then(|| at(4_000)),
    }
}

/// The rate at each of these moments of a running run, in milliseconds and records.
fn rates(looks: &[(i64, u64)]) -> Vec<Option<f64>> {
    let mut pace = Pace::default();
    let told = looks.iter().map(|(when, read)| pace.look(run(RunStatus::Running, *read, None), at(*when)));
    told.map(|progress| progress.records_per_second).collect()
}

#[test]
fn a_run_that_waits_tells_nothing() {
    let progress = Pace::default().look(run(RunStatus::Queued, 0, None), at(9_000));
    assert_eq!((progress.records_per_second, progress.percent, progress.seconds_left), (None, None, None));
}

#[test]
fn the_first_look_tells_the_mean_of_the_run() {
    assert_eq!(rates(&[(20_000, 500)]), [Some(25.0)]);
    assert_eq!(rates(&[(900, 500)]), [None], "too early to say");
}

#[test]
fn a_rate_follows_the_last_ten_seconds() {
    let slow = (0..20_i64).map(|n| (n * 1_000, n.unsigned_abs() * 10));
    let fast = (20..40_i64).map(|n| (n * 1_000, 200 + (n - 20).unsigned_abs() * 100));
    let told = rates(&slow.chain(fast).collect::<Vec<_>>());
    assert_eq!((told[19], told[39]), (Some(10.0), Some(100.0)));
}

#[test]
fn a_rate_between_the_pages_of_a_slow_store_is_not_zero() {
    let told = rates(&[(0, 0), (15_000, 100), (30_000, 200), (44_000, 200)]);
    assert_eq!(told[2], Some(6.6));
    assert!(told[3].unwrap() > 3.0, "{told:?}");
}

#[test]
fn a_rate_without_a_record_for_a_minute_is_zero_and_nothing_is_promised() {
    let mut pace = Pace::default();
    pace.look(run(RunStatus::Running, 100, Some(200)), at(2_000));
    let progress = pace.look(run(RunStatus::Running, 100, Some(200)), at(62_000));
    assert_eq!((progress.records_per_second, progress.seconds_left), (Some(0.0), None));
}

#[test]
fn what_is_left_is_told_while_it_runs() {
    let told = |status| Pace::default().look(run(status, 100, Some(401)), at(4_000));
    let running = told(RunStatus::Running);
    assert_eq!((running.percent, running.seconds_left), (Some(24.9), Some(13)));
    let failed = told(RunStatus::Failed);
    assert_eq!((failed.records_per_second, failed.percent, failed.seconds_left), (Some(25.0), Some(24.9), None));
    let succeeded = told(RunStatus::Succeeded);
    assert_eq!((succeeded.percent, succeeded.seconds_left), (Some(100.0), None));
}

#[test]
fn a_total_of_nothing_is_no_reason_to_divide_by_it() {
    let progress = Pace::default().look(run(RunStatus::Running, 0, Some(0)), at(4_000));
    assert_eq!((progress.percent, progress.seconds_left), (Some(0.0), None));
}

fn status() -> impl Strategy<Value = RunStatus> {
    proptest::sample::select(RunStatus::ALL)
}

proptest! {
    #[test]
    fn a_percentage_grows_with_what_was_read_and_is_whole_only_at_a_good_end(
        status in status(), total in any::<u64>(), one in any::<u64>(), other in any::<u64>(),
    ) {
        let (less, more) = (one.min(other), one.max(other));
        let (before, after) = (percent(status, less, total), percent(status, more, total));
        prop_assert!(before <= after);
        prop_assert!((0.0..=100.0).contains(&before) && (0.0..=100.0).contains(&after));
        prop_assert_eq!(after >= 100.0, status == RunStatus::Succeeded);
    }

    #[test]
    fn any_course_is_told_without_a_fault(
        looks in proptest::collection::vec((any::<u64>(), -100_000_i64..100_000_000, status()), 1..40),
        total in any::<Option<u64>>(),
    ) {
        let mut pace = Pace::default();
        for (read, when, status) in looks {
            let progress = pace.look(run(status, read, total), at(when));
            prop_assert!(progress.records_per_second.is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
            prop_assert!(progress.seconds_left.is_none_or(|left| left <= MOST_LEFT && status == RunStatus::Running));
            prop_assert_eq!(progress.percent.is_some(), total.is_some());
        }
    }

    #[test]
    fn a_watcher_keeps_no_more_looks_than_the_rate_needs(step in 100_i64..3_000) {
        let mut pace = Pace::default();
        for n in 0..500_i64 {
            pace.look(run(RunStatus::Running, n.unsigned_abs(), None), at(n * step));
        }
        prop_assert!(i64::try_from(pace.looks.len()).unwrap() <= WINDOW.num_milliseconds() / step + 2);
    }
}

#[test]
fn what_a_continued_run_read_before_counts() {
    let continued = SyncRun { read_before: 900, ..run(RunStatus::Running, 50, Some(1_000)) };
    let shown = Pace::default().look(continued, at(10));
    assert_eq!(shown.percent, Some(95.0));
}
