//! A consent record in its place in the chain.

use super::consent::ConsentRecord;

/// A consent record as the ledger holds it.
#[derive(Debug, Clone)]
pub struct RecordedConsent {
    /// The record.
    pub record: ConsentRecord,
    /// Place in the account's chain, from 1, without gaps.
    pub sequence: i64,
    /// SHA-256 of the text.
    pub text_hash: Option<Vec<u8>>,
    /// Hash of the record before.
    pub prev_hash: Vec<u8>,
    /// Hash of this record.
    pub record_hash: Vec<u8>,
}
