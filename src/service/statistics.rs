//! How much an account holds.

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{ListId, SyncRunId};
use crate::domain::membership::MembershipEventKind;
use crate::error::Error;
use crate::store::statistics;

/// Number of contacts and of consent records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Contacts.
    pub contacts: u64,
    /// Consent records.
    pub consent_records: u64,
}

/// Counts what the account holds.
///
/// # Errors
/// A scope is missing, or storage fails.
pub async fn of_account(app: &App, caller: &Caller) -> Result<Statistics, Error> {
    caller.require(Scope::ContactsRead)?;
    caller.require(Scope::ConsentsRead)?;
    let contacts = statistics::contacts(&app.db, caller.account_id).await?;
    let consent_records = statistics::consent_records(&app.db, caller.account_id).await?;
    Ok(Statistics { contacts, consent_records })
}

/// How many contacts a run brought onto a list and took off it.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn movements(app: &App, caller: &Caller, run: SyncRunId, list: ListId) -> Result<(u64, u64), Error> {
    caller.require(Scope::SyncsRead)?;
    let of = |kind| statistics::events(&app.db, caller.account_id, list, run, kind);
    Ok((of(MembershipEventKind::Joined).await?, of(MembershipEventKind::Left).await?))
}
