//! The connection test: does the token work, and which scopes does it have.

use serde_json::Value;

use super::BigCommerce;
use super::client::{INFORMATION_RIGHT, resource};
use crate::connectors::{Check, ConnectionReport, ConnectorError};
use crate::domain::people::{Stream, bounded};

/// Longest name of a store that is kept, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// What syncing reads, each with the stream that tries it.
const NEEDED: &[(&str, Stream)] = &[
    ("read customers", Stream::Customers),
    ("read subscribers", Stream::Subscribers),
    ("read orders", Stream::Orders),
];

/// Reads the store's name, then one record of each kind.
///
/// # Errors
/// The store can't be reached or refuses the token: there is nothing to report on.
pub(super) async fn check(store: &BigCommerce) -> Result<ConnectionReport, ConnectorError> {
    let (information, warnings) = match store.client.find::<Value>(&["v2", "store"], INFORMATION_RIGHT).await {
        Ok(information) => (information, Vec::new()),
        // Only for the store's name: syncing works without.
        Err(error @ ConnectorError::Forbidden { .. }) => (None, vec![error.to_string()]),
        Err(error) => return Err(error),
    };
    let mut checks = vec![Check { name: "credentials", problem: None }];
    for (name, stream) in NEEDED {
        let query = [("limit", "1".to_owned())];
        let problem = match store.client.list(resource(*stream), &query).await {
            Ok(_) => None,
            Err(error @ ConnectorError::Forbidden { .. }) => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        checks.push(Check { name, problem });
    }
    let name = information.as_ref().and_then(|information| information.get("name")?.as_str());
    Ok(ConnectionReport {
        store_name: name.map(|name| bounded(name.to_owned(), MAX_NAME_BYTES)),
        api_version: Some("V2 and V3".to_owned()),
        checks,
        warnings,
    })
}
