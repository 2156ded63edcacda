//! What a source record remembers: which flag of the store its opt-in was read off, and which address it had when it
//! went.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{blob_null, text};

use crate::index;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const FORMER_ADDRESS: &str = "source_record_former_address";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Empty: not known, which is taken as the flag that is seen next.
        let flags = text("flags").default("").take();
        for column in [flags, blob_null("former_address").take()] {
            manager.alter_table(Table::alter().table("source_record").add_column(column).to_owned()).await?;
        }
        manager.create_index(index(FORMER_ADDRESS, "source_record", &["account_id", "former_address"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(FORMER_ADDRESS).table("source_record").to_owned()).await?;
        for column in ["former_address", "flags"] {
            manager.alter_table(Table::alter().table("source_record").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
