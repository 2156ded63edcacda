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
use std::time::{Duration, Instant};

use assent::app::{self, App};
use assent::auth::{Caller, token};
use assent::config::Config;
use assent::domain::Purpose;
use assent::domain::access::Scope;
use assent::domain::ids::{AccountId, ListId, new_uuid};
use assent::service::{accounts, lists};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use clap::Parser;
use entity::{contact, membership};
use sea_orm::{EntityTrait as _, Set, TransactionTrait as _};
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

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
        fill(&app, account.account_id, list, &mut keys, *size).await?;
        for (name, request) in requests(list) {
            let (median, worst) = sample(&router, &bearer, &keys, request).await?;
            println!("{size:>10}  {name:<34}{:>10.2}{:>10.2}", milliseconds(median), milliseconds(worst));
        }
    }
    app.db.close().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// A request for the page after a key.
type Ask = Box<dyn Fn(&str) -> (String, Option<Value>)>;

fn requests(list: ListId) -> Vec<(&'static str, Ask)> {
    const QUERY: &str = "query($after: String) { contacts(first: 50, after: $after) { edges { node { id email } } } }";
    vec![
        ("REST /v1/contacts", Box::new(|after| (format!("/v1/contacts?limit=50&after={after}"), None))),
        (
            "REST /v1/lists/{id}/contacts",
            Box::new(move |after| (format!("/v1/lists/{list}/contacts?limit=50&after={after}"), None)),
        ),
        (
            "GraphQL contacts",
            Box::new(|after| ("/graphql".to_owned(), Some(json!({"query": QUERY, "variables": {"after": after}})))),
        ),
    ]
}

async fn sample(router: &Router, bearer: &str, keys: &[Uuid], ask: Ask) -> Result<(Duration, Duration), Failure> {
    let mut times = Vec::new();
    for index in 0..SAMPLES {
        let place = usize::try_from(index * 7919)? % (keys.len() - 60);
        let (path, body) = ask(&cursor(keys[place]));
        let request = Request::builder()
            .method(if body.is_some() { "POST" } else { "GET" })
            .uri(path)
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
        let started = Instant::now();
        let response = router.clone().oneshot(request).await?;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 10_000_000).await?;
        times.push(started.elapsed());
        let found = String::from_utf8_lossy(&bytes).matches("\"email\"").count();
        if !status.is_success() || found != 50 {
            return Err(format!("status {status}, {found} contacts: {}", String::from_utf8_lossy(&bytes)).into());
        }
    }
    times.sort_unstable();
    Ok((times[times.len() / 2], times[times.len() * 99 / 100]))
}

/// The cursor of a contact, as both transports write it.
fn cursor(key: Uuid) -> String {
    assent::api::page::encode(&key)
}

async fn fill(app: &App, account: AccountId, list: ListId, keys: &mut Vec<Uuid>, size: u64) -> Result<(), Failure> {
    let now = app.clock.now();
    while u64::try_from(keys.len())? < size {
        let batch: Vec<Uuid> = (0..1000).map(|_| new_uuid(now)).collect();
        let transaction = app.db.begin().await?;
        let contacts = batch.iter().map(|id| contact::ActiveModel {
            id: Set(*id),
            account_id: Set(account.0),
            email: Set(format!("{id}@example.com")),
            email_normalized: Set(format!("{id}@example.com")),
            first_name: Set(Some("Anna".to_owned())),
            last_name: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        });
        contact::Entity::insert_many(contacts).exec_without_returning(&transaction).await?;
        let memberships = batch.iter().map(|id| membership::ActiveModel {
            id: Set(new_uuid(now)),
            account_id: Set(account.0),
            list_id: Set(list.0),
            contact_id: Set(*id),
            joined_at: Set(now),
        });
        membership::Entity::insert_many(memberships).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        keys.extend(batch);
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn configuration(arguments: &Arguments, data_dir: PathBuf) -> Result<Config, Failure> {
    Ok(Config {
        data_dir,
        database_url: arguments.database_url.clone().map(SecretString::from),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::load(None)?
    })
}
