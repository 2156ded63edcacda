//! When an integration is synced, as people set it.

use chrono::{NaiveTime, TimeDelta};
use chrono_tz::Tz;

use crate::domain::schedule::{LocalTime, MAX_INTERVAL, MIN_INTERVAL, Schedule};
use crate::error::Error;

/// A change of a schedule; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleChange {
    /// Seconds from the end of one run to the beginning of the next.
    pub interval_seconds: Option<u32>,
    /// Time of the daily full pass, `HH:MM`; `Some(None)`: a day after the last one.
    pub full_pass_time: Option<Option<String>>,
    /// Where that is, an IANA time zone; `Some(None)`: UTC.
    pub time_zone: Option<Option<String>>,
}

impl ScheduleChange {
    /// Whether anything is to be changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.interval_seconds.is_none() && self.full_pass_time.is_none() && self.time_zone.is_none()
    }

    /// The schedule after this change.
    ///
    /// # Errors
    /// A value is out of its bounds, or a time zone is named without a time.
    pub fn apply(self, to: Schedule) -> Result<Schedule, Error> {
        let interval = match self.interval_seconds {
            None => to.interval,
            Some(seconds) => Some(TimeDelta::seconds(seconds.into()))
                .filter(|interval| (MIN_INTERVAL..=MAX_INTERVAL).contains(interval))
                .ok_or_else(|| {
                    let bounds = format!("must be {} to {}", MIN_INTERVAL.num_seconds(), MAX_INTERVAL.num_seconds());
                    Error::invalid("schedule.intervalSeconds", bounds)
                })?,
        };
        let time = match self.full_pass_time {
            None => to.full_pass.map(|local| local.time),
            Some(time) => time.map(|time| time_of_day(&time)).transpose()?,
        };
        let zone = match self.time_zone {
            None => to.full_pass.map(|local| local.zone),
            Some(zone) => zone.map(|zone| time_zone(&zone)).transpose()?,
        };
        let full_pass = match (time, zone) {
            (Some(time), zone) => Some(LocalTime { time, zone: zone.unwrap_or(Tz::UTC) }),
            // The time was taken away, and its zone with it.
            (None, _) if to.full_pass.is_some() => None,
            (None, Some(_)) => {
                return Err(Error::invalid("schedule.timeZone", "needs a fullPassTime beside it"));
            }
            (None, None) => None,
        };
        Ok(Schedule { interval, full_pass })
    }
}

fn time_of_day(text: &str) -> Result<NaiveTime, Error> {
    let is_short = text.len() == "00:00".len();
    NaiveTime::parse_from_str(text, "%H:%M")
        .ok()
        .filter(|_| is_short)
        .ok_or_else(|| Error::invalid("schedule.fullPassTime", "must be a time of day like 03:30"))
}

fn time_zone(text: &str) -> Result<Tz, Error> {
    text.parse().map_err(|_| Error::invalid("schedule.timeZone", "must be an IANA time zone like Europe/Berlin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-` stays, an empty text takes away.
    fn change(time: &str, zone: &str) -> ScheduleChange {
        let meant = |text: &str| (text != "-").then(|| (!text.is_empty()).then(|| text.to_owned()));
        ScheduleChange { interval_seconds: None, full_pass_time: meant(time), time_zone: meant(zone) }
    }

    #[test]
    fn what_is_absent_stays() {
        let set = change("03:30", "Europe/Berlin").apply(Schedule::default()).unwrap();
        let later = ScheduleChange { interval_seconds: Some(60), ..ScheduleChange::default() }.apply(set).unwrap();
        assert_eq!(later, Schedule { interval: TimeDelta::minutes(1), ..set });
        let moved = change("04:00", "-").apply(later).unwrap();
        assert_eq!(moved.full_pass.unwrap().zone, Tz::Europe__Berlin);
        assert_eq!(change("", "-").apply(moved).unwrap().full_pass, None);
    }

    #[test]
    fn bad_values_name_their_field() {
        let field = |change: ScheduleChange| match change.apply(Schedule::default()) {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let interval = |seconds| ScheduleChange { interval_seconds: Some(seconds), ..ScheduleChange::default() };
        assert_eq!(field(interval(59)), "schedule.intervalSeconds");
        assert_eq!(field(interval(86_401)), "schedule.intervalSeconds");
        assert_eq!(field(change("24:00", "-")), "schedule.fullPassTime");
        assert_eq!(field(change("3:30", "-")), "schedule.fullPassTime");
        assert_eq!(field(change("03:30", "Berlin")), "schedule.timeZone");
        assert_eq!(field(change("-", "Europe/Berlin")), "schedule.timeZone");
    }
}
