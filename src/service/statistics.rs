//! How much an account holds, and how fast its stores' opt-outs are carried out.

use chrono::TimeDelta;

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{AccountId, IntegrationId, ListId, SyncRunId};
use crate::domain::integration::Integration;
use crate::domain::membership::MembershipEventKind;
use crate::error::Error;
use crate::store::statistics;
use crate::store::view::opt_out_latency;

/// Opt-outs of how long ago count: enough of them for a percentile of a small shop, and still the present.
const LATENCY_WINDOW: TimeDelta = TimeDelta::days(30);

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

/// Adds to integrations how long opt-outs took in the last thirty days.
pub(super) async fn note_opt_out_latency(
    app: &App,
    account: AccountId,
    integrations: &mut [Integration],
) -> Result<(), Error> {
    let ids: Vec<IntegrationId> = integrations.iter().map(|integration| integration.id).collect();
    let found = opt_out_latency::of(&app.db, account, &ids, app.clock.now() - LATENCY_WINDOW).await?;
    for integration in integrations {
        integration.opt_out_latency = found.get(&integration.id).copied();
    }
    Ok(())
}
