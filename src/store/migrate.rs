//! Bringing the tables up to date: safe when two processes start at the same second.

use migration::{MigrationStatus, Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, DbErr, Statement};

use super::connect::{Database, begin, is_postgres};

/// Key of the PostgreSQL advisory lock under which tables are changed: "assent" in ASCII.
const LOCK: i64 = 0x6173_7365_6e74;

/// One change of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name, which begins with its date.
    pub name: String,
    /// Whether this database has it.
    pub applied: bool,
}

/// Every change that this program knows, in order, and whether the database has it. Changes nothing.
///
/// # Errors
/// The database fails, or has a change that this program does not know: it was used by a newer release.
pub async fn status(db: &Database) -> Result<Vec<Change>, DbErr> {
    let files = Migrator::get_migration_with_status_read_only(db).await?;
    let change = |file: &migration::Migration| Change {
        name: file.name().to_owned(),
        applied: file.status() == MigrationStatus::Applied,
    };
    Ok(files.iter().map(change).collect())
}

/// Applies what is missing, all of it or nothing, and tells the names.
///
/// One transaction holds the write lock (SQLite) or an advisory lock (PostgreSQL), so that a second process waits
/// and then finds nothing to do. Where nothing is missing, nothing is locked and no right to change tables is needed.
///
/// # Errors
/// As [`status`]; a change that can't be applied.
pub async fn up(db: &Database) -> Result<Vec<String>, DbErr> {
    if missing(&status(db).await?).is_empty() {
        return Ok(Vec::new());
    }
    let tx = begin(db).await?;
    let backend = tx.get_database_backend();
    if is_postgres(backend) {
        tx.execute_raw(Statement::from_sql_and_values(backend, "SELECT pg_advisory_xact_lock($1)", [LOCK.into()]))
            .await?;
    }
    // Asked again under the lock: another process may have been faster.
    let files = Migrator::get_migration_with_status(&tx).await?;
    let pending = files.iter().filter(|file| file.status() == MigrationStatus::Pending);
    let names = pending.map(|file| file.name().to_owned()).collect();
    Migrator::up(&tx, None).await?;
    tx.commit().await?;
    Ok(names)
}

/// The names of the changes that the database does not have yet.
#[must_use]
pub fn missing(changes: &[Change]) -> Vec<&str> {
    changes.iter().filter(|change| !change.applied).map(|change| change.name.as_str()).collect()
}
