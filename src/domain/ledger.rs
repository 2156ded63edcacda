//! The hash chain over an account's consent records: an edit or a removal is found by recomputing it.
//!
//! `record_hash = SHA-256(prev_hash || JCS(body))`. The body holds every field; personal ones stand as commitments
//! `HMAC-SHA-256(salt, name || 0x00 || value)`, so that erasing the values and the salt leaves the chain whole.
//! Source: `vendors/consent.md` section 5, rule 4.

use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::consent::{ConsentRecord, SCHEMA_VERSION};

/// Hash before the first record of an account.
pub const GENESIS: [u8; 32] = [0; 32];

/// Where a chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of records so far; the last one's sequence.
    pub sequence: i64,
    /// Hash of the last record.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of an empty chain.
    pub const EMPTY: Self = Self { sequence: 0, hash: GENESIS };

    /// Puts a record at the end. The new head's sequence and hash are the record's.
    #[must_use]
    pub fn append(self, record: &ConsentRecord, salt: &[u8; 32]) -> Self {
        let sequence = self.sequence + 1;
        Self { sequence, hash: link(&self.hash, &body(record, sequence, &Commitments::of(record, salt))) }
    }
}

/// Commitments to the personal fields of a record, lower-case hex; `None` where the field is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commitments(Map<String, Value>);

impl Commitments {
    /// Commits to the personal fields under the record's salt.
    #[must_use]
    pub fn of(record: &ConsentRecord, salt: &[u8; 32]) -> Self {
        let fields: [(&str, Option<String>); 8] = [
            ("contact_id", record.contact_id.map(|id| id.to_string())),
            ("ip_address", record.ip_address.map(|ip| ip.to_string())),
            ("user_agent", record.user_agent.clone()),
            ("url", record.url.clone()),
            ("capture_ref", record.capture_ref.clone()),
            ("evidence_ref", record.evidence_ref.clone()),
            ("metadata", record.metadata.as_ref().map(canonical)),
            ("preferences_snapshot", record.preferences_snapshot.as_ref().map(canonical)),
        ];
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), commit(salt, name, value.as_deref()))).collect())
    }

    /// The commitments as they are kept in the row.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Reads them back from the row.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        Self(value.as_object().cloned().unwrap_or_default())
    }
}

fn commit(salt: &[u8; 32], name: &str, value: Option<&str>) -> Value {
    let Some(value) = value else { return Value::Null };
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes a key of any length");
    mac.update(name.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    Value::String(hex(&mac.finalize().into_bytes()))
}

/// The hash of a record whose body is `body`, after a record whose hash is `previous`.
#[must_use]
pub fn link(previous: &[u8; 32], body: &Value) -> [u8; 32] {
    let mut hasher = Sha256::new_with_prefix(previous);
    hasher.update(canonical(body));
    hasher.finalize().into()
}

/// What is hashed: all fields of the record but salt and hashes.
#[must_use]
pub fn body(record: &ConsentRecord, sequence: i64, commitments: &Commitments) -> Value {
    let mut body = json!({
        "id": record.id,
        "account_id": record.account_id,
        "sequence": sequence,
        "schema_version": SCHEMA_VERSION,
        "event_type": record.event,
        "supersedes_id": record.supersedes_id,
        "channel": record.channel,
        "purposes": record.purposes,
        "text": record.text,
        "language": record.language,
        "policy_url": record.policy_url,
        "date_time_consented": time(record.consented_at),
        "date_time_created": time(record.created_at),
        "capture_method": record.capture_method,
        "action": record.action,
        "legal_basis": record.legal_basis,
        "opt_in_type": record.opt_in_type,
        "lists_snapshot": record.lists_snapshot,
        "controller_name": record.controller_name,
        "jurisdiction": record.jurisdiction,
        "expires_at": record.expires_at.map(time),
        "recorded_by": record.recorded_by,
    });
    if let Some(fields) = body.as_object_mut() {
        fields.extend(commitments.0.clone());
    }
    body
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// RFC 8785 canonical JSON.
fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).expect("JSON read from JSON has a canonical form")
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string can't fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent::{CaptureMethod, Channel, ConsentEvent, LegalBasis, OptInType};
    use crate::domain::ids::{AccountId, ConsentRecordId, ContactId};

    fn record() -> ConsentRecord {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        ConsentRecord {
            id: ConsentRecordId::at(at),
            account_id: AccountId::at(at),
            contact_id: Some(ContactId::at(at)),
            event: ConsentEvent::Granted,
            supersedes_id: None,
            channel: Channel::Email,
            purposes: vec!["newsletter".into()],
            text: Some("Yes, send me news.".into()),
            language: None,
            policy_url: None,
            consented_at: at,
            created_at: at,
            url: Some("https://shop.example/join".into()),
            ip_address: Some("192.0.2.7".parse().unwrap()),
            user_agent: None,
            capture_method: CaptureMethod::Api,
            capture_ref: None,
            action: None,
            legal_basis: LegalBasis::Consent,
            opt_in_type: OptInType::Single,
            preferences_snapshot: None,
            lists_snapshot: None,
            controller_name: None,
            jurisdiction: None,
            expires_at: None,
            recorded_by: "test".into(),
            evidence_ref: None,
            metadata: None,
        }
    }

    #[test]
    fn an_edit_changes_the_hash() {
        let (record, salt) = (record(), [7; 32]);
        let honest = Head::EMPTY.append(&record, &salt);
        assert_eq!(Head::EMPTY.append(&record, &salt), honest);
        let mut text = record.clone();
        text.text = Some("Yes, send me everything.".into());
        let mut address = record.clone();
        address.ip_address = Some("192.0.2.8".parse().unwrap());
        for edited in [text, address] {
            assert_ne!(Head::EMPTY.append(&edited, &salt).hash, honest.hash);
        }
        assert_ne!(honest.append(&record, &salt).hash, honest.hash);
    }

    #[test]
    fn the_chain_verifies_from_commitments_after_the_values_are_gone() {
        let (record, salt) = (record(), [7; 32]);
        let head = Head::EMPTY.append(&record, &salt);
        let kept = Commitments::from_json(&Commitments::of(&record, &salt).to_json());
        let erased = ConsentRecord { contact_id: None, ip_address: None, url: None, ..record };
        assert_eq!(link(&GENESIS, &body(&erased, 1, &kept)), head.hash);
    }
}
