//! What erasure leaves to be checked: why a consent record is empty, and which stores left that may still ask.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{blob, text, text_null, timestamp_with_time_zone, uuid, uuid_null};
use sea_orm_migration::sea_orm::DbBackend;

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
                    .table("erasure")
                    .col(uuid("consent_record_id").primary_key())
                    .col(uuid("account_id"))
                    .col(timestamp_with_time_zone("erased_at"))
                    .col(uuid_null("request_id"))
                    .col(text_null("actor"))
                    .foreign_key(&mut foreign_key("erasure", "account_id", "account", ForeignKeyAction::Restrict))
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        // Nobody noted who erased these, or when.
        db.execute_unprepared(
            "INSERT INTO erasure (consent_record_id, account_id, erased_at) \
             SELECT id, account_id, date_time_created FROM consent_record WHERE salt IS NULL",
        )
        .await?;
        append_only::protect(manager, "erasure").await?;
        manager
            .create_table(
                Table::create()
                    .table("departed_store")
                    .col(uuid("integration_id").primary_key())
                    .col(uuid("account_id"))
                    .col(text("platform"))
                    .col(text("shop"))
                    .col(blob("key"))
                    .col(timestamp_with_time_zone("departed_at"))
                    .foreign_key(&mut foreign_key(
                        "departed_store",
                        "account_id",
                        "account",
                        ForeignKeyAction::Restrict,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("departed_store_shop", "departed_store", &["account_id", "platform", "shop"]))
            .await?;
        manager.create_index(index("privacy_request_due", "privacy_request", &["state", "due_at"])).await?;
        let quarantined =
            index("quarantined_record_identity", "quarantined_record", &["integration_id", "stream", "store_id"]);
        manager.create_index(quarantined).await?;
        replace_capture_index(manager, "capture_ref text_pattern_ops").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_capture_index(manager, "capture_ref").await?;
        let quarantined = Index::drop().name("quarantined_record_identity").table("quarantined_record").to_owned();
        manager.drop_index(quarantined).await?;
        manager.drop_index(Index::drop().name("privacy_request_due").table("privacy_request").to_owned()).await?;
        manager.drop_table(Table::drop().table("departed_store").to_owned()).await?;
        append_only::unprotect(manager, "erasure").await?;
        manager.drop_table(Table::drop().table("erasure").to_owned()).await
    }
}

/// What one store said is found by how its references begin: byte by byte, which PostgreSQL does by such an index only.
async fn replace_capture_index(manager: &SchemaManager<'_>, column: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let db = manager.get_connection();
    db.execute_unprepared("DROP INDEX consent_record_capture").await?;
    db.execute_unprepared(&format!("CREATE INDEX consent_record_capture ON consent_record (account_id, {column})"))
        .await
        .map(drop)
}
