//! `/v1/syncs/{id}/events`.

use assent::app::App;
use assent::domain::access::Scope;
use assent::service;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{Live, PATIENCE, assert_course, hold_up, queue, slow_shop, token_of};
use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::program::Program;

both_databases!(
    a_run_is_followed_from_the_queue_to_its_end,
    an_ended_run_is_told_once,
    a_run_that_waits_can_be_followed_by_several,
    nobody_follows_what_is_not_theirs,
    a_run_that_goes_away_ends_its_stream_with_the_reason,
    a_stream_ends_with_its_token,
    a_service_that_is_told_to_stop_ends_its_streams,
);

/// One server-sent event.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

/// An open stream.
struct Events {
    response: Response,
    read: String,
}

impl Events {
    async fn open(url: &str, token: &str) -> Self {
        let response = ask(url, Some(token)).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self { response, read: String::new() }
    }

    /// The next event; `None` at an orderly end. Comments are passed over.
    async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some((event, rest)) = self.read.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.read = rest;
                    if !event.starts_with(':') {
                        return Some(parse(&event));
                    }
                    continue;
                }
                let chunk = self.response.chunk().await.expect("the stream does not break off")?;
                self.read.push_str(std::str::from_utf8(&chunk).expect("events are text"));
            }
        })
        .await
        .expect("an event comes in time")
    }

    /// All events up to an orderly end.
    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(event: &str) -> Event {
    let field = |name: &str| {
        let mut lines = event.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.next().unwrap_or_default().to_owned()
    };
    Event {
        name: field("event"),
        id: field("id"),
        data: serde_json::from_str(&field("data")).expect("the data is JSON"),
    }
}

/// Takes compressed answers, and shows them as they come.
async fn ask(url: &str, token: Option<&str>) -> Response {
    let client = reqwest::Client::builder().no_proxy().no_gzip().build().expect("a client can be built");
    let mut request = client.get(url).header("accept-encoding", "gzip");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("the service answers")
}

async fn a_run_is_followed_from_the_queue_to_its_end(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let mut events = Events::open(&live.events_of(run), &live.token).await;
    let headers = events.response.headers().clone();
    let header = |name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!(header("content-encoding"), None, "an event is not held back until there is more to compress");
    let document = ask(&format!("{}/openapi.json", live.url), None).await;
    assert_eq!(document.headers()["content-encoding"], "gzip", "what is no stream is compressed for this client");
    let first = events.next().await.expect("the state is told at once");
    assert_eq!((first.name.as_str(), first.id.as_str()), ("progress", "1"));
    assert_eq!((&first.data["run"]["status"], &first.data["percent"]), (&"queued".into(), &Value::Null));
    let carried = live.carry(run);
    let events = events.rest().await;
    carried.await.expect("the run is carried out");
    let (end, progress) = events.split_last().expect("there are events");
    assert_eq!(end.name, "end");
    assert!(progress.iter().all(|event| event.name == "progress"), "{progress:?}");
    for (number, event) in (2..).zip(&events) {
        assert_eq!(event.id, number.to_string());
    }
    let told: Vec<Value> = progress.iter().map(|event| event.data.clone()).collect();
    assert_course(&told);
    assert_eq!(Some(&end.data), told.last());
    assert_eq!(end.data["run"]["status"], "succeeded");
    assert_eq!(end.data["run"]["read"].as_u64(), end.data["run"]["total"].as_u64());
}

async fn an_ended_run_is_told_once(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    service::syncs::cancel(&live.app, &live.shop.caller, run).await.expect("a run can be cancelled");
    for _ in 0..2 {
        let events = Events::open(&live.events_of(run), &live.token).await.rest().await;
        let told: Vec<(&str, &Value)> =
            events.iter().map(|event| (event.name.as_str(), &event.data["run"]["status"])).collect();
        assert_eq!(told, [("progress", &"cancelled".into()), ("end", &"cancelled".into())]);
    }
}

async fn a_run_that_waits_can_be_followed_by_several(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut events = Events::open(&live.events_of(run), &live.token).await;
        assert_eq!(events.next().await.expect("the state is told at once").data["run"]["status"], "queued");
        streams.push(events);
    }
    service::syncs::cancel(&live.app, &live.shop.caller, run).await.expect("a run can be cancelled");
    for events in streams {
        assert_eq!(events.rest().await.last().expect("there is an end").data["run"]["status"], "cancelled");
    }
}

async fn nobody_follows_what_is_not_theirs(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let rival = service::accounts::create(&live.app, "Rival", "owner@rival.example").await;
    let rival = rival.expect("an account can be made").account_id;
    let other_scopes: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| *scope != Scope::SyncsRead).collect();
    let narrow = token_of(&live.app, live.shop.caller.account_id, &other_scopes).await;
    let rival = token_of(&live.app, rival, Scope::ALL).await;
    let cases = [(None, 401), (Some("nonsense"), 401), (Some(narrow.as_str()), 403), (Some(rival.as_str()), 404)];
    for (token, status) in cases {
        let answer = ask(&live.events_of(run), token).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

async fn a_run_that_goes_away_ends_its_stream_with_the_reason(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let mut events = Events::open(&live.events_of(run), &live.token).await;
    events.next().await.expect("the state is told at once");
    let deleted = service::integrations::delete(&live.app, &live.shop.caller, live.shop.integration).await;
    deleted.expect("an integration can be deleted");
    let events = events.rest().await;
    let told: Vec<(&str, &Value)> = events.iter().map(|event| (event.name.as_str(), &event.data["code"])).collect();
    assert_eq!(told, [("problem", &"NOT_FOUND".into())]);
}

async fn a_stream_ends_with_its_token(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let events = Events::open(&live.events_of(run), &live.short_token().await).await.rest().await;
    let told: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(told, ["progress"]);
}

async fn a_service_that_is_told_to_stop_ends_its_streams(db: TestDatabase) {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let shop = slow_shop(&app).await;
    hold_up(&shop);
    let run = queue(&shop).await;
    let serving = Program::beside(db.url()).serve().await;
    let app = App { public_url: serving.url.clone().into(), ..app };
    let token = token_of(&app, shop.caller.account_id, Scope::ALL).await;
    let mut events = Events::open(&format!("{}/v1/syncs/{run}/events", serving.url), &token).await;
    events.next().await.expect("the state is told at once");
    // A stream that is cut off, as after the twenty seconds that requests have, breaks off; this one ends.
    let (stopped, events) = tokio::join!(serving.terminate(), events.rest());
    assert_eq!(stopped.code(), Some(0));
    assert!(events.iter().all(|event| event.name == "progress"), "{events:?}");
}
