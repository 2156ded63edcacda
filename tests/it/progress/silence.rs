//! Clients of GraphQL over WebSocket that say nothing, or do not listen: they are given up, and harm nobody. None of it depends
//! on the database.

use std::time::Duration;

use assent::app::SocketLimits;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::socket::{FOLLOW, Heard, Socket};
use super::{Live, PATIENCE};
use crate::support::databases::{Engine, TestDatabase, run};
use crate::support::files::text_files;

/// Text of one message, and how much of it a client may get rid of that reads nothing: what the kernel keeps of both ways, and far
/// less than a service could keep.
const PUSHED: usize = 512 * 1024;
const MOST_PUSHED: usize = 64 * 1024 * 1024;

/// A service that has less patience than it is documented to have.
async fn live(test: impl AsyncFnOnce(Live)) {
    let millis = Duration::from_millis;
    let limits = SocketLimits { first_message: PATIENCE, ping: millis(300), silence: millis(1_500), send: millis(500) };
    run(Engine::Sqlite, async |db: TestDatabase| {
        test(Live::with(db, |app| app.socket_limits = limits).await).await;
    })
    .await;
}

fn pong() -> Heard {
    Heard::Message(json!({"type": "pong"}))
}

#[test]
fn the_limits_are_those_of_the_documentation() {
    let limits = SocketLimits::default();
    let [first, ping, silence, send] =
        [limits.first_message, limits.ping, limits.silence, limits.send].map(|limit| limit.as_secs());
    let page = text_files(|path| path == "docs/graphql.md").remove(0).text;
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = format!(
        "A client is pinged every {ping} seconds, and given up after {silence} without a sign of life, or after {send} in which \
         it takes nothing"
    );
    assert!(page.contains(&sentence), "{sentence}");
    assert!(page.contains(&format!("no first message within {first} seconds")));
}

#[tokio::test]
async fn a_client_that_says_nothing_is_given_up_and_one_that_only_listens_is_not() {
    live(async |live: Live| {
        let mut listens = Socket::open(&live.url, &live.token).await;
        let mut silent = Socket::open(&live.url, &live.token).await.into_tcp();
        let mut told = Vec::new();
        let given_up = async { tokio::time::timeout(PATIENCE, silent.read_to_end(&mut told)).await };
        tokio::select! {
            closed = given_up => { closed.expect("it is closed in time").expect("in order"); }
            heard = listens.hear() => panic!("{heard:?} was not asked for"),
        }
        // Pings (RFC 6455 section 5.5.2), and no word of farewell to somebody who is not there.
        let pings = told.chunks(2).filter(|frame| *frame == [0x89, 0]).count();
        assert!(pings >= 1 && pings * 2 == told.len(), "{told:?}");
        // Longer than anybody may be silent: the client's library has answered the pings.
        listens.say(&json!({"type": "ping"})).await;
        assert_eq!(listens.hear().await, pong());
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_listen_is_given_up_and_disturbs_nobody() {
    live(async |live: Live| {
        let run = live.queue().await;
        let mut other = Socket::open(&live.url, &live.token).await;
        let mut deaf = Socket::open(&live.url, &live.token).await;
        deaf.subscribe("1", FOLLOW, json!({"run": run})).await;
        // Each is to come back as it is.
        let message = json!({"type": "ping", "payload": {"text": "x".repeat(PUSHED)}}).to_string();
        let pushing = tokio::spawn(async move {
            let mut pushed = 0;
            while pushed < MOST_PUSHED && deaf.push(Message::text(message.clone())).await.is_ok() {
                pushed += PUSHED;
            }
            pushed
        });
        let mut answers = 0;
        while !pushing.is_finished() {
            other.say(&json!({"type": "ping"})).await;
            assert_eq!(other.hear().await, pong());
            answers += 1;
        }
        let pushed = pushing.await.expect("it is cut off");
        assert!(
            answers > 0 && pushed < MOST_PUSHED,
            "{pushed} bytes were taken, {answers} answers to the other client"
        );
    })
    .await;
}
