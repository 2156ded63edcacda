//! How long readers wait, at rest and while a first pass writes to the same database.

use std::time::Duration;

use assent::app::App;
use assent::auth::{Caller, token};
use assent::domain::Purpose;
use assent::domain::access::Scope;
use assent::domain::sync::RunMode;
use assent::service::lists;
use axum::Router;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::apart::Apart;
use crate::pages::{self, Ask, quantile};
use crate::place::Place;
use crate::{Arguments, Failure, shop};

/// Pages of each kind at rest.
const SAMPLES: u64 = 300;
/// Between two pages of a reader: a person who clicks, not a load test.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    println!(
        "{:>10}  {:<34}{:<12}{:>8}{:>10}{:>10}{:>10}",
        "contacts", "page of 50", "", "pages", "p50 ms", "p99 ms", "longest"
    );
    for size in &arguments.sizes {
        let place = Place::new(arguments.database_url.as_deref()).await?;
        let readers = Readers::new(&place.app, *size).await?;
        readers.print(*size, "at rest", &CancellationToken::new(), Some(SAMPLES)).await?;
        let store = Apart::start(&arguments.store, arguments.platform).await?;
        let caller = &readers.caller;
        let integration = shop::install(&place.app, caller, arguments.platform, store.settings.clone()).await?;
        let ended = CancellationToken::new();
        let (app, writer, over) = (place.app.clone(), caller.clone(), ended.clone());
        // A task of its own, as in the service: the readers don't wait until it yields.
        let pass = tokio::spawn(async move {
            let pass = shop::run(&app, &writer, integration, RunMode::Full).await.map_err(|error| error.to_string());
            over.cancel();
            pass
        });
        readers.print(*size, "beside it", &ended, None).await?;
        let (run, seconds) = pass.await??;
        println!("  meanwhile: {} records, {:.0} a second", run.counts.read, run.counts.read as f64 / seconds);
        place.remove().await?;
    }
    Ok(())
}

/// Three who page through an account, each in their own way.
struct Readers {
    caller: Caller,
    bearer: String,
    router: Router,
    keys: Vec<Uuid>,
    asks: Vec<(&'static str, Ask)>,
}

impl Readers {
    async fn new(app: &App, size: u64) -> Result<Self, Failure> {
        let account = shop::new_account(app).await?;
        let caller = Caller::operator(account.account_id);
        let list = lists::create(app, &caller, "Everybody", Purpose::Other).await?.id;
        let token = token::issue(app, account.account_id, account.client_id, Scope::ALL).await?;
        let mut keys = Vec::new();
        pages::fill(app, account.account_id, list, &mut keys, size).await?;
        let router = assent::server::router(app.clone());
        Ok(Self { caller, bearer: format!("Bearer {token}"), router, keys, asks: pages::requests(list) })
    }

    /// Reads in turn, so many pages of each kind or until it is over, and tells how long they took.
    async fn print(&self, size: u64, when: &str, over: &CancellationToken, pages: Option<u64>) -> Result<(), Failure> {
        let mut times = vec![Vec::new(); self.asks.len()];
        for index in 0..pages.unwrap_or(u64::MAX) {
            for ((_, ask), times) in self.asks.iter().zip(&mut times) {
                times.push(pages::time(&self.router, &self.bearer, &self.keys, ask, index).await?);
                tokio::time::sleep(PAUSE).await;
            }
            if over.is_cancelled() {
                break;
            }
        }
        for ((name, _), mut times) in self.asks.iter().zip(times) {
            times.sort_unstable();
            let (median, worst, longest) = (quantile(&times, 50), quantile(&times, 99), quantile(&times, 100));
            let count = times.len();
            println!("{size:>10}  {name:<34}{when:<12}{count:>8}{median:>10.2}{worst:>10.2}{longest:>10.2}");
        }
        Ok(())
    }
}
