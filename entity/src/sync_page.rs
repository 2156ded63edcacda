//! Table `sync_page`.

use sea_orm::entity::prelude::*;

/// The records that one page of a full run showed, to know afterwards which are gone and whether any are missing.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_page")]
pub struct Model {
    /// Run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    /// Page of the run, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// Word of `Stream`; none where the page was written by a release that did not note it.
    pub stream: Option<String>,
    /// Identifiers of source records, 16 bytes each.
    pub seen: Vec<u8>,
    /// Marks of the store's own ids, 8 bytes each.
    pub shown: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
