//! Consent records made from a store's own consent data.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::settle::StoreContext;
use crate::domain::consent::{CaptureMethod, Channel, ConsentEvent, ConsentRecord, LegalBasis, OptInType};
use crate::domain::ids::{ConsentRecordId, ContactId};
use crate::domain::people::bounded;
use crate::domain::source_record::SourceRecord;
use crate::domain::statement::{OptIn, Word};

/// The record that stands for what a source record says about a contact.
///
/// A store does not give the wording that the person saw, and the text says so instead of inventing one. Whether the
/// time is the store's or the one at which we saw it stands in `metadata.timeSource`. From when a word counts may
/// be long before we saw it; the record then still has the time at which we did.
pub(super) fn from_store(
    store: &StoreContext,
    record: &SourceRecord,
    contact_id: ContactId,
    word: Word,
    at: DateTime<Utc>,
) -> ConsentRecord {
    let before = record.recorded.filter(|before| before.contact_id == contact_id);
    let event = match (word.value, before.map(|before| before.value)) {
        (OptIn::Granted, Some(OptIn::Granted)) => ConsentEvent::Renewed,
        (OptIn::Granted, _) => ConsentEvent::Granted,
        (OptIn::Withdrawn | OptIn::Unknown, _) => ConsentEvent::Withdrawn,
    };
    let text = event.is_grant().then(|| {
        let said = &record.opt_in_detail;
        bounded(format!("Opt-in kept by the store ({said}). The store does not give the wording."), 1000)
    });
    ConsentRecord {
        id: ConsentRecordId::at(at),
        account_id: store.account_id,
        contact_id: Some(contact_id),
        event,
        supersedes_id: before.map(|before| before.id),
        channel: Channel::Email,
        purposes: vec!["newsletter".to_owned()],
        text,
        language: None,
        policy_url: None,
        consented_at: if word.observed { word.at.max(record.first_seen_at) } else { word.at },
        created_at: at,
        url: None,
        ip_address: None,
        user_agent: None,
        capture_method: CaptureMethod::StoreSync,
        capture_ref: Some(format!("{}/{}/{}", store.integration_id, record.stream, record.store_id)),
        action: None,
        legal_basis: LegalBasis::Consent,
        opt_in_type: OptInType::Unknown,
        preferences_snapshot: None,
        lists_snapshot: None,
        controller_name: None,
        jurisdiction: None,
        expires_at: None,
        recorded_by: format!("connector {}", store.platform),
        evidence_ref: None,
        metadata: Some(json!({
            "timeSource": if word.observed { "observed" } else { "store" },
            "optInSource": record.opt_in_source,
            "storeValue": record.opt_in_detail,
        })),
    }
}
