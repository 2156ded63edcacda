//! The runs of six stores, shared among several real programs on one PostgreSQL.

use std::process::Stdio;
use std::time::{Duration, Instant};

use assent::auth::Caller;
use assent::domain::ids::{IntegrationId, SyncRunId};
use assent::domain::sync::{RunMode, RunStatus};
use assent::sandbox::PLATFORMS;
use assent::service::{runs, syncs};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::apart::{self, Apart};
use crate::place::{Place, SECRET_KEY};
use crate::{Arguments, Failure, shop};

/// Between two looks at the runs.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let Some(server) = &arguments.database_url else {
        return Err("replicas share a PostgreSQL: --database-url".into());
    };
    println!("{:>10}  {:<12}{:>10}{:>10}{:>12}  MiB of each", "replicas", "pass", "read", "seconds", "records/s");
    for count in &arguments.replicas {
        let place = Place::new(Some(server)).await?;
        let shops = install(arguments, &place).await?;
        let mut replicas = Vec::new();
        for _ in 0..*count {
            replicas.push(Replica::start(arguments, &place).await?);
        }
        for pass in ["first", "unchanged"] {
            let (read, seconds) = all(&place, &shops).await?;
            let rate = read as f64 / seconds;
            let memory: Vec<u64> = replicas.iter().map(Replica::peak_mebibytes).collect();
            println!("{count:>10}  {pass:<12}{read:>10}{seconds:>10.2}{rate:>12.0}  {memory:?}");
        }
        drop(shops);
        for mut replica in replicas {
            replica.child.kill().await?;
        }
        place.remove().await?;
    }
    Ok(())
}

/// A store with whom it belongs to.
struct Shop {
    caller: Caller,
    integration: IntegrationId,
    _store: Apart,
}

async fn install(arguments: &Arguments, place: &Place) -> Result<Vec<Shop>, Failure> {
    let mut shops: Vec<Shop> = Vec::new();
    for platform in PLATFORMS {
        let store = Apart::start(&arguments.store, *platform).await?;
        let caller = match shops.first() {
            Some(first) if arguments.one_account => first.caller.clone(),
            _ => Caller::operator(shop::new_account(&place.app).await?.account_id),
        };
        let integration = shop::install(&place.app, &caller, *platform, store.settings.clone()).await?;
        shops.push(Shop { caller, integration, _store: store });
    }
    Ok(shops)
}

/// Has all stores read whole at once. Tells how many records they sent, and the seconds until the last had ended.
async fn all(place: &Place, shops: &[Shop]) -> Result<(u64, f64), Failure> {
    let started = Instant::now();
    let mut open: Vec<(&Caller, SyncRunId)> = Vec::new();
    for shop in shops {
        let run = syncs::start(&place.app, &shop.caller, shop.integration, RunMode::Full).await?;
        open.push((&shop.caller, run));
    }
    let mut read = 0;
    while !open.is_empty() {
        tokio::time::sleep(LOOK).await;
        let mut unfinished = Vec::new();
        for (caller, id) in open {
            let run = runs::get(&place.app, caller, id).await?;
            match run.status {
                RunStatus::Queued | RunStatus::Running => unfinished.push((caller, id)),
                RunStatus::Succeeded => read += run.counts.read,
                RunStatus::Failed | RunStatus::Cancelled => {
                    return Err(run.failure.map_or_else(|| "cancelled".to_owned(), |failure| failure.detail).into());
                }
            }
        }
        open = unfinished;
    }
    Ok((read, started.elapsed().as_secs_f64()))
}

/// A running `assent serve`; it ends when this is dropped.
struct Replica {
    child: Child,
}

impl Replica {
    async fn start(arguments: &Arguments, place: &Place) -> Result<Self, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assent"));
        command.arg("serve").kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.env("ASSENT_DATABASE_URL", &place.url).env("ASSENT_SECRET_KEY", SECRET_KEY);
        command.env("ASSENT_ALLOW_PRIVATE_HOSTS", "true").env("ASSENT_LISTEN", "127.0.0.1:0");
        command.env("ASSENT_SYNC_SLOTS", arguments.slots.to_string());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("its output is piped")?).lines();
        lines.next_line().await?.ok_or("the program ended")?;
        Ok(Self { child })
    }

    /// Most memory that it ever held, as Linux tells it.
    fn peak_mebibytes(&self) -> u64 {
        self.child.id().map_or(0, |id| apart::peak_mebibytes(&id.to_string()))
    }
}
