//! A first pass and an unchanged pass over simulated stores, from HTTP to the database.
//!
//! `cargo bench --bench sync -- --people 100000 [--database-url postgres://…] [--platforms shopify,woocommerce]
//! [--latency-ms 50] [--documented-budget]`
//!
//! Each platform is measured in a process of its own, with its store in another on the same cores. Prints records a
//! second and the most memory that the service ever held. With a latency or a budget it also prints how long the pass took over the least time that they
//! allow. No assertion on time: see `docs/benchmarks.md` for measured figures.
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark prints rates for people")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use assent::app::{self, App};
use assent::auth::Caller;
use assent::config::Config;
use assent::domain::run::SyncRun;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform, Purpose};
use assent::sandbox::{PLATFORMS, SandboxStore, ShopifyOptions, StoreOptions};
use assent::service::integrations::{self, NewIntegration};
use assent::service::schedules::ScheduleChange;
use assent::service::{accounts, lists, runs, syncs};
use assent::sync::worker;
use clap::{Parser, ValueEnum};
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Arguments {
    /// People of the store.
    #[arg(long, default_value_t = 20_000)]
    people: u64,
    /// Database; a temporary SQLite file if none is named.
    #[arg(long)]
    database_url: Option<String>,
    /// Platforms, one after the other.
    #[arg(long, value_delimiter = ',')]
    platforms: Vec<Platform>,
    /// Time that every request takes at least, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Give the stores the budgets that the vendors document; without this they have none that anybody would notice.
    #[arg(long)]
    documented_budget: bool,
    /// What this process is for; by default it starts the others.
    #[arg(long, value_enum, default_value_t = Part::All, hide = true)]
    part: Part,
    /// `cargo bench` gives it.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    All,
    Service,
    Store,
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return Err("the TLS provider was set up twice".into());
    }
    let platforms = if arguments.platforms.is_empty() { PLATFORMS.to_vec() } else { arguments.platforms.clone() };
    if arguments.part == Part::All {
        println!(
            "{:<14}{:<12}{:>10}{:>10}{:>12}{:>12}{:>10}{:>10}",
            "platform", "pass", "read", "seconds", "records/s", "joined", "MiB", "of least"
        );
    }
    for platform in platforms {
        match arguments.part {
            Part::All if !part(&arguments, Part::Service, platform)?.status().await?.success() => {
                return Err("it failed".into());
            }
            Part::All => {}
            Part::Service => measure(&arguments, platform).await?,
            Part::Store => serve(&arguments, platform).await?,
        }
    }
    Ok(())
}

/// This program once more, with the same arguments, for one part and platform.
fn part(arguments: &Arguments, part: Part, platform: Platform) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    let name = part.to_possible_value().ok_or("every part has a name")?;
    command.args(["--part", name.get_name(), "--platforms", platform.as_str()]);
    command.args(["--people", &arguments.people.to_string(), "--latency-ms", &arguments.latency_ms.to_string()]);
    command.args(arguments.database_url.iter().flat_map(|url| ["--database-url", url]));
    command.args(arguments.documented_budget.then_some("--documented-budget"));
    command.kill_on_drop(true);
    Ok(command)
}

/// Serves a store and says how; then answers each line with the least time that it allows so far, in seconds.
async fn serve(arguments: &Arguments, platform: Platform) -> Result<(), Failure> {
    let budgets = if arguments.documented_budget { StoreOptions::default() } else { StoreOptions::generous() };
    let latency = Duration::from_millis(arguments.latency_ms);
    let mut options = StoreOptions { people: arguments.people, latency, ..budgets };
    options.shopify = ShopifyOptions { paging_ceiling: None, ..options.shopify };
    let store = SandboxStore::start(platform, options).await?;
    println!("{}", store.settings());
    tokio::task::block_in_place(|| {
        for question in std::io::stdin().lines() {
            question?;
            println!("{}", store.least_time().as_secs_f64());
        }
        Ok(())
    })
}

/// A store that is served by another process.
struct Apart {
    _child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Apart {
    fn start(arguments: &Arguments, platform: Platform) -> Result<Self, Failure> {
        let mut child = part(arguments, Part::Store, platform)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = child.stdin.take().ok_or("its input is piped")?;
        let answers = BufReader::new(child.stdout.take().ok_or("its output is piped")?).lines();
        Ok(Self { _child: child, questions, answers })
    }

    async fn line(&mut self) -> Result<String, Failure> {
        Ok(self.answers.next_line().await?.ok_or("the store ended")?)
    }

    async fn least_time(&mut self) -> Result<f64, Failure> {
        self.questions.write_all(b"\n").await?;
        Ok(self.line().await?.parse()?)
    }
}

async fn measure(arguments: &Arguments, platform: Platform) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("assent-bench-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder)?;
    let mut store = Apart::start(arguments, platform)?;
    let settings = serde_json::from_str(&store.line().await?)?;
    let app = app::build(&configuration(arguments, folder.clone())?).await?;
    let account = accounts::create(&app, "Bench", &format!("{}@example.com", uuid::Uuid::new_v4())).await?;
    let caller = Caller::operator(account.account_id);
    let list = lists::create(&app, &caller, "Everybody", Purpose::Other).await?;
    let new = NewIntegration {
        platform,
        name: "Bench".to_owned(),
        settings,
        mappings: [(Audience::Customers, Some(list.id))].into(),
        schedule: ScheduleChange::default(),
    };
    let integration = integrations::create(&app, &caller, new).await?.id;
    for pass in ["first", "unchanged"] {
        let least_before = store.least_time().await?;
        let started = Instant::now();
        let run = syncs::start(&app, &caller, integration, RunMode::Full).await?;
        worker::run_one(&app, run, &CancellationToken::new()).await;
        let seconds = started.elapsed().as_secs_f64();
        let least = store.least_time().await? - least_before;
        report(platform, pass, &runs::get(&app, &caller, run).await?, seconds, least);
    }
    close(app).await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn close(app: App) -> Result<(), Failure> {
    Ok(app.db.close().await?)
}

fn report(platform: Platform, pass: &str, run: &SyncRun, seconds: f64, least: f64) {
    let rate = run.counts.read as f64 / seconds;
    println!(
        "{:<14}{pass:<12}{:>10}{seconds:>10.2}{rate:>12.0}{:>12}{:>10}{:>10}  {}",
        platform.as_str(),
        run.counts.read,
        run.counts.joined,
        peak_mebibytes(),
        if least > 0.0 { format!("{:.2}", seconds / least) } else { "-".to_owned() },
        run.failure.as_ref().map_or("", |failure| &failure.detail)
    );
}

/// Most memory that this process ever held, as Linux tells it.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}

fn configuration(arguments: &Arguments, data_dir: PathBuf) -> Result<Config, Failure> {
    Ok(Config {
        data_dir,
        database_url: arguments.database_url.clone().map(SecretString::from),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        allow_private_hosts: true,
        ..Config::load(None)?
    })
}
