//! When each integration is synced; runs that go on where another one stopped, and one that waits behind another.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
    uuid_null,
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
                    .table("schedule")
                    .col(uuid("integration_id").primary_key())
                    .col(uuid("account_id"))
                    .col(integer("interval_seconds"))
                    .col(text_null("full_pass_time"))
                    .col(text_null("full_pass_zone"))
                    .col(timestamp_with_time_zone("next_run_at"))
                    .col(timestamp_with_time_zone_null("next_full_pass_at"))
                    .col(integer("failures"))
                    .col(timestamp_with_time_zone_null("failing_since"))
                    .col(text_null("held_code"))
                    .col(uuid_null("held_run_id"))
                    .foreign_key(&mut foreign_key(
                        "schedule",
                        "integration_id",
                        "integration",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("schedule_due", "schedule", &["next_run_at"])).await?;
        let db = manager.get_connection();
        // Due at once; they begin as workers are free.
        db.execute_unprepared(
            "INSERT INTO schedule (integration_id, account_id, interval_seconds, next_run_at, failures) \
             SELECT id, account_id, 300, created_at, 0 FROM integration",
        )
        .await?;
        let columns = [
            text("lane").default("whole").to_owned(),
            text("cause").default("request").to_owned(),
            uuid_null("continues"),
            timestamp_with_time_zone_null("began_at"),
            big_integer("read_before").default(0).to_owned(),
            boolean("is_resumable").default(false).to_owned(),
            integer("deaths").default(0).to_owned(),
            integer("death_page").default(0).to_owned(),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table("sync_run").add_column(column).to_owned()).await?;
        }
        db.execute_unprepared("UPDATE sync_run SET began_at = started_at").await?;
        manager.drop_index(Index::drop().name("sync_run_active").table("sync_run").to_owned()).await?;
        // One at a time, and one that waits behind it.
        for status in ["queued", "running"] {
            let sql =
                format!("CREATE UNIQUE INDEX sync_run_{status} ON sync_run (integration_id) WHERE status = '{status}'");
            db.execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for name in ["sync_run_running", "sync_run_queued"] {
            manager.drop_index(Index::drop().name(name).table("sync_run").to_owned()).await?;
        }
        // Before, a second run was refused.
        db.execute_unprepared(
            "UPDATE sync_run SET status = 'cancelled', finished_at = queued_at WHERE status = 'queued' AND \
             integration_id IN (SELECT integration_id FROM sync_run WHERE status = 'running')",
        )
        .await?;
        db.execute_unprepared(
            "CREATE UNIQUE INDEX sync_run_active ON sync_run (integration_id) WHERE status IN ('queued', 'running')",
        )
        .await?;
        let columns = ["death_page", "deaths", "is_resumable", "read_before", "began_at", "continues", "cause", "lane"];
        for column in columns {
            manager.alter_table(Table::alter().table("sync_run").drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("schedule").to_owned()).await
    }
}
