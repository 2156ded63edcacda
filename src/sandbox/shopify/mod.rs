//! A simulated Shopify.
use super::StartError;
use super::server::Shared;
use axum::Router;
use serde_json::Value;
use std::sync::Arc;
pub(crate) fn router(shared: Arc<Shared>) -> Result<Router, StartError> {
    Err(StartError::NoSuchPlatform(shared.platform))
}
pub(crate) fn settings(_shared: &Shared) -> Value {
    Value::Null
}
