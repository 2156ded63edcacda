//! Simulated stores that speak the vendors' real wire formats over HTTP on a loopback port.
//!
//! Used by `assent sandbox`, the tests and the benchmarks. Read in this order: `nature` (what sets the platforms
//! apart), `cast` (who is in a store and why), `population` (how they are computed), `book` (in order, with changes),
//! `truth` (where they ought to be), then the servers.
//!
//! Each store also has a **control API**, never part of the vendor's, under [`CONTROL_PATH`]: [`control`].
//!
//! **Invariant:** nothing here knows the connectors, the services or the contact rules: the wire formats come from
//! the vendors' documents and recordings, the truth from the article, so that the stores are no mirror of our client.

mod app;
mod bigcommerce;
mod book;
mod cast;
mod changes;
pub mod control;
mod deliveries;
mod faults;
mod hidden;
mod ids;
mod magento;
mod names;
mod nature;
mod options;
mod php;
mod population;
mod records;
mod server;
mod sfcc;
mod shopify;
mod shopware;
mod state;
mod truth;
mod woocommerce;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::domain::Platform;

pub use app::{AppEvent, AppEventError};
pub use bigcommerce::BigCommerceOptions;
pub use changes::{Change, ChangeError};
pub use deliveries::{DeliveryFault, Sent};
pub use faults::{Fault, FaultPlan, FaultReport, Target};
pub use hidden::Concealment;
pub use magento::{MagentoOptions, PastTheEnd};
pub use options::{
    ExportOptions, ExportTrouble, OrderStorage, ShopifyCredentials, ShopifyOptions, StoreOptions, WooCommerceOptions,
};
pub use sfcc::{SearchableDates, SfccOptions};
pub use shopware::ShopwareOptions;
pub use truth::{Problem, Totals, TrueRecord, Truth};

/// Path under which a store is controlled.
pub const CONTROL_PATH: &str = "/_sandbox";
/// Longest silence of [`Fault::TimeOut`]: more than a patient client waits (60 s, `vendors/woocommerce.md` section 5).
pub const HANG: Duration = Duration::from_secs(90);

/// The platforms that can be simulated.
pub const PLATFORMS: &[Platform] = Platform::ALL;

/// A store could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port on loopback.
    #[error("no loopback port could be opened")]
    Listen(#[source] std::io::Error),
    /// The vendor's schema can't be read.
    #[error("the schema {path} can't be read")]
    ReadSchema {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The schema is not one.
    #[error("the schema is not valid GraphQL: {0}")]
    BadSchema(String),
}

/// A running simulated store. Stops when dropped.
#[derive(Debug)]
pub struct SandboxStore {
    shared: Arc<server::Shared>,
    server: Option<JoinHandle<()>>,
}

impl SandboxStore {
    /// Starts a store on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(platform: Platform, options: StoreOptions) -> Result<Self, StartError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(StartError::Listen)?;
        let port = listener.local_addr().map_err(StartError::Listen)?.port();
        let shared = Arc::new(server::Shared::new(platform, options, format!("http://127.0.0.1:{port}")));
        let vendor = match platform {
            Platform::BigCommerce => bigcommerce::router(Arc::clone(&shared))?,
            Platform::Magento => magento::router(Arc::clone(&shared))?,
            Platform::Sfcc => sfcc::router(Arc::clone(&shared))?,
            Platform::Shopify => shopify::router(Arc::clone(&shared))?,
            Platform::Shopware => shopware::router(Arc::clone(&shared))?,
            Platform::WooCommerce => woocommerce::router(Arc::clone(&shared)),
        };
        let router = vendor.nest(CONTROL_PATH, control::router(Arc::clone(&shared)));
        let stopped = shared.stopped.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(store.platform = platform.as_str(), %error, "simulated store stopped");
            }
        });
        tokio::spawn(deliveries::run(Arc::clone(&shared)));
        Ok(Self { shared, server: Some(server) })
    }

    /// The platform.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.shared.platform
    }

    /// What to call an integration of this store.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }

    /// Address of the store, without trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Address of the control API, without trailing slash.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("{}{CONTROL_PATH}", self.shared.base_url)
    }

    /// The `settings` to post to `/v1/integrations`, credentials included.
    #[must_use]
    pub fn settings(&self) -> Value {
        match self.shared.platform {
            Platform::BigCommerce => bigcommerce::settings(&self.shared),
            Platform::Magento => magento::settings(&self.shared),
            Platform::Sfcc => sfcc::settings(&self.shared),
            Platform::Shopify => shopify::settings(&self.shared),
            Platform::Shopware => shopware::settings(&self.shared),
            Platform::WooCommerce => woocommerce::settings(&self.shared),
        }
    }

    /// Makes a change, stamped with the store's clock, and gives the truth about its address afterwards.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn change(&self, change: &Change) -> Result<Truth, ChangeError> {
        self.shared.change(change)
    }

    /// The truth about an address, in whatever casing; `None` if it is none.
    #[must_use]
    pub fn truth(&self, email: &str) -> Option<Truth> {
        Some(self.shared.state().truth(&names::normalized(email)?))
    }

    /// The truth about people `from..from + limit` of the store. Changed-in people come after the population; a
    /// person may have several addresses. Empty only past the end.
    #[must_use]
    pub fn truths(&self, from: u64, limit: u64) -> Vec<Truth> {
        self.shared.truths(from, limit)
    }

    /// How many people ought to be where.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.shared.state().totals()
    }

    /// Plans a fault; `false` if too many are planned or it would never strike.
    #[must_use]
    pub fn plan_fault(&self, plan: FaultPlan) -> bool {
        self.shared.faults.plan(plan)
    }

    /// Forgets planned faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// How often a fault has struck.
    #[must_use]
    pub fn struck(&self, fault: Fault) -> u64 {
        self.shared.faults.struck(fault)
    }

    /// Leaves somebody out of lists that go on counting them; `false` if that is no address, or no page.
    #[must_use]
    pub fn conceal(&self, concealment: &Concealment) -> bool {
        self.shared.hidden.add(concealment)
    }

    /// Shows everybody again.
    pub fn show_all(&self) {
        self.shared.hidden.clear();
    }

    /// Has the next deliveries of webhooks meet a fault, one each.
    pub fn plan_delivery_fault(&self, fault: DeliveryFault, times: u32) {
        self.shared.deliveries.plan(fault, times);
    }

    /// Forgets planned faults of deliveries and sends what was held back.
    pub fn clear_delivery_faults(&self) {
        self.shared.deliveries.clear();
    }

    /// Sets where the privacy topics go, as the configuration of an app does.
    pub fn set_compliance_address(&self, address: Option<String>) {
        self.shared.app.set_compliance_address(address);
    }

    /// Lets something happen to the app as which a client talks to this store. Tells the topics that are sent.
    ///
    /// # Errors
    /// See [`AppEventError`].
    pub fn happens_to_the_app(&self, event: &AppEvent) -> Result<Vec<String>, AppEventError> {
        self.shared.happens_to_the_app(event)
    }

    /// The deliveries that were sent, oldest first, at most the last thousand.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.shared.deliveries.sent()
    }

    /// Waits until all webhooks that are due were sent.
    pub async fn delivered(&self) {
        self.shared.deliveries.idle().await;
    }

    /// Topics and addresses to which webhooks are sent now, oldest first.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<(String, String)> {
        let all = self.shared.deliveries.subscriptions().into_iter();
        all.filter(|one| one.is_active).map(|one| (one.topic, one.address)).collect()
    }

    /// Has an app of the merchant's sign and deliver webhooks to an address, and tells the secret that it signs with;
    /// `None` where the platform has no such apps.
    #[must_use]
    pub fn install_app(&self, address: &str) -> Option<String> {
        (self.shared.platform == Platform::Shopware).then(|| shopware::install_app(&self.shared, address))
    }

    /// How many vendor requests were answered or refused so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The least time in which a client that asks for one thing at a time could have had all that was answered so far:
    /// every request takes the latency, and no more is answered than the platform's budget allows. A platform whose
    /// sheet documents no budget has none.
    #[must_use]
    pub fn least_time(&self) -> Duration {
        let options = &self.shared.options;
        let requests = self.requests();
        let asked = options.latency.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX));
        let paid = match self.shared.platform {
            // Whole windows that have to pass before the last request (vendors/bigcommerce.md section 7).
            Platform::BigCommerce => {
                let windows = requests.saturating_sub(1) / u64::from(options.bigcommerce.quota.max(1));
                options.bigcommerce.window.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX))
            }
            // Points beyond a full bucket have to flow back first (vendors/shopify.md section 7).
            Platform::Shopify => {
                #[expect(clippy::cast_precision_loss, reason = "points are far below 2^52")]
                let spent = self.shared.points.load(Ordering::Relaxed) as f64;
                let missing = (spent - options.shopify.bucket).max(0.0);
                Duration::from_secs_f64(missing / options.shopify.restore_per_second)
            }
            Platform::Magento | Platform::Sfcc | Platform::Shopware | Platform::WooCommerce => Duration::ZERO,
        };
        asked.max(paid)
    }

    /// Sets the time that every vendor request takes at least.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.set_latency(latency);
    }

    /// Moves the store to another time zone, that many seconds ahead of UTC; every moment stays what it is.
    pub fn set_seconds_ahead(&self, seconds: i64) {
        self.shared.set_seconds_ahead(seconds);
    }

    /// Stops and waits until nothing is served any more.
    pub async fn stop(mut self) {
        self.shared.stopped.cancel();
        if let Some(server) = self.server.take()
            && let Err(error) = server.await
        {
            tracing::error!(%error, "simulated store did not stop cleanly");
        }
    }
}

impl Drop for SandboxStore {
    fn drop(&mut self) {
        self.shared.stopped.cancel();
    }
}
