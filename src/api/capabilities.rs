//! What a platform can tell, as both transports show it.

use async_graphql::SimpleObject;
use serde::Serialize;
use utoipa::ToSchema;

use super::mirror::mirrored;
use super::words::Audience;
use crate::domain::capabilities::{self, Capabilities, Fact, Finding, OptOutSeen, Webhooks};

/// What a platform can tell, by our connector.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Capabilities)]
#[graphql(name = "Capabilities")]
pub struct CapabilitiesView {
    /// How the people of each audience are found. Guests are named also where they join the customers.
    pub audiences: Vec<FindingView>,
    /// When an opt-out in the store is seen.
    pub opt_out: OptOutSeenView,
    /// Whether the store tells when a person said yes or no.
    pub consent_dates: FactView,
    /// Whether the store tells that a person was deleted.
    pub deletions: FactView,
    /// Whether the store can be asked for what changed since a time.
    pub changes: FactView,
    /// Whether the store tells how many people there are, before they are read.
    pub totals: FactView,
    /// Webhooks that are registered at the store; `null` where the platform has none.
    pub webhooks: Option<WebhooksView>,
    /// What the platform can't tell or do, and why.
    pub limits: Vec<&'static str>,
}

/// How the people of one audience are found.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[schema(as = Finding)]
#[graphql(name = "Finding")]
pub struct FindingView {
    /// The audience.
    pub audience: Audience,
    /// Who they are in the store's own terms.
    pub who: &'static str,
    /// By which requests of the platform.
    pub api: &'static str,
}

/// When an opt-out in the store is seen.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = OptOutSeen)]
#[graphql(name = "OptOutSeen")]
pub struct OptOutSeenView {
    /// At best.
    pub soonest: SeenBy,
    /// At the latest, whatever way it came about.
    pub at_latest: SeenBy,
    /// The same in words.
    pub detail: &'static str,
}

/// Whether a platform tells something.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[schema(as = Fact)]
#[graphql(name = "Fact")]
pub struct FactView {
    /// Whether it does.
    pub told: Told,
    /// How, or why not.
    pub detail: &'static str,
}

/// Webhooks that are registered at a store.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlatformWebhooks)]
#[graphql(name = "PlatformWebhooks")]
pub struct WebhooksView {
    /// How a delivery is verified.
    pub verified_by: &'static str,
    /// What the store sends, in the platform's words.
    pub topics: Vec<&'static str>,
}

mirrored! {
    /// By what a change in the store is seen, fastest first.
    SeenBy = "capabilities::SeenBy" {
        /// Within seconds of the store's delivery.
        Webhook = "webhook",
        /// By the next incremental run.
        IncrementalRun = "incremental_run",
        /// By the next full run.
        FullRun = "full_run",
    }
}

mirrored! {
    /// Whether a platform tells something.
    Told = "capabilities::Told" {
        /// Always.
        Yes = "yes",
        /// Not always, or only in part.
        Partly = "partly",
        /// Never.
        No = "no",
    }
}

impl From<&'static Capabilities> for CapabilitiesView {
    fn from(capabilities: &'static Capabilities) -> Self {
        let Capabilities {
            title: _,
            subscribers,
            customers,
            guests,
            opt_out: OptOutSeen { soonest, at_latest, detail },
            consent_dates,
            deletions,
            changes,
            totals,
            webhooks,
            limits,
        } = *capabilities;
        let finding = |audience, Finding { who, api }| FindingView { audience, who, api };
        Self {
            audiences: vec![
                finding(Audience::Subscribers, subscribers),
                finding(Audience::Customers, customers),
                finding(Audience::Guests, guests),
            ],
            opt_out: OptOutSeenView { soonest: soonest.into(), at_latest: at_latest.into(), detail },
            consent_dates: consent_dates.into(),
            deletions: deletions.into(),
            changes: changes.into(),
            totals: totals.into(),
            webhooks: webhooks
                .map(|Webhooks { verified_by, topics }| WebhooksView { verified_by, topics: topics.to_vec() }),
            limits: limits.to_vec(),
        }
    }
}

impl From<Fact> for FactView {
    fn from(Fact { told, detail }: Fact) -> Self {
        Self { told: told.into(), detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::mirror::same_words;

    #[test]
    fn the_words_on_the_wire_are_those_of_the_domain() {
        same_words::<SeenBy, _>(capabilities::SeenBy::ALL);
        same_words::<Told, _>(capabilities::Told::ALL);
    }
}
