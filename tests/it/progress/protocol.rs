//! What a client of GraphQL over WebSocket may not do, and what it is told then. None of it depends on the database.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::Live;
use super::socket::{FOLLOW, Heard, Socket};
use crate::support::databases::{Engine, TestDatabase, run};

async fn live(test: impl AsyncFnOnce(Live)) {
    run(Engine::Sqlite, async |db: TestDatabase| test(Live::new(db).await).await).await;
}

#[tokio::test]
async fn only_the_living_subprotocol_is_spoken() {
    live(async |live: Live| {
        for protocol in [None, Some("graphql-ws"), Some("nonsense")] {
            let refused = Socket::handshake(&live.url, protocol, Some(&live.token)).await;
            assert_eq!(refused.err(), Some(400), "{protocol:?}");
        }
        let both = Socket::handshake(&live.url, Some("graphql-ws, graphql-transport-ws"), None).await;
        assert!(both.is_ok(), "a client may offer more than one");
        let refused = Socket::handshake(&live.url, Some("graphql-transport-ws"), Some("nonsense")).await;
        assert_eq!(refused.err(), Some(401), "a bad token is refused with the handshake");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_by_the_code() {
    live(async |live: Live| {
        let init = json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {}", live.token)}});
        let bad =
            |authorization: Value| json!({"type": "connection_init", "payload": {"authorization": authorization}});
        let follow = json!({"type": "subscribe", "id": "1", "payload": {"query": "{ me { actor } }"}});
        let without_id = json!({"type": "subscribe", "payload": {"query": "{ me { actor } }"}});
        let long_id = json!({"type": "subscribe", "id": "i".repeat(65), "payload": {"query": "{ me { actor } }"}});
        let text = |value: &Value| Message::text(value.to_string());
        let cases: Vec<(&str, Vec<Message>, u16)> = vec![
            ("no token", vec![text(&json!({"type": "connection_init"}))], 4403),
            ("a payload without one", vec![text(&json!({"type": "connection_init", "payload": {}}))], 4403),
            ("a bad token", vec![text(&bad(json!("Bearer nonsense")))], 4403),
            ("another scheme", vec![text(&bad(json!("Basic QWxhZGRpbg==")))], 4403),
            ("a token that is no text", vec![text(&bad(json!(7)))], 4403),
            ("an operation before the first message", vec![text(&follow)], 4401),
            ("the first message twice", vec![text(&init), text(&init)], 4429),
            ("a message that is no JSON", vec![Message::text("{")], 4400),
            ("a message of no type", vec![text(&json!({"type": "start", "id": "1", "payload": {}}))], 4400),
            ("an operation without a name", vec![text(&init), text(&without_id)], 4400),
            ("an operation with a long name", vec![text(&init), text(&long_id)], 4400),
            ("a binary message", vec![Message::binary(init.to_string())], 4400),
            ("a message that is too long", vec![Message::text(" ".repeat(1024 * 1024 + 1))], 4400),
        ];
        for (what, messages, code) in cases {
            let mut socket = Socket::unknown(&live.url).await;
            for message in messages {
                socket.send(message).await;
            }
            let mut heard = socket.hear().await;
            if heard == Heard::Message(json!({"type": "connection_ack"})) {
                heard = socket.hear().await;
            }
            assert_eq!(heard, Heard::Closed(code), "{what}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_say_who_it_is_has_ten_seconds() {
    live(async |live: Live| {
        let mut socket = Socket::unknown(&live.url).await;
        assert_eq!(socket.hear().await, Heard::Closed(4408));
    })
    .await;
}

#[tokio::test]
async fn two_operations_may_not_have_one_name() {
    live(async |live: Live| {
        let run = live.queue().await;
        let mut socket = Socket::open(&live.url, &live.token).await;
        socket.subscribe("1", FOLLOW, json!({"run": run})).await;
        socket.hear_of("next", "1").await;
        socket.subscribe("1", "{ me { actor } }", json!({})).await;
        assert_eq!(socket.hear().await, Heard::Closed(4409));
    })
    .await;
}

#[tokio::test]
async fn a_socket_carries_sixteen_operations_and_takes_more_when_one_has_ended() {
    live(async |live: Live| {
        let run = live.queue().await;
        let mut socket = Socket::open(&live.url, &live.token).await;
        for id in 0..16 {
            let id = id.to_string();
            socket.subscribe(&id, FOLLOW, json!({"run": run})).await;
            socket.hear_of("next", &id).await;
        }
        socket.subscribe("one more", "{ me { actor } }", json!({})).await;
        assert_eq!(socket.refusal("one more").await, "TOO_COMPLEX");
        socket.say(&json!({"type": "complete", "id": "3"})).await;
        socket.say(&json!({"type": "complete", "id": "never begun"})).await;
        socket.subscribe("3", "{ me { actor } }", json!({})).await;
        assert!(socket.hear_of("next", "3").await["data"]["me"]["actor"].is_string());
        socket.hear_of("complete", "3").await;
    })
    .await;
}

#[tokio::test]
async fn a_document_is_held_to_the_same_limits_as_over_http() {
    let mut bomb = "{ ...f0 }".to_owned();
    for level in 0..24 {
        let next = level + 1;
        write!(bomb, " fragment f{level} on Query {{ ...f{next} ...f{next} }}").expect("texts can be written");
    }
    bomb.push_str(" fragment f24 on Query { me { actor } }");
    let run = "0190163d-8694-739b-aea5-966c26f8ad91";
    let one = format!("syncProgress(syncId: \"{run}\") {{ percent }}");
    let cases = [
        (bomb.clone(), "TOO_COMPLEX"),
        (bomb.replacen("{ ...f0 }", &format!("subscription {{ {one} }}"), 1), "TOO_COMPLEX"),
        (format!("subscription {{ a: {one} b: {one} }}"), "MALFORMED"),
        (format!("subscription {{ {one} {} }}", "x".repeat(64 * 1024)), "TOO_COMPLEX"),
        ("subscription { nothing }".to_owned(), "MALFORMED"),
        ("subscription {".to_owned(), "MALFORMED"),
        ("subscription($run: UUID!) { syncProgress(syncId: $run) { percent } }".to_owned(), "INVALID"),
        ("subscription { syncProgress(syncId: \"7\") { percent } }".to_owned(), "MALFORMED"),
        (format!("subscription {{ {one} }}"), "NOT_FOUND"),
    ];
    live(async |live: Live| {
        let mut socket = Socket::open(&live.url, &live.token).await;
        for (document, code) in cases {
            socket.subscribe("1", &document, json!({})).await;
            assert_eq!(socket.refusal("1").await, code, "{document:.100}");
        }
        socket.say(&json!({"type": "subscribe", "id": "1", "payload": {"query": 7}})).await;
        assert_eq!(socket.refusal("1").await, "MALFORMED");
    })
    .await;
}

#[tokio::test]
async fn a_sign_of_life_is_answered() {
    live(async |live: Live| {
        let mut socket = Socket::unknown(&live.url).await;
        socket.say(&json!({"type": "ping"})).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({"type": "pong"})));
        socket.say(&json!({"type": "ping", "payload": {"at": 7}})).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({"type": "pong", "payload": {"at": 7}})));
        socket.say(&json!({"type": "pong"})).await;
        socket.initialise(&live.token).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({"type": "connection_ack"})));
    })
    .await;
}
