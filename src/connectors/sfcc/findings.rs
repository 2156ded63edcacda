//! What people should know about an integration: how it is set up, and what its passes found the store to be.
//!
//! Source: `vendors/sfcc.md` sections 4, 6 and 7. The watermark carries the same, so that it is known again in another
//! process.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::connectors::Notice;

const ATTRIBUTE_NOT_SET: &str = "Nobody of this store is a subscriber: Salesforce Commerce Cloud keeps no newsletter \
     opt-in of its own. In Business Manager open Administration, Site Development, System Object Types, Profile, \
     Attribute Definitions; add an attribute of type boolean, for example with the id acceptsMarketing, and set it from \
     the store's forms. Then name it as acceptsMarketingAttribute in the settings of this integration.";
const CHANGES_NOT_SEARCHABLE: &str = "The customer search of this store does not know when a profile changed, so all \
     profiles are read once a day: a new customer, an opt-in and an opt-out are seen within a day. A full sync sees them \
     at once. Ask Salesforce support whether lastModified can be made searchable for the Customers API.";

/// What is known of the store. Unknown things give no notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    /// Whether changes of profiles can be searched.
    pub(super) searches_changes: Option<bool>,
    /// Whether any profile carries the attribute.
    pub(super) attribute_is_used: Option<bool>,
}

/// The attribute and what was found.
#[derive(Debug)]
pub(super) struct Findings {
    /// Name of the opt-in in a document.
    pub(super) attribute: Option<String>,
    found: Mutex<Found>,
}

impl Findings {
    /// Nothing is found yet.
    pub(super) fn new(attribute: Option<String>) -> Self {
        Self { attribute, found: Mutex::default() }
    }

    /// Takes over what a pass, or the one before it, found.
    pub(super) fn set(&self, found: Found) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// Takes over what a connection test found.
    pub(super) fn note_changes(&self, are_searchable: bool) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).searches_changes = Some(are_searchable);
    }

    /// The notices.
    pub(super) fn notices(&self) -> Vec<Notice> {
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notices = Vec::new();
        let mut note = |code: &str, detail: String| notices.push(Notice { code: code.to_owned(), detail });
        match (&self.attribute, found.attribute_is_used) {
            (None, _) => note("ACCEPTS_MARKETING_NOT_SET", ATTRIBUTE_NOT_SET.to_owned()),
            (Some(name), Some(false)) => note("ACCEPTS_MARKETING_NOT_FOUND", not_found(name)),
            (Some(_), _) => {}
        }
        if found.searches_changes == Some(false) {
            note("CUSTOMER_CHANGES_NOT_SEARCHABLE", CHANGES_NOT_SEARCHABLE.to_owned());
        }
        notices
    }
}

fn not_found(name: &str) -> String {
    let id = name.strip_prefix("c_").unwrap_or(name);
    format!(
        "No profile of this store carries the attribute {id}, so nobody is a subscriber. Look in Business Manager, \
         Administration, Site Development, System Object Types, Profile, Attribute Definitions, whether its id is written \
         like that, and whether the store's forms set it; a profile that never set it does not carry it."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(findings: &Findings) -> Vec<String> {
        findings.notices().into_iter().map(|notice| notice.code).collect()
    }

    #[test]
    fn without_the_attribute_the_integration_says_why_nobody_is_a_subscriber() {
        let findings = Findings::new(None);
        assert_eq!(codes(&findings), ["ACCEPTS_MARKETING_NOT_SET"]);
        assert!(findings.notices()[0].detail.contains("acceptsMarketingAttribute"));
    }

    #[test]
    fn what_is_not_known_yet_is_no_reason_for_a_notice() {
        let findings = Findings::new(Some("c_acceptsMarketing".to_owned()));
        assert_eq!(codes(&findings), [""; 0]);
        findings.set(Found { searches_changes: Some(true), attribute_is_used: Some(true) });
        assert_eq!(codes(&findings), [""; 0]);
    }

    #[test]
    fn what_a_pass_found_missing_is_said() {
        let findings = Findings::new(Some("c_acceptsMarketing".to_owned()));
        findings.set(Found { searches_changes: Some(false), attribute_is_used: Some(false) });
        assert_eq!(codes(&findings), ["ACCEPTS_MARKETING_NOT_FOUND", "CUSTOMER_CHANGES_NOT_SEARCHABLE"]);
        assert!(findings.notices()[0].detail.contains("attribute acceptsMarketing,"));
    }
}
