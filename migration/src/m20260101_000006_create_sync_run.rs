//! Sync runs, what they saw, and what they could not use.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, blob, boolean, integer, json_binary, text, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::{foreign_key, index};

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("sync_run")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid("integration_id"))
                    .col(text("mode"))
                    .col(text("status"))
                    .col(big_integer("read_count"))
                    .col(big_integer("created_count"))
                    .col(big_integer("updated_count"))
                    .col(big_integer("unchanged_count"))
                    .col(big_integer("skipped_count"))
                    .col(big_integer("quarantined_count"))
                    .col(big_integer("joined_count"))
                    .col(big_integer("left_count"))
                    .col(big_integer_null("total"))
                    .col(json_binary("progress"))
                    .col(integer("page_count"))
                    .col(integer("attempts"))
                    .col(boolean("cancel_requested"))
                    .col(text_null("error_code"))
                    .col(text_null("error_detail"))
                    .col(uuid_null("lease_token"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .col(timestamp_with_time_zone("queued_at"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .foreign_key(&mut foreign_key(
                        "sync_run",
                        "integration_id",
                        "integration",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("sync_run_integration", "sync_run", &["account_id", "integration_id", "id"]))
            .await?;
        manager.create_index(index("sync_run_status", "sync_run", &["status", "lease_until"])).await?;
        manager.get_connection().execute_unprepared("CREATE UNIQUE INDEX sync_run_active ON sync_run (integration_id) WHERE status IN ('queued', 'running')").await?;
        manager
            .create_table(
                Table::create()
                    .table("sync_page")
                    .col(uuid("run_id"))
                    .col(integer("number"))
                    .col(blob("seen"))
                    .primary_key(Index::create().col("run_id").col("number"))
                    .foreign_key(&mut foreign_key("sync_page", "run_id", "sync_run", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("quarantined_record")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid("integration_id"))
                    .col(uuid("run_id"))
                    .col(text("stream"))
                    .col(text_null("store_id"))
                    .col(text("reason"))
                    .col(text("detail"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut foreign_key(
                        "quarantined_record",
                        "run_id",
                        "sync_run",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("quarantined_record_run", "quarantined_record", &["account_id", "run_id", "id"]))
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["quarantined_record", "sync_page", "sync_run"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
