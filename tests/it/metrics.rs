//! The metrics: what a serving process tells after real work, and that documents and dashboard know exactly those.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use ::entity::{hint_lane, pending_hint, sync_run};
use assent::app::App;
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Clock as _, Platform, SystemClock};
use assent::sandbox::{Change, DeliveryFault, Fault, FaultPlan, SandboxStore, StoreOptions, Target};
use assent::service;
use assent::sync::registration;
use assent::telemetry::{self, Kind, METRICS};
use chrono::TimeDelta;
use regex::Regex;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::files::root;
use crate::support::program::Program;
use crate::support::shop::Shop;

both_databases!(a_serving_process_tells_what_it_did, queues_are_shown_as_they_stand_in_the_database);

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_documented_metrics_are_those_that_exist() {
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let documented: Vec<_> = text_of("docs/metrics.md")
        .lines()
        .filter(|line| line.starts_with("| `assent_"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            (words(cells[0]), cells[1].to_owned(), words(cells[2]), cells[3].to_owned())
        })
        .collect();
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let existing: Vec<_> = METRICS
        .iter()
        .map(|metric| {
            let kind = metric.kind.as_str().to_owned();
            (strings(&[metric.name]), kind, strings(metric.labels), metric.meaning.to_owned())
        })
        .collect();
    assert_eq!(documented, existing, "left: docs/metrics.md, right: src/telemetry/names.rs");
}

/// The metric that a name of a series belongs to.
fn metric_of(series: &str) -> &'static telemetry::Metric {
    let found = METRICS.iter().find(|metric| {
        let parts: &[&str] = match metric.kind {
            Kind::Histogram(_) => &["_bucket", "_sum", "_count"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        series.strip_prefix(metric.name).is_some_and(|rest| parts.contains(&rest))
    });
    found.unwrap_or_else(|| panic!("{series} is no metric of the service"))
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let dashboard: Value = serde_json::from_str(&text_of("docs/grafana-dashboard.json")).unwrap();
    let variable = &dashboard["templating"]["list"][0];
    assert_eq!((&variable["type"], &variable["query"]), (&json!("datasource"), &json!("prometheus")));
    let panels = dashboard["panels"].as_array().unwrap();
    let (names, sets) =
        (Regex::new(r"assent_\w+").unwrap(), Regex::new(r"by \(([^)]*)\)|(\w+)(?:=|!=|!~)\x22").unwrap());
    let (mut shown, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = panel["title"].as_str().filter(|title| !title.is_empty()).expect("every panel has a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title} has an id of its own");
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has a unit");
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let series: Vec<&str> = names.find_iter(expression).map(|found| found.as_str()).collect();
            assert_eq!(series.len(), 1, "{expression}");
            let metric = metric_of(series[0]);
            shown.insert(metric.name);
            for set in sets.captures_iter(expression) {
                let labels = set.get(1).or(set.get(2)).unwrap().as_str().split(", ");
                let unknown = labels.into_iter().find(|label| *label != "le" && !metric.labels.contains(label));
                assert_eq!(unknown, None, "{expression}");
            }
        }
    }
    assert_eq!(shown, METRICS.iter().map(|metric| metric.name).collect(), "left: the dashboard");
}

/// Counters and histograms whose series begin with their first event, as `docs/metrics.md` says.
const LATER: &[&str] = &[
    "assent_sync_run_duration_seconds",
    "assent_store_requests_total",
    "assent_store_request_duration_seconds",
    "assent_store_wait_seconds",
    "assent_webhook_handling_seconds",
    "assent_http_requests_total",
    "assent_http_request_duration_seconds",
];

#[test]
fn what_begins_with_its_first_event_is_said_to() {
    let text = text_of("docs/metrics.md");
    let paragraph = text.split("\n\n").find(|paragraph| paragraph.contains("begin with their first event"));
    let paragraph = paragraph.expect("the document says so");
    for metric in METRICS.iter().filter(|metric| !matches!(metric.kind, Kind::Gauge)) {
        assert_eq!(paragraph.contains(metric.name), LATER.contains(&metric.name), "{}", metric.name);
    }
}

/// What `/metrics` holds: series, labels and values.
struct Page(Vec<(String, BTreeMap<String, String>, f64)>);

impl Page {
    fn read(text: &str) -> Self {
        let sample = Regex::new(r"^(\w+)(?:\{(.*)\})? (\S+)$").unwrap();
        let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            lines
                .map(|line| {
                    let parts = sample.captures(line).unwrap_or_else(|| panic!("{line}"));
                    let labels = label.captures_iter(parts.get(2).map_or("", |labels| labels.as_str()));
                    let labels = labels.map(|pair| (pair[1].to_owned(), pair[2].to_owned())).collect();
                    (parts[1].to_owned(), labels, parts[3].parse().unwrap())
                })
                .collect(),
        )
    }

    async fn of(url: &str) -> Self {
        Self::read(&reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap())
    }

    /// The sum over all samples of a series that have these labels.
    fn sum(&self, series: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |all: &BTreeMap<String, String>| {
            labels.iter().all(|(name, value)| all.get(*name).is_some_and(|found| found == value))
        };
        self.0.iter().filter(|(name, all, _)| name == series && has(all)).map(|(_, _, value)| value).sum()
    }

    #[track_caller]
    fn assert(&self, series: &str, labels: &[(&str, &str)], expected: i64) {
        let found = self.sum(series, labels);
        assert!((found - f64::from(i32::try_from(expected).unwrap())).abs() < 1e-9, "{series} {labels:?} is {found}");
    }
}

/// Looks again and again until it is so, half a minute at most.
async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not happen: {what}");
}

const SHOP: (&str, &str) = ("platform", "woocommerce");

/// A store installed for a process that serves at `url` over the same database.
async fn shop_of(app: &App) -> Shop {
    let store = SandboxStore::start(Platform::WooCommerce, StoreOptions { people: 40, ..StoreOptions::default() });
    let store = store.await.expect("a simulated store starts");
    for (fault, on) in [(Fault::Throttled, Target::Customers), (Fault::ServerError, Target::Orders)] {
        assert!(store.plan_fault(FaultPlan { on, ..FaultPlan::once(fault) }));
    }
    Shop::over(app, store).await
}

/// Has the serving process carry a run out.
async fn synced(shop: &Shop, mode: RunMode) -> sync_run::Model {
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, mode).await.unwrap();
    until("the run ends", || async { shop.run(run).await.finished_at.is_some() }).await;
    shop.run(run).await
}

async fn buys(shop: &Shop, email: &str, opt_in: bool) {
    shop.store.change(&Change::GuestOrder { email: email.to_owned(), opt_in: Some(opt_in) }).unwrap();
    shop.store.delivered().await;
}

async fn a_serving_process_tells_what_it_did(db: TestDatabase) {
    let serving = Program::beside(db.url()).serve().await;
    let mut app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    app.public_url = serving.url.as_str().into();
    let shop = shop_of(&app).await;
    let start = Page::of(&serving.url).await;
    let run = synced(&shop, RunMode::Full).await;
    assert_eq!(run.status, "succeeded");
    let page = Page::of(&serving.url).await;
    let ended = [("mode", "full"), ("status", "succeeded"), SHOP, ("code", "none")];
    page.assert("assent_sync_runs_total", &ended, 1);
    page.assert("assent_sync_run_duration_seconds_count", &ended[..3], 1);
    page.assert("assent_sync_runs_running", &[SHOP], 0);
    page.assert("assent_sync_records_total", &[SHOP], run.read_count);
    page.assert("assent_sync_records_total", &[SHOP, ("outcome", "created")], run.created_count);
    page.assert("assent_sync_memberships_total", &[SHOP, ("change", "joined")], run.joined_count);
    let requests = i64::try_from(shop.store.requests()).unwrap();
    page.assert("assent_store_requests_total", &[SHOP], requests);
    page.assert("assent_store_requests_total", &[SHOP, ("outcome", "429")], 1);
    page.assert("assent_store_request_duration_seconds_count", &[SHOP], requests);
    page.assert("assent_store_wait_seconds_count", &[SHOP, ("reason", "throttled")], 1);
    page.assert("assent_store_wait_seconds_count", &[SHOP, ("reason", "backoff")], 1);
    assert!(page.sum("assent_store_wait_seconds_sum", &[SHOP, ("reason", "throttled")]) >= 1.0, "as the store asked");

    opt_outs(&shop, &serving.url).await;
    takeovers(&shop).await;
    refused(&shop).await;
    asks(&app, &serving.url).await;

    let page = Page::of(&serving.url).await;
    page.assert("assent_opt_out_seconds_count", &[SHOP, ("way", "webhook")], 1);
    page.assert("assent_opt_out_seconds_count", &[SHOP, ("way", "sync")], 1);
    page.assert("assent_lease_takeovers_total", &[("work", "run")], 1);
    page.assert("assent_lease_takeovers_total", &[("work", "hints")], 1);
    page.assert("assent_sync_runs_total", &[("status", "failed"), SHOP, ("code", "STORE_CREDENTIALS_REJECTED")], 1);
    page.assert("assent_graphql_operations_total", &[("outcome", "refused")], 1);
    let mut told = BTreeSet::new();
    for (series, labels, _) in &page.0 {
        let metric = metric_of(series);
        told.insert(metric.name);
        let was_there = start.0.iter().any(|(name, before, _)| name == series && before == labels);
        let may_come_later = metric.kind == Kind::Gauge || LATER.contains(&metric.name);
        assert!(was_there || may_come_later, "{series} {labels:?} begins with its first event");
        let labels: BTreeSet<&str> = labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
        assert_eq!(labels, metric.labels.iter().copied().collect(), "labels of {series}");
    }
    assert_eq!(told, METRICS.iter().map(|metric| metric.name).collect(), "left: what was told");
}

/// One opt-out that a webhook tells, and one whose webhook is lost, so that a sync finds it.
async fn opt_outs(shop: &Shop, url: &str) {
    let mut app = shop.app.clone();
    app.public_url = url.into();
    registration::run_due(&app).await.expect("webhooks can be registered");
    let is_on = async |email: &str| shop.on(Audience::Subscribers).await.contains(email);
    for email in ["ann@example.com", "bob@example.com"] {
        buys(shop, email, true).await;
        until("they are on the list", || is_on(email)).await;
    }
    buys(shop, "ann@example.com", false).await;
    until("a webhook took her off", || async { !is_on("ann@example.com").await }).await;
    shop.store.plan_delivery_fault(DeliveryFault::Dropped, 10);
    buys(shop, "bob@example.com", false).await;
    assert_eq!(synced(shop, RunMode::Full).await.left_count, 1);
    shop.store.clear_delivery_faults();
}

/// Leaves behind what a worker leaves that died: a run, and a lane of hints.
async fn takeovers(shop: &Shop) {
    let (db, now) = (&shop.app.db, SystemClock.now());
    hint_lane::Entity::update_many()
        .col_expr(hint_lane::Column::LeaseToken, Expr::value(Uuid::new_v4()))
        .col_expr(hint_lane::Column::LeaseUntil, Expr::value(now + TimeDelta::seconds(3)))
        .exec(db)
        .await
        .unwrap();
    buys(shop, "ann@example.com", true).await;
    let waits = async || pending_hint::Entity::find().one(db).await.unwrap().is_some();
    assert!(waits().await, "the lane is held");
    until("the hint is taken over", || async { !waits().await }).await;
    let last = sync_run::Entity::find().one(db).await.unwrap().unwrap();
    let id = Uuid::new_v4();
    let orphan = sync_run::ActiveModel {
        id: Set(id),
        status: Set("running".to_owned()),
        progress: Set(json!({})),
        lease_token: Set(Some(Uuid::new_v4())),
        lease_until: Set(Some(now)),
        finished_at: Set(None),
        ..last.into_active_model().reset_all()
    };
    sync_run::Entity::insert(orphan).exec_without_returning(db).await.unwrap();
    until("the run is taken over", || async { shop.run(id.into()).await.finished_at.is_some() }).await;
}

/// A run whose credentials are refused.
async fn refused(shop: &Shop) {
    assert!(shop.store.plan_fault(FaultPlan { times: 50, ..FaultPlan::once(Fault::RejectedCredentials) }));
    assert_eq!(synced(shop, RunMode::Full).await.status, "failed");
    shop.store.clear_faults();
}

/// A query that can't be answered.
async fn asks(app: &App, url: &str) {
    let account = service::accounts::create(app, "Acme", "owner@acme.example").await.unwrap();
    let client = reqwest::Client::builder().build().unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &account.client_id.to_string()),
        ("client_secret", &account.client_secret),
    ];
    let granted = client.post(format!("{url}/oauth/token")).form(&form).send().await.unwrap();
    let token = granted.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let query = client.post(format!("{url}/graphql")).bearer_auth(token).json(&json!({"query": "{ nothing }"}));
    let answer: Value = query.send().await.unwrap().json().await.unwrap();
    assert!(answer["errors"].is_array(), "{answer}");
}

/// The queues as a process would show them now.
fn queues_of(app: &App) -> Page {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Handle::current();
        metrics::with_local_recorder(&recorder, || runtime.block_on(service::queues::show(app))).unwrap();
    });
    Page::read(&recorder.handle().render())
}

async fn queues_are_shown_as_they_stand_in_the_database(db: TestDatabase) {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let shop = shop_of(&app).await;
    service::syncs::start(&app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    sync_run::Entity::update_many()
        .col_expr(sync_run::Column::QueuedAt, Expr::value(SystemClock.now() - TimeDelta::hours(1)))
        .exec(&app.db)
        .await
        .unwrap();
    let page = queues_of(&app);
    page.assert("assent_sync_queue_runs", &[("status", "queued")], 1);
    page.assert("assent_sync_queue_runs", &[("status", "running")], 0);
    let oldest = page.sum("assent_sync_queue_oldest_seconds", &[]);
    assert!((3600.0..3660.0).contains(&oldest), "{oldest}");
    page.assert("assent_webhook_hints_waiting", &[("urgent", "yes")], 0);
    // Another one waits behind it, which no worker could take up.
    sync_run::Entity::update_many()
        .col_expr(sync_run::Column::Status, Expr::value("running"))
        .exec(&app.db)
        .await
        .unwrap();
    service::syncs::start(&app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    sync_run::Entity::update_many()
        .col_expr(sync_run::Column::QueuedAt, Expr::value(SystemClock.now() - TimeDelta::hours(1)))
        .exec(&app.db)
        .await
        .unwrap();
    let page = queues_of(&app);
    page.assert("assent_sync_queue_runs", &[("status", "queued")], 1);
    page.assert("assent_sync_queue_oldest_seconds", &[], 0);
}
