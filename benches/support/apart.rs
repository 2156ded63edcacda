//! A simulated store in a process of its own, so that its work and its memory are not counted as the service's.

use std::process::Stdio;
use std::time::Duration;

use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, SandboxStore, ShopifyOptions, StoreOptions, Truth};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Failure;

/// What the store is like.
#[derive(clap::Args, Clone)]
pub(crate) struct StoreArguments {
    /// People of the store.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) people: u64,
    /// Time that every request takes at least, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// Give the stores the budgets that the vendors document; without this they have none that anybody would notice.
    #[arg(long)]
    pub(crate) documented_budget: bool,
    /// Be the store of this platform; another process of this benchmark asks for it.
    #[arg(long, hide = true)]
    pub(crate) serve_store: Option<Platform>,
}

/// What is asked of the store's process, one word a line.
const LEAST_TIME: &str = "least-time";
const CHANGE: &str = "change";

/// Serves a store and says how; then answers each line: the least time that it allows so far in seconds, or how many
/// people changed.
pub(crate) async fn serve(arguments: &StoreArguments, platform: Platform) -> Result<(), Failure> {
    let budgets = if arguments.documented_budget { StoreOptions::default() } else { StoreOptions::generous() };
    let latency = Duration::from_millis(arguments.latency_ms);
    let mut options = StoreOptions { people: arguments.people, latency, ..budgets };
    options.shopify = ShopifyOptions { paging_ceiling: None, ..options.shopify };
    let store = SandboxStore::start(platform, options).await?;
    println!("{}", store.settings());
    let mut rounds = 0;
    tokio::task::block_in_place(|| {
        for question in std::io::stdin().lines() {
            if question?.trim() == CHANGE {
                println!("{}", change_one_percent(&store, rounds));
                rounds += 1;
            } else {
                println!("{}", store.least_time().as_secs_f64());
            }
        }
        Ok(())
    })
}

/// Lets every hundredth person change their mind or address, others each round. Tells how many did.
fn change_one_percent(store: &SandboxStore, round: usize) -> usize {
    const AT_ONCE: usize = 1000;
    let mut changed = 0;
    for page in 0.. {
        let from = page * AT_ONCE;
        let truths = store.truths(from as u64, AT_ONCE as u64);
        if truths.is_empty() {
            break;
        }
        let people = (from..).zip(truths).filter(|(index, _)| index % 100 == round % 100);
        changed += people.filter(|(index, truth)| change(store, truth, index / 100, round)).count();
    }
    changed
}

/// Whether this person could be changed: every tenth moves to another address, the others say the opposite.
fn change(store: &SandboxStore, truth: &Truth, number: usize, round: usize) -> bool {
    let Some(email) = truth.address.clone() else { return false };
    let to = format!("moved-{round}-{number}@example.com");
    let moves = Change::ChangeEmail { email: email.clone(), to, keep_opt_in: true };
    let says = if truth.audiences.contains(&Audience::Subscribers) {
        Change::OptOut { email }
    } else {
        Change::OptIn { email }
    };
    let wanted = if number.is_multiple_of(10) { [&moves, &says] } else { [&says, &moves] };
    wanted.into_iter().any(|change| store.change(change).is_ok())
}

/// A store that is served by another process; it ends when this is dropped.
pub(crate) struct Apart {
    /// With which it is installed.
    pub(crate) settings: serde_json::Value,
    _child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Apart {
    pub(crate) async fn start(arguments: &StoreArguments, platform: Platform) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--serve-store", platform.as_str(), "--people", &arguments.people.to_string()]);
        command.args(["--latency-ms", &arguments.latency_ms.to_string()]);
        command.args(arguments.documented_budget.then_some("--documented-budget"));
        let mut child = command.kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = child.stdin.take().ok_or("its input is piped")?;
        let mut answers = BufReader::new(child.stdout.take().ok_or("its output is piped")?).lines();
        let settings = answers.next_line().await?.ok_or("the store ended")?;
        Ok(Self { settings: serde_json::from_str(&settings)?, _child: child, questions, answers })
    }
}

impl Apart {
    /// Seconds that latency and budget took so far of a client that asks for one thing at a time.
    pub(crate) async fn least_time(&mut self) -> Result<f64, Failure> {
        Ok(self.ask(LEAST_TIME).await?.parse()?)
    }

    /// Changes one percent of the people, others each time. Tells how many.
    pub(crate) async fn change_one_percent(&mut self) -> Result<u64, Failure> {
        Ok(self.ask(CHANGE).await?.parse()?)
    }

    async fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.questions.write_all(format!("{question}\n").as_bytes()).await?;
        Ok(self.answers.next_line().await?.ok_or("the store ended")?)
    }
}

/// Most memory that a process ever held, as Linux tells it; `self` is this one.
pub(crate) fn peak_mebibytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}
