//! Whose turn it is to have hints read again, and how often one was taken up in vain.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    boolean, integer, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
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
                    .table("hint_lane")
                    .col(uuid("integration_id"))
                    .col(boolean("urgent"))
                    .col(timestamp_with_time_zone("served_at"))
                    .col(timestamp_with_time_zone("not_before"))
                    .col(integer("failures"))
                    .col(uuid_null("lease_token"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .primary_key(Index::create().col("integration_id").col("urgent"))
                    .foreign_key(&mut foreign_key(
                        "hint_lane",
                        "integration_id",
                        "integration",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        db.execute_unprepared(
            "INSERT INTO hint_lane (integration_id, urgent, served_at, not_before, failures) \
             SELECT integration_id, urgent, MIN(received_at), MIN(received_at), 0 FROM pending_hint \
             GROUP BY integration_id, urgent",
        )
        .await?;
        let columns = [timestamp_with_time_zone_null("failing_since"), integer("lapses").default(0).to_owned()];
        for column in columns {
            manager.alter_table(Table::alter().table("pending_hint").add_column(column).to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("pending_hint").drop_column("lease_until").to_owned()).await?;
        manager.drop_index(Index::drop().name("pending_hint_due").table("pending_hint").to_owned()).await?;
        db.execute_unprepared(
            "CREATE INDEX pending_hint_waiting ON pending_hint (integration_id, urgent, not_before, id) \
             WHERE given_up_at IS NULL",
        )
        .await?;
        db.execute_unprepared(
            "CREATE INDEX pending_hint_given_up ON pending_hint (integration_id, given_up_at, id) \
             WHERE given_up_at IS NOT NULL",
        )
        .await?;
        db.execute_unprepared(
            "CREATE INDEX pending_hint_leased ON pending_hint (lease_token) WHERE lease_token IS NOT NULL",
        )
        .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["pending_hint_leased", "pending_hint_given_up", "pending_hint_waiting"] {
            manager.drop_index(Index::drop().name(name).table("pending_hint").to_owned()).await?;
        }
        manager
            .create_index(index("pending_hint_due", "pending_hint", &["given_up_at", "not_before", "integration_id"]))
            .await?;
        let lease_until = timestamp_with_time_zone_null("lease_until");
        manager.alter_table(Table::alter().table("pending_hint").add_column(lease_until).to_owned()).await?;
        for column in ["lapses", "failing_since"] {
            manager.alter_table(Table::alter().table("pending_hint").drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("hint_lane").to_owned()).await
    }
}
