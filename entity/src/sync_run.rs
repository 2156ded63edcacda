//! Table `sync_run`.

use sea_orm::entity::prelude::*;

/// One pass over one integration.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_run")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Store.
    pub integration_id: Uuid,
    /// Word of `RunMode`.
    pub mode: String,
    /// Word of `RunStatus`.
    pub status: String,
    /// Word of `Lane`.
    pub lane: String,
    /// Word of `RunCause`.
    pub cause: String,
    /// The failed run from whose checkpoint it went on.
    pub continues: Option<Uuid>,
    /// When the pass began: when the first of the runs was taken up that it continues, or itself.
    pub began_at: Option<DateTimeUtc>,
    /// Records that the runs read which it continues.
    pub read_before: i64,
    /// Whether it failed so that the next run may go on from its checkpoint.
    pub is_resumable: bool,
    /// How often in a row its worker died without getting on.
    pub deaths: i32,
    /// See `Counts`.
    pub read_count: i64,
    /// See `Counts`.
    pub created_count: i64,
    /// See `Counts`.
    pub updated_count: i64,
    /// See `Counts`.
    pub unchanged_count: i64,
    /// See `Counts`.
    pub skipped_count: i64,
    /// See `Counts`.
    pub quarantined_count: i64,
    /// See `Counts`.
    pub joined_count: i64,
    /// See `Counts`.
    pub left_count: i64,
    /// Records in all, as far as the store tells.
    pub total: Option<i64>,
    /// By stream: checkpoint, watermark, whether it is done.
    #[sea_orm(column_type = "JsonBinary")]
    pub progress: Json,
    /// By list: how many came onto it and went off it, and how many members it had at first.
    #[sea_orm(column_type = "JsonBinary")]
    pub lists: Option<Json>,
    /// Whether it may take off whom it will.
    pub confirmed: bool,
    /// Pages written.
    pub page_count: i32,
    /// How often a worker took it up.
    pub attempts: i32,
    /// Whether it shall stop after this page.
    pub cancel_requested: bool,
    /// Stable code of the failure.
    pub error_code: Option<String>,
    /// What failed and what to do.
    pub error_detail: Option<String>,
    /// The worker that may write.
    pub lease_token: Option<Uuid>,
    /// Until when it may, unless it says more.
    pub lease_until: Option<DateTimeUtc>,
    /// When it was asked for.
    pub queued_at: DateTimeUtc,
    /// When its turn is among the runs of all accounts.
    pub turn_at: DateTimeUtc,
    /// When a worker first took it up.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended.
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
