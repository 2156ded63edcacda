//! What a source record remembers: which flag of the store its opt-in was read off.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Empty: not known, which is taken as the flag that is seen next.
        let flags = text("flags").default("").take();
        manager.alter_table(Table::alter().table("source_record").add_column(flags).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("source_record").drop_column("flags").to_owned()).await
    }
}
