//! The roots of all queries: extract, call, convert, return.

mod caller;
mod connectors;
mod consents;
mod contacts;
mod integrations;
mod lists;
mod privacy;
mod syncs;

use async_graphql::MergedObject;

/// Everything that can be read.
#[derive(Default, MergedObject)]
pub struct Query(
    caller::CallerQueries,
    connectors::ConnectorQueries,
    integrations::IntegrationQueries,
    syncs::SyncQueries,
    lists::ListQueries,
    contacts::ContactQueries,
    consents::ConsentQueries,
    privacy::PrivacyQueries,
);
