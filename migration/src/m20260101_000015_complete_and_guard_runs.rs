//! What tells whether a full pass saw everybody, and whether a record that could not be used is settled.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{blob_null, text_null, timestamp_with_time_zone_null};

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [text_null("stream").take(), blob_null("shown").take()] {
            manager.alter_table(Table::alter().table("sync_page").add_column(column).to_owned()).await?;
        }
        let resolved_at = timestamp_with_time_zone_null("resolved_at");
        manager.alter_table(Table::alter().table("quarantined_record").add_column(resolved_at).to_owned()).await?;
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE INDEX quarantined_record_unresolved ON quarantined_record (integration_id, stream, store_id) \
                 WHERE resolved_at IS NULL",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unresolved = Index::drop().name("quarantined_record_unresolved").table("quarantined_record").to_owned();
        manager.drop_index(unresolved).await?;
        manager.alter_table(Table::alter().table("quarantined_record").drop_column("resolved_at").to_owned()).await?;
        for column in ["shown", "stream"] {
            manager.alter_table(Table::alter().table("sync_page").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
