//! How much an account holds, and how fast its stores' opt-outs are carried out.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{IntegrationId, ListId, SyncRunId};
use crate::domain::integration::OptOutLatency;
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

/// How long opt-outs of each of these integrations took in the last thirty days; without those that had none that their store
/// dates. Who may only change integrations sees it of those that they change, as everything else.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn opt_out_latencies(
    app: &App,
    caller: &Caller,
    integrations: &[IntegrationId],
) -> Result<HashMap<IntegrationId, OptOutLatency>, Error> {
    let may_read = caller.require(Scope::IntegrationsRead);
    may_read.or_else(|refused| caller.require(Scope::IntegrationsWrite).map_err(|_| refused))?;
    let since = app.clock.now() - LATENCY_WINDOW;
    Ok(opt_out_latency::of(&app.db, caller.account_id, integrations, since).await?)
}
