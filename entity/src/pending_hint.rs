//! Table `pending_hint`.

use sea_orm::entity::prelude::*;

/// A record of a store that is to be read again: one row a record, however often its store says so.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_hint")]
pub struct Model {
    /// Time-ordered identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Store.
    pub integration_id: Uuid,
    /// Word of `Stream`.
    pub stream: String,
    /// The store's own id, unique in (integration, stream).
    pub store_id: String,
    /// Whether it may be an opt-out or a deletion.
    pub urgent: bool,
    /// When the store first said so.
    pub received_at: DateTimeUtc,
    /// Grows with each delivery about the record.
    pub version: i64,
    /// How often reading it failed.
    pub attempts: i32,
    /// Since when reading it fails.
    pub failing_since: Option<DateTimeUtc>,
    /// How often a worker took it up and wrote nothing.
    pub lapses: i32,
    /// Not read before this.
    pub not_before: DateTimeUtc,
    /// The worker that took it up; it may write while its lane says the same.
    pub lease_token: Option<Uuid>,
    /// When a page that showed the record was asked for, if one was written while a worker has the hint.
    pub page_asked_at: Option<DateTimeUtc>,
    /// When it was given up.
    pub given_up_at: Option<DateTimeUtc>,
    /// Stable code of the last failure.
    pub error_code: Option<String>,
    /// What failed and what to do.
    pub error_detail: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
