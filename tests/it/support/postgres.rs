//! A PostgreSQL server for the tests: the one that is named, else a private cluster from installed binaries.
//!
//! **Invariant:** a private cluster ends with the test process, also after `kill -9`: a small supervisor
//! (`postgres.sh`) waits for the end of its standard input, which the kernel closes with the process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Names a server that is there already, with a user who may create databases.
pub(super) const SERVER_VARIABLE: &str = "ASSENT_TEST_POSTGRES_URL";
/// Longest time that the supervisor may take until the server is up. Two seconds cold; slow disks take longer.
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// How many ports are tried: somebody may take one between our asking for it and the server's.
const PORTS: usize = 5;

/// A server that answers.
pub(crate) struct Server {
    /// Address of a database where databases can be created.
    pub(crate) url: url::Url,
    /// The supervisor of a private cluster; its standard input stays open as long as we live.
    supervisor: Option<Child>,
}

impl Server {
    /// Has a private cluster crash and come back: every connection is cut, and new ones are refused for a moment.
    pub(crate) fn restart(&mut self) {
        let input = self.supervisor.as_mut().and_then(|supervisor| supervisor.stdin.as_mut());
        writeln!(input.expect("this cluster is ours"), "restart").expect("the supervisor listens");
    }
}

/// The server for this test process.
///
/// # Errors
/// Why there is none.
pub(super) fn start() -> Result<Server, String> {
    match std::env::var(SERVER_VARIABLE) {
        Ok(url) if !url.is_empty() => {
            let url = url.parse().map_err(|error| format!("{SERVER_VARIABLE} is no address: {error}"))?;
            Ok(Server { url, supervisor: None })
        }
        _ => start_private(),
    }
}

/// A server of our own, whatever is named, which may be restarted.
///
/// # Errors
/// Why there is none.
pub(crate) fn start_private() -> Result<Server, String> {
    let binaries = find_binaries().ok_or("no PostgreSQL server is installed")?;
    let owner = unprivileged_owner()?;
    let folder = private_folder(owner)?;
    let mut command = Command::new("sh");
    command
        .args(["-c", include_str!("postgres.sh"), "postgres.sh"])
        .arg(&folder)
        .arg(binaries)
        .args(free_ports()?.map(|port| port.to_string()))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(Owner { user, group }) = owner {
        command.uid(user).gid(group);
    }
    let mut supervisor = command.spawn().map_err(|error| format!("sh can't be run: {error}"))?;
    let answer = first_line(&mut supervisor)?;
    let port: u16 = answer.strip_prefix("ready ").and_then(|port| port.parse().ok()).ok_or(answer)?;
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres").parse().expect("this is an address");
    Ok(Server { url, supervisor: Some(supervisor) })
}

/// The first line the supervisor says, waited for no longer than [`START_TIMEOUT`].
fn first_line(supervisor: &mut Child) -> Result<String, String> {
    let output = supervisor.stdout.take().expect("standard output is a pipe");
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        // Nobody listens after the time-out.
        drop(send.send(read.map(|_| line.trim().to_owned())));
    });
    match receive.recv_timeout(START_TIMEOUT) {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(format!("the PostgreSQL supervisor can't be read: {error}")),
        Err(_) => Err("PostgreSQL did not start in time".to_owned()),
    }
}

/// The folder with `initdb` and `pg_ctl`: on the path, told by `pg_config`, or the newest of Debian's.
fn find_binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let told = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output().ok();
    let told = told.and_then(|output| Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim())));
    let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    installed.sort_by_key(|folder| std::cmp::Reverse(version_of(folder)));
    std::env::split_paths(&on_path)
        .chain(told)
        .chain(installed)
        .find(|folder| ["initdb", "pg_ctl"].iter().all(|program| folder.join(program).is_file()))
}

/// The major version in `/usr/lib/postgresql/15/bin`; 0 where there is none.
fn version_of(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

/// Who the server runs as: ourselves (`None`), or if we are root, whom it refuses, somebody without rights.
fn unprivileged_owner() -> Result<Option<Owner>, String> {
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some(Owner { user: id(&["-u", name])?, group: id(&["-g", name])? }))
        .map(Some)
        .ok_or("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody".to_owned())
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A new folder of that owner, where they can reach it and remove it again, as the supervisor does at the end.
fn private_folder(owner: Option<Owner>) -> Result<PathBuf, String> {
    let lets =
        |folder: &Path, bits: u32| folder.metadata().is_ok_and(|about| about.permissions().mode() & bits == bits);
    let is_open = |folder: &PathBuf| lets(folder, 0o003) && folder.ancestors().all(|above| lets(above, 0o001));
    let parent = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()]
        .into_iter()
        .find(|folder| owner.is_none() || is_open(folder))
        .ok_or("there is no temporary folder that other users can write to")?;
    let folder = tempfile::Builder::new()
        .prefix("assent-postgres-")
        .tempdir_in(parent)
        .map_err(|error| format!("no temporary folder can be made: {error}"))?;
    if let Some(Owner { user, group }) = owner {
        chown(&folder, Some(user), Some(group)).map_err(|error| format!("chown fails: {error}"))?;
    }
    Ok(folder.keep())
}

/// Ports that are free now, all asked for before any is given back, so that they differ.
fn free_ports() -> Result<impl Iterator<Item = u16>, String> {
    let sockets: Result<Vec<_>, _> = (0..PORTS).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    let ports: Result<Vec<_>, _> = sockets.and_then(|all| all.iter().map(|one| Ok(one.local_addr()?.port())).collect());
    ports.map(Vec::into_iter).map_err(|error| format!("no free port: {error}"))
}
