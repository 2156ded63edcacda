//! How well an integration keeps its lists in step, in one word.

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::SyncRunId;
use super::schedule::Schedule;
use super::sync::{IntegrationState, Lane};
use super::wire_enum::wire_enum;

wire_enum! {
    /// How well an integration keeps its lists in step.
    Health {
        /// Its last run ended well and the next one is in time.
        Healthy = "healthy",
        /// It is due for longer than its interval, and no run has begun: there are too few workers.
        Late = "late",
        /// Its last runs failed; it is tried again by itself.
        Failing = "failing",
        /// Somebody paused it.
        Paused = "paused",
        /// Nothing goes on before somebody acts.
        NeedsAttention = "needs_attention",
    }
}

/// What the scheduler knows of one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When it is synced.
    pub schedule: Schedule,
    /// When the next run is due; in the past while one is under way or waits for a worker.
    pub next_run_at: DateTime<Utc>,
    /// From when on a run reads the whole store.
    pub next_full_pass_at: Option<DateTime<Utc>>,
    /// How many runs in a row failed.
    pub failures: Failures,
    /// Since when they do.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why no run is begun by the schedule, and the run that asks for a decision.
    pub held: Option<Held>,
    /// Whether a run is under way.
    pub is_running: bool,
}

/// How many runs in a row failed, by lane: while passes over the whole store fail, what changed is read in time all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Runs of what changed.
    pub changes: u32,
    /// Passes over the whole store, which read what changed, too.
    pub whole: u32,
}

impl Failures {
    /// Of one lane.
    #[must_use]
    pub const fn of(self, lane: Lane) -> u32 {
        match lane {
            Lane::Changes => self.changes,
            Lane::Whole => self.whole,
        }
    }

    /// With one more.
    #[must_use]
    pub const fn and_one(self, lane: Lane) -> Self {
        match lane {
            Lane::Changes => Self { changes: self.changes.saturating_add(1), ..self },
            Lane::Whole => Self { whole: self.whole.saturating_add(1), ..self },
        }
    }

    /// After a run of a lane that ended well.
    #[must_use]
    pub const fn without(self, lane: Lane) -> Self {
        match lane {
            Lane::Changes => Self { changes: 0, ..self },
            Lane::Whole => Self { changes: 0, whole: 0 },
        }
    }

    /// After somebody called a run of a lane off: it is not tried again.
    #[must_use]
    pub const fn called_off(self, lane: Lane) -> Self {
        match lane {
            Lane::Changes => self,
            Lane::Whole => Self { whole: 0, ..self },
        }
    }

    /// The most in a row.
    #[must_use]
    pub fn most(self) -> u32 {
        self.changes.max(self.whole)
    }
}

/// A schedule that waits for somebody's decision. Webhooks are still carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Stable code.
    pub code: String,
    /// The run that stopped.
    pub run: SyncRunId,
}

impl Planned {
    /// The health of an integration in this state.
    #[must_use]
    pub fn health(&self, state: IntegrationState, now: DateTime<Utc>) -> Health {
        match state {
            IntegrationState::Paused => Health::Paused,
            IntegrationState::NeedsAttention => Health::NeedsAttention,
            IntegrationState::Active if self.held.is_some() => Health::NeedsAttention,
            IntegrationState::Active if self.failures.most() > 0 => Health::Failing,
            IntegrationState::Active if self.is_late(now) => Health::Late,
            IntegrationState::Active => Health::Healthy,
        }
    }

    fn is_late(&self, now: DateTime<Utc>) -> bool {
        !self.is_running && now - self.next_run_at > self.schedule.interval
    }
}

/// How far the lists are behind the store at most: since the last reading that ended well began, or since the store is there.
#[must_use]
pub fn lag(as_at: Option<DateTime<Utc>>, created_at: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    (now - as_at.unwrap_or(created_at)).max(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(due_minutes_ago: i64) -> (Planned, DateTime<Utc>) {
        let now = DateTime::from_timestamp(1_775_304_000, 0).unwrap();
        let planned = Planned {
            schedule: Schedule::default(),
            next_run_at: now - TimeDelta::minutes(due_minutes_ago),
            next_full_pass_at: None,
            failures: Failures::default(),
            failing_since: None,
            held: None,
            is_running: false,
        };
        (planned, now)
    }

    #[test]
    fn an_integration_is_late_once_it_waited_for_longer_than_its_interval() {
        let (in_time, now) = planned(5);
        assert_eq!(in_time.health(IntegrationState::Active, now), Health::Healthy);
        let (late, now) = planned(6);
        assert_eq!(late.health(IntegrationState::Active, now), Health::Late);
        let running = Planned { is_running: true, ..late };
        assert_eq!(running.health(IntegrationState::Active, now), Health::Healthy);
    }

    #[test]
    fn what_somebody_has_to_do_comes_before_what_passes_by_itself() {
        let (planned, now) = planned(60);
        let failing = Planned { failures: Failures::default().and_one(Lane::Whole), ..planned };
        assert_eq!(failing.health(IntegrationState::Active, now), Health::Failing);
        let held = Held { code: "RUN_KILLS_WORKER".to_owned(), run: SyncRunId::at(now) };
        let held = Planned { held: Some(held), ..failing };
        assert_eq!(held.health(IntegrationState::Active, now), Health::NeedsAttention);
        assert_eq!(held.health(IntegrationState::Paused, now), Health::Paused);
    }

    #[test]
    fn lag_counts_from_the_installation_before_the_first_run() {
        let now = DateTime::from_timestamp(1_775_304_000, 0).unwrap();
        assert_eq!(lag(None, now - TimeDelta::hours(1), now), TimeDelta::hours(1));
        assert_eq!(lag(Some(now + TimeDelta::seconds(1)), now, now), TimeDelta::zero());
    }
}
