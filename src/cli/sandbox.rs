//! `assent sandbox`: the whole service over simulated stores, in one command.

mod report;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::time::Instant;

use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::report::{Installed, Report};
use super::progress::{Show, Watched, watch};
use super::serve::{bind, cancel_on_signal, with_worker};
use super::{Failure, Format, print, print_json};
use crate::app::{self, App};
use crate::auth::{Caller, token};
use crate::config::Config;
use crate::domain::access::Scope;
use crate::domain::ids::ListId;
use crate::domain::sync::RunMode;
use crate::domain::{Audience, Platform, Purpose, contact_rules};
use crate::sandbox::{PLATFORMS, SandboxStore, StoreOptions};
use crate::service::integrations::{self, NewIntegration};
use crate::service::schedules::ScheduleChange;
use crate::service::{accounts, lists, syncs};
use crate::sync::worker;
use crate::telemetry;

/// Last line with `--once`.
const ONCE: &str = "That was all: the addresses above answer only without --once.";
/// Most people of one simulated store.
const MAX_PEOPLE: u64 = 5_000_000;

/// Try everything out: simulated stores, installed and synced, behind the real API.
///
/// Starts stores that speak the vendors' wire formats on loopback ports, makes an account, installs the stores in it,
/// syncs them and serves the API until Ctrl-C. The data go to a temporary SQLite file, unless --database-url names a
/// database. Nothing leaves this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  assent sandbox
  assent sandbox --people 5000 --map-customers
  assent sandbox --once --format json | jq '.integrations[].run'
  assent sandbox --stores-only --format json     stores for a service that runs elsewhere; that service needs
                                                 ASSENT_ALLOW_PRIVATE_HOSTS=true")]
pub(super) struct Arguments {
    /// People of each store.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=MAX_PEOPLE))]
    people: u64,
    /// Seed: the same seed gives the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Database to use instead of a temporary SQLite file; each start makes a new account in it.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Platforms, separated by commas [default: all that can be simulated].
    #[arg(long, value_delimiter = ',', value_parser = platform)]
    platforms: Vec<Platform>,
    /// Also map customers, and guests where they are an audience of their own, each to a list of their own.
    #[arg(long)]
    map_customers: bool,
    /// Stop after the first syncs.
    #[arg(long, conflicts_with = "stores_only")]
    once: bool,
    /// Serve only the stores and print their settings, one line each, ready to post to /v1/integrations.
    #[arg(long, conflicts_with_all = ["database_url", "map_customers"])]
    stores_only: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn platform(word: &str) -> Result<Platform, String> {
    let known: Vec<&str> = PLATFORMS.iter().map(|platform| platform.as_str()).collect();
    let found = word.parse::<Platform>().ok().filter(|platform| PLATFORMS.contains(platform));
    found.ok_or_else(|| format!("can be simulated: {}", known.join(", ")))
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), Failure> {
    let shutdown = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(shutdown.clone()));
    let stores = start_stores(&arguments).await?;
    let outcome = if arguments.stores_only {
        serve_stores(&stores, arguments.format, &shutdown).await
    } else {
        serve_all(config, &arguments, &stores, &shutdown).await
    };
    signals.abort();
    for store in stores {
        store.stop().await;
    }
    outcome
}

async fn start_stores(arguments: &Arguments) -> Result<Vec<SandboxStore>, Failure> {
    let platforms = if arguments.platforms.is_empty() { PLATFORMS } else { &arguments.platforms };
    let mut stores = Vec::with_capacity(platforms.len());
    for platform in platforms {
        // A demonstration should not wait for a budget that a real shop would make it wait for.
        let options = StoreOptions { people: arguments.people, seed: arguments.seed, ..StoreOptions::generous() };
        let store =
            SandboxStore::start(*platform, options).await.map_err(|error| Failure::failed(error.to_string()))?;
        stores.push(store);
    }
    Ok(stores)
}

async fn serve_stores(stores: &[SandboxStore], format: Format, shutdown: &CancellationToken) -> Result<(), Failure> {
    for store in stores {
        let line = json!({
            "platform": store.platform(),
            "name": store.name(),
            "settings": store.settings(),
            "controlUrl": store.control_url(),
        });
        match format {
            Format::Json => print_json(&line)?,
            Format::Table => print(&format!(
                "{} ({})\n  settings  {}\n  control   {}",
                store.name(),
                store.platform(),
                store.settings(),
                store.control_url()
            ))?,
        }
    }
    shutdown.cancelled().await;
    Ok(())
}

async fn serve_all(
    config: Config,
    arguments: &Arguments,
    stores: &[SandboxStore],
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    telemetry::init_metrics()?;
    let folder = TemporaryFolder::new()?;
    let config = Config { data_dir: folder.0.clone(), allow_private_hosts: true, ..config };
    let database_url = arguments.database_url.clone().map(SecretString::from);
    let (listener, config) = bind(Config { database_url, ..config }).await?;
    let app = app::build(&config).await?;
    let account = accounts::create(&app, "Sandbox", &format!("owner+{}@example.com", uuid::Uuid::new_v4())).await?;
    let caller = Caller::operator(account.account_id);
    let installed = install(&app, &caller, stores, arguments.map_customers).await?;
    let report = sync_all(&app, &caller, installed, shutdown).await?;
    let access_token = token::issue(&app, account.account_id, account.client_id, Scope::ALL).await?;
    match arguments.format {
        Format::Json => print_json(&report.to_json(&app.public_url, &access_token))?,
        Format::Table => {
            print(&report.to_text())?;
            print(&report.what_to_try(&app.public_url, &access_token, stores))?;
            print(if arguments.once { ONCE } else { "Serving until Ctrl-C." })?;
        }
    }
    if !arguments.once && !shutdown.is_cancelled() {
        with_worker(app.clone(), listener, shutdown).await?;
    }
    app.db.close().await.map_err(|_| Failure::failed("the database could not be closed"))?;
    match report.failed() {
        None => Ok(()),
        Some(sentence) => Err(Failure::failed(sentence)),
    }
}

async fn install(
    app: &App,
    caller: &Caller,
    stores: &[SandboxStore],
    map_customers: bool,
) -> Result<Vec<Installed>, Failure> {
    let mut others: BTreeMap<Audience, Option<ListId>> = BTreeMap::new();
    let mut installed = Vec::with_capacity(stores.len());
    for store in stores {
        let Value::Object(settings) = store.settings() else {
            return Err(Failure::failed("a simulated store has no settings"));
        };
        let mut mappings = BTreeMap::new();
        let audiences = contact_rules::of(store.platform()).audiences().iter().copied();
        for audience in audiences.filter(|audience| map_customers && *audience != Audience::Subscribers) {
            if let Entry::Vacant(entry) = others.entry(audience) {
                let list = lists::create(app, caller, &format!("Store {audience}"), Purpose::Other).await?;
                entry.insert(Some(list.id));
            }
            mappings.insert(audience, others[&audience]);
        }
        let new = NewIntegration {
            platform: store.platform(),
            name: store.name().to_owned(),
            settings,
            mappings,
            schedule: ScheduleChange::default(),
        };
        let integration = integrations::create(app, caller, new).await?;
        // What somebody would type into the configuration of the app.
        store.set_compliance_address(Some(format!("{}/hooks/{}", app.public_url, integration.id)));
        installed.push(Installed { id: integration.id, platform: integration.platform, name: integration.name });
    }
    Ok(installed)
}

async fn sync_all(
    app: &App,
    caller: &Caller,
    installed: Vec<Installed>,
    shutdown: &CancellationToken,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let mut watched = Vec::with_capacity(installed.len());
    for store in &installed {
        let run = syncs::start(app, caller, store.id, RunMode::Full).await?;
        watched.push(Watched { caller: caller.clone(), run, name: store.name.clone() });
    }
    let stop = shutdown.child_token();
    let worker = tokio::spawn(worker::run(app.clone(), stop.clone()));
    let runs = tokio::select! {
        runs = watch(app, &watched, Show::on_stderr(false)) => runs?,
        () = shutdown.cancelled() => return Err(Failure::failed("stopped before the first syncs had ended")),
    };
    stop.cancel();
    if worker.await.is_err() {
        return Err(Failure::failed("the sync worker ended badly; see the log"));
    }
    let seconds = started.elapsed().as_secs_f64();
    Report::gather(app, caller, installed, runs, seconds).await
}

/// A folder of this process, removed with all that is in it.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("assent-sandbox-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path)
            .map_err(|error| Failure::failed(format!("no temporary folder can be made: {error}")))?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the temporary folder could not be removed");
        }
    }
}
