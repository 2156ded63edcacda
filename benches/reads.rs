//! Pages of contacts by REST and GraphQL while an account grows.
//!
//! `cargo bench --bench reads -- [--contacts 10000,100000,1000000] [--database-url postgres://…]`
//!
//! Fills contacts and memberships, then asks for pages at the beginning, in the middle and at the end, through the real
//! router without a socket. Prints the median and the 99th percentile of a page in milliseconds: they stay level
//! because every page starts at a key. No assertion on time: see `docs/benchmarks.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use assent::app;
use assent::auth::{Caller, token};
use assent::config::Config;
use assent::domain::Purpose;
use assent::domain::access::Scope;
use assent::service::{accounts, lists};
use axum::Router;
use clap::Parser;
use secrecy::SecretString;
use uuid::Uuid;

#[path = "support/pages.rs"]
mod pages;

use pages::{Ask, quantile};

#[derive(Parser)]
struct Arguments {
    /// Sizes of the account, growing.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    contacts: Vec<u64>,
    /// Database; a temporary SQLite file if none is named.
    #[arg(long)]
    database_url: Option<String>,
    /// `cargo bench` gives it.
    #[arg(long, hide = true)]
    bench: bool,
}

type Failure = Box<dyn std::error::Error>;

/// Pages that are asked for each figure.
const SAMPLES: u64 = 300;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let folder = std::env::temp_dir().join(format!("assent-bench-{}", Uuid::new_v4()));
    std::fs::create_dir_all(&folder)?;
    let app = app::build(&configuration(&arguments, folder.clone())?).await?;
    let account = accounts::create(&app, "Bench", &format!("{}@example.com", Uuid::new_v4())).await?;
    let caller = Caller::operator(account.account_id);
    let list = lists::create(&app, &caller, "Everybody", Purpose::Other).await?.id;
    let bearer = format!("Bearer {}", token::issue(&app, account.account_id, account.client_id, Scope::ALL).await?);
    let router = assent::server::router(app.clone());
    println!("{:>10}  {:<34}{:>10}{:>10}", "contacts", "page of 50", "p50 ms", "p99 ms");
    let mut keys: Vec<Uuid> = Vec::new();
    for size in &arguments.contacts {
        pages::fill(&app, account.account_id, list, &mut keys, *size).await?;
        for (name, request) in pages::requests(list) {
            let times = sample(&router, &bearer, &keys, &request).await?;
            println!("{size:>10}  {name:<34}{:>10.2}{:>10.2}", quantile(&times, 50), quantile(&times, 99));
        }
    }
    app.db.close().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn sample(router: &Router, bearer: &str, keys: &[Uuid], ask: &Ask) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    for index in 0..SAMPLES {
        times.push(pages::time(router, bearer, keys, ask, index).await?);
    }
    times.sort_unstable();
    Ok(times)
}

fn configuration(arguments: &Arguments, data_dir: PathBuf) -> Result<Config, Failure> {
    Ok(Config {
        data_dir,
        database_url: arguments.database_url.clone().map(SecretString::from),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::load(None)?
    })
}
