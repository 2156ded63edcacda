//! Keeps PostgreSQL's idea of the tables true while a sync fills them.
//!
//! PostgreSQL plans by what the last `ANALYZE` saw and keeps a plan as long as that stands. Autovacuum looks once a
//! minute, so the statements of a first sync, planned while the tables were empty, would read whole tables of many
//! thousand rows (`docs/benchmarks.md`). SQLite goes by its indexes alone and needs none of this.

use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::{Database, connect::is_postgres};

/// The tables that a page of a sync reads.
const TABLES: &str = "'contact', 'source_record', 'ground', 'membership', 'consent_record', 'opt_out', 'suppression'";
/// Blocks below which no plan is far off.
const SMALL: u32 = 8;

/// Lets PostgreSQL look again at the tables that have doubled since it last did. Another process that looks already is
/// not waited for.
pub(crate) async fn look_again(db: &Database) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    if !is_postgres(backend) {
        return Ok(());
    }
    let grown = format!(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND relname IN ({TABLES}) \
         AND pg_relation_size(oid) > 2 * greatest(relpages, {SMALL}) * current_setting('block_size')::bigint"
    );
    for row in db.query_all_raw(Statement::from_string(backend, grown)).await? {
        let table: String = row.try_get_by_index(0)?;
        db.execute_unprepared(&format!("ANALYZE (SKIP_LOCKED) \"{table}\"")).await?;
    }
    Ok(())
}
