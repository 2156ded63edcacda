//! GraphQL over WebSocket: the subprotocol `graphql-transport-ws`, at the same path as over HTTP.
//!
//! Subscriptions run here alone; queries and mutations may too, by the same executor with the same limits and with
//! loaders of their own, so that a client can do with one connection. The older subprotocol `graphql-ws` is refused: it
//! is not maintained by anybody.
//!
//! A token comes in the header `Authorization` of the handshake, or as `authorization` in the payload of
//! `connection_init`, since browsers can't send headers here. Another site that has a browser open a socket gains
//! nothing: browsers add no token by themselves, so there is no need to look at `Origin`.
//!
//! **Invariant:** no operation begins before a good token was shown, and none outlives it.

mod operations;
mod protocol;

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Map, Value};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use self::operations::{Operations, answers, shown};
use self::protocol::{Close, FromClient, MAX_ID_BYTES, NAME, ToClient};
use super::Schema;
use super::http::MAX_BODY_BYTES;
use super::limits::refused;
use super::operation::Parameters;
use crate::app::{App, SocketLimits};
use crate::auth::Admission;
use crate::error::{Error, Problem};

/// How often the clock is looked at, at least.
const TICK: Duration = Duration::from_secs(1);
/// How long a client may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);

/// Opens a socket for a handshake.
///
/// # Errors
/// [`Error::Malformed`]: the client does not speak the subprotocol.
pub(super) fn open(
    upgrade: WebSocketUpgrade,
    app: App,
    schema: Schema,
    admission: Option<Admission>,
) -> Result<Response, Error> {
    let upgrade = upgrade.protocols([NAME]).max_message_size(MAX_BODY_BYTES).max_frame_size(MAX_BODY_BYTES);
    if upgrade.selected_protocol().is_none() {
        return Err(Error::Malformed(format!("the WebSocket subprotocol must be {NAME}")));
    }
    // The server knows nothing of a connection that was upgraded.
    let held = app.streams.hold();
    Ok(upgrade.on_upgrade(async move |socket| {
        serve(socket, Session::new(app, schema, admission)).await;
        drop(held);
    }))
}

/// Serves one socket to its end.
async fn serve(mut socket: WebSocket, mut session: Session) {
    let streams = session.app.streams.clone();
    let end = tokio::select! {
        // First, so that operations are not told as complete when it is the service that ends.
        biased;
        () = streams.closing() => End::Closed(Close::GoingAway),
        end = session.converse(&mut socket) => end,
    };
    drop(session);
    match end {
        End::Closed(close) => {
            let told = timeout(FAREWELL, socket.send(Message::Close(Some(close.frame())))).await;
            if !matches!(told, Ok(Ok(()))) {
                return;
            }
        }
        End::Left => {}
        // It would hear nothing, and might go on sending.
        End::GivenUp => return,
    }
    // A connection that is dropped with something unread loses what was sent last.
    let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
    drop(timeout(FAREWELL, answered).await);
}

/// How a conversation ended.
enum End {
    /// By us.
    Closed(Close),
    /// By the client.
    Left,
    /// The client is silent, or does not listen.
    GivenUp,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Closed(close)
    }
}

/// One client, from the handshake on.
struct Session {
    app: App,
    schema: Schema,
    /// By the handshake's token at first, then by that of the first message if it brings one.
    admission: Option<Admission>,
    is_initialised: bool,
    operations: Operations,
    opened_at: Instant,
    heard_at: Instant,
    pinged_at: Instant,
}

impl Session {
    fn new(app: App, schema: Schema, admission: Option<Admission>) -> Self {
        let now = Instant::now();
        let operations = Operations::default();
        let (opened_at, heard_at, pinged_at) = (now, now, now);
        Self { app, schema, admission, is_initialised: false, operations, opened_at, heard_at, pinged_at }
    }

    /// Hears and answers until one of both has enough.
    async fn converse(&mut self, socket: &mut WebSocket) -> End {
        let SocketLimits { ping, send, .. } = self.app.socket_limits;
        let mut ticks = interval(TICK.min(ping / 4));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let answer = tokio::select! {
                heard = socket.recv() => self.hear(heard).await,
                said = self.operations.next() => Ok(Some(message(&said))),
                _ = ticks.tick() => self.look_at_the_clock(),
            };
            match answer {
                Ok(None) => {}
                Ok(Some(message)) => match timeout(send, socket.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return End::GivenUp,
                },
                Err(end) => return end,
            }
        }
    }

    /// Ends what has lasted too long, and asks for a sign of life when it is time.
    fn look_at_the_clock(&mut self) -> Result<Option<Message>, End> {
        let SocketLimits { first_message, ping, silence, .. } = self.app.socket_limits;
        if !self.is_initialised && self.opened_at.elapsed() >= first_message {
            return Err(Close::InitialisationTimeout.into());
        }
        if self.admission.as_ref().is_some_and(|admission| self.app.clock.now() >= admission.expires_at) {
            return Err(Close::Forbidden.into());
        }
        if self.heard_at.elapsed() >= silence {
            return Err(End::GivenUp);
        }
        if self.pinged_at.elapsed() < ping {
            return Ok(None);
        }
        self.pinged_at = Instant::now();
        Ok(Some(Message::Ping(Vec::new().into())))
    }

    async fn hear(&mut self, heard: Option<Result<Message, axum::Error>>) -> Result<Option<Message>, End> {
        self.heard_at = Instant::now();
        let text = match heard {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
            None | Some(Ok(Message::Close(_))) => return Err(End::Left),
            Some(Ok(Message::Binary(_))) => return Err(Close::BadRequest("messages must be text").into()),
            Some(Err(_)) => return Err(Close::BadRequest("a frame can't be read, or has more than 1 MiB").into()),
        };
        let heard = serde_json::from_str(&text).map_err(|_| Close::BadRequest("not a message of the protocol"))?;
        let answer = match heard {
            FromClient::ConnectionInit { payload } => Some(self.initialise(payload.unwrap_or_default()).await?),
            FromClient::Ping { payload } => Some(ToClient::Pong { payload }),
            FromClient::Pong {} => None,
            FromClient::Subscribe { id, payload } => self.begin(id, payload)?,
            FromClient::Complete { id } => {
                self.operations.stop(&id);
                None
            }
        };
        Ok(answer.as_ref().map(message))
    }

    /// Learns who the client is.
    async fn initialise(&mut self, payload: Map<String, Value>) -> Result<ToClient, Close> {
        if std::mem::replace(&mut self.is_initialised, true) {
            return Err(Close::TooManyInitialisations);
        }
        let mut members = payload.into_iter();
        if let Some((_, authorization)) = members.find(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            let admitted = Admission::by(&self.app, authorization.as_str().unwrap_or_default()).await;
            self.admission = Some(admitted.map_err(|error| match error {
                Error::Unauthenticated => Close::Forbidden,
                error => {
                    tracing::debug!(error.code = Problem::report(&error).code, "a socket could not be opened");
                    Close::TryAgainLater
                }
            })?);
        }
        if self.admission.is_some() { Ok(ToClient::ConnectionAck) } else { Err(Close::Forbidden) }
    }

    /// Begins an operation; tells at once what is wrong with it.
    fn begin(&mut self, id: String, payload: Map<String, Value>) -> Result<Option<ToClient>, Close> {
        let admission = self.admission.as_ref().filter(|_| self.is_initialised).ok_or(Close::Unauthorized)?;
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Err(Close::BadRequest("the id of an operation has 1 to 64 bytes"));
        }
        let parameters = match Parameters::from_members(payload) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Some(ToClient::Error { id, payload: shown(vec![refused(error)]) })),
        };
        let (app, schema, caller) = (self.app.clone(), self.schema.clone(), admission.caller.clone());
        self.operations.start(id, |id| answers(app, schema, caller, id, parameters))
    }
}

fn message(said: &ToClient) -> Message {
    let text = serde_json::to_string(said).expect("maps have text as keys, and nothing else can fail");
    Message::Text(text.into())
}
