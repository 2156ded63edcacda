//! Salesforce B2C Commerce, over the Commerce API (SCAPI): customer search and orders.
//!
//! Facts and their sources: `vendors/sfcc.md`. Reading order: [`wire`] (what a record means), [`walk`] (how a list is
//! read by offset while it changes), [`customers`] and [`orders`] (what is read and when it is complete), [`fields`] (which
//! date the customer search knows), [`client`] and [`access`] (requests, budget, tokens), [`check`] and [`findings`] (what
//! people should know).
//!
//! - There is no newsletter flag. Only the merchant's own attribute on the profile makes a subscriber (section 6);
//!   without it nobody is one, and [`findings`] says how to change that. A profile that lacks the attribute said nothing.
//! - No date is documented as searchable, so it is tried out, and everybody is read once a day in any case: whether an
//!   import that changes the attribute moves `lastModified` is not documented either (sections 4 and 6).
//! - A search shows 10,000 records and no more, so that customers are read in windows of time (section 4).
//! - Guests exist only in orders, and only `guest` tells one: a guest's order can carry a customer number (section 5).
//! - A profile's `customerId` is its identity. `customerNo` may change, `email` is optional and not unique (section 4).
//!   No search takes a `customerId`: re-reading one profile walks the list.
//! - The platform sends no webhooks (section 9), so there are no [`Hooks`] here: what merchants call hooks
//!   are scripts within their own storefront. Changes are seen by asking.
//! - Shopper Consents, the platform's newer record of consent, tells only about the shopper who asks (section 6), and so
//!   can't be read here. The older OCAPI is not spoken: it is closed to new customers (section 1).

mod access;
mod check;
mod client;
mod customers;
mod fields;
mod findings;
mod orders;
pub(crate) mod settings;
mod walk;
mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};

use self::client::Client;
use self::findings::Findings;
use self::settings::SfccSettings;
use super::{
    Checkpoint, ConnectionReport, Connector, ConnectorError, Hooks, Http, InvalidSetting, Notice, Pass, PeoplePage,
    PrivacyDesk, Settings,
};
use crate::domain::Clock;
use crate::domain::people::{StoreId, StoreRecord, Stream};

/// One customer list with its sites.
#[derive(Debug)]
pub(super) struct Sfcc {
    client: Client,
    findings: Findings,
}

impl Sfcc {
    /// The store that the settings name. Nothing is asked yet.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub(super) fn open(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let settings = SfccSettings::read(settings)?;
        let findings = Findings::new(settings.attribute.clone());
        Ok(Self { client: Client::new(settings, http, clock), findings })
    }

    async fn one(&self, stream: Stream, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        match stream {
            Stream::Orders => orders::one(self, id).await,
            Stream::Customers => self.customer_on_a_walk(id).await,
            Stream::Subscribers => Ok(None),
        }
    }

    /// A profile is found by its number only, which may have changed since: so by looking through all of them.
    async fn customer_on_a_walk(&self, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        let mut pages = self.pages(Stream::Customers, Pass::Full, None);
        while let Some(page) = pages.try_next().await? {
            if let Some(record) = page.records.into_iter().find(|record| record.store_id() == Some(id)) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

impl Connector for Sfcc {
    /// Customers first: a guest who has an account meanwhile is known then.
    fn streams(&self) -> &'static [Stream] {
        &[Stream::Customers, Stream::Orders]
    }

    fn pages(
        &self,
        stream: Stream,
        pass: Pass,
        resume: Option<Checkpoint>,
    ) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        match stream {
            Stream::Customers => customers::pages(self, pass, resume),
            Stream::Orders => orders::pages(self, &pass, resume),
            Stream::Subscribers => stream::empty().boxed(),
        }
    }

    fn record<'a>(
        &'a self,
        stream: Stream,
        id: &'a StoreId,
    ) -> BoxFuture<'a, Result<Option<StoreRecord>, ConnectorError>> {
        self.one(stream, id).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<ConnectionReport, ConnectorError>> {
        check::check(self).boxed()
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        None
    }

    fn look(&self, stream: Stream) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        self.pages(stream, Pass::Full, None)
    }

    fn privacy_desk(&self) -> Option<PrivacyDesk> {
        None
    }

    fn notices(&self) -> Vec<Notice> {
        self.findings.notices()
    }
}
