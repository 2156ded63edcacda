//! Installed stores.

use serde_json::{Map, Value};

use crate::domain::Platform;
use crate::domain::mapping::MappingChange;

/// A store to be installed.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    /// Platform.
    pub platform: Platform,
    /// Display name.
    pub name: String,
    /// Settings, secrets among them.
    pub settings: Map<String, Value>,
    /// Mappings beside the default one.
    pub mappings: MappingChange,
}

/// A change of an integration.
#[derive(Debug, Clone, Default)]
pub struct IntegrationChange {
    /// New name.
    pub name: Option<String>,
    /// Settings to set, or with `null` to take away.
    pub settings: Map<String, Value>,
}
