//! The database schema, one file per change, up and down, the same on PostgreSQL and SQLite.

#![expect(elided_lifetimes_in_paths, reason = "sea-orm-migration declares its trait that way")]

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::{Migration, MigrationStatus, MigratorTrait};

mod append_only;
mod m20260101_000001_create_account;
mod m20260101_000002_create_integration;
mod m20260101_000003_create_contact;
mod m20260101_000004_create_membership;
mod m20260101_000005_create_consent_record;
mod m20260101_000006_create_sync_run;
mod m20260101_000007_create_webhook;
mod m20260101_000008_create_privacy_request;
mod m20260101_000009_add_integration_notices;
mod m20260101_000010_give_hints_lanes;
mod m20260101_000011_prove_erasure;
mod m20260101_000012_add_source_record_memory;
mod m20260101_000013_schedule_syncs;
mod m20260101_000014_time_opt_outs;
mod m20260101_000015_complete_and_guard_runs;
mod m20260101_000016_note_changed_reading;
mod m20260101_000017_go_on_with_runs;
mod m20260101_000018_count_failures_by_lane;

/// All changes, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20260101_000001_create_account::Migration),
            Box::new(m20260101_000002_create_integration::Migration),
            Box::new(m20260101_000003_create_contact::Migration),
            Box::new(m20260101_000004_create_membership::Migration),
            Box::new(m20260101_000005_create_consent_record::Migration),
            Box::new(m20260101_000006_create_sync_run::Migration),
            Box::new(m20260101_000007_create_webhook::Migration),
            Box::new(m20260101_000008_create_privacy_request::Migration),
            Box::new(m20260101_000009_add_integration_notices::Migration),
            Box::new(m20260101_000010_give_hints_lanes::Migration),
            Box::new(m20260101_000011_prove_erasure::Migration),
            Box::new(m20260101_000012_add_source_record_memory::Migration),
            Box::new(m20260101_000013_schedule_syncs::Migration),
            Box::new(m20260101_000014_time_opt_outs::Migration),
            Box::new(m20260101_000015_complete_and_guard_runs::Migration),
            Box::new(m20260101_000016_note_changed_reading::Migration),
            Box::new(m20260101_000017_go_on_with_runs::Migration),
            Box::new(m20260101_000018_count_failures_by_lane::Migration),
        ]
    }
}

/// An index over the columns, in order.
fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

/// A foreign key to the `id` of another table.
fn foreign_key(
    table: &'static str,
    column: &'static str,
    to: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_{column}"))
        .from(table, column)
        .to(to, "id")
        .on_delete(on_delete)
        .to_owned()
}
