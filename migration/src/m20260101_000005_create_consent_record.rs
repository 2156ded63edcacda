//! The consent ledger: append-only, chained by hash.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, blob, blob_null, json_binary, json_binary_null, text, text_null, timestamp_with_time_zone,
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
                    .table("ledger_head")
                    .col(uuid("account_id").primary_key())
                    .col(big_integer("sequence"))
                    .col(blob("record_hash"))
                    .foreign_key(&mut foreign_key("ledger_head", "account_id", "account", ForeignKeyAction::Restrict))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("consent_record")
                    .col(uuid("id").primary_key())
                    .col(uuid("account_id"))
                    .col(uuid_null("contact_id"))
                    .col(big_integer("sequence"))
                    .col(text("schema_version"))
                    .col(text("event_type"))
                    .col(uuid_null("supersedes_id"))
                    .col(text("channel"))
                    .col(json_binary("purposes"))
                    .col(text_null("text"))
                    .col(blob_null("text_hash"))
                    .col(text_null("language"))
                    .col(text_null("policy_url"))
                    .col(timestamp_with_time_zone("date_time_consented"))
                    .col(timestamp_with_time_zone("date_time_created"))
                    .col(text_null("url"))
                    .col(text_null("ip_address"))
                    .col(text_null("user_agent"))
                    .col(text("capture_method"))
                    .col(text_null("capture_ref"))
                    .col(text_null("action"))
                    .col(text("legal_basis"))
                    .col(text("opt_in_type"))
                    .col(json_binary_null("preferences_snapshot"))
                    .col(json_binary_null("lists_snapshot"))
                    .col(text_null("controller_name"))
                    .col(text_null("jurisdiction"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(text("recorded_by"))
                    .col(text_null("evidence_ref"))
                    .col(json_binary_null("metadata"))
                    .col(blob("dedupe_key"))
                    .col(blob_null("salt"))
                    .col(json_binary("commitments"))
                    .col(blob("prev_hash"))
                    .col(blob("record_hash"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                index("consent_record_sequence", "consent_record", &["account_id", "sequence"]).unique().to_owned(),
            )
            .await?;
        manager
            .create_index(
                index("consent_record_dedupe", "consent_record", &["account_id", "dedupe_key"]).unique().to_owned(),
            )
            .await?;
        manager
            .create_index(index(
                "consent_record_contact",
                "consent_record",
                &["account_id", "contact_id", "date_time_consented", "sequence"],
            ))
            .await?;
        manager
            .create_index(index(
                "consent_record_time",
                "consent_record",
                &["account_id", "date_time_consented", "sequence"],
            ))
            .await?;
        crate::append_only::protect(manager, "consent_record").await?;
        crate::append_only::protect(manager, "membership_event").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::append_only::unprotect(manager, "membership_event").await?;
        crate::append_only::unprotect(manager, "consent_record").await?;
        for table in ["consent_record", "ledger_head"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
