//! `assent sync`: sync stores now and watch it.

use clap::ValueEnum;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::progress::{Show, Watched, watch};
use super::serve::cancel_on_signal;
use super::{Failure, Format, print, print_json, table};
use crate::app;
use crate::auth::Caller;
use crate::config::Config;
use crate::domain::integration::Notice;
use crate::domain::run::SyncRun;
use crate::domain::sync::{RunMode, RunStatus};
use crate::service::integrations;
use crate::service::syncs::{self, Syncable};
use crate::sync::worker;

/// Sync installed stores now, in this process or a serving one, and watch it.
///
/// In a terminal, a bar for each store tells on stderr what was read, how fast, and how much is left where the store tells
/// its total; then comes a table. Where stderr is no terminal nothing is told meanwhile, unless --watch asks for lines.
/// Ctrl-C leaves the runs to the next worker.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  assent sync                                            all active integrations
  assent sync 019a0000-0000-7000-8000-000000000001       one of them
  assent sync --mode full --format json
  assent sync --watch 2> progress.log                    a line per store whenever something changed")]
pub(super) struct Arguments {
    /// Integrations to sync, by id [default: all that are active].
    #[arg(value_name = "INTEGRATION")]
    integrations: Vec<Uuid>,
    /// How much to read.
    #[arg(long, value_enum, default_value_t = Mode::Incremental)]
    mode: Mode,
    /// Follow the runs also where stderr is no terminal: a line for each change, at most one a second for a store.
    #[arg(long)]
    watch: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// What changed since the last run.
    Incremental,
    /// Everything; also finds what is gone.
    Full,
}

impl From<Mode> for RunMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Incremental => Self::Incremental,
            Mode::Full => Self::Full,
        }
    }
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<(), Failure> {
    let app = app::build(config).await?;
    let stores = chosen(syncs::syncable(&app).await?, &arguments.integrations)?;
    let shutdown = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(shutdown.clone()));
    let mut runs = Vec::with_capacity(stores.len());
    for store in &stores {
        let caller = Caller::operator(store.account_id);
        let run = syncs::start(&app, &caller, store.id, arguments.mode.into()).await?;
        runs.push(Watched { caller, run, name: store.name.clone() });
    }
    let stop = shutdown.child_token();
    let worker = tokio::spawn(worker::run(app.clone(), stop.clone()));
    let ended = tokio::select! {
        ended = watch(&app, &runs, Show::on_stderr(arguments.watch)) => ended?,
        () = shutdown.cancelled() => Vec::new(),
    };
    stop.cancel();
    signals.abort();
    if worker.await.is_err() {
        return Err(Failure::failed("the sync worker ended badly; see the log"));
    }
    let mut notices = Vec::with_capacity(stores.len());
    for (watched, store) in runs.iter().zip(&stores) {
        notices.push(integrations::get(&app, &watched.caller, store.id).await?.notices);
    }
    tell(&stores, &ended, &notices, arguments.format)
}

fn chosen(mut stores: Vec<Syncable>, wanted: &[Uuid]) -> Result<Vec<Syncable>, Failure> {
    if !wanted.is_empty() {
        if let Some(unknown) = wanted.iter().find(|id| !stores.iter().any(|store| store.id.0 == **id)) {
            return Err(Failure::failed(format!("there is no active integration {unknown}")));
        }
        stores.retain(|store| wanted.contains(&store.id.0));
    }
    if stores.is_empty() {
        return Err(Failure::failed("there is no active integration; install a store with POST /v1/integrations"));
    }
    Ok(stores)
}

fn tell(stores: &[Syncable], ended: &[SyncRun], notices: &[Vec<Notice>], format: Format) -> Result<(), Failure> {
    let rows = || stores.iter().zip(ended);
    match format {
        Format::Json => print_json(
            &rows()
                .zip(notices)
                .map(|((store, run), notices)| {
                    json!({
                        "integrationId": store.id,
                        "name": store.name,
                        "runId": run.id,
                        "status": run.status,
                        "counts": run.counts,
                        "errorCode": run.failure.as_ref().map(|failure| &failure.code),
                        "errorDetail": run.failure.as_ref().map(|failure| &failure.detail),
                        "notices": notices,
                    })
                })
                .collect::<Value>(),
        )?,
        Format::Table => {
            let header = [
                "store",
                "status",
                "read",
                "created",
                "updated",
                "unchanged",
                "skipped",
                "quarantined",
                "joined",
                "left",
            ];
            let lines: Vec<Vec<String>> = rows()
                .map(|(store, run)| {
                    let counts = run.counts;
                    let numbers = [
                        counts.read,
                        counts.created,
                        counts.updated,
                        counts.unchanged,
                        counts.skipped,
                        counts.quarantined,
                        counts.joined,
                        counts.left,
                    ];
                    [store.name.clone(), run.status.to_string()]
                        .into_iter()
                        .chain(numbers.map(|number| number.to_string()))
                        .collect()
                })
                .collect();
            print(&table(&header, &lines))?;
            for (store, notices) in stores.iter().zip(notices) {
                for notice in notices {
                    print(&format!("Note on {}: {}", store.name, notice.detail))?;
                }
            }
        }
    }
    let failed = rows().filter(|(_, run)| run.status != RunStatus::Succeeded);
    let sentences: Vec<String> = failed
        .map(|(store, run)| {
            format!("{}: {}", store.name, run.failure.as_ref().map_or("did not end well", |failure| &failure.detail))
        })
        .collect();
    if ended.len() < stores.len() {
        return Err(Failure::failed("stopped; the runs go on with the next worker (assent serve, or assent sync)"));
    }
    if sentences.is_empty() { Ok(()) } else { Err(Failure::failed(sentences.join("; "))) }
}
