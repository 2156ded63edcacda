//! Table `schedule`.

use sea_orm::entity::prelude::*;

/// When an integration is synced. Every integration has one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    /// Store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// From the end of one run to the beginning of the next.
    pub interval_seconds: i32,
    /// Local time of the daily full pass, `HH:MM`.
    pub full_pass_time: Option<String>,
    /// Where that is: an IANA time zone.
    pub full_pass_zone: Option<String>,
    /// When the next run is due; stays in the past while one is under way.
    pub next_run_at: DateTimeUtc,
    /// From when on a run reads the whole store.
    pub next_full_pass_at: Option<DateTimeUtc>,
    /// Failed runs in a row of what changed.
    pub failures: i32,
    /// Failed passes in a row over the whole store.
    pub full_pass_failures: i32,
    /// Since when they fail.
    pub failing_since: Option<DateTimeUtc>,
    /// Why no run begins before somebody decides: a stable code.
    pub held_code: Option<String>,
    /// The run that asks.
    pub held_run_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
