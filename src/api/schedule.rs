//! When an integration is synced, and how well that goes, as both transports show and take it.

use async_graphql::{InputObject, MaybeUndefined, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::{FailureClass, WhoCanAct};
use crate::domain::failure::Failure;
use crate::domain::health::Planned;
use crate::service::schedules::ScheduleChange;

/// When an integration is synced.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Schedule)]
#[graphql(name = "Schedule")]
pub struct ScheduleView {
    /// Seconds from the end of one run to the beginning of the next.
    pub interval_seconds: i64,
    /// Local time of the daily full pass, `HH:MM`; `null`: a day after the last one.
    pub full_pass_time: Option<String>,
    /// Where that is: an IANA time zone; `null` without a time.
    pub time_zone: Option<String>,
    /// When the next run is due; in the past while one is under way or waits for a worker.
    pub next_run_at: DateTime<Utc>,
    /// From when on a run reads the whole store; `null` before the first run.
    pub next_full_pass_at: Option<DateTime<Utc>>,
    /// How many runs in a row failed; passes over the whole store count by themselves.
    pub failures: u32,
    /// Since when they do.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why no run begins by itself before somebody decides: a stable code. Webhooks are still carried out.
    pub held_code: Option<String>,
    /// The run that asks for the decision.
    pub held_sync_id: Option<Uuid>,
}

impl From<Planned> for ScheduleView {
    fn from(planned: Planned) -> Self {
        let Planned { schedule, next_run_at, next_full_pass_at, failures, failing_since, held, is_running: _ } =
            planned;
        let (full_pass_time, time_zone) = schedule
            .full_pass
            .map(|local| (local.time.format("%H:%M").to_string(), local.zone.name().to_owned()))
            .unzip();
        let (held_code, held_sync_id) = held.map(|held| (held.code, held.run.into())).unzip();
        Self {
            interval_seconds: schedule.interval.num_seconds(),
            full_pass_time,
            time_zone,
            next_run_at,
            next_full_pass_at,
            failures: failures.most(),
            failing_since,
            held_code,
            held_sync_id,
        }
    }
}

/// A change of a schedule. What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScheduleChange)]
#[graphql(name = "ScheduleChange")]
pub struct ScheduleInput {
    /// Seconds from the end of one run to the beginning of the next, 60 to 86,400; 300 where none is set.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 86400)]
    pub interval_seconds: Option<u32>,
    /// Local time at which the daily full pass begins, `HH:MM`; `null`: a day after the last one.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub full_pass_time: MaybeUndefined<String>,
    /// Where that is: an IANA time zone, for example `Europe/Berlin`; `null`: UTC. Refused while there is no `fullPassTime`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub time_zone: MaybeUndefined<String>,
}

impl From<ScheduleInput> for ScheduleChange {
    fn from(ScheduleInput { interval_seconds, full_pass_time, time_zone }: ScheduleInput) -> Self {
        Self { interval_seconds, full_pass_time: full_pass_time.into(), time_zone: time_zone.into() }
    }
}

/// Why a run failed, and what to do about it.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Failure)]
#[graphql(name = "Failure")]
pub struct FailureView {
    /// Its kind.
    pub class: FailureClass,
    /// Stable code.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do about it.
    pub what_to_do: String,
    /// Who can do that.
    pub who_can_act: WhoCanAct,
}

impl From<Failure> for FailureView {
    fn from(Failure { class, code, detail, what_to_do, who_can_act }: Failure) -> Self {
        Self { class: class.into(), code, detail, what_to_do: what_to_do.to_owned(), who_can_act: who_can_act.into() }
    }
}
