//! A client of GraphQL over WebSocket, and what it sees of a run.

use assent::app::App;
use assent::auth::Caller;
use assent::domain::access::Scope;
use assent::service;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Live, PATIENCE, assert_course, hold_up, queue, slow_shop, token_of};
use crate::support::app::configuration;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::program::Program;

both_databases!(
    a_run_is_followed_from_the_queue_to_its_end,
    queries_and_mutations_may_come_too,
    nobody_follows_what_is_not_theirs,
    a_socket_ends_with_its_token,
    a_service_that_is_told_to_stop_says_so,
);

/// Follows a run, with a relation.
pub(super) const FOLLOW: &str = "subscription($run: UUID!) { syncProgress(syncId: $run) {
    recordsPerSecond percent secondsLeft
    run { id status total read created updated unchanged skipped quarantined joined left integration { name } } } }";

/// An open socket.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a client hears.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Message(Value),
    Closed(u16),
}

impl Socket {
    /// Opens a socket; a refused handshake gives the status.
    pub(super) async fn handshake(url: &str, protocol: Option<&str>, token: Option<&str>) -> Result<Self, u16> {
        let url = format!("{}/graphql", url.replace("http://", "ws://"));
        let mut request = url.into_client_request().expect("this is an address");
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header"));
        }
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        }
        match tokio::time::timeout(PATIENCE, connect_async(request)).await.expect("the service answers in time") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                assert_eq!(response.headers()["content-type"], "application/problem+json");
                Err(response.status().as_u16())
            }
            Err(error) => panic!("no answer to the handshake: {error}"),
        }
    }

    /// Opens a socket without saying who it is.
    pub(super) async fn unknown(url: &str) -> Self {
        Self::handshake(url, Some("graphql-transport-ws"), None).await.expect("the handshake is accepted")
    }

    /// Opens a socket and says who it is, as a browser does.
    pub(super) async fn open(url: &str, token: &str) -> Self {
        let mut socket = Self::unknown(url).await;
        socket.initialise(token).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({"type": "connection_ack"})));
        socket
    }

    pub(super) async fn initialise(&mut self, token: &str) {
        let payload = json!({"authorization": format!("Bearer {token}")});
        self.say(&json!({"type": "connection_init", "payload": payload})).await;
    }

    pub(super) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(super) async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("the socket takes a message");
    }

    /// Sends what nobody may take any more.
    pub(super) async fn push(&mut self, message: Message) -> Result<(), Error> {
        tokio::time::timeout(PATIENCE, self.0.send(message)).await.expect("the other side gives up in time")
    }

    /// The connection without anybody who speaks the protocol on it.
    pub(super) fn into_tcp(self) -> TcpStream {
        match self.0.into_inner() {
            MaybeTlsStream::Plain(stream) => stream,
            _ => panic!("the tests speak plain HTTP"),
        }
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(&json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    pub(super) async fn hear(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let message = self.0.next().await.expect("the socket is closed by a frame");
                match message.expect("the socket does not break off") {
                    Message::Text(text) => return Heard::Message(serde_json::from_str(&text).expect("JSON")),
                    Message::Close(frame) => return Heard::Closed(frame.expect("a close has a reason").code.into()),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("{other} is not of the protocol"),
                }
            }
        })
        .await
        .expect("something is heard in time")
    }

    /// The next message, which has to be of this kind and for this operation; tells its payload.
    pub(super) async fn hear_of(&mut self, kind: &str, id: &str) -> Value {
        let heard = self.hear().await;
        let Heard::Message(mut message) = heard else { panic!("{heard:?} is no message") };
        assert_eq!((&message["type"], &message["id"]), (&json!(kind), &json!(id)), "{message}");
        message["payload"].take()
    }

    /// The code of the error with which an operation is refused.
    pub(super) async fn refusal(&mut self, id: &str) -> String {
        let errors = self.hear_of("error", id).await;
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {errors}")).to_owned()
    }
}

async fn a_run_is_followed_from_the_queue_to_its_end(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let mut socket = Socket::open(&live.url, &live.token).await;
    socket.subscribe("1", FOLLOW, json!({"run": run})).await;
    let first = socket.hear_of("next", "1").await;
    assert_eq!(first["data"]["syncProgress"]["run"]["status"], "QUEUED");
    let carried = live.carry(run);
    let mut told = Vec::new();
    loop {
        match socket.hear().await {
            Heard::Message(mut message) if message["type"] == "next" => {
                assert_eq!(message["payload"].get("errors"), None, "{message}");
                told.push(message["payload"]["data"]["syncProgress"].take());
            }
            heard => {
                assert_eq!(heard, Heard::Message(json!({"type": "complete", "id": "1"})));
                break;
            }
        }
    }
    carried.await.expect("the run is carried out");
    assert_course(&told);
    let last = &told.last().expect("something was told")["run"];
    assert_eq!(last["status"], "SUCCEEDED");
    assert!(last["integration"]["name"].is_string(), "{last}");
    // The name is free again, and a run that has ended is told once.
    socket.subscribe("1", FOLLOW, json!({"run": run})).await;
    assert_eq!(socket.hear_of("next", "1").await["data"]["syncProgress"]["run"]["status"], "SUCCEEDED");
    socket.hear_of("complete", "1").await;
}

async fn queries_and_mutations_may_come_too(db: TestDatabase) {
    let live = Live::new(db).await;
    let opened = Socket::handshake(&live.url, Some("graphql-transport-ws"), Some(&live.token)).await;
    let mut socket = opened.expect("a token may come with the handshake");
    socket.say(&json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await, Heard::Message(json!({"type": "connection_ack"})));
    let mutation = r#"mutation { createList(input: {name: "News", purpose: MARKETING}) { id } }"#;
    socket.subscribe("made", mutation, json!({})).await;
    let made = socket.hear_of("next", "made").await;
    assert!(made["data"]["createList"]["id"].is_string(), "{made}");
    socket.hear_of("complete", "made").await;
    // A relation: loaders work here too.
    socket.subscribe("read", "{ integrations { nodes { syncRuns { nodes { id } } } } }", json!({})).await;
    let read = socket.hear_of("next", "read").await;
    assert_eq!(read["data"]["integrations"]["nodes"][0]["syncRuns"]["nodes"], json!([]), "{read}");
    socket.hear_of("complete", "read").await;
    // An error while it is executed is part of the result.
    let missing = "{ list(id: \"0190163d-8694-739b-aea5-966c26f8ad91\") { id } }";
    socket.subscribe("missing", missing, json!({})).await;
    let read = socket.hear_of("next", "missing").await;
    assert_eq!(read["errors"][0]["extensions"]["code"], "NOT_FOUND", "{read}");
    socket.hear_of("complete", "missing").await;
}

async fn nobody_follows_what_is_not_theirs(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let rival = service::accounts::create(&live.app, "Rival", "owner@rival.example").await;
    let rival = token_of(&live.app, rival.expect("an account can be made").account_id, Scope::ALL).await;
    let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| *scope != Scope::SyncsRead).collect();
    let narrow = token_of(&live.app, live.shop.caller.account_id, &others).await;
    for (token, code) in [(rival, "NOT_FOUND"), (narrow, "FORBIDDEN")] {
        let mut socket = Socket::open(&live.url, &token).await;
        socket.subscribe("1", FOLLOW, json!({"run": run})).await;
        assert_eq!(socket.refusal("1").await, code);
    }
}

async fn a_socket_ends_with_its_token(db: TestDatabase) {
    let live = Live::new(db).await;
    let run = live.queue().await;
    let mut socket = Socket::open(&live.url, &live.short_token().await).await;
    socket.subscribe("1", FOLLOW, json!({"run": run})).await;
    socket.hear_of("next", "1").await;
    assert_eq!(socket.hear().await, Heard::Closed(4403));
}

async fn a_service_that_is_told_to_stop_says_so(db: TestDatabase) {
    let app = assent::app::build(&configuration(db.url())).await.expect("the service starts");
    let shop = slow_shop(&app).await;
    hold_up(&shop);
    let run = queue(&shop).await;
    let serving = Program::beside(db.url()).serve().await;
    let app = App { public_url: serving.url.clone().into(), ..app };
    let Caller { account_id, .. } = shop.caller.clone();
    let mut socket = Socket::open(&serving.url, &token_of(&app, account_id, Scope::ALL).await).await;
    socket.subscribe("1", FOLLOW, json!({"run": run})).await;
    socket.hear_of("next", "1").await;
    let heard = async {
        loop {
            if let Heard::Closed(code) = socket.hear().await {
                return code;
            }
        }
    };
    let (stopped, code) = tokio::join!(serving.terminate(), heard);
    assert_eq!((stopped.code(), code), (Some(0), 1001));
}
