//! Passes over simulated stores, from HTTP to the database: the first, an unchanged one, and two after one percent of the
//! people changed: one over the whole store and one that reads what changed.
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

use assent::app;
use assent::auth::Caller;
use assent::config::Config;
use assent::domain::Platform;
use assent::domain::run::SyncRun;
use assent::domain::sync::RunMode;
use assent::sandbox::PLATFORMS;
use clap::Parser;
use secrecy::SecretString;
use tokio::process::Command;

#[path = "support/apart.rs"]
mod apart;
#[path = "support/shop.rs"]
mod shop;

use apart::{Apart, StoreArguments};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Database; a temporary SQLite file if none is named.
    #[arg(long)]
    database_url: Option<String>,
    /// Platforms, one after the other.
    #[arg(long, value_delimiter = ',')]
    platforms: Vec<Platform>,
    /// Measure in this process; by default it starts one for each platform.
    #[arg(long, hide = true)]
    measure: bool,
    /// `cargo bench` gives it.
    #[arg(long, hide = true)]
    bench: bool,
}

type Failure = Box<dyn std::error::Error>;

/// What is measured, in this order: its name, how it reads, and whether people change before it.
const PASSES: [(&str, RunMode, bool); 4] = [
    ("first", RunMode::Full, false),
    ("unchanged", RunMode::Full, false),
    ("1 % full", RunMode::Full, true),
    ("1 % changes", RunMode::Incremental, true),
];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return Err("the TLS provider was set up twice".into());
    }
    if let Some(platform) = arguments.store.serve_store {
        return apart::serve(&arguments.store, platform).await;
    }
    let platforms = if arguments.platforms.is_empty() { PLATFORMS.to_vec() } else { arguments.platforms.clone() };
    if !arguments.measure {
        println!(
            "{:<14}{:<12}{:>10}{:>10}{:>12}{:>10}{:>10}{:>10}{:>10}",
            "platform", "pass", "read", "seconds", "records/s", "changed", "joined", "MiB", "of least"
        );
    }
    for platform in platforms {
        if arguments.measure {
            measure(&arguments, platform).await?;
        } else if !apart_from_others(platform)?.status().await?.success() {
            return Err("it failed".into());
        }
    }
    Ok(())
}

/// This program once more, with the same arguments, for one platform.
fn apart_from_others(platform: Platform) -> Result<Command, Failure> {
    let mut given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(place) = given.iter().position(|argument| argument == "--platforms") {
        given.drain(place..=place + 1);
    }
    given.retain(|argument| !argument.starts_with("--platforms="));
    let mut command = Command::new(std::env::current_exe()?);
    command.args(given).args(["--measure", "--platforms", platform.as_str()]).kill_on_drop(true);
    Ok(command)
}

async fn measure(arguments: &Arguments, platform: Platform) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("assent-bench-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder)?;
    let mut store = Apart::start(&arguments.store, platform).await?;
    let app = app::build(&configuration(arguments, folder.clone())?).await?;
    let caller = Caller::operator(shop::new_account(&app).await?.account_id);
    let integration = shop::install(&app, &caller, platform, store.settings.clone()).await?;
    for (pass, mode, is_changed) in PASSES {
        if is_changed {
            store.change_one_percent().await?;
        }
        let least_before = store.least_time().await?;
        let (run, seconds) = shop::run(&app, &caller, integration, mode).await?;
        report(platform, pass, &run, seconds, store.least_time().await? - least_before);
    }
    app.db.close().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn report(platform: Platform, pass: &str, run: &SyncRun, seconds: f64, least: f64) {
    println!(
        "{:<14}{pass:<12}{:>10}{seconds:>10.2}{:>12.0}{:>10}{:>10}{:>10}{:>10}  {}",
        platform.as_str(),
        run.counts.read,
        run.counts.read as f64 / seconds,
        run.counts.created + run.counts.updated,
        run.counts.joined,
        apart::peak_mebibytes("self"),
        if least > 0.0 { format!("{:.2}", seconds / least) } else { "-".to_owned() },
        run.failure.as_ref().map_or("", |failure| &failure.detail)
    );
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
