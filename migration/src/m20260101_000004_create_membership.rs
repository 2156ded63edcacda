//! Who is on which list, why, and since when.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, text_null, timestamp_with_time_zone, uuid, uuid_null};

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
                    .table("membership")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid("list_id"))
                    .col(uuid("contact_id"))
                    .col(timestamp_with_time_zone("joined_at"))
                    .foreign_key(&mut foreign_key("membership", "list_id", "contact_list", ForeignKeyAction::Cascade))
                    .foreign_key(&mut foreign_key("membership", "contact_id", "contact", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("membership_identity", "membership", &["list_id", "contact_id"]).unique().to_owned())
            .await?;
        manager.create_index(index("membership_contact", "membership", &["account_id", "contact_id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("ground")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid("membership_id"))
                    .col(uuid("list_id"))
                    .col(uuid("contact_id"))
                    .col(text("kind"))
                    .col(text("source_key"))
                    .col(uuid_null("integration_id"))
                    .col(text_null("audience"))
                    .col(uuid_null("source_record_id"))
                    .col(uuid_null("consent_record_id"))
                    .col(text_null("actor"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut foreign_key("ground", "membership_id", "membership", ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("ground_identity", "ground", &["membership_id", "source_key"]).unique().to_owned())
            .await?;
        manager.create_index(index("ground_mapping", "ground", &["integration_id", "contact_id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("membership_event")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid("list_id"))
                    .col(uuid("contact_id"))
                    .col(text("kind"))
                    .col(text("cause"))
                    .col(text_null("audience"))
                    .col(uuid_null("run_id"))
                    .col(uuid_null("integration_id"))
                    .col(uuid_null("source_record_id"))
                    .col(uuid_null("consent_record_id"))
                    .col(text_null("actor"))
                    .col(timestamp_with_time_zone("at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("membership_event_contact", "membership_event", &["account_id", "contact_id", "id"]))
            .await?;
        manager
            .create_index(index("membership_event_list", "membership_event", &["account_id", "list_id", "id"]))
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["membership_event", "ground", "membership"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
