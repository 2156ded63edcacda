//! Table `webhook_delivery`.

use sea_orm::entity::prelude::*;

/// A delivery that was taken, so that the same one is not taken again. Holds nothing of its content.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    /// Store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// SHA-256 of topic and delivery.
    #[sea_orm(primary_key, auto_increment = false)]
    pub dedupe_key: Vec<u8>,
    /// What it was about, in the platform's words.
    pub topic: String,
    /// When it was taken.
    pub received_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
