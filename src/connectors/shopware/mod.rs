//! Shopware 6, by its Admin API.
//!
//! Facts and their sources: `vendors/shopware.md`. Reading order: [`pages`] (what is read and when it is complete),
//! [`walk`] (how a list is read that changes meanwhile), [`wire`] (what a row means), [`criteria`] and [`scope`] (what
//! is asked for), [`client`] and [`refusal`] (access), [`check`], [`hooks`].
//!
//! - **Customers and guests** are one table, told apart by `guest`. A guest gets a new row at each checkout; the same
//!   address in many rows is one contact. A guest row without order is an abandoned registration and not listed;
//!   `orderCount` can't say so, because it counts completed orders only and is written without moving a date.
//! - **Orders** are read only where their customer is deleted: the copy of the customer in them is all that is left of a
//!   buyer (section 8).
//! - **Subscribers** are newsletter rows of status `direct` or `optIn`. The article asks for an opt-in at account
//!   creation or checkout. Themes and plugins put such boxes there and call the same route as the newsletter form, and
//!   no column says which it was (section 4). So the rows count whatever made them (section 8), and the source that they
//!   give is the honest one, `StoreSetting`: the state that the platform keeps.
//! - **One list, several channels.** An address may be in in one sales channel and out in another. Rows of the chosen
//!   channels are words of one person to one store: the newest wins, and an opt-out, which the platform does not date,
//!   wins over what was said before it was seen. One integration per channel keeps channels apart.
//! - **Another address.** When a customer changes the address, the row follows by plain SQL and moves no date. The old
//!   address leaves every list in the transaction that reads the row; how an incremental pass gets to read it: [`pages`].
//!   Releases since autumn 2026 set such a row back to `notSet`; then nothing is inherited. Older ones keep `optIn`: that
//!   is the store stating the opt-in for the new address, dated by the confirmation, so that a later no outranks it.
//! - **Webhooks** made by the API are unsigned, rows changed in the administration send none, and rows can't be hooked
//!   (section 6): they are hints, and the passes are the truth.

mod check;
mod client;
mod criteria;
mod hooks;
mod pages;
mod refusal;
mod scope;
pub(crate) mod settings;
mod walk;
mod wire;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use secrecy::SecretString;
use serde_json::Value;

use self::client::{Client, Search};
use self::scope::Scope;
use super::{
    Checkpoint, ConnectionReport, Connector, ConnectorError, Hooks, Http, InvalidSetting, Notice, Pass, PeoplePage,
    PrivacyDesk, Settings,
};
use crate::domain::Clock;
use crate::domain::people::{StoreId, StoreRecord, Stream};

/// One shop as a source of people.
#[derive(Debug)]
pub(super) struct Shopware {
    client: Client,
    scope: Scope,
    /// What an app's webhooks are signed with.
    app_secret: Option<SecretString>,
}

impl Shopware {
    /// Opens a shop. Nothing is asked yet.
    ///
    /// # Errors
    /// A setting that is missing or can't be used.
    pub(super) fn open(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        Ok(Self {
            client: Client::new(settings, http, clock)?,
            scope: Scope::new(settings),
            app_secret: settings.secret("appSecret").cloned(),
        })
    }

    /// One row, by the same search as in a pass, so that what a pass does not list is not there.
    async fn find(&self, stream: Stream, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        if !wire::is_id(id.as_str()) {
            return Ok(None);
        }
        let (search, read): (Search, fn(&Value) -> StoreRecord) = match stream {
            Stream::Customers => (pages::customers(&self.scope), wire::customer),
            Stream::Orders => (pages::orders(&self.scope), wire::order),
            Stream::Subscribers => (
                Search { filter: self.scope.recipients().into_iter().collect(), ..pages::recipients() },
                wire::recipient,
            ),
        };
        let search = Search { ids: vec![id.as_str().to_owned()], ..search };
        let found = self.client.search(&search, |_| (1, 1)).await?;
        Ok(found.rows.first().map(read))
    }
}

impl Connector for Shopware {
    fn streams(&self) -> &'static [Stream] {
        &[Stream::Customers, Stream::Subscribers, Stream::Orders]
    }

    fn pages(
        &self,
        stream: Stream,
        pass: Pass,
        resume: Option<Checkpoint>,
    ) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        pages::pages(&self.client, &self.scope, stream, &pass, resume)
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
