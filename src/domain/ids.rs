//! Identifiers: one type per thing, all UUID v7, so that they sort by the time they were made.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// Keeps identifiers of one process in order even when the clock stands still.
static ORDER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new time-ordered identifier for something that happened at `at`.
///
/// Later calls with the same `at` give greater identifiers. Times before 1970 count as 1970.
#[must_use]
pub fn new_uuid(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(&ORDER, seconds, at.timestamp_subsec_nanos()))
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier for something made at `at`.
            #[must_use]
            pub fn at(at: DateTime<Utc>) -> Self {
                Self(new_uuid(at))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// One tenant.
    AccountId,
    /// A person who signs in.
    UserId,
    /// A program that signs in with client credentials.
    ApiClientId,
    /// One installed store.
    IntegrationId,
    /// A named set of contacts.
    ListId,
    /// One person of an account.
    ContactId,
    /// What one integration last said about one store person.
    SourceRecordId,
    /// A contact being on a list.
    MembershipId,
    /// One piece of consent evidence.
    ConsentRecordId,
    /// One pass over one integration.
    SyncRunId,
}
