//! BigCommerce, over its REST APIs V2 and V3.
//!
//! Facts and their sources: `vendors/bigcommerce.md`. Reading order: [`pages`] (what is read and when it is complete),
//! [`walk`] (how a list is read that changes meanwhile), [`wire`] and [`row`] (what a record means), [`client`] (access,
//! rate limit and refusals), [`webhooks`], [`check`].
//!
//! - A subscriber record is not an opt-in: only its consent to the newsletter is (section 4). Customers carry none.
//! - Guests exist only on orders (section 5). What one ticked there counts only while the address has no subscriber
//!   record: that is data of the contact rules, not decided here.
//! - Deletions show in a full pass, or by a webhook.
//! - Hooks fall asleep after two days of failures or 90 without traffic (section 10): [`webhooks`] wakes them.

mod check;
mod client;
mod pages;
mod row;
pub(crate) mod settings;
mod walk;
mod webhooks;
mod wire;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde::Deserialize;

use self::client::{Client, resource};
use self::row::Row;
use self::settings::BigCommerceSettings;
use super::{
    Checkpoint, ConnectionReport, Connector, ConnectorError, Hooks, Http, InvalidSetting, Notice, Pass, PeoplePage,
    PrivacyDesk, Settings,
};
use crate::domain::Clock;
use crate::domain::people::{StoreId, StoreRecord, Stream};

/// One store as a source of people.
#[derive(Debug)]
pub(crate) struct BigCommerce {
    client: Client,
    settings: BigCommerceSettings,
}

/// One subscriber, wrapped as everything of V3.
#[derive(Deserialize)]
struct One {
    data: Row,
}

impl BigCommerce {
    /// Opens a store. Nothing is asked yet.
    ///
    /// # Errors
    /// A setting that is missing or can't be used.
    pub(crate) fn open(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let settings = BigCommerceSettings::read(settings)?;
        Ok(Self { client: Client::new(&settings, http, clock)?, settings })
    }

    async fn find(&self, stream: Stream, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        let Ok(id) = id.as_str().parse::<u64>() else { return Ok(None) };
        let resource = resource(stream);
        let number = id.to_string();
        let path: Vec<&str> = resource.path.iter().copied().chain([number.as_str()]).collect();
        let row = match stream {
            // There is no address of one customer; a deleted one is an empty list (section 3).
            Stream::Customers => {
                let listing = self.client.list(resource, &[("id:in", number)]).await?;
                listing.rows.into_iter().find(|row| row.id() == Some(id))
            }
            Stream::Subscribers => self.client.find::<One>(&path, resource.right).await?.map(|one| one.data),
            Stream::Orders => self.client.find::<Row>(&path, resource.right).await?,
        };
        Ok(row.map(|row| wire::record(stream, &row, &self.settings.channels)))
    }
}

impl Connector for BigCommerce {
    /// Subscribers before orders: what a guest ticked counts only for addresses without a subscriber record.
    fn streams(&self) -> &'static [Stream] {
        &[Stream::Customers, Stream::Subscribers, Stream::Orders]
    }

    fn pages(
        &self,
        stream: Stream,
        pass: Pass,
        resume: Option<Checkpoint>,
    ) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        pages::pages(self, stream, pass, resume)
    }

    fn record<'a>(
        &'a self,
        stream: Stream,
        id: &'a StoreId,
    ) -> BoxFuture<'a, Result<Option<StoreRecord>, ConnectorError>> {
        self.find(stream, id).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<ConnectionReport, ConnectorError>> {
        check::check(self).boxed()
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }

    fn look(&self, stream: Stream) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        self.pages(stream, Pass::Full, None)
    }

    fn privacy_desk(&self) -> Option<PrivacyDesk> {
        None
    }

    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}
