//! The messages of the subprotocol `graphql-transport-ws`, as the npm package `graphql-ws` describes it in its
//! `PROTOCOL.md`, and the codes with which a socket is closed.

use async_graphql::{Response as Execution, ServerError};
use axum::extract::ws::CloseFrame;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The name of the subprotocol.
pub(super) const NAME: &str = "graphql-transport-ws";

/// Longest identifier of an operation, in bytes; clients send a UUID or a number. It has to fit a reason.
pub(super) const MAX_ID_BYTES: usize = 64;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromClient {
    /// The first message, once.
    ConnectionInit {
        /// Where the token may stand.
        payload: Option<Map<String, Value>>,
    },
    /// Asks for a sign of life.
    Ping {
        /// Comes back as it is.
        payload: Option<Value>,
    },
    /// A sign of life.
    Pong {},
    /// Begins an operation of any kind.
    Subscribe {
        /// The client's name for it.
        id: String,
        /// What HTTP has as its body.
        payload: Map<String, Value>,
    },
    /// Ends an operation.
    Complete {
        /// Which.
        id: String,
    },
}

/// What a client is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToClient {
    /// The socket may be used.
    ConnectionAck,
    /// A sign of life.
    Pong {
        /// That of the ping.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    /// A result of an operation.
    Next {
        /// Which.
        id: String,
        /// What HTTP has as its answer.
        payload: Box<Execution>,
    },
    /// An operation that was not executed. Its last message.
    Error {
        /// Which.
        id: String,
        /// Why not.
        payload: Vec<ServerError>,
    },
    /// An operation has ended. Its last message.
    Complete {
        /// Which.
        id: String,
    },
}

impl ToClient {
    /// The operation whose last message this is.
    pub(super) fn ended(&self) -> Option<&str> {
        match self {
            Self::Error { id, .. } | Self::Complete { id } => Some(id),
            Self::ConnectionAck | Self::Pong { .. } | Self::Next { .. } => None,
        }
    }
}

/// Why a socket is closed by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Close {
    /// The service stops; another replica, or the next process, goes on.
    GoingAway,
    /// Something of ours fails; it may be better later.
    TryAgainLater,
    /// Not a message of the protocol.
    BadRequest(&'static str),
    /// An operation before the acknowledgement.
    Unauthorized,
    /// No good token, or one that is good no more. Clients may come again with another: `graphql-ws` does, unlike after
    /// [`Close::Unauthorized`].
    Forbidden,
    /// Nobody said who they are.
    InitialisationTimeout,
    /// Two operations by one name.
    SubscriberExists(String),
    /// Who they are was said twice.
    TooManyInitialisations,
}

impl Close {
    /// The frame; reasons have at most 123 bytes (RFC 6455 section 5.5).
    pub(super) fn frame(&self) -> CloseFrame {
        let (code, reason) = match self {
            Self::GoingAway => (1001, "the service stops"),
            Self::TryAgainLater => (1013, "the service is not ready"),
            Self::BadRequest(reason) => (4400, *reason),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden: a valid access token is required"),
            Self::InitialisationTimeout => (4408, "Connection initialisation timeout"),
            Self::SubscriberExists(id) => {
                let reason = format!("Subscriber for {id} already exists");
                return CloseFrame { code: 4409, reason: reason.into() };
            }
            Self::TooManyInitialisations => (4429, "Too many initialisation requests"),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_their_frame() {
        let longest = "i".repeat(MAX_ID_BYTES);
        let closes = [
            Close::GoingAway,
            Close::TryAgainLater,
            Close::Unauthorized,
            Close::Forbidden,
            Close::InitialisationTimeout,
            Close::SubscriberExists(longest),
            Close::TooManyInitialisations,
        ];
        for close in closes {
            assert!(close.frame().reason.len() <= 123, "{close:?}");
        }
    }
}
