//! The connection test: do the credentials work, and may they read what syncing reads.

use serde_json::Value;

use super::client::{Entity, Search};
use super::{Shopware, pages};
use crate::connectors::{Check, ConnectionReport, ConnectorError};
use crate::domain::people::bounded;

/// Longest name and version that are kept, in bytes.
const MAX_NAME_BYTES: usize = 255;

const NO_WEBHOOKS: &str = "the integration lacks webhook:read, webhook:create, webhook:update or webhook:delete: changes \
     are seen at the next sync only; grant them if changes shall be seen at once";

/// Asks for the version, then for one row of everything that syncing reads.
///
/// A missing right is a problem in the report; whatever else keeps us from reading is an error.
pub(super) async fn check(store: &Shopware) -> Result<ConnectionReport, ConnectorError> {
    let version = store.client.version().await?;
    let mut checks = vec![Check { name: "credentials", problem: None }];
    let read = [
        ("read customers (customer:read, order_customer:read)", pages::customers(&store.scope)),
        ("read newsletter recipients (newsletter_recipient:read)", pages::recipients()),
        ("read orders (order:read, order_customer:read)", pages::orders(&store.scope)),
    ];
    for (name, search) in read {
        checks.push(Check { name, problem: forbidden(store, &search).await? });
    }
    let (channels, store_name) = channels(store).await?;
    checks.push(channels);
    let has_webhooks = forbidden(store, &all_of(Entity::Webhook, &[("webhook", &["id"])])).await?.is_none();
    Ok(ConnectionReport {
        store_name,
        api_version: version.map(|version| bounded(version, MAX_NAME_BYTES)),
        checks,
        warnings: if has_webhooks { Vec::new() } else { vec![NO_WEBHOOKS.to_owned()] },
    })
}

/// What is wrong with reading one row, if it is a right that is missing.
async fn forbidden(store: &Shopware, search: &Search) -> Result<Option<String>, ConnectorError> {
    match store.client.search(search, |_| (1, 1)).await {
        Ok(_) => Ok(None),
        Err(error @ ConnectorError::Forbidden { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Whether the chosen sales channels are there; and the name of the channel, where there is only one.
async fn channels(store: &Shopware) -> Result<(Check, Option<String>), ConnectorError> {
    let name = "find the sales channels (sales_channel:read)";
    let chosen = store.scope.ids();
    let search = Search { ids: chosen.to_vec(), ..all_of(Entity::SalesChannel, &[("sales_channel", &["id", "name"])]) };
    let found = match store.client.search(&search, |size| (1, size)).await {
        Ok(found) => found,
        Err(error @ ConnectorError::Forbidden { .. }) => {
            return Ok((Check { name, problem: Some(error.to_string()) }, None));
        }
        Err(error) => return Err(error),
    };
    let is_there =
        |id: &&String| found.rows.iter().any(|row| row.get("id").and_then(Value::as_str) == Some(id.as_str()));
    let missing: Vec<&str> = chosen.iter().filter(|id| !is_there(id)).map(String::as_str).collect();
    let problem = (!missing.is_empty()).then(|| {
        format!("salesChannelIds names what the shop does not have: {}; correct the setting", missing.join(", "))
    });
    let only = match found.rows.as_slice() {
        [only] => only.get("name").and_then(Value::as_str),
        _ => None,
    };
    Ok((Check { name, problem }, only.map(|name| bounded(name.to_owned(), MAX_NAME_BYTES))))
}

fn all_of(entity: Entity, includes: &'static [(&'static str, &'static [&'static str])]) -> Search {
    Search { entity, includes, associations: &[], filter: Vec::new(), sort: &[], ids: Vec::new() }
}
