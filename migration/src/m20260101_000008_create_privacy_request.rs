//! Requests that people may make by law, and erasure: the one change that evidence allows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    blob_null, integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::{append_only, foreign_key, index};

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("privacy_request")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid_null("integration_id"))
                    .col(text("kind"))
                    .col(blob_null("subject"))
                    .col(text("state"))
                    .col(timestamp_with_time_zone("received_at"))
                    .col(timestamp_with_time_zone("due_at"))
                    .col(integer("attempts"))
                    .col(timestamp_with_time_zone_null("next_attempt_at"))
                    .col(timestamp_with_time_zone_null("done_at"))
                    .col(text_null("outcome"))
                    .col(text_null("actor"))
                    .foreign_key(&mut foreign_key(
                        "privacy_request",
                        "account_id",
                        "account",
                        ForeignKeyAction::Restrict,
                    ))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("privacy_request_account", "privacy_request", &["account_id", "id"])).await?;
        manager.create_index(index("privacy_request_next", "privacy_request", &["next_attempt_at"])).await?;
        manager
            .alter_table(
                Table::alter().table("suppression").add_column(timestamp_with_time_zone_null("erased_at")).to_owned(),
            )
            .await?;
        manager.create_index(index("consent_record_capture", "consent_record", &["account_id", "capture_ref"])).await?;
        append_only::allow_erasure(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        append_only::forbid_erasure(manager).await?;
        manager.drop_index(Index::drop().name("consent_record_capture").table("consent_record").to_owned()).await?;
        manager.alter_table(Table::alter().table("suppression").drop_column("erased_at").to_owned()).await?;
        manager.drop_table(Table::drop().table("privacy_request").to_owned()).await
    }
}
