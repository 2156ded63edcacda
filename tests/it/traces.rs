//! Traces: what a real program sends to a collector, and what it does without one.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use assent::domain::Platform;
use assent::domain::sync::RunMode;
use assent::sandbox::{Change, SandboxStore, StoreOptions};
use assent::service;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::program::Program;
use crate::support::shop::Shop;

both_databases!(
    a_run_is_a_tree_of_pages_and_requests_without_a_word_about_anybody,
    a_collector_that_is_away_costs_one_line_in_the_log,
);

/// Takes what is sent by OTLP over HTTP.
struct Collector {
    url: String,
    taken: Arc<Mutex<Vec<Bytes>>>,
    _server: DropGuard,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let take = async |State(taken): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes| taken.lock().unwrap().push(body);
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
        let until = CancellationToken::new();
        let server = axum::serve(listener, router).with_graceful_shutdown(until.clone().cancelled_owned());
        tokio::spawn(async move { server.await });
        Self { url, taken, _server: until.drop_guard() }
    }

    /// Everything that came, as it came.
    fn raw(&self) -> Vec<u8> {
        self.taken.lock().unwrap().concat()
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.taken.lock().unwrap();
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).expect("it is OTLP")).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Attributes in words.
fn words(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let word = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.clone()) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.as_str(), word(attribute))).collect()
}

fn children<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.parent_span_id == parent.span_id).collect()
}

/// A store with people, in an account of its own.
async fn shop(db: &TestDatabase) -> Shop {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let options = StoreOptions { people: 40, ..StoreOptions::default() };
    let store = SandboxStore::start(Platform::WooCommerce, options).await.expect("a simulated store starts");
    Shop::over(&app, store).await
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

async fn a_run_is_a_tree_of_pages_and_requests_without_a_word_about_anybody(db: TestDatabase) {
    let collector = Collector::start().await;
    let shop = shop(&db).await;
    let email = "anna@example.com".to_owned();
    shop.store.change(&Change::GuestOrder { email: email.clone(), opt_in: Some(true) }).unwrap();
    let serving = Program::beside(db.url()).with("ASSENT_OTLP_ENDPOINT", &collector.url).serve().await;
    let run = service::syncs::start(&shop.app, &shop.caller, shop.integration, RunMode::Full).await.unwrap();
    let client = reqwest::Client::builder().build().unwrap();
    let asked = client.get(format!("{}/v1/lists?after={email}", serving.url)).bearer_auth("a-token-of-somebody");
    let asked = asked.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    assert_eq!(asked.send().await.unwrap().status(), 401);
    for _ in 0..600 {
        if shop.run(run).await.finished_at.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(serving.terminate().await.code(), Some(0), "what is left is delivered at the stop");

    let spans = collector.spans();
    let carried = spans.iter().find(|span| span.name == "sync.run").expect("the run is a span");
    let said = words(&carried.attributes);
    assert_eq!((said["store.platform"].as_str(), said["sync.mode"].as_str()), ("woocommerce", "full"));
    assert_eq!((&said["sync.run"], said["sync.status"].as_str()), (&run.to_string(), "succeeded"));
    assert!(carried.parent_span_id.is_empty(), "a run is a trace of its own");
    let pages: Vec<&Span> = children(&spans, carried).into_iter().filter(|span| span.name == "sync.page").collect();
    let read: i64 =
        pages.iter().filter_map(|page| words(&page.attributes).get("sync.records")?.parse::<i64>().ok()).sum();
    assert_eq!(read, shop.run(run).await.read_count);
    let asked: Vec<&Span> = spans.iter().filter(|span| span.kind == 3).collect();
    assert_eq!(asked.len() as u64, shop.store.requests(), "every request to the store is a span");
    for request in asked {
        let said = words(&request.attributes);
        let is_of_a_page = pages.iter().any(|page| page.span_id == request.parent_span_id);
        match said["store.operation"].as_str() {
            "customers" | "orders" => assert!(is_of_a_page, "it belongs to the page that it was sent for"),
            operation => assert_eq!((operation, is_of_a_page), ("webhooks", false)),
        }
        assert_eq!(request.name, format!("woocommerce {}", said["store.operation"]));
        let expected = if said["http.request.method"] == "POST" { "201" } else { "200" };
        assert_eq!(said["http.response.status_code"], expected);
    }
    assert!(pages.iter().any(|page| children(&spans, page).iter().any(|span| span.name == "sync.write")));

    let answered = spans.iter().find(|span| span.name == "GET /v1/lists").expect("the request is a span");
    assert_eq!(hex(&answered.trace_id), TRACE, "it belongs to the caller's trace");
    assert_eq!(hex(&answered.parent_span_id), CALLER);
    assert_eq!(words(&answered.attributes)["http.response.status_code"], "401");
    let resource = &collector.requests()[0].resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(
        (words(resource)["service.name"].as_str(), words(resource)["service.version"].as_str()),
        ("assent", env!("CARGO_PKG_VERSION"))
    );
    assert_says_nothing_about_anybody(&collector.raw(), &shop);
}

fn hex(bytes: &[u8]) -> String {
    assent::domain::ledger::hex(bytes)
}

/// No address of a person or of the store, no name, no key and no token.
fn assert_says_nothing_about_anybody(raw: &[u8], shop: &Shop) {
    let text = String::from_utf8_lossy(raw).to_lowercase();
    let mut secrets: Vec<String> = shop.store.truths(0, 500).into_iter().filter_map(|truth| truth.address).collect();
    assert!(secrets.len() > 30);
    let settings = shop.store.settings();
    secrets.extend(settings.as_object().unwrap().values().filter_map(Value::as_str).map(str::to_owned));
    secrets.extend(["@example", "a-token-of-somebody", "after=", "127.0.0.1", "bearer"].map(str::to_owned));
    for secret in secrets {
        assert!(!text.contains(&secret.to_lowercase()), "{secret} is in a trace");
    }
}

async fn a_collector_that_is_away_costs_one_line_in_the_log(db: TestDatabase) {
    let shop = shop(&db).await;
    let listener = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    // One that nobody listens at, and one that takes the connection and never answers.
    let (gone, silent) = (listener().await, listener().await);
    let addresses = [gone.local_addr().unwrap(), silent.local_addr().unwrap()];
    drop(gone);
    for address in addresses {
        // Batches in quick succession, each of which fails.
        let program = Program::beside(db.url()).with("OTEL_BSP_SCHEDULE_DELAY", "10");
        let program = program.with("ASSENT_OTLP_ENDPOINT", &format!("http://{address}"));
        let ended = program.run(&["sync", "--mode", "full", "--format", "json"]).await;
        assert_eq!(ended.json()[0]["status"], "succeeded");
        assert_eq!(ended.stderr.matches("traces can't be delivered").count(), 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    shop.assert_true().await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_repeated() {
    for address in ["127.0.0.1:4318", "ftp://127.0.0.1", "http://user:hush@127.0.0.1", "http://127.0.0.1?key=hush"] {
        let ended = Program::new().with("ASSENT_OTLP_ENDPOINT", address).run(&["serve"]).await;
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stderr.contains("ASSENT_OTLP_ENDPOINT must be") && !ended.stderr.contains("hush"),
            "{}",
            ended.stderr
        );
    }
}
