//! How a simulated store is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::bigcommerce::BigCommerceOptions;
use super::magento::MagentoOptions;
use super::sfcc::SfccOptions;
use super::shopware::ShopwareOptions;
use crate::domain::{Clock, SystemClock};

/// How a simulated store is set up. The defaults are what `assent sandbox` serves.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// How many people the population has; each is an account, a guest, or somebody who is nobody for our purposes.
    pub people: u64,
    /// Seed: the same seed gives the same people. Stores with one seed share every fifth person.
    pub seed: u64,
    /// Time that every vendor request takes at least.
    pub latency: Duration,
    /// Clock that stamps changes and judges OAuth timestamps and tokens. The people's own dates all lie before 2026.
    pub clock: Arc<dyn Clock>,
    /// Folder with the vendor's `admin-2026-07.core.graphql`; `None` executes against the sandbox's own schema.
    pub schema_dir: Option<PathBuf>,
    /// What only WooCommerce has.
    pub woocommerce: WooCommerceOptions,
    /// What only Shopify has.
    pub shopify: ShopifyOptions,
    /// What only BigCommerce has.
    pub bigcommerce: BigCommerceOptions,
    /// What only Magento has.
    pub magento: MagentoOptions,
    /// What only Salesforce Commerce Cloud has.
    pub sfcc: SfccOptions,
    /// What only Shopware has.
    pub shopware: ShopwareOptions,
}

impl StoreOptions {
    /// The defaults without a budget that anybody would have to wait for: for trying things out and for measuring.
    #[must_use]
    pub fn generous() -> Self {
        let shopify = ShopifyOptions { bucket: 1e9, restore_per_second: 1e9, ..ShopifyOptions::default() };
        let bigcommerce = BigCommerceOptions { quota: u32::MAX, ..BigCommerceOptions::default() };
        Self { shopify, bigcommerce, ..Self::default() }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            people: 500,
            seed: 1,
            latency: Duration::ZERO,
            clock: Arc::new(SystemClock),
            schema_dir: None,
            woocommerce: WooCommerceOptions::default(),
            shopify: ShopifyOptions::default(),
            bigcommerce: BigCommerceOptions::default(),
            magento: MagentoOptions::default(),
            sfcc: SfccOptions::default(),
            shopware: ShopwareOptions::default(),
        }
    }
}

/// What only the simulated WooCommerce has.
#[derive(Debug, Clone, Copy, Default)]
pub struct WooCommerceOptions {
    /// Where orders are kept.
    pub order_storage: OrderStorage,
    /// Believe `X-Forwarded-Proto: https`, so that Basic credentials count (`vendors/woocommerce.md` section 1).
    pub behind_tls_proxy: bool,
    /// Keys that read only, so that webhooks can't be registered with them.
    pub read_only_keys: bool,
}

/// Where a WooCommerce store keeps its orders; they differ in two quirks (`vendors/woocommerce.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderStorage {
    /// High-performance tables: totals fall to 0 past the end, drafts show up under `any`.
    #[default]
    Tables,
    /// Posts: `Z` together with `dates_are_gmt=true` is shifted twice.
    Posts,
}

/// What only the simulated Shopify has.
#[derive(Debug, Clone)]
pub struct ShopifyOptions {
    /// Size of the cost bucket, in points.
    pub bucket: f64,
    /// Points that flow back each second.
    pub restore_per_second: f64,
    /// Most points that one query may cost.
    pub max_query_cost: u32,
    /// Objects after which paging ends; `None` for no end. Source: `vendors/shopify.md` section 3.
    pub paging_ceiling: Option<u64>,
    /// Which credentials [`super::SandboxStore::settings`] hands out.
    pub credentials: ShopifyCredentials,
    /// Scopes that the app was granted.
    pub scopes: Vec<String>,
    /// Match `updated_at` of customers by whole days, as the vendor's schema text says.
    pub whole_day_customers: bool,
    /// How bulk operations go.
    pub exports: ExportOptions,
}

/// How bulk operations of the simulated Shopify go (`vendors/shopify.md` section 8).
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Looks at an operation after which it is over.
    pub looks: u32,
    /// Operations at once: five since 2026-01, one before.
    pub at_once: usize,
    /// How often beginning one is refused because another is in progress, before one is begun.
    pub refusals: usize,
    /// What goes wrong with the first operation, the second, and so on.
    pub troubles: Vec<ExportTrouble>,
    /// Whether files are served from the byte that is asked for.
    pub ranges: bool,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { looks: 2, at_once: 5, refusals: 0, troubles: Vec::new(), ranges: true }
    }
}

/// What goes wrong with a bulk operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportTrouble {
    /// It fails and leaves only a part.
    Fails,
    /// It ends as expired.
    Expires,
    /// The address of its file no longer holds: after seven days.
    AddressEnded,
    /// Its file ends half way, without an error.
    ShortFile,
}

impl Default for ShopifyOptions {
    /// Bucket and rate: `vendors/shopify.md` section 7.
    fn default() -> Self {
        Self {
            bucket: 2000.0,
            restore_per_second: 100.0,
            max_query_cost: 1000,
            paging_ceiling: Some(25_000),
            credentials: ShopifyCredentials::AccessToken,
            scopes: ["read_customers", "read_orders", "read_all_orders"].map(str::to_owned).to_vec(),
            whole_day_customers: false,
            exports: ExportOptions::default(),
        }
    }
}

/// The kinds of credentials of a Shopify app (`vendors/shopify.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShopifyCredentials {
    /// A fixed token of an app made in the admin.
    AccessToken,
    /// Client credentials; the tokens they give live this long (the vendor's: 24 hours).
    ClientCredentials {
        /// Life of a token.
        token_lives: Duration,
    },
}
