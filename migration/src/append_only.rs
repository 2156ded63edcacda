//! Triggers that refuse to change or remove rows of evidence.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Makes a table insert-only.
pub(crate) async fn protect(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    match manager.get_database_backend() {
        DbBackend::Postgres => {
            db.execute_unprepared(&format!(
                "CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
            ))
            .await?;
            db.execute_unprepared(&format!(
                "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} \
                 FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()"
            ))
            .await?;
        }
        _ => {
            for change in ["UPDATE", "DELETE"] {
                db.execute_unprepared(&sqlite_trigger(table, change)).await?;
            }
        }
    }
    Ok(())
}

/// Takes the protection off, before the table is dropped.
pub(crate) async fn unprotect(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let statements = match manager.get_database_backend() {
        DbBackend::Postgres => vec![
            format!("DROP TRIGGER {table}_append_only ON {table}"),
            format!("DROP FUNCTION {table}_is_append_only()"),
        ],
        _ => ["UPDATE", "DELETE"].iter().map(|change| format!("DROP TRIGGER {table}_append_only_{change}")).collect(),
    };
    for statement in statements {
        db.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Columns of a consent record that hold something personal, and the salt of their commitments.
const PERSONAL: &[&str] = &[
    "contact_id",
    "url",
    "ip_address",
    "user_agent",
    "capture_ref",
    "evidence_ref",
    "preferences_snapshot",
    "metadata",
    "salt",
];
/// Columns of a consent record that erasure leaves as they are. The key by which repetitions are found is in neither
/// list: it is made from personal fields, and erasure replaces it.
const KEPT: &[&str] = &[
    "id",
    "account_id",
    "sequence",
    "schema_version",
    "event_type",
    "supersedes_id",
    "channel",
    "purposes",
    "text",
    "text_hash",
    "language",
    "policy_url",
    "date_time_consented",
    "date_time_created",
    "capture_method",
    "action",
    "legal_basis",
    "opt_in_type",
    "lists_snapshot",
    "controller_name",
    "jurisdiction",
    "expires_at",
    "recorded_by",
    "commitments",
    "prev_hash",
    "record_hash",
];

/// Lets a consent record lose everything personal, all at once and for good, and nothing else.
pub(crate) async fn allow_erasure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
    let same = if is_postgres { "IS NOT DISTINCT FROM" } else { "IS" };
    let gone = PERSONAL.iter().map(|column| format!("NEW.{column} IS NULL"));
    let kept = KEPT.iter().map(|column| format!("NEW.{column} {same} OLD.{column}"));
    let erases: Vec<String> = std::iter::once("OLD.salt IS NOT NULL".to_owned()).chain(gone).chain(kept).collect();
    let erases = erases.join(" AND ");
    if is_postgres {
        // Nested, because the row of an insert or a removal has only one of both sides.
        db.execute_unprepared(&format!(
            "CREATE OR REPLACE FUNCTION consent_record_is_append_only() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF TG_OP = 'UPDATE' THEN IF {erases} THEN RETURN NEW; END IF; END IF; \
             RAISE EXCEPTION 'consent_record is append-only'; END $$"
        ))
        .await?;
    } else {
        replace_sqlite_trigger(
            db,
            &format!(
                "CREATE TRIGGER consent_record_append_only_UPDATE BEFORE UPDATE ON consent_record WHEN NOT ({erases}) \
                 BEGIN SELECT RAISE(ABORT, 'consent_record is append-only'); END"
            ),
        )
        .await?;
    }
    Ok(())
}

/// Takes that back.
pub(crate) async fn forbid_erasure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        unprotect(manager, "consent_record").await?;
        return protect(manager, "consent_record").await;
    }
    replace_sqlite_trigger(manager.get_connection(), &sqlite_trigger("consent_record", "UPDATE")).await
}

fn sqlite_trigger(table: &str, change: &str) -> String {
    format!(
        "CREATE TRIGGER {table}_append_only_{change} BEFORE {change} ON {table} \
         BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
}

/// Both statements at once, hence on one connection: another one of the pool may still know the former trigger, and
/// SQLite looks at what it knows before it looks into the file.
async fn replace_sqlite_trigger(db: &SchemaManagerConnection<'_>, create: &str) -> Result<(), DbErr> {
    let statements = format!("DROP TRIGGER consent_record_append_only_UPDATE; {create}");
    db.execute_unprepared(&statements).await.map(drop)
}
