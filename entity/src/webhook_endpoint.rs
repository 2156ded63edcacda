//! Table `webhook_endpoint`.

use sea_orm::entity::prelude::*;

/// Where the webhooks of an integration arrive, and whether the store knows it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    /// Store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Sealed random secret of this address.
    pub secret: Vec<u8>,
    /// The address that was registered last; empty before the first time.
    pub address: String,
    /// Word of `RegistrationState`.
    pub state: String,
    /// Why it stands so, and what to do.
    pub detail: Option<String>,
    /// The topics that the store delivers.
    #[sea_orm(column_type = "JsonBinary")]
    pub topics: Json,
    /// What is missing and what to do about it.
    #[sea_orm(column_type = "JsonBinary")]
    pub problems: Json,
    /// Registrations in a row that failed.
    pub attempts: i32,
    /// When the registration is looked at next.
    pub next_at: DateTimeUtc,
    /// The worker that may write.
    pub lease_token: Option<Uuid>,
    /// Until when it may.
    pub lease_until: Option<DateTimeUtc>,
    /// When the store last told what is registered.
    pub checked_at: Option<DateTimeUtc>,
    /// When the store's last delivery was taken.
    pub last_delivery_at: Option<DateTimeUtc>,
    /// When a hint was last handled.
    pub last_handled_at: Option<DateTimeUtc>,
    /// How long that one took from its receipt, in milliseconds.
    pub last_handling_ms: Option<i64>,
    /// Hints handled in all.
    pub handled_count: i64,
}

impl ActiveModelBehavior for ActiveModel {}
