//! Accounts, the people and programs of an account, the keys that sign tokens.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    blob, json_binary, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
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
                    .table("account")
                    .col(uuid("id").primary_key())
                    .col(text("name"))
                    .col(blob("suppression_key"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("user")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(text("email"))
                    .col(text("email_normalized"))
                    .col(text("password_hash"))
                    .col(text("role"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut foreign_key("user", "account_id", "account", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("user_email", "user", &["email_normalized"]).unique().to_owned()).await?;
        manager.create_index(index("user_account", "user", &["account_id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("api_client")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(text("name"))
                    .col(blob("secret_hash"))
                    .col(json_binary("scopes"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut foreign_key("api_client", "account_id", "account", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("api_client_account", "api_client", &["account_id", "id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("signing_key")
                    .col(uuid("id").primary_key())
                    .col(blob("sealed"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["signing_key", "api_client", "user", "account"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
