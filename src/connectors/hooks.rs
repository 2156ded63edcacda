//! Webhooks of a store: hints that something changed, never the truth.
//!
//! A delivery is verified on its raw bytes, and what it names is read again by id. So a late, repeated or incomplete
//! delivery can cost a request, and never changes what a person said. Privacy requests are the exception: there is nothing
//! to read again, so that all of what one asks for has to stand in what the store signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::Url;

use super::ConnectorError;
use crate::domain::people::{StoreId, Stream};
use crate::domain::privacy::PrivacyRequest;

/// How far a delivery's signed time may lie from ours, where the platform signs a time. Source: Standard Webhooks.
pub const REPLAY_WINDOW: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// Most records that one delivery may name. A shop that writes thousands at once is read as a whole instead.
pub const MAX_HINTS: usize = 500;

/// A platform's webhooks. A connector that has none gives none.
pub trait Hooks: Send + Sync {
    /// Verifies a delivery in constant time and reads it. Asks the store nothing.
    ///
    /// # Errors
    /// It is not the store's, too old, or nothing that can be read.
    fn receive(&self, endpoint: &Endpoint, arrived: &Arrived<'_>) -> Result<Delivery, HookRefusal>;

    /// Makes the store's webhooks what they ought to be: missing ones are made, sleeping ones woken, others of the same
    /// address removed. Doing it again changes nothing.
    fn register<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Registration, ConnectorError>>;

    /// Removes every webhook of this address from the store. None there is as good.
    fn remove<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<(), ConnectorError>>;
}

/// A header's text; `None` where it is missing or no text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether `signature` is the base64 of the HMAC-SHA256 of the parts, one behind the other. In constant time; an empty key
/// signs nothing.
pub(super) fn is_signed(key: &SecretString, parts: &[&[u8]], signature: &str) -> bool {
    let key = key.expose_secret().as_bytes();
    let (Ok(signature), Ok(mut mac)) = (STANDARD.decode(signature.trim()), Hmac::<Sha256>::new_from_slice(key)) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    !key.is_empty() && mac.verify_slice(&signature).is_ok()
}

/// Where an integration's webhooks go.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `{public address}/hooks/{integrationId}`, without query.
    pub address: Url,
    /// A random secret of this integration, for platforms where we choose the key or a header; 64 hexadecimal digits.
    pub secret: SecretString,
}

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Query of the address, without the question mark.
    pub query: &'a str,
    /// Raw body.
    pub body: &'a [u8],
    /// Our time.
    pub now: DateTime<Utc>,
}

/// A delivery that is the store's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// The sender's id of it, equal when it is sent again and never otherwise, at most 255 bytes; one topic's do not
    /// meet another's. `None`: it is never taken for a repetition, since the same body may mean a second change; its
    /// records are read once more, which does no harm.
    pub id: Option<String>,
    /// What it was about, in the platform's words, for the log of deliveries; no personal data, at most 64 bytes. Empty:
    /// nobody signed it (a ping), it is answered and leaves no trace.
    pub topic: String,
    /// What to read again; empty for a ping and for topics that concern nobody. More than [`MAX_HINTS`] have the whole
    /// store read.
    pub hints: Vec<Hint>,
    /// What the law has somebody ask for through the store. Whoever takes the delivery in records it in the same
    /// transaction, so that it is never lost.
    pub privacy: Option<HandedOn>,
}

/// A privacy request of a shop: of the one whose address it came to, or of another one with the same app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOn {
    /// The shop, as in [`PrivacyDesk::shop`].
    pub shop: String,
    /// What is asked for.
    pub request: PrivacyRequest,
}

/// By what the privacy requests about a store are known, to whichever address they come.
#[derive(Debug, Clone)]
pub struct PrivacyDesk {
    /// The store, as its platform names it in them.
    pub shop: String,
    /// What they are signed with, if we were told.
    pub key: Option<SecretString>,
}

/// One record to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Where in the store.
    pub stream: Stream,
    /// Identity within the stream.
    pub store_id: StoreId,
    /// Whether it may be an opt-out or a deletion: handled ahead of everything else.
    pub urgent: Urgency,
}

/// Whether a record is to be read ahead of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It is no opt-out and no deletion.
    No,
    /// It is an opt-out if the store said yes before, as the delivery shows no flag at all.
    IfGranted,
    /// It may be an opt-out or a deletion.
    Yes,
}

impl From<bool> for Urgency {
    fn from(urgent: bool) -> Self {
        if urgent { Self::Yes } else { Self::No }
    }
}

/// What is registered at the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registration {
    /// The topics that are delivered, in the platform's words.
    pub topics: Vec<String>,
    /// What is missing and what to do about it; empty if all is well.
    pub problems: Vec<String>,
}

/// Why a delivery was not taken. Says nothing about what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HookRefusal {
    /// No signature, or one that is not the store's.
    #[error("the signature is missing or wrong")]
    BadSignature,
    /// Signed, but too long ago or in the future.
    #[error("the delivery is outside of the time window")]
    OutOfWindow,
    /// Signed, but not the vendor's shape.
    #[error("the delivery is not of the expected format")]
    Unreadable,
}

impl HookRefusal {
    /// The word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadSignature => "bad_signature",
            Self::OutOfWindow => "out_of_window",
            Self::Unreadable => "unreadable",
        }
    }
}
