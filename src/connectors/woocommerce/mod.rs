//! WooCommerce, over its REST API wc/v3.
//!
//! Facts and their sources: `vendors/woocommerce.md`. Reading order: [`pages`] (what is read and when it is complete),
//! [`walk`] (how a list is read that changes meanwhile), [`wire`] and [`opt_in`] (what a record means), [`client`]
//! (access and refusals), [`check`], [`hooks`].
//!
//! Accounts are the users of role `customer`, or of the roles that the setting names instead; staff and plain WordPress
//! users are not customers, and the role called `subscriber` has nothing to do with newsletters. They are asked for role by
//! role, because an account shows one of its roles at most (section 2). Guests exist only in orders.

mod check;
mod client;
mod hooks;
mod opt_in;
mod pages;
pub(crate) mod settings;
mod walk;
mod wire;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use secrecy::SecretString;
use serde_json::Value;

use self::client::{Client, resource};
use self::opt_in::OptInKeys;
use super::{
    Checkpoint, ConnectionReport, Connector, ConnectorError, Hooks, Http, InvalidSetting, Notice, Pass, PeoplePage,
    PrivacyDesk, Settings,
};
use crate::domain::Clock;
use crate::domain::people::{StoreId, StoreRecord, Stream};

/// One shop as a source of people.
#[derive(Debug)]
pub(crate) struct WooCommerce {
    client: Client,
    keys: OptInKeys,
    /// The roles whose users are customers; at least one.
    roles: Vec<String>,
    /// Signs the webhooks, where somebody made them by hand.
    webhook_secret: Option<SecretString>,
}

impl WooCommerce {
    /// Opens a shop.
    ///
    /// # Errors
    /// A setting that is missing or can't be used.
    pub(crate) fn open(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let keys = OptInKeys::new(settings.texts("optInMetaKeys"));
        let roles = settings::roles(settings)?;
        let webhook_secret = settings.secret("webhookSecret").cloned();
        Ok(Self { client: Client::new(settings, http, clock)?, keys, roles, webhook_secret })
    }

    fn decode(&self, stream: Stream, row: &Value) -> StoreRecord {
        match stream {
            Stream::Orders => wire::order(row, &self.keys),
            Stream::Customers | Stream::Subscribers => wire::customer(row, &self.keys),
        }
    }

    async fn find(&self, stream: Stream, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        let (Some(resource), Ok(id)) = (resource(stream), id.as_str().parse()) else { return Ok(None) };
        let row = match stream {
            Stream::Customers => self.client.find_customer(resource, id, &self.roles).await?,
            Stream::Orders | Stream::Subscribers => self.client.find(resource, id).await?,
        };
        Ok(row.map(|row| self.decode(stream, &row)))
    }
}

impl Connector for WooCommerce {
    fn streams(&self) -> &'static [Stream] {
        &[Stream::Customers, Stream::Orders]
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
