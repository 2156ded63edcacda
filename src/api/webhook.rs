//! Webhooks of an integration, as both transports show them.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::words::{RegistrationState, Stream};
use crate::domain::webhook::{GivenUp, WebhookTest, Webhooks};

/// The webhooks of an integration.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhooks)]
#[graphql(name = "Webhooks")]
pub struct WebhooksView {
    /// Where they arrive.
    pub address: String,
    /// Whether the store sends them.
    pub state: RegistrationState,
    /// Why it stands so, and what to do.
    pub detail: Option<String>,
    /// The topics that the store delivers, in the platform's words.
    pub topics: Vec<String>,
    /// What is missing at the store, and what to do about it.
    pub problems: Vec<String>,
    /// When the store last told what is registered.
    pub checked_at: Option<DateTime<Utc>>,
    /// When the store's last delivery was taken.
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Deliveries taken in the last seven days; repetitions do not count.
    pub deliveries: u64,
    /// Records that wait to be read again.
    pub pending: u64,
    /// Since when the oldest of them waits.
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// Records read again in all.
    pub handled: u64,
    /// When a record was last read again.
    pub last_handled_at: Option<DateTime<Utc>>,
    /// How long that took from the receipt of its delivery, in milliseconds.
    pub last_handling_ms: Option<u64>,
    /// Records that could not be read again in the last seven days. The next full sync sees them.
    pub given_up: u64,
    /// The last of them, newest first, at most 20.
    pub last_given_up: Vec<GivenUpHintView>,
}

impl From<Webhooks> for WebhooksView {
    fn from(webhooks: Webhooks) -> Self {
        let Webhooks {
            address,
            state,
            detail,
            topics,
            problems,
            checked_at,
            last_delivery_at,
            deliveries,
            pending,
            oldest_pending_at,
            handled,
            last_handled_at,
            last_handling_ms,
            given_up,
            last_given_up,
        } = webhooks;
        Self {
            address,
            state: state.into(),
            detail,
            topics,
            problems,
            checked_at,
            last_delivery_at,
            deliveries,
            pending,
            oldest_pending_at,
            handled,
            last_handled_at,
            last_handling_ms,
            given_up,
            last_given_up: last_given_up.into_iter().map(Into::into).collect(),
        }
    }
}

/// A record that a webhook named and that could not be read again.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = GivenUpHint)]
#[graphql(name = "GivenUpHint")]
pub struct GivenUpHintView {
    /// Where in the store.
    pub stream: Stream,
    /// The store's own id.
    pub store_id: String,
    /// When its delivery was taken.
    pub received_at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// Stable code of the failure.
    pub code: String,
    /// What failed and what to do; never a value of the record.
    pub detail: String,
}

impl From<GivenUp> for GivenUpHintView {
    fn from(hint: GivenUp) -> Self {
        let GivenUp { stream, store_id, received_at, attempts, code, detail } = hint;
        Self { stream: stream.into(), store_id, received_at, attempts, code, detail }
    }
}

/// What a self-test of the webhooks found.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookTest)]
#[graphql(name = "WebhookTest")]
pub struct WebhookTestView {
    /// Whether the store sends webhooks and deliveries arrive here, as far as can be told.
    pub ok: bool,
    /// The topics that the store delivers, in the platform's words.
    pub topics: Vec<String>,
    /// What is wrong and what to do about it.
    pub problems: Vec<String>,
    /// Whether a delivery that this service sent to its own public address arrived.
    pub arrived: bool,
    /// How long that took, in milliseconds.
    pub arrived_after_ms: Option<u64>,
    /// When the store's last delivery was taken.
    pub last_delivery_at: Option<DateTime<Utc>>,
}

impl From<WebhookTest> for WebhookTestView {
    fn from(test: WebhookTest) -> Self {
        let WebhookTest { ok, topics, problems, arrived, arrived_after_ms, last_delivery_at } = test;
        Self { ok, topics, problems, arrived, arrived_after_ms, last_delivery_at }
    }
}
