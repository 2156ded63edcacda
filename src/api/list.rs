//! Lists, as both transports show and take them.

use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::Purpose;
use crate::domain::list::List;

/// A named set of contacts.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = List)]
#[graphql(name = "List", complex)]
pub struct ListView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// Display name, unique in the account whatever its case.
    pub name: String,
    /// What it may be used for.
    pub purpose: Purpose,
    /// How many contacts are on it now.
    pub member_count: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed its name or purpose.
    pub updated_at: DateTime<Utc>,
}

impl From<List> for ListView {
    fn from(list: List) -> Self {
        let List { id, name, purpose, member_count, created_at, updated_at } = list;
        Self { id: id.into(), name, purpose: purpose.into(), member_count, created_at, updated_at }
    }
}

/// A list to be made.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewList)]
#[graphql(name = "NewList")]
pub struct ListInput {
    /// Display name, 1 to 255 characters, unique in the account whatever its case.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// What it may be used for. A marketing list takes subscribers only.
    pub purpose: Purpose,
}

/// A change of a list. What is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ListChange)]
#[graphql(name = "ListChange")]
pub struct ListPatch {
    /// New name, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    #[serde(default)]
    pub name: Option<String>,
    /// New purpose; refused while a mapping needs the old one.
    #[serde(default)]
    pub purpose: Option<Purpose>,
}
