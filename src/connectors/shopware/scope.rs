//! The sales channels of an integration, as filters.

use serde_json::Value;

use super::criteria;
use crate::connectors::Settings;

/// The chosen sales channels; all of them where none is named.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    ids: Vec<String>,
}

impl Scope {
    /// Takes up the settings of an integration.
    pub(super) fn new(settings: &Settings) -> Self {
        Self { ids: settings.texts("salesChannelIds").unwrap_or_default() }
    }

    /// The chosen ids.
    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Of customers: those made in one of the channels, or bound to one (`vendors/shopware.md` section 3).
    pub(super) fn customers(&self) -> Option<Value> {
        self.filter(&["salesChannelId", "boundSalesChannelId"])
    }

    /// Of orders.
    pub(super) fn orders(&self) -> Option<Value> {
        self.filter(&["salesChannelId"])
    }

    /// Of newsletter rows.
    pub(super) fn recipients(&self) -> Option<Value> {
        self.filter(&["salesChannelId"])
    }

    fn filter(&self, fields: &[&str]) -> Option<Value> {
        if self.ids.is_empty() {
            return None;
        }
        let filters: Vec<Value> = fields.iter().map(|field| criteria::equals_any(field, &self.ids)).collect();
        Some(match filters.as_slice() {
            [one] => one.clone(),
            many => criteria::any(many),
        })
    }
}
