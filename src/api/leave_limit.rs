//! How many members a run may take off a list before it asks, as both transports show and take it.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::shrink::Limit;

/// How many members a run may take off a list before it asks: more than this share of them, and at least so many people.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = LeaveLimit)]
#[graphql(name = "LeaveLimit")]
pub struct LeaveLimitView {
    /// Share of the members that the list had when the run began, 1 to 100 %. With 100 it never asks.
    pub percent: u32,
    /// Fewer people than this leave unasked, 1 to 1,000,000.
    pub at_least: u32,
}

impl From<Limit> for LeaveLimitView {
    fn from(Limit { percent, at_least }: Limit) -> Self {
        Self { percent, at_least }
    }
}

/// A change of how many members a run may take off a list before it asks. What is absent stays.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = LeaveLimitChange)]
#[graphql(name = "LeaveLimitChange")]
pub struct LeaveLimitInput {
    /// Share of the members, 1 to 100 %. With 100 it never asks.
    #[schema(minimum = 1, maximum = 100)]
    #[serde(default)]
    pub percent: Option<u32>,
    /// Fewer people than this leave unasked, 1 to 1,000,000.
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    pub at_least: Option<u32>,
}
