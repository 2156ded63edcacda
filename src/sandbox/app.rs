//! The app by which a client talks to a store, where the platform has apps (Shopify): what its own configuration names,
//! and what a merchant does that the app hears of without having subscribed to it.
//!
//! Sources: `vendors/shopify.md` sections 9 and 10.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::server::Shared;
use super::shopify;
use crate::domain::Platform;

/// Something that happens to the app of a store, or that the law has the store hand on to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum AppEvent {
    /// Somebody asks what is kept of them: `customers/data_request`, one for each account, or one for their orders.
    RequestData {
        /// Whose data.
        email: String,
    },
    /// Somebody is to be forgotten: `customers/redact`. What the store itself keeps stays until it is deleted there.
    RequestErasure {
        /// Whose data.
        email: String,
    },
    /// The merchant removes the app: `app/uninstalled`. Its tokens end and its subscriptions are gone.
    Uninstall,
    /// The merchant installs the app again. Nothing is sent.
    Install,
    /// Everything that came from the store is to be forgotten: `shop/redact`.
    EraseShop,
}

/// Why nothing can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppEventError {
    /// Only Shopify's clients are apps that hear of these.
    #[error("the platform has no apps that hear of this")]
    NoApps,
    /// The app's configuration names no address for it.
    #[error("the app names no compliance address; set one with PUT")]
    NoAddress,
    /// Not an address.
    #[error("this is not an address")]
    BadAddress,
    /// Nobody has the address.
    #[error("nobody in the store has this address")]
    Nobody,
}

/// The app as its own configuration and the merchant set it.
#[derive(Debug, Default)]
pub(crate) struct ConnectedApp {
    compliance_address: Mutex<Option<String>>,
    is_uninstalled: AtomicBool,
    requests: AtomicU64,
}

impl ConnectedApp {
    /// Where the privacy topics go.
    pub(crate) fn compliance_address(&self) -> Option<String> {
        self.compliance_address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_compliance_address(&self, address: Option<String>) {
        *self.compliance_address.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    pub(crate) fn is_installed(&self) -> bool {
        !self.is_uninstalled.load(Ordering::Relaxed)
    }

    pub(crate) fn set_installed(&self, is_installed: bool) {
        self.is_uninstalled.store(!is_installed, Ordering::Relaxed);
    }

    /// A number for the next request of a person.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Shared {
    /// Lets something happen to the app, and sends what it hears of it. Tells the topics.
    pub(crate) fn happens_to_the_app(&self, event: &AppEvent) -> Result<Vec<String>, AppEventError> {
        if self.platform != Platform::Shopify {
            return Err(AppEventError::NoApps);
        }
        let parcels = shopify::happened_to_the_app(self, event)?;
        let topics = parcels.iter().map(|parcel| parcel.topic.clone()).collect();
        for parcel in parcels {
            self.deliveries.send(parcel);
        }
        Ok(topics)
    }
}
