//! `assent sync`: sync stores now and watch it.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::progress::{Show, Watched, watch};
use super::serve::cancel_on_signal;
use super::{Failure, Format, print, print_json, table};
use crate::app::{self, App};
use crate::auth::Caller;
use crate::config::Config;
use crate::domain::ids::IntegrationId;
use crate::domain::integration::{Integration, Notice};
use crate::domain::run::SyncRun;
use crate::domain::sync::{Counts, RunMode, RunStatus};
use crate::error::{Code, Error};
use crate::service::integrations;
use crate::service::syncs::{self, Syncable};
use crate::sync::worker;

/// Sync installed stores now, in this process or a serving one, and watch it.
///
/// In a terminal, a bar for each store tells on stderr what was read, how fast, and how much is left where the store tells
/// its total; then comes a table. Where stderr is no terminal nothing is told meanwhile, unless --watch asks for lines.
/// Ctrl-C leaves the runs to the next worker. A run that waits already is waited for; of a store that is paused or waits for
/// somebody's decision it is said what to do, and the exit code is 1.
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
    let stores = chosen(&app, &arguments.integrations).await?;
    let shutdown = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(shutdown.clone()));
    let (runs, mut refused) = begin(&app, &stores, arguments.mode.into()).await?;
    let stop = shutdown.child_token();
    let worker = tokio::spawn(worker::run(app.clone(), stop.clone()));
    let ended = tokio::select! {
        ended = watch(&app, &runs, Show::on_stderr(arguments.watch)) => Some(ended?),
        () = shutdown.cancelled() => None,
    };
    stop.cancel();
    signals.abort();
    if worker.await.is_err() {
        return Err(Failure::failed("the sync worker ended badly; see the log"));
    }
    let Some(ended) = ended else {
        return Err(Failure::failed("stopped; the runs go on with the next worker (assent serve, or assent sync)"));
    };
    let mut ended: BTreeMap<IntegrationId, SyncRun> = ended.into_iter().map(|run| (run.integration_id, run)).collect();
    let mut outcomes = Vec::with_capacity(stores.len());
    for store in stores {
        let shown = integrations::get(&app, &Caller::operator(store.account_id), store.id).await?;
        let came = match (ended.remove(&store.id), refused.remove(&store.id)) {
            (Some(run), _) => Came::Ended(Box::new(run)),
            (None, why) => Came::Refused(refusal(why.unwrap_or_default(), &shown)),
        };
        outcomes.push(Outcome { store, came, notices: shown.notices });
    }
    match arguments.format {
        Format::Json => print_json(&outcomes.iter().map(Outcome::json).collect::<Value>())?,
        Format::Table => tell(&outcomes)?,
    }
    let sentences: Vec<String> = outcomes.iter().filter_map(Outcome::trouble).collect();
    if sentences.is_empty() { Ok(()) } else { Err(Failure::failed(sentences.join("; "))) }
}

/// What came of one store.
struct Outcome {
    store: Syncable,
    came: Came,
    notices: Vec<Notice>,
}

enum Came {
    /// Its run ended, well or not.
    Ended(Box<SyncRun>),
    /// No run may begin before somebody acts: why, and what to do.
    Refused(String),
}

/// The stores that are named, in whatever state; else all that are active.
async fn chosen(app: &App, wanted: &[Uuid]) -> Result<Vec<Syncable>, Failure> {
    if wanted.is_empty() {
        let stores = syncs::syncable(app).await?;
        let none =
            "there is no active integration; install a store with POST /v1/integrations, or resume one that is paused";
        return if stores.is_empty() { Err(Failure::failed(none)) } else { Ok(stores) };
    }
    let ids: Vec<IntegrationId> = wanted.iter().map(|id| (*id).into()).collect();
    let stores = syncs::those(app, &ids).await?;
    match ids.iter().find(|id| !stores.iter().any(|store| store.id == **id)) {
        Some(unknown) => Err(Failure::failed(format!("there is no integration {unknown}"))),
        None => Ok(stores),
    }
}

/// Queues the runs. A store of which none may begin now keeps none of the others waiting.
async fn begin(
    app: &App,
    stores: &[Syncable],
    mode: RunMode,
) -> Result<(Vec<Watched>, BTreeMap<IntegrationId, String>), Failure> {
    let (mut runs, mut refused) = (Vec::with_capacity(stores.len()), BTreeMap::new());
    for store in stores {
        let caller = Caller::operator(store.account_id);
        match syncs::start(app, &caller, store.id, mode).await {
            Ok(run) => runs.push(Watched { caller, run, name: store.name.clone() }),
            Err(Error::Conflict(why)) => {
                refused.insert(store.id, why);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((runs, refused))
}

/// Why no run may begin, with what is shown of the integration where the API would have to be asked for it.
fn refusal(why: String, shown: &Integration) -> String {
    match &shown.state_detail {
        Some(detail) => format!("{why} (stateDetail: {detail})"),
        None => why,
    }
}

impl Outcome {
    fn json(&self) -> Value {
        let Self { store, came, notices } = self;
        let (run, code, detail) = match came {
            Came::Ended(run) => {
                let failure = run.failure.as_ref();
                (Some(run), failure.map(|failure| &*failure.code), failure.map(|failure| &*failure.detail))
            }
            Came::Refused(why) => (None, Some(Code::Conflict.as_str()), Some(why.as_str())),
        };
        json!({
            "integrationId": store.id,
            "name": store.name,
            "runId": run.map(|run| run.id),
            "status": run.map(|run| run.status),
            "counts": run.map(|run| run.counts),
            "errorCode": code,
            "errorDetail": detail,
            "notices": notices,
        })
    }

    fn row(&self) -> Vec<String> {
        let Came::Ended(run) = &self.came else { return vec![self.store.name.clone(), "not begun".to_owned()] };
        let Counts { read, created, updated, unchanged, skipped, quarantined, joined, left } = run.counts;
        let numbers = [read, created, updated, unchanged, skipped, quarantined, joined, left];
        [self.store.name.clone(), run.status.to_string()]
            .into_iter()
            .chain(numbers.map(|number| number.to_string()))
            .collect()
    }

    /// What did not go well.
    fn trouble(&self) -> Option<String> {
        let why = match &self.came {
            Came::Ended(run) if run.status == RunStatus::Succeeded => return None,
            Came::Ended(run) => run.failure.as_ref().map_or("did not end well", |failure| &failure.detail),
            Came::Refused(why) => why,
        };
        Some(format!("{}: {why}", self.store.name))
    }
}

fn tell(outcomes: &[Outcome]) -> Result<(), Failure> {
    let header =
        ["store", "status", "read", "created", "updated", "unchanged", "skipped", "quarantined", "joined", "left"];
    print(&table(&header, &outcomes.iter().map(Outcome::row).collect::<Vec<_>>()))?;
    for Outcome { store, notices, .. } in outcomes {
        for notice in notices {
            print(&format!("Note on {}: {}", store.name, notice.detail))?;
        }
    }
    Ok(())
}
