//! Store platforms as sources of people.
//!
//! A connector describes requests and reads answers; it never sleeps, never retries, never writes. All requests go
//! through [`http`]; all waiting and retrying is the sync engine's, by [`ConnectorError::retry`].
//!
//! To add one: `docs/add-a-connector.md`.
//!
//! **Invariant:** a page's `resume_from` and its records belong together. Storing both in one transaction means that
//! a crash repeats a page and never skips one.

mod bigcommerce;
pub mod error;
pub mod hooks;
pub mod http;
mod magento;
mod oauth1;
pub mod settings;
mod sfcc;
mod shopify;
mod shopware;
mod token;
mod woocommerce;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::people::{StoreId, StoreRecord, Stream};
use crate::domain::{Clock, Platform};
use hooks::{Arrived, HandedOn, HookRefusal};

pub use crate::domain::integration::Notice;
pub use error::{ConnectorError, Retry};
pub use hooks::{Hooks, PrivacyDesk};
pub use http::Http;
pub use settings::{InvalidSetting, SettingField, Settings};

/// One store, seen as a source of people. Holds no state between calls but its pace and its access token.
pub trait Connector: Send + Sync {
    /// The streams of a pass, in the order in which they are read.
    fn streams(&self) -> &'static [Stream];

    /// Pages of one stream, from `resume` on if a pass was interrupted; ends after the last page.
    ///
    /// After an error the stream ends: ask again with the last `resume_from`. A stream may repeat records; it never
    /// leaves one out, also while the store changes under it. At most 500 records a page.
    fn pages(
        &self,
        stream: Stream,
        pass: Pass,
        resume: Option<Checkpoint>,
    ) -> BoxStream<'_, Result<PeoplePage, ConnectorError>>;

    /// The pages of a stream for somebody who wants to see the first records and no more: nothing is begun at the store
    /// that would go on there afterwards.
    fn look(&self, stream: Stream) -> BoxStream<'_, Result<PeoplePage, ConnectorError>>;

    /// One record, re-read by the store's id; `None` when the store no longer has it.
    fn record<'a>(
        &'a self,
        stream: Stream,
        id: &'a StoreId,
    ) -> BoxFuture<'a, Result<Option<StoreRecord>, ConnectorError>>;

    /// Checks credentials and every right that syncing needs, reading at most one record of each kind.
    fn check(&self) -> BoxFuture<'_, Result<ConnectionReport, ConnectorError>>;

    /// The platform's webhooks, where it has any.
    fn hooks(&self) -> Option<&dyn Hooks>;

    /// By what privacy requests about this store are known, where its platform hands on any.
    fn privacy_desk(&self) -> Option<PrivacyDesk>;

    /// What people should know about this integration as it is set up, or as its last pass found the store.
    fn notices(&self) -> Vec<Notice>;
}

/// How much of a stream is read.
#[derive(Debug, Clone)]
pub enum Pass {
    /// Everything that is there: what a full pass does not show is gone.
    Full,
    /// What changed since a watermark, and more where the platform can't tell.
    Since(Watermark),
    /// What changed since a watermark, as far as the platform can tell: beside a pass that reads everything.
    Beside(Watermark),
}

impl Pass {
    /// From where changes are read.
    #[must_use]
    pub const fn watermark(&self) -> Option<&Watermark> {
        match self {
            Self::Full => None,
            Self::Since(watermark) | Self::Beside(watermark) => Some(watermark),
        }
    }
}

/// From where the next incremental pass over a stream begins. Its content is the connector's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watermark(pub Value);

impl Watermark {
    /// That of a stream which every pass reads as a whole, so that there is nothing to remember.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self(Value::Object(serde_json::Map::new()))
    }

    /// Whether it is [`Watermark::of_nothing`].
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        self.0.as_object().is_some_and(serde_json::Map::is_empty)
    }
}

/// From where an interrupted pass goes on. Its content is the connector's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(pub Value);

/// One page of a stream.
#[derive(Debug, Clone)]
pub struct PeoplePage {
    /// The records, at most 500.
    pub records: Vec<StoreRecord>,
    /// From where to go on after this page.
    pub resume_from: Checkpoint,
    /// Where the next incremental pass would begin if this page were the last. `None`: no change known yet.
    pub watermark: Option<Watermark>,
    /// How many records the pass has in all, if the store tells.
    pub total: Option<Total>,
    /// From when the records are, by our clock, if that is before the page was asked for (an export made earlier).
    pub as_of: Option<DateTime<Utc>>,
    /// Whether the store keeps some of its records from us, so that a pass proves of nobody that they are gone. Said by
    /// one page, it holds for the whole pass.
    pub hides_some: bool,
}

/// How many records a pass has in all, as the store tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// It counts just what the pages show, so that a pass which showed fewer has missed some.
    Exact(u64),
    /// It may count others as well: good for seeing how far a pass is, and for nothing else.
    About(u64),
}

impl Total {
    /// The number.
    #[must_use]
    pub const fn count(self) -> u64 {
        match self {
            Self::Exact(count) | Self::About(count) => count,
        }
    }
}

/// What a connection test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReport {
    /// The store's name, as the store tells it, at most 255 bytes.
    pub store_name: Option<String>,
    /// The API version that answered.
    pub api_version: Option<String>,
    /// Everything that was checked, in order.
    pub checks: Vec<Check>,
    /// What syncing works without, but not as far as one may expect; each says what to do about it.
    pub warnings: Vec<String>,
}

impl ConnectionReport {
    /// Whether syncing can work.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.problem.is_none())
    }
}

/// Tests the connection. What somebody has to put right is a finding like others; an error is only that the store did
/// not answer well this time.
///
/// # Errors
/// The store can't be reached, is busy or fails.
pub async fn test(store: &dyn Connector) -> Result<ConnectionReport, ConnectorError> {
    match store.check().await {
        Err(error) if error.retry() == Retry::Never => Ok(ConnectionReport {
            store_name: None,
            api_version: None,
            checks: vec![Check { name: "use the store's API", problem: Some(error.to_string()) }],
            warnings: Vec::new(),
        }),
        found => found,
    }
}

/// One thing that a connection test checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked, for example `read customers`.
    pub name: &'static str,
    /// What is wrong and what to do about it; `None` if all is well.
    pub problem: Option<String>,
}

/// The settings of a platform.
#[must_use]
pub const fn settings_of(platform: Platform) -> &'static [SettingField] {
    match platform {
        Platform::BigCommerce => bigcommerce::settings::FIELDS,
        Platform::Sfcc => sfcc::settings::FIELDS,
        Platform::Magento => magento::settings::FIELDS,
        Platform::Shopify => shopify::settings::FIELDS,
        Platform::Shopware => shopware::settings::FIELDS,
        Platform::WooCommerce => woocommerce::settings::FIELDS,
    }
}

/// Opens a store.
///
/// # Errors
/// A setting that the platform's connector can't use, named.
pub fn open(
    platform: Platform,
    settings: &Settings,
    http: &Http,
    clock: Arc<dyn Clock>,
) -> Result<Box<dyn Connector>, InvalidSetting> {
    match platform {
        Platform::BigCommerce => Ok(Box::new(bigcommerce::BigCommerce::open(settings, http, clock)?)),
        Platform::Magento => Ok(Box::new(magento::Magento::open(settings, http, clock)?)),
        Platform::Sfcc => Ok(Box::new(sfcc::Sfcc::open(settings, http, clock)?)),
        Platform::Shopify => Ok(Box::new(shopify::Shopify::open(settings, http, clock)?)),
        Platform::Shopware => Ok(Box::new(shopware::Shopware::open(settings, http, clock)?)),
        Platform::WooCommerce => Ok(Box::new(woocommerce::WooCommerce::open(settings, http, clock)?)),
    }
}

/// Reads a privacy request that came to the address of a store that is not installed any more; `None` if the delivery is
/// something else.
///
/// # Errors
/// It is not signed with the key, or nothing that can be read.
pub fn receive_departed(
    platform: Platform,
    shop: &str,
    key: &SecretString,
    arrived: &Arrived<'_>,
) -> Result<Option<HandedOn>, HookRefusal> {
    match platform {
        Platform::Shopify => Ok(shopify::receive(key, shop, arrived)?.privacy),
        Platform::BigCommerce | Platform::Magento | Platform::Sfcc | Platform::Shopware | Platform::WooCommerce => {
            Ok(None)
        }
    }
}
