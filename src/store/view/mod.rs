//! What the interfaces show: reads by page and by identity, and the plain writes of lists and integrations.

pub mod consents;
pub mod contacts;
pub(crate) mod integrations;
pub(crate) mod lists;
pub(crate) mod memberships;
pub(crate) mod opt_out_latency;
pub(crate) mod privacy_requests;
pub(crate) mod relations;
pub(crate) mod runs;
pub(crate) mod sources;
pub(crate) mod webhooks;
mod window;
