//! Table `hint_lane`.

use sea_orm::entity::prelude::*;

/// Whose turn it is: the urgent hints of a store, or its others, are read by one worker at a time.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hint_lane")]
pub struct Model {
    /// Store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Which of its hints.
    #[sea_orm(primary_key, auto_increment = false)]
    pub urgent: bool,
    /// When hints of it were last taken up.
    pub served_at: DateTimeUtc,
    /// Not taken up before this, since the store failed.
    pub not_before: DateTimeUtc,
    /// How often in a row the store failed.
    pub failures: i32,
    /// The worker that may write.
    pub lease_token: Option<Uuid>,
    /// Until when it may, unless it says more.
    pub lease_until: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
