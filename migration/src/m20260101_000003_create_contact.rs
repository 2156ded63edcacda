//! Contacts, what the stores said about them, and what they no longer want.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    blob, boolean, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
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
                    .table("contact")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(text("email"))
                    .col(text("email_normalized"))
                    .col(text_null("first_name"))
                    .col(text_null("last_name"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut foreign_key("contact", "account_id", "account", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("contact_email", "contact", &["account_id", "email_normalized"]).unique().to_owned())
            .await?;
        manager.create_index(index("contact_account", "contact", &["account_id", "id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("source_record")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid("integration_id"))
                    .col(text("stream"))
                    .col(text("store_id"))
                    .col(text("kind"))
                    .col(text_null("email"))
                    .col(text_null("email_normalized"))
                    .col(text_null("first_name"))
                    .col(text_null("last_name"))
                    .col(uuid_null("contact_id"))
                    .col(blob("payload_hash"))
                    .col(text("shown"))
                    .col(text_null("word"))
                    .col(timestamp_with_time_zone_null("word_at"))
                    .col(boolean("word_observed"))
                    .col(text("opt_in_source"))
                    .col(text("opt_in_detail"))
                    .col(uuid_null("consent_record_id"))
                    .col(uuid_null("recorded_contact_id"))
                    .col(text_null("recorded_word"))
                    .col(timestamp_with_time_zone_null("recorded_at"))
                    .col(timestamp_with_time_zone("first_seen_at"))
                    .col(timestamp_with_time_zone("changed_at"))
                    .col(timestamp_with_time_zone_null("gone_at"))
                    .foreign_key(&mut foreign_key(
                        "source_record",
                        "integration_id",
                        "integration",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                index("source_record_identity", "source_record", &["integration_id", "stream", "store_id"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("source_record_address", "source_record", &["integration_id", "email_normalized"]))
            .await?;
        manager.create_index(index("source_record_contact", "source_record", &["account_id", "contact_id"])).await?;
        manager.create_index(index("source_record_integration", "source_record", &["integration_id", "id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("opt_out")
                    .col(uuid("account_id"))
                    .col(uuid("integration_id"))
                    .col(text("email_normalized"))
                    .col(timestamp_with_time_zone("withdrawn_at"))
                    .primary_key(Index::create().col("account_id").col("email_normalized").col("integration_id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("suppression")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(blob("address_hash"))
                    .col(text("reason"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("lifted_at"))
                    .col(uuid_null("lifted_by"))
                    .to_owned(),
            )
            .await?;
        manager.get_connection().execute_unprepared("CREATE UNIQUE INDEX suppression_active ON suppression (account_id, address_hash) WHERE lifted_at IS NULL").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["suppression", "opt_out", "source_record", "contact"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
