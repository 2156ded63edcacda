//! What a run needs to go on where a former one stopped and to wait for its turn, and since when lists show what a store did.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{integer, timestamp_with_time_zone, timestamp_with_time_zone_null};

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let as_at = timestamp_with_time_zone_null("as_at");
        manager.alter_table(Table::alter().table("integration").add_column(as_at).to_owned()).await?;
        manager.alter_table(Table::alter().table("sync_run").drop_column("death_page").to_owned()).await?;
        // SQLite adds no column that must be there without saying what it is.
        let turn_at = timestamp_with_time_zone("turn_at").default("2026-01-01T00:00:00+00:00").take();
        manager.alter_table(Table::alter().table("sync_run").add_column(turn_at).to_owned()).await?;
        let db = manager.get_connection();
        db.execute_unprepared("UPDATE sync_run SET turn_at = queued_at").await?;
        db.execute_unprepared("UPDATE integration SET as_at = synced_at").await?;
        db.execute_unprepared("CREATE INDEX sync_run_resumable ON sync_run (integration_id) WHERE is_resumable")
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("sync_run_resumable").table("sync_run").to_owned()).await?;
        manager.alter_table(Table::alter().table("sync_run").drop_column("turn_at").to_owned()).await?;
        let death_page = integer("death_page").default(0).take();
        manager.alter_table(Table::alter().table("sync_run").add_column(death_page).to_owned()).await?;
        manager.alter_table(Table::alter().table("integration").drop_column("as_at").to_owned()).await
    }
}
