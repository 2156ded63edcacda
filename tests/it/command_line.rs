//! The program as people run it: the real binary, its output and its exit codes.

use assent::domain::Platform;
use assent::sandbox::{SandboxStore, SfccOptions, StoreOptions};
use sea_orm::ConnectionTrait as _;
use serde_json::Value;

use crate::support::app::configuration;
use crate::support::databases::{Engine, TestDatabase, both_databases};
use crate::support::program::{Ended, Program};
use crate::support::shop::Shop;

both_databases!(
    an_account_comes_with_its_keys,
    migrating_says_what_it_did_and_how_it_stands,
    migrating_makes_the_tables_of_the_job_queue,
    two_processes_may_migrate_at_once,
    the_service_starts_and_stops_when_told,
    a_sync_tells_what_the_store_could_not,
);

async fn an_account_comes_with_its_keys(db: TestDatabase) {
    let create = ["account", "create", "--name", "Acme", "--owner-email", "Owner@Example.com", "--format", "json"];
    let program = Program::over(db.url());
    let account = program.run(&create).await.json();
    assert_eq!(account["ownerEmail"], "Owner@Example.com");
    for key in ["accountId", "ownerPassword", "clientId", "clientSecret"] {
        assert!(account[key].as_str().is_some_and(|text| text.len() >= 20), "{key}");
    }
    let again = program.run(&create).await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    assert!(again.stderr.contains("assent: "), "{}", again.stderr);
}

async fn migrating_says_what_it_did_and_how_it_stands(db: TestDatabase) {
    let engine = db.engine();
    drop(db);
    let Some(empty) = TestDatabase::empty(engine) else { return };
    let program = Program::over(empty.url());
    let before = program.run(&["migrate", "--status"]).await;
    assert_eq!(before.code, Some(1));
    assert!(before.stderr.contains("apply them with: assent migrate"), "{}", before.stderr);
    let first = program.run(&["migrate", "--format", "json"]).await.json();
    let second = program.run(&["migrate", "--format", "json"]).await.json();
    assert_eq!(first["appliedNow"].as_array().map(Vec::len), first["changes"].as_array().map(Vec::len));
    assert_eq!(second["appliedNow"].as_array().map(Vec::len), Some(0));
    let after = program.run(&["migrate", "--status"]).await;
    assert_eq!(after.code, Some(0));
    assert_eq!(after.stdout.contains("job queue"), engine == Engine::Postgres, "{}", after.stdout);
}

async fn migrating_makes_the_tables_of_the_job_queue(db: TestDatabase) {
    if db.engine() == Engine::Postgres {
        let drop = "DROP SCHEMA IF EXISTS assent_jobs CASCADE";
        db.connect().await.execute_unprepared(drop).await.expect("the schema can be dropped");
    }
    let program = Program::over(db.url());
    let has_queue = async |arguments: &[&str]| {
        let ended = program.run(arguments).await;
        let told: Value = serde_json::from_str(&ended.stdout).expect("stdout holds one JSON document");
        (ended.code, told["jobQueue"].clone())
    };
    let status = ["migrate", "--status", "--format", "json"];
    let (before, after) = match db.engine() {
        Engine::Sqlite => ((Some(0), Value::Null), (Some(0), Value::Null)),
        Engine::Postgres => ((Some(1), Value::Bool(false)), (Some(0), Value::Bool(true))),
    };
    assert_eq!(has_queue(&status).await, before);
    assert_eq!(has_queue(&["migrate", "--format", "json"]).await, after);
    assert_eq!(has_queue(&status).await, after);
}

async fn two_processes_may_migrate_at_once(db: TestDatabase) {
    let engine = db.engine();
    drop(db);
    let Some(empty) = TestDatabase::empty(engine) else { return };
    let program = Program::over(empty.url());
    let migrate = ["migrate", "--format", "json"];
    let (one, other) = tokio::join!(program.run(&migrate), program.run(&migrate));
    let applied = |ended: &Ended| ended.json()["appliedNow"].as_array().map_or(0, Vec::len);
    assert_eq!(applied(&one) + applied(&other), applied(&one).max(applied(&other)));
    assert!(applied(&one) + applied(&other) > 0);
}

async fn the_service_starts_and_stops_when_told(db: TestDatabase) {
    let serving = Program::over(db.url()).serve().await;
    for path in ["/healthz", "/readyz", "/schema.graphql"] {
        let answer = reqwest::get(format!("{}{path}", serving.url)).await.expect("the service answers");
        assert_eq!(answer.status(), 200, "{path}");
    }
    assert_eq!(serving.terminate().await.code(), Some(0));
}

async fn a_sync_tells_what_the_store_could_not(db: TestDatabase) {
    let sfcc = SfccOptions { attribute: false, order_attribute: false, ..SfccOptions::default() };
    let options = StoreOptions { people: 30, sfcc, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::Sfcc, options).await.expect("a simulated store starts");
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let shop = Shop::over(&app, store).await;
    let program = Program::beside(db.url());
    let runs = program.run(&["sync", "--mode", "full", "--format", "json"]).await.json();
    let run = &runs[0];
    assert_eq!(
        (&run["status"], run["integrationId"].as_str()),
        (&Value::from("succeeded"), Some(&*shop.integration.to_string()))
    );
    assert!(run["counts"]["read"].as_u64() >= Some(30), "{run}");
    assert_eq!(run["notices"][0]["code"], "ACCEPTS_MARKETING_NOT_SET", "{run}");
    let table = program.run(&["sync"]).await;
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(table.stdout.contains("\nNote on "), "{}", table.stdout);
    shop.assert_true().await;
}

#[tokio::test]
async fn a_first_start_makes_database_and_key_for_their_owner_only() {
    let program = Program::new();
    program
        .run(&["account", "create", "--name", "Acme", "--owner-email", "a@example.com", "--format", "json"])
        .await
        .json();
    let data = program.folder().join("data");
    assert!(data.join("assent.sqlite").is_file());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = std::fs::metadata(data.join("secret.key")).expect("there is a key file");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_named_with_what_is_expected() {
    let file = |text: &str| {
        let program = Program::new();
        std::fs::write(program.folder().join("assent.toml"), text).expect("files can be written");
        program
    };
    let migrate: &[&str] = &["migrate"];
    let with_file: &[&str] = &["migrate", "--config", "assent.toml"];
    let cases: [(Program, &[&str], i32, &str); 9] = [
        (
            Program::new().with("ASSENT_LISTN", "x"),
            migrate,
            2,
            "ASSENT_LISTN is not a setting; the settings are: ASSENT_",
        ),
        (Program::new().with("ASSENT_LISTEN", "x"), migrate, 2, "ASSENT_LISTEN"),
        (Program::new().with("ASSENT_LEASE_SECONDS", "900"), migrate, 2, "ASSENT_LEASE_SECONDS must be 1 to 60"),
        (Program::new().with("ASSENT_LOG", "=="), migrate, 2, "ASSENT_LOG must be a log filter"),
        (Program::new().with("ASSENT_DATABASE_URL", "mysql:x"), migrate, 1, "must begin with sqlite: or postgres:"),
        (
            Program::new().with("ASSENT_SECRET_KEY", "short"),
            &["account", "create", "--name", "A", "--owner-email", "a@example.com"],
            1,
            "ASSENT_SECRET_KEY must be 32 bytes",
        ),
        (file("lisen = \"x\""), with_file, 2, "lisen in assent.toml is not a setting"),
        (Program::new(), with_file, 2, "there is no configuration file assent.toml"),
        (Program::new(), &["frobnicate"], 2, "unrecognized subcommand"),
    ];
    for (program, arguments, code, expected) in cases {
        let ended = program.run(arguments).await;
        assert_eq!(ended.code, Some(code), "{expected}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{expected}");
    }
}

#[tokio::test]
async fn every_command_explains_itself_with_examples() {
    let help = Program::new().run(&["--help"]).await;
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
    let listed: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .map_while(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split(' ').next().filter(|word| !word.is_empty() && *word != "help"))
        .collect();
    assert!(listed.contains(&"serve"), "{listed:?}");
    for command in listed {
        let arguments = match command {
            "account" => vec!["account", "create", "--help"],
            "connector" => vec!["connector", "check", "--help"],
            command => vec![command, "--help"],
        };
        let help = Program::new().run(&arguments).await;
        assert!(help.stdout.contains("Examples:"), "{command}");
    }
}

#[tokio::test]
async fn the_committed_contracts_are_fresh() {
    let root = env!("CARGO_MANIFEST_DIR");
    let ended = Program::new().run(&["export", "--check", "--folder", root]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn a_stale_contract_is_told_with_the_command_that_renews_it() {
    let program = Program::new();
    let missing = program.run(&["export", "--check"]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("renew with: cargo run -- export"), "{}", missing.stderr);
    assert_eq!(program.run(&["export"]).await.code, Some(0));
    assert_eq!(program.run(&["export", "--check"]).await.code, Some(0));
}
