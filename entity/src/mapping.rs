//! Table `mapping`.

use sea_orm::entity::prelude::*;

/// Which list an audience of an integration goes to.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapping")]
pub struct Model {
    /// Integration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    /// Word of `Audience`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub audience: String,
    /// Tenant.
    pub account_id: Uuid,
    /// List.
    pub list_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
