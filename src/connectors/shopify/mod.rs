//! Shopify, by its GraphQL Admin API.
//!
//! Facts: `vendors/shopify.md` of the project's reference. Read in this order: [`wire`] (what a record means),
//! [`walk`] (how a pass is read: in bulk or page by page), [`export`] (in bulk), [`position`] and [`pages`] (page by
//! page), [`client`] (one query).
//!
//! - There is no guest flag: whoever gave an address is a `Customer`, with an account or not. A guest of ours is an
//!   order that has an address and no customer (section 4).
//! - An error may come with HTTP 200 and beside data (section 7): [`envelope`].
//! - Records that are deleted just vanish; only a full pass shows it (section 6).
//! - A webhook's body carries no consent, so a hint is followed by reading the record again by its id (section 9).
//! - Orders older than 60 days are absent without `read_all_orders`, and some plans show no addresses (section 2):
//!   [`check`] says both before the first pass. Without that scope a missing order proves nothing.

mod check;
mod client;
mod envelope;
mod export;
mod hooks;
mod pages;
mod position;
mod queries;
pub(crate) mod settings;
mod subscriptions;
mod token;
mod walk;
mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::connectors::hooks::{Arrived, Delivery, Endpoint, HookRefusal, Hooks, Registration};
use crate::connectors::{
    Checkpoint, ConnectionReport, Connector, ConnectorError, Http, InvalidSetting, Notice, Pass, PeoplePage,
    PrivacyDesk, Settings,
};
use crate::domain::Clock;
use crate::domain::people::{StoreId, StoreRecord, Stream};

use client::Client;
pub(super) use hooks::receive;
use pages::{ALL_ORDERS, Listing, listing};
use walk::Walk;

/// Points of one record, itself and two objects in it.
const ONE_RECORD_POINTS: f64 = 3.0;

/// One shop.
#[derive(Debug)]
pub(super) struct Shopify {
    client: Client,
    /// From how many records on a full pass exports them.
    export_from: u64,
    domain: String,
    /// Without it nobody can tell whether a delivery is the shop's.
    webhook_key: Option<SecretString>,
    clock: Arc<dyn Clock>,
}

impl Shopify {
    /// The shop that the settings name. Nothing is asked yet.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub(super) fn open(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let settings = settings::ShopifySettings::read(settings)?;
        let (export_from, domain, webhook_key) =
            (settings.export_from, settings.domain.clone(), settings.webhook_key.clone());
        let client = Client::new(settings, http.clone(), Arc::clone(&clock))?;
        Ok(Self { client, export_from, domain, webhook_key, clock })
    }

    async fn one(&self, stream: Stream, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        let (Some(listing), Ok(number)) = (listing(stream), id.as_str().parse::<u64>()) else {
            return Ok(None);
        };
        let variables = json!({ "id": format!("gid://shopify/{}/{number}", listing.gid_type) });
        let reply = self.client.ask(listing.one, &variables, ONE_RECORD_POINTS).await?;
        match reply.data.get(listing.one_root) {
            None => Err(ConnectorError::BadAnswer { what: "one record" }),
            Some(Value::Null) if self.shows_all(listing).await? => Ok(None),
            // Gone or kept from us: what is known of it stays.
            Some(Value::Null) => {
                let detail = format!("the record is gone, or not shown without the scope {ALL_ORDERS}");
                Ok(Some(StoreRecord::Malformed { store_id: Some(id.clone()), detail }))
            }
            Some(node) => Ok(Some((listing.read)(node).record)),
        }
    }

    /// Whether the shop shows us all records of a list: if not, absence proves nothing.
    async fn shows_all(&self, listing: &Listing) -> Result<bool, ConnectorError> {
        match listing.whole_with {
            Some(scope) => check::has_scope(&self.client, scope).await,
            None => Ok(true),
        }
    }
}

impl Connector for Shopify {
    /// Customers first: an order whose customer is known says nothing new.
    fn streams(&self) -> &'static [Stream] {
        &[Stream::Customers, Stream::Orders]
    }

    fn pages(
        &self,
        stream: Stream,
        pass: Pass,
        resume: Option<Checkpoint>,
    ) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        let Some(listing) = listing(stream) else { return stream::empty().boxed() };
        Walk::new(self, listing, &pass, resume).into_pages().boxed()
    }

    /// Page by page, however many records there are: an export would go on for hours at the shop.
    fn look(&self, stream: Stream) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        let Some(listing) = listing(stream) else { return stream::empty().boxed() };
        Walk::without_export(self, listing).into_pages().boxed()
    }

    fn record<'a>(
        &'a self,
        stream: Stream,
        id: &'a StoreId,
    ) -> BoxFuture<'a, Result<Option<StoreRecord>, ConnectorError>> {
        Box::pin(self.one(stream, id))
    }

    fn check(&self) -> BoxFuture<'_, Result<ConnectionReport, ConnectorError>> {
        Box::pin(check::check(&self.client))
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }

    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }

    fn privacy_desk(&self) -> Option<PrivacyDesk> {
        Some(PrivacyDesk { shop: self.domain.clone(), key: self.webhook_key.clone() })
    }
}

impl Hooks for Shopify {
    fn receive(&self, _: &Endpoint, arrived: &Arrived<'_>) -> Result<Delivery, HookRefusal> {
        let key = self.webhook_key.as_ref().ok_or(HookRefusal::BadSignature)?;
        hooks::receive(key, &self.domain, arrived)
    }

    fn register<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Registration, ConnectorError>> {
        match &self.webhook_key {
            Some(_) => Box::pin(subscriptions::register(&self.client, endpoint)),
            None => Box::pin(async { Ok(subscriptions::without_key()) }),
        }
    }

    fn remove<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(subscriptions::remove(&self.client, endpoint))
    }
}
