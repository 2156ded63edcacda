//! Intervals, days with and without summer time, waits after failures, and turns.

use chrono::{Duration, NaiveTime};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn daily(time: &str, zone: &str) -> Schedule {
    let local = LocalTime { time: time.parse::<NaiveTime>().unwrap(), zone: zone.parse().unwrap() };
    Schedule { full_pass: Some(local), ..Schedule::default() }
}

#[test]
fn an_interval_is_counted_from_the_end_of_the_run() {
    let schedule = Schedule::default();
    let ended = at("2026-04-04T12:00:00Z");
    assert_eq!(schedule.next_run(ended, 0.0), at("2026-04-04T12:05:00Z"));
    assert_eq!(schedule.next_run(ended, 1.0), at("2026-04-04T12:05:30Z"));
}

#[test]
fn a_long_interval_does_not_make_the_daily_pass_late() {
    let schedule = Schedule { interval: TimeDelta::hours(24), ..daily("03:30:00", "UTC") };
    let ended = at("2026-04-04T15:00:00Z");
    let full_pass_at = schedule.next_full_pass(ended, 0.0);
    assert_eq!(schedule.next_run_before(Some(full_pass_at), ended, 1.0), at("2026-04-05T03:30:00Z"));
    // One that is overdue found no room; what changed is read in time all the same, and not without pause.
    assert_eq!(schedule.next_run_before(Some(ended), ended, 0.0), at("2026-04-05T15:00:00Z"));
    assert_eq!(schedule.next_run_before(None, ended, 0.0), at("2026-04-05T15:00:00Z"));
}

#[test]
fn a_full_pass_without_a_time_is_due_within_a_day() {
    let ended = at("2026-04-04T12:00:00Z");
    assert_eq!(Schedule::default().next_full_pass(ended, 0.0), at("2026-04-05T12:00:00Z"));
    assert_eq!(Schedule::default().next_full_pass(ended, 1.0), at("2026-04-05T11:00:00Z"));
}

#[test]
fn a_full_pass_begins_by_the_clock_of_its_place() {
    let berlin = daily("03:30:00", "Europe/Berlin");
    assert_eq!(berlin.next_full_pass(at("2026-01-10T00:00:00Z"), 0.5), at("2026-01-10T02:30:00Z"));
    assert_eq!(berlin.next_full_pass(at("2026-01-10T02:30:00Z"), 0.5), at("2026-01-11T02:30:00Z"));
    assert_eq!(berlin.next_full_pass(at("2026-07-10T00:00:00Z"), 0.5), at("2026-07-10T01:30:00Z"));
    assert_eq!(
        daily("00:15:00", "Asia/Tokyo").next_full_pass(at("2026-01-10T00:00:00Z"), 0.0),
        at("2026-01-10T15:15:00Z")
    );
}

#[test]
fn a_time_that_summer_time_leaves_out_is_made_up_for_after_the_gap() {
    let berlin = daily("02:30:00", "Europe/Berlin");
    assert_eq!(berlin.next_full_pass(at("2026-03-28T12:00:00Z"), 0.0), at("2026-03-29T01:00:00Z"));
    assert_eq!(berlin.next_full_pass(at("2026-03-29T01:00:00Z"), 0.0), at("2026-03-30T00:30:00Z"));
}

#[test]
fn a_time_that_the_clock_shows_twice_counts_once() {
    let berlin = daily("02:30:00", "Europe/Berlin");
    let first = berlin.next_full_pass(at("2026-10-24T12:00:00Z"), 0.0);
    assert_eq!(first, at("2026-10-25T00:30:00Z"));
    assert_eq!(berlin.next_full_pass(first, 0.0), at("2026-10-26T01:30:00Z"));
}

#[test]
fn waits_after_failures_double_up_to_an_hour_or_the_interval() {
    let ended = at("2026-04-04T12:00:00Z");
    let wait = |schedule: Schedule, failures| (schedule.retry(ended, failures, 1.0) - ended).num_seconds();
    let schedule = Schedule::default();
    assert_eq!([1, 2, 3, 40].map(|failures| wait(schedule, failures)), [30, 60, 120, 3600]);
    let daily = Schedule { interval: MAX_INTERVAL, ..schedule };
    assert_eq!(wait(daily, 40), 24 * 3600);
    assert_eq!((schedule.retry(ended, 1, 0.0) - ended).num_seconds(), 15);
}

fn due(account: u128, integration: u128, seconds: i64) -> Due {
    let since = at("2026-04-04T12:00:00Z") + Duration::seconds(seconds);
    Due {
        account: Uuid::from_u128(account).into(),
        integration: Uuid::from_u128(integration).into(),
        since,
        next_run_at: since,
    }
}

fn chosen(due: &[Due], under_way: &[(u128, usize)], room: usize) -> Vec<u128> {
    let under_way = under_way.iter().map(|(account, runs)| (Uuid::from_u128(*account).into(), *runs)).collect();
    in_turn(due, &under_way, room).into_iter().map(|due| due.integration.0.as_u128()).collect()
}

#[test]
fn accounts_take_turns_however_many_stores_one_has() {
    let due = [due(1, 11, 0), due(1, 12, 1), due(1, 13, 2), due(2, 21, 50), due(3, 31, 60)];
    assert_eq!(chosen(&due, &[], 4), [11, 21, 31, 12]);
}

#[test]
fn an_account_with_runs_under_way_comes_after_one_without() {
    let due = [due(1, 11, 0), due(2, 21, 50)];
    assert_eq!(chosen(&due, &[(1, 2)], 1), [21]);
    assert_eq!(chosen(&due, &[(1, 2), (2, 3)], 1), [11]);
}

proptest! {
    #[test]
    fn turns_are_total_and_each_comes_once(
        waiting in prop::collection::vec((0_u128..5, 0_u128..1000, 0_i64..100), 0..60),
        room in 0_usize..80,
    ) {
        let mut all: Vec<Due> = waiting.iter().map(|(account, id, since)| due(*account, *id, *since)).collect();
        all.sort_by_key(|due| due.integration);
        all.dedup_by_key(|due| due.integration);
        let turns = in_turn(&all, &BTreeMap::new(), room);
        prop_assert_eq!(turns.len(), room.min(all.len()));
        let mut ids: Vec<_> = turns.iter().map(|due| due.integration).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), turns.len());
        // Nobody gets a second turn more than somebody else who still waits.
        let taken = |account| turns.iter().filter(|due| due.account == account).count();
        let total = |account| all.iter().filter(|due| due.account == account).count();
        for (one, other) in all.iter().zip(all.iter().skip(1)) {
            if taken(other.account) < total(other.account) {
                prop_assert!(taken(one.account) <= taken(other.account) + 1);
            }
        }
    }

    #[test]
    fn a_daily_pass_is_always_ahead_and_within_two_days(
        seconds in 0_i64..2_000_000_000, minute in 0_u32..1440, zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) {
        let from = DateTime::from_timestamp(seconds, 0).unwrap();
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap();
        let schedule = Schedule { full_pass: Some(LocalTime { time, zone }), ..Schedule::default() };
        let next = schedule.next_full_pass(from, 0.3);
        prop_assert!(next > from && next - from <= TimeDelta::hours(49), "{zone}: {from} -> {next}");
    }
}
