//! How cost grows: with contacts, beside readers, and over several processes.
//!
//! | command, each after `cargo bench --bench scale --` | what it prints |
//! |---|---|
//! | `--growth --sizes 10000,100000,1000000` | a first pass of each size into an empty database: records a second, bytes a contact by table, sizes of indices |
//! | `--reads --sizes 100000 --people 100000` | how long pages of an account of each size take at rest and while a first pass writes to the same database |
//! | `--replicas 1,2,3 --people 20000 [--slots 6] [--one-account]` | records a second of the six platforms over so many `assent serve` on one PostgreSQL |
//!
//! With `--database-url postgres://…` each measurement gets a database of its own on that server, which is dropped
//! afterwards; without it a temporary SQLite file. The simulated stores run in processes of their own on the same cores.
//! No assertion on time: see `docs/scaling.md` for measured figures.
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark prints rates for people")]

use assent::domain::Platform;
use clap::Parser;

#[path = "../support/apart.rs"]
#[expect(dead_code, reason = "only the other benchmark asks a store anything")]
mod apart;
mod growth;
#[path = "../support/pages.rs"]
mod pages;
mod place;
mod reads;
mod replicas;
#[path = "../support/shop.rs"]
mod shop;

use apart::StoreArguments;

#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "a command line has switches")]
struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Fill databases of each size and tell what they hold.
    #[arg(long)]
    growth: bool,
    /// Read from accounts of each size, at rest and beside a first pass.
    #[arg(long)]
    reads: bool,
    /// Share the runs of six stores among so many processes; needs PostgreSQL.
    #[arg(long, value_delimiter = ',')]
    replicas: Vec<usize>,
    /// Numbers of contacts, or of people for `--growth`.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    sizes: Vec<u64>,
    /// Whose store is read by `--growth` and `--reads`.
    #[arg(long, default_value = "shopify")]
    platform: Platform,
    /// Passes over whole stores that each replica carries out at once.
    #[arg(long, default_value_t = 6)]
    slots: usize,
    /// Have one account own all six stores, instead of one each.
    #[arg(long)]
    one_account: bool,
    /// Server of PostgreSQL with a user who may create databases; SQLite if none is named.
    #[arg(long)]
    database_url: Option<String>,
    /// `cargo bench` gives it.
    #[arg(long, hide = true)]
    bench: bool,
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return Err("the TLS provider was set up twice".into());
    }
    if let Some(platform) = arguments.store.serve_store {
        return apart::serve(&arguments.store, platform).await;
    }
    if arguments.growth {
        growth::measure(&arguments).await?;
    }
    if arguments.reads {
        reads::measure(&arguments).await?;
    }
    if !arguments.replicas.is_empty() {
        replicas::measure(&arguments).await?;
    }
    Ok(())
}
