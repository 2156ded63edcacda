//! A named set of contacts.

use chrono::{DateTime, Utc};

use super::ids::ListId;
use super::words::Purpose;

/// One list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Identity.
    pub id: ListId,
    /// Display name, unique in the account whatever its case.
    pub name: String,
    /// What it may be used for.
    pub purpose: Purpose,
    /// How many contacts are on it.
    pub member_count: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed it.
    pub updated_at: DateTime<Utc>,
}
