//! Several real programs on one PostgreSQL, killed, stopped and cut off from it in the middle of their work.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::{BTreeMap, btree_set};
use std::time::Duration;

use ::entity::sync_run;
use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, Fault, FaultPlan, SandboxStore, StoreOptions, Target};
use assent::service;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Statement,
};

use crate::support::app::configuration;
use crate::support::databases::{Engine, TestDatabase, run};
use crate::support::postgres;
use crate::support::program::{Program, Serving};
use crate::support::shop::Shop;
use crate::support::{announce, demanded};

/// Time for one step, far above what any takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// The same for all kills together: it takes one and a half minutes on two cores that do nothing else.
const ALL_KILLS: Duration = Duration::from_mins(10);
/// Programs on one database.
const REPLICAS: usize = 3;
/// How often one of them is killed.
const KILLS: usize = 20;
/// From this time on all stores are read, and change before each kill.
const READ_BY: usize = 8;
/// How long a store takes to answer meanwhile.
const PAGE: Duration = Duration::from_millis(80);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_are_killed_at_random_end_where_undisturbed_ones_do() {
    let Some(db) = TestDatabase::migrated(Engine::Postgres) else { return };
    tokio::time::timeout(ALL_KILLS, killed_at_random(db)).await.expect("the test ends in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_stopped_hands_its_runs_on() {
    run(Engine::Postgres, stopped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_start_at_once_share_an_empty_database() {
    let Some(db) = TestDatabase::empty(Engine::Postgres) else { return };
    tokio::time::timeout(PATIENCE, started_at_once(&db)).await.expect("the test ends in time");
}

/// Six stores, each in an account of its own.
async fn six_shops(app: &App, people: u64) -> Vec<Shop> {
    let mut shops = Vec::new();
    for platform in Platform::ALL {
        let options = StoreOptions { people, ..StoreOptions::default() };
        let store = SandboxStore::start(*platform, options).await.expect("a simulated store starts");
        shops.push(Shop::over(app, store).await);
    }
    shops
}

async fn app_on(url: &str) -> App {
    assent::app::build(&configuration(url)).await.expect("the service starts")
}

async fn has_unfinished(shop: &Shop) -> bool {
    let unfinished = sync_run::Column::Status.is_in(["queued", "running"]);
    let of_store = sync_run::Column::IntegrationId.eq(shop.integration.0);
    sync_run::Entity::find().filter(of_store).filter(unfinished).count(&shop.app.db).await.expect("runs can be read")
        > 0
}

/// Has every store be read that nobody reads now.
async fn keep_busy(shops: &[Shop], mode: RunMode) {
    for shop in shops {
        if !has_unfinished(shop).await {
            service::syncs::start(&shop.app, &shop.caller, shop.integration, mode).await.expect("it can be synced");
        }
    }
}

async fn quiet(shops: &[Shop]) {
    let quiet = async {
        for shop in shops {
            while has_unfinished(shop).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, quiet).await.expect("all runs end in time");
}

/// What is there, in words that don't change from one database to another.
async fn state(shops: &[Shop]) -> BTreeMap<String, Vec<String>> {
    let first = &shops[0];
    let mut state = BTreeMap::new();
    state.insert("members".to_owned(), first.members().await);
    state.insert("story".to_owned(), first.story().await);
    for shop in shops {
        for audience in [Audience::Subscribers, Audience::Customers, Audience::Guests] {
            state.insert(format!("{} {audience}", shop.store.name()), shop.on(audience).await.into_iter().collect());
        }
    }
    state
}

async fn killed_at_random(db: TestDatabase) {
    let undisturbed = TestDatabase::migrated(Engine::Postgres).expect("the engine is there");
    let calm = six_shops(&app_on(undisturbed.url()).await, 300).await;
    for shop in &calm {
        assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    }

    let seed = 20_260_404;
    let mut random = StdRng::seed_from_u64(seed);
    let shops = six_shops(&app_on(db.url()).await, 300).await;
    for shop in &shops {
        shop.store.set_latency(PAGE);
    }
    let mut programs: Vec<Serving> = Vec::new();
    for _ in 0..REPLICAS {
        programs.push(Program::beside(db.url()).serve().await);
    }
    let faults = [Fault::Throttled, Fault::ServerError, Fault::TruncatedBody, Fault::MalformedJson, Fault::Html];
    let mut changing = Vec::new();
    for kill in 0..KILLS {
        if kill == READ_BY {
            all_read(&shops).await;
            for shop in &shops {
                changing.push(Changing { people: shop.on(Audience::Subscribers).await.into_iter(), done: Vec::new() });
            }
        }
        for (shop, changing) in shops.iter().zip(&mut changing) {
            changing.change_one(shop, kill);
        }
        keep_busy(&shops, if kill % 2 == 0 { RunMode::Full } else { RunMode::Incremental }).await;
        let shop = &shops[random.random_range(0..shops.len())];
        let fault = faults[random.random_range(0..faults.len())];
        let plan = FaultPlan { fault, times: 1, after: random.random_range(0..4), on: Target::Any };
        assert!(shop.store.plan_fault(plan));
        tokio::time::sleep(Duration::from_millis(random.random_range(50..900))).await;
        programs.swap_remove(random.random_range(0..programs.len())).kill().await;
        programs.push(Program::beside(db.url()).serve().await);
        assert!(programs.len() == REPLICAS, "kill {kill}");
    }
    all_read(&shops).await;
    for (shop, changing) in calm.iter().zip(changing) {
        assert_eq!(changing.done.len(), KILLS - READ_BY);
        for change in changing.done {
            shop.store.change(&change).expect("what one store does another one can");
        }
        assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    }
    for program in programs {
        assert!(program.terminate().await.success());
    }
    for shop in &shops {
        shop.assert_true().await;
    }
    let (calm, chaotic) = (state(&calm).await, state(&shops).await);
    for (what, expected) in &calm {
        assert_eq!(&chaotic[what], expected, "{what} (seed {seed})");
    }
    for shop in &shops {
        let proof = service::evidence::verify(&shop.app, &shop.caller).await.expect("the chain can be verified");
        assert_eq!(proof.first_bad_sequence, None);
    }
}

/// Lets all runs end, and has whoever was held up by faults, or was killed thrice at one place, read once more.
async fn all_read(shops: &[Shop]) {
    quiet(shops).await;
    for shop in shops {
        shop.store.clear_faults();
        shop.store.set_latency(Duration::ZERO);
    }
    // Once more, because the first of these may go on where one that failed had stopped, behind people who were deleted since.
    for _ in 0..2 {
        keep_busy(shops, RunMode::Full).await;
        quiet(shops).await;
    }
    for shop in shops {
        shop.store.set_latency(PAGE);
    }
}

/// What a store does while it is read: each of its people changes once at most, so that the end does not hang on when they are read.
struct Changing {
    people: btree_set::IntoIter<String>,
    done: Vec<Change>,
}

impl Changing {
    /// One of them says no, or is deleted.
    fn change_one(&mut self, shop: &Shop, number: usize) {
        let change = |email| if number.is_multiple_of(3) { Change::Delete { email } } else { Change::OptOut { email } };
        let done = self.people.by_ref().map(change).find(|change| shop.store.change(change).is_ok());
        self.done.push(done.expect("somebody is left"));
    }
}

async fn stopped(db: TestDatabase) {
    let app = app_on(db.url()).await;
    let store = SandboxStore::start(Platform::WooCommerce, StoreOptions { people: 1_000, ..StoreOptions::default() });
    let shop = Shop::over(&app, store.await.expect("a simulated store starts")).await;
    shop.store.set_latency(Duration::from_millis(150));
    let run = service::syncs::start(&app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let first = Program::beside(db.url()).with("ASSENT_LEASE_SECONDS", "60").serve().await;
    let second =
        Program::beside(db.url()).with("ASSENT_LEASE_SECONDS", "60").with("ASSENT_SYNC_SLOTS", "1").serve().await;
    let pages = |least: i32| {
        let shop = &shop;
        let reached = async move {
            while shop.run(run).await.page_count < least {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        async move { tokio::time::timeout(PATIENCE, reached).await.expect("the run gets on") }
    };
    pages(2).await;
    // Whichever of the two has it: both are told, one after the other, and a third one carries it on.
    assert!(first.terminate().await.success());
    let at_stop = shop.run(run).await;
    pages(at_stop.page_count + 1).await;
    let third = Program::beside(db.url()).with("ASSENT_LEASE_SECONDS", "60").serve().await;
    assert!(second.terminate().await.success());
    shop.store.set_latency(Duration::ZERO);
    quiet(std::slice::from_ref(&shop)).await;
    third.kill().await;
    let ended = shop.run(run).await;
    assert_eq!((ended.status.as_str(), ended.deaths), ("succeeded", 0), "leases of a minute were given back");
    assert!(ended.attempts > 1);
    shop.assert_true().await;
}

async fn started_at_once(db: &TestDatabase) {
    let mut starts = Vec::new();
    for _ in 0..REPLICAS {
        starts.push(Program::beside(db.url()).serve());
    }
    let programs = futures::future::join_all(starts).await;
    let pool = db.connect().await;
    let applied = "SELECT COUNT(*), COUNT(DISTINCT version) FROM seaql_migrations";
    let row = pool.query_one_raw(Statement::from_string(pool.get_database_backend(), applied)).await.unwrap().unwrap();
    let (all, distinct): (i64, i64) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
    assert_eq!(all, distinct);
    let app = app_on(db.url()).await;
    let shops = six_shops(&app, 20).await;
    for shop in &shops {
        let due = ::entity::schedule::Entity::update_many()
            .col_expr(::entity::schedule::Column::NextRunAt, sea_orm::sea_query::Expr::value(app.clock.now()))
            .filter(::entity::schedule::Column::IntegrationId.eq(shop.integration.0));
        due.exec(&app.db).await.unwrap();
    }
    let synced = async {
        for shop in &shops {
            while sync_run::Entity::find()
                .filter(sync_run::Column::IntegrationId.eq(shop.integration.0))
                .filter(sync_run::Column::Status.eq("succeeded"))
                .count(&app.db)
                .await
                .unwrap()
                == 0
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, synced).await.expect("all are synced by themselves");
    assert_eq!(sync_run::Entity::find().count(&app.db).await.unwrap(), 6, "and each of them once");
    for program in programs {
        program.kill().await;
    }
}

/// When the database server began to run; `None` while it is away.
async fn started_at(app: &App) -> Option<String> {
    let statement = Statement::from_string(app.db.get_database_backend(), "SELECT pg_postmaster_start_time()::text");
    app.db.query_one_raw(statement).await.ok()??.try_get_by_index(0).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_loses_nothing() {
    let mut server = match tokio::task::spawn_blocking(postgres::start_private).await.unwrap() {
        Ok(server) => server,
        Err(why) => {
            assert!(!demanded("ASSENT_REQUIRE_POSTGRES"), "ASSENT_REQUIRE_POSTGRES is set, but {why}");
            return announce(&format!("Test of restarts skipped: {why}"));
        }
    };
    let url = server.url.to_string();
    let app = app_on(&url).await;
    let shops = six_shops(&app, 300).await;
    for shop in &shops {
        shop.store.set_latency(Duration::from_millis(100));
    }
    let programs = [Program::beside(&url).serve().await, Program::beside(&url).serve().await];
    keep_busy(&shops, RunMode::Full).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let before = started_at(&app).await;
        server.restart();
        let back = async {
            while started_at(&app).await.is_none_or(|now| Some(now) == before) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, back).await.expect("the database comes back");
    }
    for shop in &shops {
        shop.store.set_latency(Duration::ZERO);
    }
    quiet(&shops).await;
    keep_busy(&shops, RunMode::Full).await;
    quiet(&shops).await;
    for shop in &shops {
        shop.assert_true().await;
    }
    let undisturbed = TestDatabase::migrated(Engine::Postgres).expect("the engine is there");
    let calm = six_shops(&app_on(undisturbed.url()).await, 300).await;
    for shop in &calm {
        assert_eq!(shop.sync(RunMode::Full).await.status, "succeeded");
    }
    assert_eq!(state(&shops).await, state(&calm).await);
    for program in programs {
        assert!(program.terminate().await.success(), "nobody gave up");
    }
}
