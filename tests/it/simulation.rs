//! Ten thousand integrations over a week on fifty workers, by the rules of the scheduler and a clock that nobody waits for.
//!
//! Simulated are the workers and their runs; who is due when, and whose turn it is, are decided by `domain::schedule`, as
//! in the service: a look every second, few runs queued, whole passes in a lane of their own.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};

use assent::domain::ids::{AccountId, IntegrationId};
use assent::domain::schedule::{Due, FIRST_RUN_AFTER, LocalTime, Schedule, in_turn, waiting_at_most};
use assent::domain::sync::Lane;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

const INTEGRATIONS: usize = 10_000;
/// One account has a tenth of all; the others some ten each.
const LARGE_ACCOUNT: usize = 1_000;
const ACCOUNTS: usize = 900;
/// Places of fifty workers: most read changes.
const PLACES: [(Lane, usize); 2] = [(Lane::Whole, 20), (Lane::Changes, 30)];
const WEEK: i64 = 7 * 24 * 3600;
/// Time in which they are installed.
const INSTALLED_WITHIN: i64 = 20 * 3600;
/// While they are read for the first time.
const SETTLING: i64 = 24 * 3600;

struct Store {
    account: AccountId,
    schedule: Schedule,
    next_run_at: i64,
    next_full_pass_at: Option<i64>,
    was_read_whole: bool,
}

#[derive(Default)]
struct Findings {
    runs: u64,
    full_passes: u64,
    /// Worst lateness against the interval, and of full passes in hours.
    latest: f64,
    latest_full: i64,
    /// Most runs of stores that became due in one second.
    herd: usize,
    /// Seconds that a store of an account of ten waited for its first pass at most.
    first_of_small: i64,
}

/// Whose turn it is.
type Turn = fn(&[Due], &BTreeMap<AccountId, usize>, usize) -> Vec<Due>;

/// Who has waited longest, whoever's it is: what the scheduler must not do.
fn first_come_first_served(due: &[Due], _: &BTreeMap<AccountId, usize>, room: usize) -> Vec<Due> {
    let mut due = due.to_vec();
    due.sort_by_key(|due| (due.since, due.integration));
    due.truncate(room);
    due
}

struct Simulation {
    turn: Turn,
    random: StdRng,
    stores: Vec<Store>,
    /// Stores by when they are due, those under way not among them.
    due: BTreeSet<(i64, usize)>,
    queued: HashMap<Lane, VecDeque<(usize, i64)>>,
    free: HashMap<Lane, usize>,
    under_way: HashMap<Lane, BTreeMap<AccountId, usize>>,
    ends: BinaryHeap<Reverse<(i64, usize, u8)>>,
    findings: Findings,
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_775_304_000 + second, 0).unwrap()
}

fn second(instant: DateTime<Utc>) -> i64 {
    (instant - self::instant(0)).num_seconds()
}

impl Simulation {
    fn new(turn: Turn) -> Self {
        let mut random = StdRng::seed_from_u64(4);
        let berlin = LocalTime { time: NaiveTime::from_hms_opt(3, 0, 0).unwrap(), zone: chrono_tz::Europe::Berlin };
        let stores: Vec<Store> = (0..INTEGRATIONS)
            .map(|number| {
                let account = if number < LARGE_ACCOUNT { 0 } else { 1 + number % ACCOUNTS };
                let interval = [5, 15, 15, 30, 60, 60, 60, 60, 60, 60][random.random_range(0..10)];
                // A tenth wants the whole store read at the same time.
                let full_pass = random.random_bool(0.1).then_some(berlin);
                Store {
                    account: Uuid::from_u128(account as u128).into(),
                    schedule: Schedule { interval: TimeDelta::minutes(interval), full_pass },
                    // The large account is installed at one go, the others in the course of a day.
                    next_run_at: FIRST_RUN_AFTER.num_seconds()
                        + if account == 0 { 0 } else { random.random_range(0..INSTALLED_WITHIN) },
                    next_full_pass_at: None,
                    was_read_whole: false,
                }
            })
            .collect();
        let due = stores.iter().enumerate().map(|(index, store)| (store.next_run_at, index)).collect();
        let lanes = || PLACES.iter().map(|(lane, _)| *lane);
        Self {
            turn,
            random,
            stores,
            due,
            queued: lanes().map(|lane| (lane, VecDeque::new())).collect(),
            free: PLACES.into(),
            under_way: lanes().map(|lane| (lane, BTreeMap::new())).collect(),
            ends: BinaryHeap::new(),
            findings: Findings::default(),
        }
    }

    fn run(mut self, seconds: i64) -> Findings {
        for now in 0..seconds {
            while let Some(Reverse((end, store, lane))) = self.ends.peek().copied()
                && end <= now
            {
                self.ends.pop();
                self.end(store, if lane == 0 { Lane::Whole } else { Lane::Changes }, now);
            }
            for (lane, _) in PLACES {
                self.look(lane, now);
                self.take_up(lane, now);
            }
        }
        self.findings
    }

    /// The scheduler's look: what is due and fits.
    fn look(&mut self, lane: Lane, now: i64) {
        let room = waiting_at_most(lane).saturating_sub(self.queued[&lane].len());
        if room == 0 {
            return;
        }
        let mut of_account: HashMap<AccountId, usize> = HashMap::new();
        let stores = &self.stores;
        let due: Vec<Due> = self
            .due
            .range(..(now + 1, 0))
            .filter(|(_, index)| belongs(&stores[*index], lane, now))
            .filter(|(_, index)| {
                let of_account = of_account.entry(stores[*index].account).or_default();
                *of_account += 1;
                *of_account <= room
            })
            .map(|(at, index)| {
                let since = stores[*index].next_full_pass_at.filter(|_| lane == Lane::Whole).unwrap_or(*at);
                Due {
                    account: stores[*index].account,
                    integration: IntegrationId(Uuid::from_u128(*index as u128)),
                    since: instant(since),
                    next_run_at: instant(*at),
                }
            })
            .collect();
        if due.is_empty() {
            return;
        }
        for due in (self.turn)(&due, &self.under_way[&lane], room) {
            let index = usize::try_from(due.integration.0.as_u128()).unwrap();
            let at = second(due.next_run_at);
            self.due.remove(&(at, index));
            *self.under_way.get_mut(&lane).unwrap().entry(due.account).or_default() += 1;
            self.queued.get_mut(&lane).unwrap().push_back((index, at));
        }
    }

    fn take_up(&mut self, lane: Lane, now: i64) {
        while self.free[&lane] > 0
            && let Some((index, due_at)) = self.queued.get_mut(&lane).unwrap().pop_front()
        {
            *self.free.get_mut(&lane).unwrap() -= 1;
            // What changed takes seconds; a whole store minutes, a tenth of them a quarter of an hour.
            let takes = match lane {
                Lane::Changes => self.random.random_range(1..=3),
                Lane::Whole if self.random.random_bool(0.1) => self.random.random_range(300..900),
                Lane::Whole => self.random.random_range(10..120),
            };
            self.ends.push(Reverse((now + takes, index, u8::from(lane == Lane::Changes))));
            self.note(index, lane, due_at, now);
        }
    }

    fn note(&mut self, index: usize, lane: Lane, due_at: i64, now: i64) {
        self.findings.runs += 1;
        self.findings.full_passes += u64::from(lane == Lane::Whole);
        if !self.stores[index].was_read_whole && index >= LARGE_ACCOUNT {
            self.findings.first_of_small = self.findings.first_of_small.max(now - due_at);
        }
        if now < SETTLING || !self.stores[index].was_read_whole {
            return;
        }
        let seconds_late = now - due_at;
        let interval = self.stores[index].schedule.interval.num_seconds();
        #[expect(clippy::cast_precision_loss, reason = "seconds of a week")]
        let share = seconds_late as f64 / interval as f64;
        self.findings.latest = self.findings.latest.max(share);
        if let (Lane::Whole, Some(planned)) = (lane, self.stores[index].next_full_pass_at) {
            self.findings.latest_full = self.findings.latest_full.max(now - planned);
        }
    }

    fn end(&mut self, index: usize, lane: Lane, now: i64) {
        *self.free.get_mut(&lane).unwrap() += 1;
        let store = &mut self.stores[index];
        let runs = self.under_way.get_mut(&lane).unwrap().get_mut(&store.account).unwrap();
        *runs -= 1;
        store.next_run_at = second(store.schedule.next_run(instant(now), self.random.random()));
        if lane == Lane::Whole {
            store.was_read_whole = true;
            let next = store.schedule.next_full_pass(instant(now), self.random.random());
            store.next_full_pass_at = Some(second(next));
        }
        self.due.insert((store.next_run_at, index));
        if now >= SETTLING && now % 60 == 0 {
            let at = store.next_run_at;
            self.findings.herd = self.findings.herd.max(self.due.range((at, 0)..(at + 1, 0)).count());
        }
    }
}

fn belongs(store: &Store, lane: Lane, now: i64) -> bool {
    match lane {
        Lane::Whole => !store.was_read_whole || store.next_full_pass_at.is_some_and(|at| at <= now),
        Lane::Changes => store.was_read_whole,
    }
}

#[test]
fn ten_thousand_integrations_are_in_time_for_a_week() {
    let findings = Simulation::new(in_turn).run(WEEK);
    assert!(findings.runs > 3_000_000 && findings.full_passes > 60_000, "everybody was synced, and read whole daily");
    assert!(findings.latest <= 1.0, "late by {:.2} of its interval", findings.latest);
    assert!(
        findings.latest_full < 8 * 3600,
        "a full pass begins in the same night even if a thousand want the same time"
    );
    assert!(findings.herd < 60, "{} became due in the same second", findings.herd);
    assert!(is_fair(&findings), "small accounts wait for a large one: {} s at most", findings.first_of_small);
}

/// No store of a small account waits a quarter of an hour for its first pass, although a thousand of one account became due
/// at once before it, which are an hour and a half of work.
fn is_fair(findings: &Findings) -> bool {
    findings.first_of_small > 0 && findings.first_of_small < 15 * 60
}

#[test]
fn first_come_first_served_would_have_small_accounts_wait() {
    let findings = Simulation::new(first_come_first_served).run(SETTLING);
    assert!(!is_fair(&findings) && findings.first_of_small > 3600, "{} s", findings.first_of_small);
}
