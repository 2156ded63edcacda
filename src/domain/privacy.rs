//! What people may ask for by law, through their store: to see what is kept of them, and to be erased.
//!
//! Source: `vendors/shopify.md` section 10 and product.md section 6.

use std::fmt;

use chrono::TimeDelta;

use super::people::{StoreId, Stream};
use super::wire_enum::wire_enum;

/// How long carrying out a request may take, from when it arrived. Source: `vendors/shopify.md` section 10.
pub const TIME_TO_CARRY_OUT: TimeDelta = TimeDelta::days(30);

wire_enum! {
    /// What a privacy request asks for.
    PrivacyKind {
        /// The data of one person, to be handed to the owner of the store.
        DataRequest = "data_request",
        /// One person's erasure.
        Redact = "redact",
        /// The erasure of everything that one store brought.
        ShopRedact = "shop_redact",
    }
}

/// A privacy request, as a store hands it on.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivacyRequest {
    /// What is asked for.
    pub kind: PrivacyKind,
    /// Whom it is about; of no one person if the whole store is to be erased.
    pub subject: PrivacySubject,
}

/// A person, by what a store knows of them.
#[derive(Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivacySubject {
    /// The address as the store has it; not yet checked.
    pub email: Option<String>,
    /// The person's records in the store.
    pub records: Vec<(Stream, StoreId)>,
}

impl fmt::Debug for PrivacyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivacyRequest").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for PrivacySubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivacySubject(…)")
    }
}
