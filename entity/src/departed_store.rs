//! Table `departed_store`.

use sea_orm::entity::prelude::*;

/// A deleted integration whose platform may still hand on what people ask for by law.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "departed_store")]
pub struct Model {
    /// The integration as it was.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Tenant.
    pub account_id: Uuid,
    /// Word of `Platform`.
    pub platform: String,
    /// The store, as its platform names it in requests.
    pub shop: String,
    /// Sealed: what requests are signed with.
    pub key: Vec<u8>,
    /// When the integration was deleted.
    pub departed_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
