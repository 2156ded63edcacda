//! What stopped a run, in a few classes that stay: what kind of thing it is, what to do about it, and who can.

use super::wire_enum::wire_enum;

wire_enum! {
    /// What kind of thing stopped a run.
    FailureClass {
        /// What the integration was given to reach its store does not work: keys, address, settings.
        Credentials = "credentials",
        /// The keys are good but lack a right.
        Scope = "scope",
        /// The store's limits are used up.
        Quota = "quota",
        /// The store does not answer, or answers that it failed.
        StoreDown = "store_down",
        /// The store answers something else than its platform documents, or much less than before.
        SchemaDrift = "schema_drift",
        /// A single record can't be used.
        BadRecord = "bad_record",
        /// A fault of this service or of its database.
        Ours = "ours",
    }
}

wire_enum! {
    /// Who can do something about it.
    WhoCanAct {
        /// Nobody needs to: it is tried again by itself.
        Nobody = "nobody",
        /// Who administers the store.
        StoreAdmin = "store_admin",
        /// Who administers the account here.
        AccountAdmin = "account_admin",
        /// Who runs this service.
        Operator = "operator",
    }
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub class: FailureClass,
    /// Stable code of the very fault, `UPPER_SNAKE_CASE`.
    pub code: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do about it.
    pub what_to_do: &'static str,
    /// Who can do that.
    pub who_can_act: WhoCanAct,
}

/// One run could not be written for five minutes, or its store said nothing.
pub const STALLED: &str = "RUN_STALLED";
/// A run took longer than one may.
pub const TIME_IS_UP: &str = "RUN_TIME_IS_UP";
/// A run whose worker died again and again at the same place.
pub const KILLS_WORKER: &str = "RUN_KILLS_WORKER";
/// A run that would take unusually many people off a list.
pub const CONFIRMATION_NEEDED: &str = "CONFIRMATION_NEEDED";

/// Code, class, what to do, who can. Codes of stores: `connectors::ConnectorError::code`.
type Row = (&'static str, FailureClass, &'static str, WhoCanAct);

const TABLE: &[Row] = {
    use FailureClass::{BadRecord, Credentials, Ours, Quota, SchemaDrift, Scope, StoreDown};
    use WhoCanAct::{AccountAdmin, Nobody, Operator, StoreAdmin};
    &[
        ("STORE_UNREACHABLE", StoreDown, "Check that the store is up and that this service can reach it.", StoreAdmin),
        ("STORE_TIMED_OUT", StoreDown, "Nothing, if the store is busy; else look into what slows it down.", StoreAdmin),
        ("STORE_FAILED", StoreDown, "Look into the store's own log.", StoreAdmin),
        (
            "STORE_NOT_READY",
            StoreDown,
            "Look in the store for what it is still preparing, and end it there.",
            StoreAdmin,
        ),
        ("STORE_OUT_OF_SERVICE", StoreDown, "Settle with the platform why the store is closed.", StoreAdmin),
        (
            STALLED,
            StoreDown,
            "Nothing: it goes on from where it stood. If it comes again, test the connection.",
            Nobody,
        ),
        (
            "STORE_THROTTLED",
            Quota,
            "Nothing; or give this service a key of its own, whose budget nobody else uses.",
            Nobody,
        ),
        ("STORE_LIST_TOO_LONG", Quota, "Ask the platform's support for a way to read the whole list.", StoreAdmin),
        (TIME_IS_UP, Ours, "Nothing: the next run goes on from where this one stood.", Nobody),
        (
            "STORE_CREDENTIALS_REJECTED",
            Credentials,
            "Create new keys in the store and update the integration.",
            StoreAdmin,
        ),
        (
            "STORE_NOT_THERE",
            Credentials,
            "Check the address, and that the platform's API is switched on.",
            AccountAdmin,
        ),
        ("STORE_MOVED", Credentials, "Enter the address at which the store ends up in a browser.", AccountAdmin),
        (
            "STORE_PRIVATE_HOST",
            Credentials,
            "Enter a public address, or have the operator allow private ones.",
            AccountAdmin,
        ),
        ("SETTINGS_INVALID", Credentials, "Update the integration's settings.", AccountAdmin),
        ("STORE_FORBIDDEN", Scope, "Grant the right in the store, then test the connection.", StoreAdmin),
        ("STORE_BAD_ANSWER", SchemaDrift, "Look for a proxy or plugin that changes the store's answers.", StoreAdmin),
        (
            "STORE_REFUSED",
            SchemaDrift,
            "Test the connection; if it is well, tell who maintains this service.",
            Operator,
        ),
        ("STORE_ANSWER_TOO_LARGE", SchemaDrift, "Tell who maintains this service.", Operator),
        (
            CONFIRMATION_NEEDED,
            SchemaDrift,
            "Look whether the store really lost these people; then confirm the run, or cancel it.",
            AccountAdmin,
        ),
        ("RECORD_UNUSABLE", BadRecord, "Put the record right in the store; the next run reads it again.", StoreAdmin),
        ("RECORD_NOT_WRITTEN", BadRecord, "Look into the log of the service.", Operator),
        ("NOT_SYNCABLE", Ours, "Resume the integration.", AccountAdmin),
        (KILLS_WORKER, Ours, "Look into the log of the service, then start a sync by hand to try again.", Operator),
        ("STORAGE_FAILED", Ours, "Look at the database; the next run goes on from the last page.", Operator),
        ("INTERNAL", Ours, "Look into the log of the service.", Operator),
    ]
};

/// Explains a code that stands in a run. One that this release does not know counts as a fault of ours.
#[must_use]
pub fn explain(code: &str, detail: String) -> Failure {
    let (_, class, what_to_do, who_can_act) = TABLE.iter().find(|row| row.0 == code).copied().unwrap_or((
        "",
        FailureClass::Ours,
        "Look into the log of the service.",
        WhoCanAct::Operator,
    ));
    Failure { class, code: code.to_owned(), detail, what_to_do, who_can_act }
}

/// The codes that are explained, in the order of the table.
pub fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        let mut all: Vec<_> = codes().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(FailureClass::ALL.iter().all(|class| TABLE.iter().any(|row| row.1 == *class)));
    }

    #[test]
    fn an_unknown_code_is_ours() {
        assert_eq!(explain("NEVER_HEARD_OF", String::new()).class, FailureClass::Ours);
    }
}
