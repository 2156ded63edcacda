//! What tells whether a full pass saw everybody, whether a record that could not be used is settled, and how many a run
//! may take off a list unasked.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    blob_null, boolean, integer, json_binary_null, text_null, timestamp_with_time_zone_null,
};

use crate::index;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// How many may leave a list unasked: a share in percent, and a number.
const LIMIT: [(&str, i32); 2] = [("shrink_percent", 20), ("shrink_at_least", 50)];
const OF_RUN: &str = "quarantined_record_of_run";
const FINISHED: &str = "sync_run_finished";

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
        for column in [json_binary_null("lists").take(), boolean("confirmed").default(false).take()] {
            manager.alter_table(Table::alter().table("sync_run").add_column(column).to_owned()).await?;
        }
        for (name, default) in LIMIT {
            let column = integer(name).default(default).take();
            manager.alter_table(Table::alter().table("integration").add_column(column).to_owned()).await?;
        }
        // A run that goes takes its records with it; old runs are looked for by their end.
        manager.create_index(index(OF_RUN, "quarantined_record", &["run_id"])).await?;
        manager.create_index(index(FINISHED, "sync_run", &["finished_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indices = [
            (FINISHED, "sync_run"),
            (OF_RUN, "quarantined_record"),
            ("quarantined_record_unresolved", "quarantined_record"),
        ];
        for (name, table) in indices {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for (column, _) in LIMIT {
            manager.alter_table(Table::alter().table("integration").drop_column(column).to_owned()).await?;
        }
        for column in ["confirmed", "lists"] {
            manager.alter_table(Table::alter().table("sync_run").drop_column(column).to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("quarantined_record").drop_column("resolved_at").to_owned()).await?;
        for column in ["shown", "stream"] {
            manager.alter_table(Table::alter().table("sync_page").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
