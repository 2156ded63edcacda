//! The real program as people run it: a process of its own with nothing of this machine's configuration.

use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// Far above what any command takes here.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program, to be started in an empty folder.
pub(crate) struct Program {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("temporary folders can be made"), variables: Vec::new() }
    }

    pub(crate) fn over(database_url: &str) -> Self {
        Self::new().with("ASSENT_DATABASE_URL", database_url)
    }

    /// Beside services in process, as [`super::app::configuration`] sets them up, with leases of a second.
    pub(crate) fn beside(database_url: &str) -> Self {
        Self::over(database_url)
            .with("ASSENT_SECRET_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
            .with("ASSENT_ALLOW_PRIVATE_HOSTS", "true")
            .with("ASSENT_LEASE_SECONDS", "1")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Where it runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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

    /// Starts the service on a free port of loopback and waits until it says where it is.
    pub(crate) async fn serve(self) -> Serving {
        let program = self.with("ASSENT_LISTEN", "127.0.0.1:0");
        let mut command = program.command(&["serve"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the service starts in time");
        let line = line.expect("stdout can be read").expect("the service says where it is");
        let url = line.strip_prefix("assent serves ").expect("the line names the address").to_owned();
        Serving { child, url, _program: program }
    }

    /// Whether nothing was written into the folder in which it ran.
    pub(crate) fn is_untouched(&self) -> bool {
        std::fs::read_dir(self.folder.path()).expect("the folder is there").next().is_none()
    }
}

/// A running service; killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// Where it is served.
    pub(crate) url: String,
    _program: Program,
}

impl Serving {
    /// Ends it as a power cut would (SIGKILL).
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("the program can be killed");
    }

    /// Asks it to end (SIGTERM), as orchestrators do, and waits for that.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().expect("the service runs").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.is_ok_and(|status| status.success()));
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it stops in time").expect("it ends")
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
