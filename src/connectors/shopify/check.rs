//! The connection test: does the token work, and does it show what syncing needs.

use serde_json::{Value, json};

use super::client::Client;
use super::envelope::Trouble;
use super::pages::ALL_ORDERS;
use super::queries::{self, Operation};
use crate::connectors::{Check, ConnectionReport, ConnectorError, Retry};
use crate::domain::people::bounded;

/// Points of the probe and of a page with one record.
const SMALL_QUERY_POINTS: f64 = 5.0;

/// What syncing reads, each with the query that tries it. A scope alone is not enough: protected customer data
/// depends on the shop's plan and on approval, and shows only when a record is read (`vendors/shopify.md` section 2).
const NEEDED: &[(&str, &Operation)] = &[("read customers", &queries::CUSTOMERS), ("read orders", &queries::ORDERS)];

const ONLY_RECENT_ORDERS: &str = "the app lacks the scope read_all_orders: orders older than 60 days, and guests who \
     bought only then, are not seen; request the scope from Shopify if you need them";

/// Asks who the shop is and what the token may do, then tries to read one record of each kind.
///
/// # Errors
/// The shop can't be reached or refuses the token: there is nothing to report on.
pub(super) async fn check(client: &Client) -> Result<ConnectionReport, ConnectorError> {
    let reply = client.ask(&queries::PROBE, &json!({}), SMALL_QUERY_POINTS).await?;
    let scopes = granted_scopes(&reply.data)?;
    let mut checks = vec![Check { name: "credentials", problem: None }];
    for (name, operation) in NEEDED {
        let problem = if is_granted(&scopes, operation.scope) {
            try_reading(client, operation).await?
        } else {
            Some(format!("the app lacks the scope {}; grant it and install the app again", operation.scope))
        };
        checks.push(Check { name, problem });
    }
    let warnings = if is_granted(&scopes, ALL_ORDERS) { vec![] } else { vec![ONLY_RECENT_ORDERS.to_owned()] };
    let store_name = reply.data.pointer("/shop/name").and_then(Value::as_str);
    Ok(ConnectionReport {
        store_name: store_name.map(|name| bounded(name.to_owned(), 255)),
        api_version: reply.api_version,
        checks,
        warnings,
    })
}

/// Whether the app was granted a scope. A shop that does not tell is taken to have denied it.
///
/// # Errors
/// The shop is busy or down.
pub(super) async fn has_scope(client: &Client, scope: &str) -> Result<bool, ConnectorError> {
    match client.ask(&queries::PROBE, &json!({}), SMALL_QUERY_POINTS).await {
        Ok(reply) => Ok(granted_scopes(&reply.data).is_ok_and(|scopes| is_granted(&scopes, scope))),
        Err(Trouble::Failed(error)) if error.retry() != Retry::Never => Err(error),
        Err(_) => Ok(false),
    }
}

async fn try_reading(client: &Client, operation: &Operation) -> Result<Option<String>, ConnectorError> {
    let variables = json!({ "first": 1, "after": null, "query": null, "sortKey": "ID" });
    match client.ask(operation, &variables, SMALL_QUERY_POINTS).await.map_err(ConnectorError::from) {
        Ok(_) => Ok(None),
        Err(error @ ConnectorError::Forbidden { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

fn granted_scopes(data: &Value) -> Result<Vec<&str>, ConnectorError> {
    let scopes = data
        .pointer("/currentAppInstallation/accessScopes")
        .and_then(Value::as_array)
        .ok_or(ConnectorError::BadAnswer { what: "accessScopes" })?;
    Ok(scopes.iter().filter_map(|scope| scope.get("handle")?.as_str()).collect())
}

/// A scope to write includes the one to read; Shopify lists only the larger one.
fn is_granted(scopes: &[&str], needed: &str) -> bool {
    let larger = needed.strip_prefix("read_").map(|what| format!("write_{what}"));
    scopes.iter().any(|scope| *scope == needed || larger.as_deref() == Some(scope))
}
