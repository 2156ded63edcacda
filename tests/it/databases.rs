//! The schema on both databases, and the databases of the tests themselves.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use assent::config::Config;
use migration::Migrator;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, EntityTrait as _, Statement};
use sea_orm_migration::MigratorTrait as _;
use serde_json::json;

use crate::support::app::configuration;
use crate::support::databases::{Engine, TestDatabase, both_databases};

both_databases!(
    migrations_go_up_down_and_up_again,
    an_integration_from_before_is_read_anew_as_it_was_last_changed,
    every_test_has_a_database_of_its_own,
    many_connections_write_at_once,
    a_dropped_database_is_gone,
);

async fn migrations_go_up_down_and_up_again(db: TestDatabase) {
    let empty = TestDatabase::empty(db.engine()).expect("the engine is there");
    let connection = empty.connect().await;
    Migrator::up(&connection, None).await.expect("up");
    let first = objects(&connection).await;
    assert!(first.contains("table contact"), "{first:?}");
    Migrator::down(&connection, None).await.expect("down");
    let left: Vec<_> =
        objects(&connection).await.into_iter().filter(|name| !name.contains("seaql_migrations")).collect();
    assert!(left.is_empty(), "down leaves {left:?}");
    Migrator::up(&connection, None).await.expect("up again");
    assert_eq!(objects(&connection).await, first);
}

async fn an_integration_from_before_is_read_anew_as_it_was_last_changed(db: TestDatabase) {
    /// The changes before the one that tells what matters to reading from what does not.
    const BEFORE: u32 = 15;
    let empty = TestDatabase::empty(db.engine()).expect("the engine is there");
    let connection = empty.connect().await;
    Migrator::up(&connection, Some(BEFORE)).await.expect("up");
    let (account, integration) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let (made, changed) =
        (chrono::DateTime::UNIX_EPOCH, chrono::DateTime::from_timestamp_nanos(1_775_304_000_123_456_000));
    let mut owner = Query::insert();
    owner.into_table("account").columns(["id", "name", "suppression_key", "created_at"]);
    owner.values_panic([account.into(), "Acme".into(), vec![0_u8].into(), made.into()]);
    connection.execute(&owner).await.expect("an account of before");
    let columns = [
        "id",
        "account_id",
        "platform",
        "name",
        "name_key",
        "settings",
        "credentials",
        "state",
        "notices",
        "watermarks",
        "created_at",
        "updated_at",
    ];
    let mut store = Query::insert();
    store.into_table("integration").columns(columns).values_panic([
        integration.into(),
        account.into(),
        "shopify".into(),
        "Shop".into(),
        "shop".into(),
        json!({}).into(),
        vec![0_u8].into(),
        "active".into(),
        json!([]).into(),
        json!({}).into(),
        made.into(),
        changed.into(),
    ]);
    connection.execute(&store).await.expect("an integration of before");
    Migrator::up(&connection, None).await.expect("up to the present");
    let row = ::entity::integration::Entity::find_by_id(integration).one(&connection).await;
    let row = row.expect("it can be read").expect("it is there");
    assert_eq!((row.reading_changed_at, row.updated_at), (changed, changed));
    Migrator::down(&connection, Some(1)).await.expect("down");
}

/// Tables, indices, triggers and functions of ours, each with its kind.
async fn objects(db: &DatabaseConnection) -> BTreeSet<String> {
    const SQLITE: &str = "SELECT type || ' ' || name AS object FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'";
    const POSTGRES: &str = "SELECT 'table ' || tablename AS object FROM pg_tables WHERE schemaname = 'public' \
        UNION SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public' \
        UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal \
        UNION SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e' \
        UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let backend = db.get_database_backend();
    let sql = if backend == sea_orm::DbBackend::Sqlite { SQLITE } else { POSTGRES };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.expect("the catalogue can be read");
    rows.iter().map(|row| row.try_get("", "object").expect("names are text")).collect()
}

async fn every_test_has_a_database_of_its_own(db: TestDatabase) {
    let other = TestDatabase::migrated(db.engine()).expect("the engine is there");
    db.connect().await.execute_unprepared("CREATE TABLE mine (id INTEGER)").await.expect("the table is new");
    assert!(objects(&db.connect().await).await.contains("table mine"));
    assert!(!objects(&other.connect().await).await.contains("table mine"));
}

async fn many_connections_write_at_once(db: TestDatabase) {
    let connection = db.connect().await;
    connection.execute_unprepared("CREATE TABLE tally (id INTEGER PRIMARY KEY)").await.expect("the table is new");
    let writes = (0..50).map(|id| {
        let connection = connection.clone();
        async move { connection.execute_unprepared(&format!("INSERT INTO tally VALUES ({id})")).await }
    });
    futures::future::try_join_all(writes).await.expect("nobody is turned away as busy");
    let count = Statement::from_string(connection.get_database_backend(), "SELECT COUNT(*) AS rows FROM tally");
    let row = connection.query_one_raw(count).await.expect("counting works").expect("a count is one row");
    assert_eq!(row.try_get::<i64>("", "rows").expect("a number"), 50);
}

async fn a_dropped_database_is_gone(db: TestDatabase) {
    let url = db.url().replace("mode=rwc", "mode=rw");
    let open = db.connect().await;
    drop(db);
    let again = sea_orm::Database::connect(sea_orm::ConnectOptions::new(url).sqlx_logging(false).to_owned()).await;
    assert!(again.is_err(), "the database is still there");
    drop(open);
}

#[tokio::test]
async fn there_is_a_connection_for_each_run_of_a_process() {
    let Some(db) = TestDatabase::migrated(Engine::Postgres) else { return };
    for (sync_slots, expected) in [(1, 16), (4, 16), (64, 136)] {
        let config = Config { sync_slots, ..configuration(db.url()) };
        let connected = assent::app::connect_to(&config).await.expect("the database is there");
        assert_eq!(connected.get_postgres_connection_pool().options().get_max_connections(), expected);
    }
}

#[test]
fn sqlite_needs_nothing_installed() {
    assert!(TestDatabase::migrated(Engine::Sqlite).is_some());
}

/// How often and how far apart a state of the outside world is looked for: a minute in all.
const LOOKS: u32 = 600;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_killed_test_process_leaves_no_cluster_behind() {
    // Where a server is named, or there is none, no cluster is started.
    if std::env::var_os("ASSENT_TEST_POSTGRES_URL").is_some() || TestDatabase::empty(Engine::Postgres).is_none() {
        return;
    }
    let home = tempfile::tempdir().expect("temporary folders can be made");
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o777)).expect("the folder is ours");
    let mut child = Command::new(std::env::current_exe().expect("this program has a file"))
        .args(["--exact", "databases::postgres::every_test_has_a_database_of_its_own"])
        .env("TMPDIR", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program can be run");
    let is_running = || clusters(home.path()).iter().any(|cluster| cluster.join("data/postmaster.pid").exists());
    let was_seen = look_until(is_running).await;
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    assert!(was_seen, "the child starts no cluster");
    assert!(look_until(|| clusters(home.path()).is_empty()).await, "a cluster outlives its test process");
}

async fn look_until(mut holds: impl FnMut() -> bool) -> bool {
    let mut looks = tokio::time::interval(BETWEEN_LOOKS);
    for _ in 0..LOOKS {
        looks.tick().await;
        if holds() {
            return true;
        }
    }
    false
}

/// Folders of private clusters below a temporary folder.
fn clusters(home: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home).expect("the folder can be read").filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|path| path.to_string_lossy().contains("assent-postgres-")).collect()
}
