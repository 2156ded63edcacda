//! The roots of all mutations. They are carried out one after the other; each is a transaction of its own.

mod contacts;
mod integrations;
mod lists;
mod syncs;

use async_graphql::MergedObject;

/// Everything that can be changed.
#[derive(Default, MergedObject)]
pub struct Mutation(
    integrations::IntegrationMutations,
    syncs::SyncMutations,
    lists::ListMutations,
    contacts::ContactMutations,
);
