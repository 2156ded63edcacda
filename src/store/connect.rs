//! Connecting to the database, and transactions that behave alike on both engines.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
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
/// How long a writer waits for the one before it: longer than any request may take (`server::REQUEST_TIMEOUT`), so that who waits behind a
/// long change does not hear of it.
const SQLITE_PATIENCE: Duration = Duration::from_mins(2);

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
                .busy_timeout(SQLITE_PATIENCE)
                .pragma("temp_store", "memory")
                .pragma("cache_size", "-4000")
        });
    }
    SeaOrm::connect(options).await
}

/// By file of a SQLite database: who may ask for its write lock next.
static TURNS: LazyLock<Mutex<HashMap<PathBuf, Turn>>> = LazyLock::new(Mutex::default);

type Turn = Arc<tokio::sync::Mutex<()>>;

/// A writer waits for its turn before it takes a connection: those that wait for the write lock with one in hand would leave none to
/// readers.
fn turn(db: &Database) -> Turn {
    let file = db.get_sqlite_connection_pool().connect_options().get_filename().to_owned();
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(turns.entry(file).or_default())
}

/// Begins a writing transaction.
///
/// On SQLite it takes the write lock at once: a deferred one fails with "busy" when it turns from reading to writing.
///
/// # Errors
/// No connection, or the write lock is not to be had in two minutes.
pub async fn begin(db: &Database) -> Result<DatabaseTransaction, DbErr> {
    let turn = (!is_postgres(db.get_database_backend())).then(|| turn(db));
    let _turn = match &turn {
        Some(turn) => Some(turn.lock().await),
        None => None,
    };
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
