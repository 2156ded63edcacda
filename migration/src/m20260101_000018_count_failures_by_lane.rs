//! Failed passes over whole stores count by themselves, so that what changed is read in between.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let failures = integer("full_pass_failures").default(0).take();
        manager.alter_table(Table::alter().table("schedule").add_column(failures).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("schedule").drop_column("full_pass_failures").to_owned()).await
    }
}
