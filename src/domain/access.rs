//! What a caller may do, in words.

use super::wire_enum::wire_enum;

wire_enum! {
    /// A right that an access token carries. Writing does not include reading.
    Scope {
        /// See stores, their settings without secrets, their mappings.
        IntegrationsRead = "integrations:read",
        /// Install, change, test, map and remove stores.
        IntegrationsWrite = "integrations:write",
        /// See lists.
        ListsRead = "lists:read",
        /// Make, change and remove lists.
        ListsWrite = "lists:write",
        /// See people and why they are on a list.
        ContactsRead = "contacts:read",
        /// Suppress and resubscribe people.
        ContactsWrite = "contacts:write",
        /// See consent records.
        ConsentsRead = "consents:read",
        /// Submit consent records.
        ConsentsWrite = "consents:write",
        /// See sync runs.
        SyncsRead = "syncs:read",
        /// Start and cancel sync runs.
        SyncsWrite = "syncs:write",
        /// See privacy requests, and everything that is kept of one person.
        PrivacyRead = "privacy:read",
        /// Erase people.
        PrivacyWrite = "privacy:write",
    }
}
