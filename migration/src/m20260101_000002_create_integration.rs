//! Installed stores, lists, and which audience goes where.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    blob, json_binary, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
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
                    .table("integration")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(text("platform"))
                    .col(text("name"))
                    .col(text("name_key"))
                    .col(json_binary("settings"))
                    .col(blob("credentials"))
                    .col(text("state"))
                    .col(text_null("state_code"))
                    .col(text_null("state_detail"))
                    .col(json_binary("watermarks"))
                    .col(timestamp_with_time_zone_null("synced_at"))
                    .col(timestamp_with_time_zone_null("full_synced_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut foreign_key("integration", "account_id", "account", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("integration_name", "integration", &["account_id", "name_key"]).unique().to_owned())
            .await?;
        manager.create_index(index("integration_account", "integration", &["account_id", "id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("contact_list")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(text("name"))
                    .col(text("name_key"))
                    .col(text("purpose"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut foreign_key("contact_list", "account_id", "account", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("contact_list_name", "contact_list", &["account_id", "name_key"]).unique().to_owned())
            .await?;
        manager.create_index(index("contact_list_account", "contact_list", &["account_id", "id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("mapping")
                    .col(uuid("integration_id"))
                    .col(text("audience"))
                    .col(uuid("account_id"))
                    .col(uuid("list_id"))
                    .primary_key(Index::create().col("integration_id").col("audience"))
                    .foreign_key(&mut foreign_key(
                        "mapping",
                        "integration_id",
                        "integration",
                        ForeignKeyAction::Cascade,
                    ))
                    .foreign_key(&mut foreign_key("mapping", "list_id", "contact_list", ForeignKeyAction::Restrict))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("mapping_list", "mapping", &["account_id", "list_id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["mapping", "contact_list", "integration"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
