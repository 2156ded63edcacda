//! Table `integration`.

use sea_orm::entity::prelude::*;

/// One installed store.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "integration")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Word of `Platform`.
    pub platform: String,
    /// Display name.
    pub name: String,
    /// Lower-cased name, unique in the account.
    pub name_key: String,
    /// Public settings.
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Json,
    /// Sealed secret settings.
    pub credentials: Vec<u8>,
    /// Word of `IntegrationState`.
    pub state: String,
    /// Why it needs attention: a stable code.
    pub state_code: Option<String>,
    /// Why it needs attention, and what to do.
    pub state_detail: Option<String>,
    /// What people should know about it: a list of code and detail.
    #[sea_orm(column_type = "JsonBinary")]
    pub notices: Json,
    /// By stream: from where the next incremental pass begins.
    #[sea_orm(column_type = "JsonBinary")]
    pub watermarks: Json,
    /// Share of a list's members that a run may take off unasked, in percent.
    pub shrink_percent: i32,
    /// How many it may take off whatever their share, less one.
    pub shrink_at_least: i32,
    /// When the last run ended well.
    pub synced_at: Option<DateTimeUtc>,
    /// The lists show what the store did then, or something newer.
    pub as_at: Option<DateTimeUtc>,
    /// When the last full run ended well.
    pub full_synced_at: Option<DateTimeUtc>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When somebody last changed it.
    pub updated_at: DateTimeUtc,
    /// When somebody last changed what its runs read.
    pub reading_changed_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
