//! Inbound webhooks: where they are registered, which deliveries were seen, which records are to be read again.

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
                    .table("webhook_endpoint")
                    .col(uuid("integration_id").primary_key())
                    .col(blob("secret"))
                    .col(text("address"))
                    .col(text("state"))
                    .col(text_null("detail"))
                    .col(json_binary("topics"))
                    .col(json_binary("problems"))
                    .col(integer("attempts"))
                    .col(timestamp_with_time_zone("next_at"))
                    .col(uuid_null("lease_token"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .col(timestamp_with_time_zone_null("checked_at"))
                    .col(timestamp_with_time_zone_null("last_delivery_at"))
                    .col(timestamp_with_time_zone_null("last_handled_at"))
                    .col(big_integer_null("last_handling_ms"))
                    .col(big_integer("handled_count"))
                    .foreign_key(&mut to_integration("webhook_endpoint"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("webhook_endpoint_next", "webhook_endpoint", &["next_at"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook_delivery")
                    .col(uuid("integration_id"))
                    .col(blob("dedupe_key"))
                    .col(text("topic"))
                    .col(timestamp_with_time_zone("received_at"))
                    .primary_key(Index::create().col("integration_id").col("dedupe_key"))
                    .foreign_key(&mut to_integration("webhook_delivery"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("webhook_delivery_received", "webhook_delivery", &["received_at"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("pending_hint")
                    .col(uuid("id").primary_key())
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(text("store_id"))
                    .col(boolean("urgent"))
                    .col(timestamp_with_time_zone("received_at"))
                    .col(big_integer("version"))
                    .col(integer("attempts"))
                    .col(timestamp_with_time_zone("not_before"))
                    .col(uuid_null("lease_token"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .col(timestamp_with_time_zone_null("page_asked_at"))
                    .col(timestamp_with_time_zone_null("given_up_at"))
                    .col(text_null("error_code"))
                    .col(text_null("error_detail"))
                    .foreign_key(&mut to_integration("pending_hint"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                index("pending_hint_record", "pending_hint", &["integration_id", "stream", "store_id"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("pending_hint_due", "pending_hint", &["given_up_at", "not_before", "integration_id"]))
            .await?;
        let read_at = timestamp_with_time_zone_null("read_at");
        manager.alter_table(Table::alter().table("source_record").add_column(read_at).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("source_record").drop_column("read_at").to_owned()).await?;
        for table in ["pending_hint", "webhook_delivery", "webhook_endpoint"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn to_integration(table: &'static str) -> ForeignKeyCreateStatement {
    foreign_key(table, "integration_id", "integration", ForeignKeyAction::Cascade)
}
