//! The progress of a sync run, as both transports show it.

use async_graphql::SimpleObject;
use serde::Serialize;
use utoipa::ToSchema;

use super::sync::SyncRunView;
use crate::domain::progress::SyncProgress;

/// A run as it stands, how fast it goes and how much is left.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = SyncProgress)]
#[graphql(name = "SyncProgress")]
pub struct SyncProgressView {
    /// The run.
    pub run: SyncRunView,
    /// Records read per second: over about the last ten seconds while it runs, on average once it has ended. `null`
    /// before anything can be said.
    #[schema(minimum = 0)]
    pub records_per_second: Option<f64>,
    /// Share of the store's total that was read; `null` where the store tells none. 100 only for a run that ended well.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: Option<f64>,
    /// Seconds until everything is read at this rate, a year at most; `null` unless the run is under way, its total is
    /// known and records come in.
    #[schema(maximum = 31_536_000)]
    pub seconds_left: Option<u64>,
}

impl From<SyncProgress> for SyncProgressView {
    fn from(progress: SyncProgress) -> Self {
        let SyncProgress { run, records_per_second, percent, seconds_left } = progress;
        Self { run: run.into(), records_per_second, percent, seconds_left }
    }
}
