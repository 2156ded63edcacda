//! The webhooks that a shop has for us: listed, made, removed (`vendors/shopify.md` section 9).
//!
//! A subscription is deleted by the shop after its deliveries failed for hours, so registering is repeated; it changes
//! nothing where nothing is missing.

use serde_json::{Value, json};

use super::client::Client;
use super::envelope::Trouble;
use super::queries;
use crate::connectors::hooks::{Endpoint, Registration};
use crate::connectors::{ConnectorError, Retry};

/// What is asked for, by the names of the schema, and whether syncing is slower without it. Merges need a scope of
/// their own, which an app may lack; the full pass finds them.
const TOPICS: &[(&str, bool)] = &[
    ("CUSTOMERS_CREATE", true),
    ("CUSTOMERS_UPDATE", true),
    ("CUSTOMERS_DELETE", true),
    ("CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", true),
    ("CUSTOMERS_MERGE", false),
    ("ORDERS_CREATE", true),
    ("ORDERS_UPDATED", true),
    ("APP_UNINSTALLED", true),
];
/// Points of a mutation and of a page of subscriptions.
const MUTATION_POINTS: f64 = 10.0;
const PAGE_POINTS: f64 = 100.0;
/// Pages of subscriptions read at most; an app has a handful.
const MAX_PAGES: usize = 50;

/// One subscription of ours.
struct Subscription {
    id: String,
    topic: String,
}

/// What there is where nobody could tell whether a delivery is the shop's: nothing, and what to do about it.
pub(super) fn without_key() -> Registration {
    let problem =
        "webhooks are signed with the client secret of the app; give it as clientSecret, also beside accessToken";
    Registration { topics: Vec::new(), problems: vec![problem.to_owned()] }
}

/// Makes the shop's subscriptions for this address what they ought to be.
pub(super) async fn register(client: &Client, endpoint: &Endpoint) -> Result<Registration, ConnectorError> {
    let mut registration = Registration::default();
    for Subscription { id, topic } in present(client, endpoint).await? {
        let is_wanted = TOPICS.iter().any(|(wanted, _)| *wanted == topic);
        if is_wanted && !registration.topics.contains(&topic) {
            registration.topics.push(topic);
        } else {
            delete(client, &id).await?;
        }
    }
    for (topic, is_needed) in TOPICS {
        if registration.topics.iter().any(|present| present == topic) {
            continue;
        }
        if create(client, topic, endpoint).await? {
            registration.topics.push((*topic).to_owned());
        } else if *is_needed {
            registration.problems.push(format!(
                "the shop did not register {topic}; check that the app has read_customers and read_orders and that {} \
                 is reached by https",
                endpoint.address
            ));
        }
    }
    Ok(registration)
}

/// Removes the shop's subscriptions for this address.
pub(super) async fn remove(client: &Client, endpoint: &Endpoint) -> Result<(), ConnectorError> {
    for subscription in present(client, endpoint).await? {
        delete(client, &subscription.id).await?;
    }
    Ok(())
}

async fn present(client: &Client, endpoint: &Endpoint) -> Result<Vec<Subscription>, ConnectorError> {
    let mut found = Vec::new();
    let mut after = Value::Null;
    for _ in 0..MAX_PAGES {
        let reply = client.ask(&queries::WEBHOOKS, &json!({ "after": after }), PAGE_POINTS).await?;
        let page = &reply.data["webhookSubscriptions"];
        let nodes = page["nodes"].as_array().ok_or(ConnectorError::BadAnswer { what: "webhook subscriptions" })?;
        found.extend(nodes.iter().filter(|node| node["uri"] == endpoint.address.as_str()).filter_map(|node| {
            let text = |name: &str| node[name].as_str().map(str::to_owned);
            Some(Subscription { id: text("id")?, topic: text("topic")? })
        }));
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    Ok(found)
}

/// Makes a subscription; `false` if the shop refuses this one.
async fn create(client: &Client, topic: &str, endpoint: &Endpoint) -> Result<bool, ConnectorError> {
    let variables = json!({ "topic": topic, "uri": endpoint.address.as_str() });
    match client.ask(&queries::WEBHOOK_CREATE, &variables, MUTATION_POINTS).await {
        Ok(reply) => Ok(reply.data["webhookSubscriptionCreate"]["webhookSubscription"]["id"].is_string()),
        Err(Trouble::Failed(error @ ConnectorError::CredentialsRejected)) => Err(error),
        Err(Trouble::Failed(error)) if error.retry() != Retry::Never => Err(error),
        Err(_) => Ok(false),
    }
}

/// Deletes a subscription. One that is gone already is as good.
async fn delete(client: &Client, id: &str) -> Result<(), ConnectorError> {
    client.ask(&queries::WEBHOOK_DELETE, &json!({ "id": id }), MUTATION_POINTS).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::capabilities::SHOPIFY;

    #[test]
    fn the_topics_that_are_told_are_those_that_are_registered() {
        let told = SHOPIFY.webhooks.expect("the platform has webhooks").topics;
        let mut told: Vec<String> = told.iter().map(|topic| topic.replace('/', "_").to_uppercase()).collect();
        let mut registered: Vec<&str> = TOPICS.iter().map(|(topic, _)| *topic).collect();
        told.sort_unstable();
        registered.sort_unstable();
        assert_eq!(told, registered);
    }
}
