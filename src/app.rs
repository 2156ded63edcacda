//! The shared state of a running service, and how it is built.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::DbErr;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::auth::KeyRing;
use crate::config::Config;
use crate::connectors::Http;
use crate::connectors::http::HostPolicy;
use crate::domain::{Clock, SystemClock};
use crate::error::storage_kind;
use crate::secrets::{SealError, Sealer};
use crate::store::{Database, connect, job_queue, migrate};

/// What every use case may reach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub db: Database,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Opens and seals stored secrets.
    pub sealer: Sealer,
    /// The keys that sign access tokens; start with an empty one.
    pub keys: KeyRing,
    /// The way to the stores.
    pub http: Http,
    /// Address under which clients reach the service; the issuer of its tokens. Without a slash at the end.
    pub public_url: Arc<str>,
    /// After how long a silent worker's run is taken over.
    pub lease: Duration,
    /// Runs of a lane at once in this process.
    pub sync_slots: usize,
    /// How long a run may take.
    pub run_limits: RunLimits,
    /// How long a client of a socket may be silent.
    pub socket_limits: SocketLimits,
    /// How long runs are remembered.
    pub history: TimeDelta,
    /// Wakes the sync worker when a run was queued or shall be cancelled.
    pub wake_worker: Arc<Notify>,
    /// Wakes the worker that reads records again when a webhook named one.
    pub wake_hints: Arc<Notify>,
    /// Answers that go on until something ends.
    pub streams: Streams,
}

/// Answers that go on until something ends: they would hold up the end of the service, so they are told of it, and
/// those that the server does not know of are waited for.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    closing: CancellationToken,
    open: TaskTracker,
}

impl Streams {
    /// Those of a service that stops with `shutdown`.
    #[must_use]
    pub fn until(shutdown: CancellationToken) -> Self {
        Self { closing: shutdown, open: TaskTracker::new() }
    }

    /// Waits until the service stops.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Has the end of the service wait until the token is dropped: for a connection that is the server's no more.
    pub fn hold(&self) -> TaskTrackerToken {
        self.open.token()
    }

    /// Waits until no token is held any more.
    pub async fn closed(&self) {
        self.open.close();
        self.open.wait().await;
    }
}

/// How long a run may take before it is ended, for the next one to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Without a page that was written, or a sign of the store that it is still preparing one.
    pub without_progress: Duration,
    /// In all.
    pub whole: Duration,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { without_progress: Duration::from_mins(5), whole: Duration::from_hours(6) }
    }
}

/// How long a client of a socket may be silent, and how long it may not listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketLimits {
    /// Until it has said who it is.
    pub first_message: Duration,
    /// Between two requests for a sign of life. Proxies close what is silent, often after 60 seconds.
    pub ping: Duration,
    /// Without any sign of life.
    pub silence: Duration,
    /// Until the network takes a message: it does not while a client reads nothing.
    pub send: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        let [first_message, ping, silence, send] = [10, 15, 45, 10].map(Duration::from_secs);
        Self { first_message, ping, silence, send }
    }
}

/// Name of the SQLite file in the data folder.
const SQLITE_FILE: &str = "assent.sqlite";
/// Name of the key file in the data folder.
const KEY_FILE: &str = "secret.key";

/// Why the service can't start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The data folder can't be made.
    #[error("the data folder {path} can't be made: {source}; set ASSENT_DATA_DIR to a folder that may be written")]
    DataDir {
        /// Where it should be.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The address of the database is not one of the two engines.
    #[error("ASSENT_DATABASE_URL must begin with sqlite: or postgres:, for example postgres://user@host/assent")]
    DatabaseUrl,
    /// There is no connection, or it fails.
    #[error("the database can't be used ({}); check ASSENT_DATABASE_URL and that it runs", storage_kind(.0))]
    Database(#[source] DbErr),
    /// The tables can't be brought up to date.
    #[error(
        "the tables can't be brought up to date ({}); look with: assent migrate --status",
        storage_kind(.0)
    )]
    Migrate(#[source] DbErr),
    /// The job queue's tables can't be brought up to date.
    #[error(
        "the job queue's tables can't be brought up to date; look whether the database runs and its user may create a \
         schema in it (GRANT CREATE ON DATABASE), which it has to once"
    )]
    JobQueue(#[source] DbErr),
    /// The database was used by a newer release.
    #[error("the database has changes that this release does not know; use the newest release that was used on it")]
    NewerDatabase,
    /// The secret key can't be used.
    #[error(transparent)]
    Key(#[from] SealError),
    /// The HTTP client can't be built.
    #[error("the machine's TLS set-up can't be used; install its package of CA certificates (ca-certificates)")]
    Tls(#[source] reqwest::Error),
}

/// Makes the data folder, connects, brings the tables up to date and reads the key.
///
/// # Errors
/// See [`BuildError`].
pub async fn build(config: &Config) -> Result<App, BuildError> {
    let db = connect_to(config).await?;
    let applied = bring_up_to_date(&db).await?;
    if !applied.is_empty() {
        tracing::info!(migrations.applied = applied.len(), "tables brought up to date");
    }
    let policy = if config.allow_private_hosts { HostPolicy::AllowPrivate } else { HostPolicy::PublicOnly };
    let timeout = Duration::from_secs(config.store_timeout_seconds);
    Ok(App {
        db,
        clock: Arc::new(SystemClock),
        sealer: sealer(config)?,
        http: Http::new(policy, Some(timeout)).map_err(BuildError::Tls)?,
        public_url: public_url(config).into(),
        lease: config.lease(),
        sync_slots: config.sync_slots,
        run_limits: RunLimits::default(),
        socket_limits: SocketLimits::default(),
        history: config.history(),
        wake_worker: Arc::new(Notify::new()),
        wake_hints: Arc::new(Notify::new()),
        streams: Streams::default(),
        keys: KeyRing::default(),
    })
}

/// Applies what is missing of the tables, the job queue's among them, and tells the names of the changes of our own. On
/// PostgreSQL the first time takes the right to create a schema in the database (`CREATE`), besides tables in the one that is
/// used.
///
/// # Errors
/// The tables can't be changed, or a newer release was used on them.
pub async fn bring_up_to_date(db: &Database) -> Result<Vec<String>, BuildError> {
    let applied = migrate::up(db).await.map_err(migrate_error)?;
    job_queue::install(db).await.map_err(BuildError::JobQueue)?;
    Ok(applied)
}

/// Connects to the configured database without looking at its tables; a SQLite file is made if it is not there.
///
/// # Errors
/// The data folder can't be made, or there is no connection.
pub async fn connect_to(config: &Config) -> Result<Database, BuildError> {
    let url = if let Some(url) = &config.database_url {
        url.clone()
    } else {
        make_data_dir(&config.data_dir)?;
        SecretString::from(format!("sqlite:{}", config.data_dir.join(SQLITE_FILE).display()))
    };
    let known = ["sqlite:", "postgres:", "postgresql:"];
    if !known.iter().any(|scheme| url.expose_secret().starts_with(scheme)) {
        return Err(BuildError::DatabaseUrl);
    }
    // SQLite has one writer, however many runs there are.
    let most = (!url.expose_secret().starts_with("sqlite:")).then(|| connect::postgres_connections(config.sync_slots));
    connect::connect(&url, most).await.map_err(BuildError::Database)
}

/// Turns a failure of [`migrate`] into what to do about it.
#[must_use]
pub fn migrate_error(error: DbErr) -> BuildError {
    match error {
        // The only custom error of the migrator: a change in the database that has no file here.
        DbErr::Custom(_) => BuildError::NewerDatabase,
        error => BuildError::Migrate(error),
    }
}

fn sealer(config: &Config) -> Result<Sealer, BuildError> {
    if let Some(key) = &config.secret_key {
        return Ok(Sealer::from_base64(key)?);
    }
    make_data_dir(&config.data_dir)?;
    Ok(Sealer::from_file(&config.data_dir.join(KEY_FILE))?)
}

/// Makes the folder, for its owner only: the database in it holds personal data.
fn make_data_dir(path: &Path) -> Result<(), BuildError> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path).map_err(|source| BuildError::DataDir { path: path.display().to_string(), source })
}

/// Where clients reach the service. An address that stands for all of the machine's is not one that they can use.
fn public_url(config: &Config) -> String {
    match &config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None if config.listen.ip().is_unspecified() => format!("http://localhost:{}", config.listen.port()),
        None => format!("http://{}", config.listen),
    }
}
