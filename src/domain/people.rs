//! A store's people as the contact rules see them, whatever the platform.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::statement::Statement;
use super::wire_enum::wire_enum;

wire_enum! {
    /// Where in a store records come from. With the store's id it is the identity of a source record.
    Stream {
        /// Accounts, and whatever else the platform keeps as a customer.
        Customers = "customers",
        /// Newsletter rows, on platforms that keep them apart from customers.
        Subscribers = "subscribers",
        /// Orders: the only place where guests exist.
        Orders = "orders",
    }
}

wire_enum! {
    /// What a record says about the person's standing in the store.
    PersonKind {
        /// Has a store account (on Shopify: a customer record).
        Account = "account",
        /// Bought without an account.
        Guest = "guest",
        /// An order of an account holder: makes nobody a customer, but may carry an opt-in for the account's address.
        AccountOrder = "account_order",
        /// A newsletter row: makes nobody a customer.
        Newsletter = "newsletter",
    }
}

wire_enum! {
    /// Why a record could not be used. The run goes on.
    QuarantineReason {
        /// The record has no email address.
        NoEmail = "no_email",
        /// The record's email address is not valid.
        InvalidEmail = "invalid_email",
        /// The record is not of the vendor's shape.
        Malformed = "malformed",
    }
}

wire_enum! {
    /// Why a record that is in order yields no person. If it was one before, it no longer is.
    SkipReason {
        /// A checkout that was never finished.
        Draft = "draft",
        /// Moved to the trash.
        Trashed = "trashed",
        /// The person was erased, in the store or here.
        Erased = "erased",
        /// A test order.
        TestOrder = "test_order",
        /// An order without an email address, for example made by staff.
        OrderWithoutEmail = "order_without_email",
        /// An account or guest whose address the store still waits to be confirmed.
        Unconfirmed = "unconfirmed",
        /// An order of an account holder that says nothing about opt-in.
        CoveredByAccount = "covered_by_account",
        /// Belongs to a sales channel that was not chosen. Says nothing about the person's will.
        OtherChannel = "other_channel",
    }
}

/// A store's own id of a record, unique within a [`Stream`]. At most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreId(String);

impl StoreId {
    /// Takes over a store's id; longer ones are cut at 255 bytes' worth of characters.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(bounded(id.into(), 255))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One person of a store, as one record of the store shows them.
#[derive(Clone, Serialize)]
pub struct StorePerson {
    /// Identity within the stream.
    pub store_id: StoreId,
    /// Standing in the store.
    pub kind: PersonKind,
    /// The address as the store has it; not yet checked. `None` where the record has none.
    pub email: Option<String>,
    /// Given name, decoded, at most 255 characters.
    pub first_name: Option<String>,
    /// Family name, decoded, at most 255 characters.
    pub last_name: Option<String>,
    /// What the record says about marketing.
    pub statement: Statement,
}

impl StorePerson {
    /// SHA-256 over everything above: equal hashes mean that there is nothing to write.
    #[must_use]
    pub fn payload_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        serde_json::to_writer(HashWriter(&mut hasher), self).expect("a person always has a JSON form");
        hasher.finalize().into()
    }
}

impl fmt::Debug for StorePerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorePerson")
            .field("store_id", &self.store_id)
            .field("kind", &self.kind)
            .field("statement", &self.statement)
            .finish_non_exhaustive()
    }
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One record of a page, read.
#[derive(Clone, Debug)]
pub enum StoreRecord {
    /// A person. The address is checked by the engine.
    Person(StorePerson),
    /// In order, but nobody for our purposes.
    Skipped {
        /// Identity within the stream.
        store_id: StoreId,
        /// Why.
        reason: SkipReason,
    },
    /// Not of the vendor's shape. What we knew of the record stays as it is.
    Malformed {
        /// Identity within the stream, where it could be read.
        store_id: Option<StoreId>,
        /// What is wrong: a field name and the expected type, never a value.
        detail: String,
    },
}

impl StoreRecord {
    /// Identity within the stream, where it could be read.
    #[must_use]
    pub const fn store_id(&self) -> Option<&StoreId> {
        match self {
            Self::Person(person) => Some(&person.store_id),
            Self::Skipped { store_id, .. } => Some(store_id),
            Self::Malformed { store_id, .. } => store_id.as_ref(),
        }
    }
}

/// Cuts text to at most `max` bytes, at a character boundary, without NUL (PostgreSQL text holds none).
#[must_use]
pub fn bounded(text: String, max: usize) -> String {
    let mut text = if text.contains('\0') { text.replace('\0', "") } else { text };
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
    }
    text
}

/// A person's name as the store has it, trimmed and bounded; `None` when there is nothing to show.
#[must_use]
pub fn name(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    (!text.is_empty()).then(|| bounded(text.to_owned(), 255))
}
