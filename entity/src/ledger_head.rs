//! Table `ledger_head`.

use sea_orm::entity::prelude::*;

/// Where an account's consent chain ends. Locking it serialises the writers of an account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_head")]
pub struct Model {
    /// Tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// Number of records so far.
    pub sequence: i64,
    /// Hash of the last record.
    pub record_hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
