//! The connection test: is this a WooCommerce, do the credentials work, what may they read.

use serde_json::Value;

use super::WooCommerce;
use super::client::{Resource, resource};
use crate::connectors::{Check, ConnectionReport, ConnectorError};
use crate::domain::people::{Stream, bounded};

/// Name of the API that we speak.
const NAMESPACE: &str = "wc/v3";
/// Longest name of a shop that is kept, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Reads the index, one customer of each role and one order.
///
/// A missing right is a problem in the report, as is an index that is shielded or that names no `wc/v3`; whatever
/// else keeps us from reading is an error.
pub(super) async fn check(store: &WooCommerce) -> Result<ConnectionReport, ConnectorError> {
    let index = match store.client.index().await {
        Ok(index) => Some(index),
        // Security plugins shield the index and let the API itself through.
        Err(ConnectorError::Forbidden { .. } | ConnectorError::CredentialsRejected) => None,
        Err(error) => return Err(error),
    };
    let offers_api = index.as_ref().map(offers_api);
    if offers_api == Some(false) {
        return Err(ConnectorError::NotThere { what: "WooCommerce REST API" });
    }
    let checks = vec![
        Check { name: "find the WooCommerce REST API", problem: None },
        Check { name: "read customers", problem: problem_with_customers(store).await? },
        Check { name: "read orders", problem: problem_with_orders(store).await? },
    ];
    let name = index.as_ref().and_then(|index| index.get("name")?.as_str());
    Ok(ConnectionReport {
        store_name: name.map(|name| bounded(html_escape::decode_html_entities(name).into_owned(), MAX_NAME_BYTES)),
        api_version: Some(NAMESPACE.to_owned()),
        checks,
        warnings: Vec::new(),
    })
}

fn offers_api(index: &Value) -> bool {
    let namespaces = index.get("namespaces").and_then(Value::as_array);
    namespaces.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(NAMESPACE)))
}

async fn problem_with_customers(store: &WooCommerce) -> Result<Option<String>, ConnectorError> {
    let Some(resource) = resource(Stream::Customers) else { return Ok(None) };
    for role in &store.roles {
        match problem(store, resource, &[("role", role.clone())]).await {
            Ok(None) => {}
            // The one parameter that is not ours.
            Err(ConnectorError::Refused { status: 400 }) => {
                return Ok(Some(format!("the shop has no role {role}; correct the setting customerRoles")));
            }
            found => return found,
        }
    }
    Ok(None)
}

async fn problem_with_orders(store: &WooCommerce) -> Result<Option<String>, ConnectorError> {
    match resource(Stream::Orders) {
        Some(resource) => problem(store, resource, &[]).await,
        None => Ok(None),
    }
}

/// What is wrong with reading one record, if it is a right that is missing.
async fn problem(
    store: &WooCommerce,
    resource: Resource,
    more: &[(&'static str, String)],
) -> Result<Option<String>, ConnectorError> {
    let mut query = vec![("per_page", "1".to_owned()), ("_fields", "id".to_owned())];
    query.extend_from_slice(more);
    match store.client.list(resource, &query).await {
        Ok(_) => Ok(None),
        Err(error @ ConnectorError::Forbidden { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
