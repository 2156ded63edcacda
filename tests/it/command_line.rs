//! The program as people run it: the real binary, its output and its exit codes.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::databases::{TestDatabase, both_databases};

/// Far above what any command takes here.
const PATIENCE: Duration = Duration::from_mins(1);

both_databases!(
    an_account_comes_with_its_keys,
    migrating_says_what_it_did_and_how_it_stands,
    two_processes_may_migrate_at_once,
    the_service_starts_and_stops_when_told,
);

/// The program with nothing of this machine's configuration, in an empty folder.
pub(crate) struct Program {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("temporary folders can be made"), variables: Vec::new() }
    }

    fn over(db: &TestDatabase) -> Self {
        Self::new().with("ASSENT_DATABASE_URL", db.url())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assent"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().kill_on_drop(true);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let output = tokio::time::timeout(PATIENCE, self.command(arguments).output()).await;
        Ended::from(output.expect("the command ends in time").expect("the program can be started"))
    }

    /// The same with something on stdin.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let piped = || Stdio::piped();
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().expect("the program can be started");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(input.as_bytes()).await.expect("the program reads its input");
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        Ended::from(output.expect("the command ends in time").expect("its output can be read"))
    }

    /// Whether nothing was written into the folder in which it ran.
    pub(crate) fn is_untouched(&self) -> bool {
        std::fs::read_dir(self.folder.path()).expect("the folder is there").next().is_none()
    }
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("stdout holds one JSON document and nothing else")
    }
}

async fn an_account_comes_with_its_keys(db: TestDatabase) {
    let create = ["account", "create", "--name", "Acme", "--owner-email", "Owner@Example.com", "--format", "json"];
    let program = Program::over(&db);
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
    let program = Program::over(&empty);
    let before = program.run(&["migrate", "--status"]).await;
    assert_eq!(before.code, Some(1));
    assert!(before.stderr.contains("apply them with: assent migrate"), "{}", before.stderr);
    let first = program.run(&["migrate", "--format", "json"]).await.json();
    let second = program.run(&["migrate", "--format", "json"]).await.json();
    assert_eq!(first["appliedNow"].as_array().map(Vec::len), first["changes"].as_array().map(Vec::len));
    assert_eq!(second["appliedNow"].as_array().map(Vec::len), Some(0));
    assert_eq!(program.run(&["migrate", "--status"]).await.code, Some(0));
}

async fn two_processes_may_migrate_at_once(db: TestDatabase) {
    let engine = db.engine();
    drop(db);
    let Some(empty) = TestDatabase::empty(engine) else { return };
    let program = Program::over(&empty);
    let migrate = ["migrate", "--format", "json"];
    let (one, other) = tokio::join!(program.run(&migrate), program.run(&migrate));
    let applied = |ended: &Ended| ended.json()["appliedNow"].as_array().map_or(0, Vec::len);
    assert_eq!(applied(&one) + applied(&other), applied(&one).max(applied(&other)));
    assert!(applied(&one) + applied(&other) > 0);
}

async fn the_service_starts_and_stops_when_told(db: TestDatabase) {
    let program = Program::over(&db).with("ASSENT_LISTEN", "127.0.0.1:0");
    let mut child = program
        .command(&["serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let url = address_of(&mut child).await;
    for path in ["/healthz", "/readyz", "/schema.graphql"] {
        let answer = reqwest::get(format!("{url}{path}")).await.expect("the service answers");
        assert_eq!(answer.status(), 200, "{path}");
    }
    terminate(&child).await;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it stops in time").expect("it ends");
    assert_eq!(status.code(), Some(0));
}

/// The URL of the line with which the service says that it is up.
async fn address_of(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the service starts in time");
    let line = line.expect("stdout can be read").expect("the service says where it is");
    line.strip_prefix("assent serves ").expect("the line names the address").to_owned()
}

async fn terminate(child: &Child) {
    let id = child.id().expect("the service runs").to_string();
    let status = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(status.is_ok_and(|status| status.success()));
}

#[tokio::test]
async fn a_first_start_makes_database_and_key_for_their_owner_only() {
    let program = Program::new();
    program
        .run(&["account", "create", "--name", "Acme", "--owner-email", "a@example.com", "--format", "json"])
        .await
        .json();
    let data = program.folder.path().join("data");
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
        std::fs::write(program.folder.path().join("assent.toml"), text).expect("files can be written");
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
