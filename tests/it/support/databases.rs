//! Real databases: a file of SQLite, and a database on a PostgreSQL server, one per test, both migrated.
//!
//! Migrating once and copying is what keeps this cheap: about 1 ms a test on SQLite, 25 ms on PostgreSQL.
//! Without PostgreSQL that half is skipped, in one visible line, unless `ASSENT_REQUIRE_POSTGRES` demands it.

use std::future::Future;
use std::path::Path;
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use assent::domain::{Clock as _, SystemClock};
use migration::Migrator;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr};
use sea_orm_migration::MigratorTrait as _;
use secrecy::SecretString;
use uuid::Uuid;

use super::{announce, demanded, postgres};

/// Longest time a test may take; far above all of them, so that a hang is a failure and not a stopped run.
const TEST_TIMEOUT: Duration = Duration::from_mins(3);
/// Connections of one test. The server allows 300.
const POOL: u32 = 4;
/// Beginning of the names of all databases made here.
const PREFIX: &str = "assent_test_";
/// Age in seconds after which a database of a test that never tidied up is dropped from a server that is not ours.
const STALE_AFTER: i64 = 3600;

/// Makes two tests, `sqlite::name` and `postgres::name`, of each named function. Once per module:
///
/// ```ignore
/// both_databases!(a_late_opt_out_wins);
///
/// async fn a_late_opt_out_wins(db: TestDatabase) { … }
/// ```
macro_rules! both_databases {
    ($($name:ident),+ $(,)?) => {
        $crate::support::databases::both_databases!(@ sqlite, Sqlite: $($name),+);
        $crate::support::databases::both_databases!(@ postgres, Postgres: $($name),+);
    };
    (@ $module:ident, $engine:ident: $($name:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    use $crate::support::databases::{Engine, run};
                    run(Engine::$engine, super::$name).await;
                }
            )+
        }
    };
}
pub(crate) use both_databases;

/// The two databases that the service runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs a test over a fresh database, in bounded time; does nothing where the engine is missing and not demanded.
pub(crate) async fn run(engine: Engine, test: impl AsyncFnOnce(TestDatabase)) {
    let Some(db) = TestDatabase::migrated(engine) else { return };
    tokio::time::timeout(TEST_TIMEOUT, test(db)).await.expect("the test ends in time");
}

/// One database for one test; gone when dropped.
pub(crate) struct TestDatabase {
    url: String,
    home: Home,
}

enum Home {
    Folder { _folder: tempfile::TempDir },
    Server { server: &'static Server, name: String },
}

impl TestDatabase {
    /// A database with all tables; `None` where the engine is missing.
    pub(crate) fn migrated(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => Some(Self::file(Some(&SQLITE_TEMPLATE))),
            Engine::Postgres => Some(server()?.create(Some(&server()?.template))),
        }
    }

    /// A database without tables; `None` where the engine is missing.
    pub(crate) fn empty(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => Some(Self::file(None)),
            Engine::Postgres => Some(server()?.create(None)),
        }
    }

    /// Which engine it runs on.
    pub(crate) fn engine(&self) -> Engine {
        match self.home {
            Home::Folder { .. } => Engine::Sqlite,
            Home::Server { .. } => Engine::Postgres,
        }
    }

    /// Address as `ASSENT_DATABASE_URL` takes it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A pool of connections to it.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        connect(&self.url, POOL).await.expect("a test's database can be connected to")
    }

    fn file(content: Option<&[u8]>) -> Self {
        let folder =
            tempfile::Builder::new().prefix("assent-sqlite-").tempdir().expect("temporary folders can be made");
        let file = folder.path().join("assent.sqlite");
        if let Some(content) = content {
            std::fs::write(&file, content).expect("temporary files can be written");
        }
        Self { url: sqlite_url(&file), home: Home::Folder { _folder: folder } }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Home::Server { server, name } = &self.home {
            server.drop_database(name);
        }
    }
}

/// Connects the way the service does.
async fn connect(url: &str, pool: u32) -> Result<DatabaseConnection, DbErr> {
    assent::store::connect::connect(&SecretString::from(url), Some(pool)).await
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// The content of a migrated SQLite file.
static SQLITE_TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    wait(async {
        let folder = tempfile::tempdir().expect("temporary folders can be made");
        let file = folder.path().join("template.sqlite");
        let db = connect(&sqlite_url(&file), 1).await.expect("SQLite opens a new file");
        Migrator::up(&db, None).await.expect("the migrations run on SQLite");
        // Without this the tables would still be in the write-ahead log beside the file.
        db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("SQLite checkpoints");
        db.close().await.expect("SQLite closes");
        std::fs::read(&file).expect("the file is there")
    })
});

/// A PostgreSQL server with a migrated template.
struct Server {
    running: postgres::Server,
    /// Connected to the server's own database; lives on [`RUNTIME`].
    admin: DatabaseConnection,
    template: String,
}

static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(|| {
    let server = postgres::start().and_then(Server::prepare);
    if let Err(why) = &server {
        announce(&format!("PostgreSQL half skipped: {why}"));
    }
    server
});

/// The server; `None` where there is none and none is demanded.
///
/// # Panics
/// There is none although one is demanded, or named.
fn server() -> Option<&'static Server> {
    match &*SERVER {
        Ok(server) => Some(server),
        Err(why) => {
            let demand = ["ASSENT_REQUIRE_POSTGRES", postgres::SERVER_VARIABLE].into_iter().find(|name| demanded(name));
            assert!(demand.is_none(), "{} is set, but {why}", demand.unwrap_or_default());
            None
        }
    }
}

impl Server {
    fn prepare(server: postgres::Server) -> Result<Self, String> {
        let url = server.url.clone();
        wait(async move {
            let admin = connect(url.as_str(), POOL).await.map_err(|error| format!("no connection: {error}"))?;
            drop_stale(&admin).await.map_err(|error| format!("old test databases can't be dropped: {error}"))?;
            let this = Self { running: server, admin, template: new_name() };
            create_database(&this.admin, &this.template, None).await.map_err(|error| error.to_string())?;
            // A migration that fails is a fault of ours, not a missing server: it must not look like a skip.
            let db = connect(&this.url_of(&this.template), 1).await.expect("the template can be connected to");
            Migrator::up(&db, None).await.expect("the migrations run on PostgreSQL");
            assent::store::job_queue::install(&db).await.expect("the job queue's tables can be made");
            db.close().await.expect("the template's only connection closes");
            Ok(this)
        })
    }

    fn create(&'static self, template: Option<&'static str>) -> TestDatabase {
        let name = new_name();
        let created = name.clone();
        wait(async move { create_database(&self.admin, &created, template).await }).expect("databases can be created");
        TestDatabase { url: self.url_of(&name), home: Home::Server { server: self, name } }
    }

    fn drop_database(&'static self, name: &str) {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let dropped = wait(async move { self.admin.execute_unprepared(&statement).await });
        if let Err(error) = dropped {
            announce(&format!("A test's database was left behind: {error}"));
        }
    }

    fn url_of(&self, database: &str) -> String {
        let mut url = self.running.url.clone();
        url.set_path(database);
        url.into()
    }
}

async fn create_database(admin: &DatabaseConnection, name: &str, template: Option<&str>) -> Result<(), DbErr> {
    let template = template.unwrap_or("template0");
    admin.execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.map(drop)
}

/// A name that tells when it was made.
fn new_name() -> String {
    format!("{PREFIX}{}_{}", SystemClock.now().timestamp(), Uuid::new_v4().simple())
}

/// Drops what test processes that were killed left on a server that lives longer than they.
async fn drop_stale(admin: &DatabaseConnection) -> Result<(), DbErr> {
    let all = format!("SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    let rows = admin.query_all_raw(sea_orm::Statement::from_string(admin.get_database_backend(), all)).await?;
    for row in rows {
        let name: String = row.try_get("", "datname")?;
        let made = name.trim_start_matches(PREFIX).split('_').next().and_then(|made| made.parse::<i64>().ok());
        if made.is_some_and(|made| made + STALE_AFTER < SystemClock.now().timestamp()) {
            admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        }
    }
    Ok(())
}

/// Where the connections of the process live; those of a test live on the test's own runtime and end with it.
static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")
});

/// Runs something on [`RUNTIME`] and waits for it, also from within a test's own runtime.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    RUNTIME.spawn(async move { drop(send.send(work.await)) });
    receive.recv().expect("the work does not panic")
}
