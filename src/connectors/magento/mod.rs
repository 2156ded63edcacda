//! Magento Open Source, Adobe Commerce and Mage-OS, over the REST API V1.
//!
//! Facts and their sources: `vendors/magento.md`. Reading order: [`pages`] (what is read), [`position`] (a pass and the
//! sweep), [`walk`] (how a list is read that changes meanwhile), [`confirm`] (which accounts are read by themselves),
//! [`wire`] (what a record means), [`client`] (access and refusals), [`check`].
//!
//! What the platform can't tell, and what follows
//! - **Guests who subscribed can't be read by core REST at all** (sections 6 and 9): no route holds them, and no
//!   customer is theirs. They are read only where a module of the shop lists them ([`subscribersEndpoint`]
//!   (`settings::FIELDS`)), a list like the others: `searchCriteria` on `subscriber_id` and `change_status_at`, items
//!   with the columns of `newsletter_subscriber`. Without it every integration carries a notice.
//! - `is_subscribed = false` covers opted out, pending and never asked: only a yes that is gone is an opt-out, from
//!   when we saw it.
//! - An opt-out by the link in a mail moves no `updated_at`: [`position`] sweeps; every account is read again within
//!   [`SWEEP_PASSES`](position::SWEEP_PASSES) incremental passes, at every pass where there are few.
//! - Accounts and orders that are deleted just vanish; only a full pass shows it. The orders of a deleted account have
//!   no customer any more and count as a guest's (recorded in `order_of_deleted_customer`).
//! - There are no webhooks: Open Source has none, and the events of Adobe Commerce need an account with Adobe
//!   (section 7). Hence no [`Hooks`](super::Hooks).
//! - Adobe Commerce as a Cloud Service asks for Adobe's own tokens and other addresses (section 1): not supported.
//! - On 2.4.0 to 2.4.2 a customer with several subscriptions makes the whole list fail (section 6). Nothing but an
//!   update of the shop helps; the run fails and says that the shop did.
//! - Two-factor authentication bars tokens of administrators (section 2), and the token of an integration as bearer is
//!   off by default: [`check`] says so.

mod check;
mod client;
mod confirm;
mod pages;
mod position;
mod refusal;
mod search;
pub(crate) mod settings;
mod views;
mod walk;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::sync::OnceCell;

use self::client::{Client, Right, VERSION};
use self::settings::MagentoSettings;
use self::views::Views;
use self::wire::Flag;
use super::{
    Checkpoint, ConnectionReport, Connector, ConnectorError, Hooks, Http, InvalidSetting, Notice, Pass, PeoplePage,
    PrivacyDesk, Settings,
};
use crate::domain::Clock;
use crate::domain::people::{StoreId, StoreRecord, Stream};

const GUEST_SUBSCRIBERS_UNSEEN: &str = "Magento's REST API can't list people who subscribed without an account; only account holders become subscribers. \
     Let a module of the shop list them and name it in subscribersEndpoint";

/// One shop as a source of people.
#[derive(Debug)]
pub(crate) struct Magento {
    client: Client,
    settings: MagentoSettings,
    views: OnceCell<Views>,
    /// The list of customers does not show the flag.
    lacks_flag: AtomicBool,
}

impl Magento {
    /// Opens a shop.
    ///
    /// # Errors
    /// A setting that is missing or can't be used.
    pub(crate) fn open(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let settings = MagentoSettings::read(settings)?;
        let client = Client::new(&settings, http, clock);
        Ok(Self { client, settings, views: OnceCell::new(), lacks_flag: AtomicBool::new(false) })
    }

    fn subscribers(&self) -> Option<&[String]> {
        self.settings.subscribers.as_deref()
    }

    /// The shop's store views, asked for once.
    async fn views(&self) -> Result<&Views, ConnectorError> {
        let ask = || async {
            let rows = self.client.whole_list(&[VERSION, "store", "storeViews"], Right::Stores).await?;
            Views::read(&rows, &self.settings.store_codes)
        };
        self.views.get_or_try_init(ask).await
    }

    /// Whether many accounts have to be read by themselves.
    async fn reads_singly(&self) -> Result<bool, ConnectorError> {
        Ok(self.lacks_flag.load(Ordering::Relaxed) || self.views().await?.has_several_websites())
    }

    fn note_flag(&self, flag: Flag) {
        if flag == Flag::Absent {
            self.lacks_flag.store(true, Ordering::Relaxed);
        }
    }

    /// The websites or store views of a stream to read; `None` for all.
    async fn chosen(&self, stream: Stream) -> Result<Option<BTreeSet<u64>>, ConnectorError> {
        if self.settings.store_codes.is_empty() {
            return Ok(None);
        }
        let views = self.views().await?;
        if !views.unknown_codes().is_empty() {
            return Err(ConnectorError::NotThere { what: "store view of one of the storeCodes" });
        }
        Ok(match stream {
            Stream::Customers => views.chosen_websites(),
            Stream::Orders | Stream::Subscribers => views.chosen_ids(),
        })
    }

    async fn find(&self, stream: Stream, id: &StoreId) -> Result<Option<StoreRecord>, ConnectorError> {
        let Ok(id) = id.as_str().parse::<u64>() else { return Ok(None) };
        let row = match stream {
            Stream::Customers => {
                let path = [VERSION, "customers", &id.to_string()];
                let row = self.client.find(&path, Right::Customers, wire::CUSTOMER_FIELDS).await?;
                let views = self.views().await?;
                match row {
                    Some(row) if views.has_several_websites() => confirm::read_again(self, views, row).await?,
                    row => row,
                }
            }
            Stream::Orders => {
                let path = [VERSION, "orders", &id.to_string()];
                self.client.find(&path, Right::Orders, wire::ORDER_FIELDS).await?
            }
            Stream::Subscribers => pages::one_subscriber(self, id).await?,
        };
        let chosen = self.chosen(stream).await?;
        let row = row.filter(|row| wire::is_of(stream, row, chosen.as_ref()));
        Ok(row.map(|row| wire::record(stream, &row)))
    }
}

impl Connector for Magento {
    fn streams(&self) -> &'static [Stream] {
        match self.settings.subscribers {
            Some(_) => &[Stream::Customers, Stream::Subscribers, Stream::Orders],
            None => &[Stream::Customers, Stream::Orders],
        }
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
        None
    }

    fn look(&self, stream: Stream) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
        self.pages(stream, Pass::Full, None)
    }

    fn privacy_desk(&self) -> Option<PrivacyDesk> {
        None
    }

    fn notices(&self) -> Vec<Notice> {
        let notice =
            || Notice { code: "GUEST_SUBSCRIBERS_UNSEEN".to_owned(), detail: GUEST_SUBSCRIBERS_UNSEEN.to_owned() };
        self.settings.subscribers.is_none().then(notice).into_iter().collect()
    }
}
