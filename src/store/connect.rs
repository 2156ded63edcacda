//! Connecting to the database, and transactions that behave alike on both engines.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, Database as SeaOrm, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use secrecy::{ExposeSecret, SecretString};

/// The database connection that everything shares.
pub type Database = DatabaseConnection;

/// Most connections of one process to PostgreSQL, unless it carries out many runs at once.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Connections for requests, webhooks, the scheduler and the two that listen.
const BESIDE_RUNS: u32 = 8;
/// Readers go on beside the one writer in WAL mode; more connections than this only wait.
const SQLITE_CONNECTIONS: u32 = 8;

/// Most connections to PostgreSQL of one process that has so many places in either lane: one for each run, which writes while
/// others read, and some for the rest; never fewer than 16.
#[must_use]
pub fn postgres_connections(sync_slots: usize) -> u32 {
    let runs = u32::try_from(sync_slots).unwrap_or(u32::MAX).saturating_mul(2);
    runs.saturating_add(BESIDE_RUNS).max(POSTGRES_CONNECTIONS)
}

/// Connects; a SQLite file is made if it is not there.
///
/// # Errors
/// The URL is not one of SQLite or PostgreSQL, or there is no connection within ten seconds.
pub async fn connect(url: &SecretString, max_connections: Option<u32>) -> Result<Database, DbErr> {
    let url = url.expose_secret();
    let is_sqlite = url.starts_with("sqlite:");
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(max_connections.unwrap_or(if is_sqlite { SQLITE_CONNECTIONS } else { POSTGRES_CONNECTIONS }))
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false);
    if is_sqlite {
        options.map_sqlx_sqlite_opts(|options| {
            use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // Every commit reaches the disk: consent evidence is not to be lost with the power.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(30))
                .pragma("temp_store", "memory")
                .pragma("cache_size", "-4000")
        });
    }
    SeaOrm::connect(options).await
}

/// Begins a writing transaction.
///
/// On SQLite it takes the write lock at once: a deferred one fails with "busy" when it turns from reading to writing.
///
/// # Errors
/// No connection, or the write lock is not to be had in thirty seconds.
pub async fn begin(db: &Database) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// Whether the engine is PostgreSQL.
#[must_use]
pub fn is_postgres(backend: DbBackend) -> bool {
    matches!(backend, DbBackend::Postgres)
}
