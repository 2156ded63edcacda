//! Which audience of a store goes to which list, and what happens to its members when that changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::settle::{self, Behalf, Change, Settled, StoreContext};
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::contact_rules;
use crate::domain::ids::{IntegrationId, ListId};
use crate::domain::ledger::Head;
use crate::domain::membership::{Cause, may_map};
use crate::domain::{Audience, Platform};
use crate::error::Error;
use crate::store::installed::{self, InstalledStore};
use crate::store::memberships::{self, Target};
use crate::store::people::SuppressionKey;
use crate::store::{begin, ledger, mappings, source_records};

/// Addresses that are settled at once when a whole integration is looked at again.
const BATCH: u64 = 500;

/// The audiences whose list is to change: to a list, or to none. Audiences that are not named keep theirs.
pub type MappingChange = BTreeMap<Audience, Option<ListId>>;

/// What a change of mapping does to one audience, in contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceEffect {
    /// Audience.
    pub audience: Audience,
    /// The list it goes to afterwards.
    pub list_id: Option<ListId>,
    /// Contacts that come onto a list.
    pub joins: u64,
    /// Contacts that go off a list.
    pub leaves: u64,
    /// Contacts that stay where they are.
    pub stays: u64,
}

/// Says what a change would do, and does nothing.
///
/// It carries the change out and rolls it back, so it can't disagree with [`put`]; writers of the account wait
/// meanwhile.
///
/// # Errors
/// As [`put`].
pub async fn preview(
    app: &App,
    caller: &Caller,
    integration: IntegrationId,
    change: &MappingChange,
) -> Result<Vec<AudienceEffect>, Error> {
    caller.require(Scope::IntegrationsRead)?;
    let tx = begin(&app.db).await?;
    let effect = carry_out(app, &tx, caller, integration, change).await;
    tx.rollback().await?;
    effect
}

/// Changes where audiences go and moves the members this integration holds, in one transaction.
///
/// # Errors
/// The integration is not there; a named list is not one of the account; the platform has no such audience; or the
/// change breaks product rule 3 (people who did not opt in never reach a marketing list).
pub async fn put(
    app: &App,
    caller: &Caller,
    integration: IntegrationId,
    change: &MappingChange,
) -> Result<Vec<AudienceEffect>, Error> {
    caller.require(Scope::IntegrationsWrite)?;
    let tx = begin(&app.db).await?;
    let effect = carry_out(app, &tx, caller, integration, change).await?;
    tx.commit().await?;
    Ok(effect)
}

async fn carry_out(
    app: &App,
    tx: &DatabaseTransaction,
    caller: &Caller,
    integration: IntegrationId,
    change: &MappingChange,
) -> Result<Vec<AudienceEffect>, Error> {
    let head = ledger::lock(tx, caller.account_id).await?;
    let store = installed::find_of(tx, caller.account_id, integration).await?.ok_or(Error::NotFound("integration"))?;
    write(tx, caller, integration, store.platform, change).await?;
    let behalf = Behalf { actor: Some(caller.actor.clone()), cause: Some(Cause::MappingChanged), ..Behalf::default() };
    let targets = memberships::targets(tx, caller.account_id, integration).await?;
    let (settled, stays) = settle_all(app, tx, &store, targets.clone(), head, &behalf).await?;
    let effect = |audience: &Audience| AudienceEffect {
        audience: *audience,
        list_id: targets.iter().find(|target| target.audience == *audience).map(|target| target.list_id),
        joins: settled.joined.get(audience).copied().unwrap_or(0),
        leaves: settled.left.get(audience).copied().unwrap_or(0),
        stays: stays.get(audience).copied().unwrap_or(0),
    };
    Ok(contact_rules::of(store.platform).audiences().iter().map(effect).collect())
}

/// Writes mappings that keep the rules; on an error, which names the audience at fault, the caller rolls back.
///
/// # Errors
/// See [`put`].
pub(crate) async fn write(
    tx: &impl ConnectionTrait,
    caller: &Caller,
    integration: IntegrationId,
    platform: Platform,
    change: &MappingChange,
) -> Result<(), Error> {
    let audiences = contact_rules::of(platform).audiences();
    for (audience, list) in change {
        if !audiences.contains(audience) {
            let problem = format!("is no audience of its own on {platform}: its guests join the customers list");
            return Err(Error::invalid(audience.as_str(), problem));
        }
        let Some(list) = list else { continue };
        let purpose = mappings::purpose_of(tx, caller.account_id, *list)
            .await?
            .ok_or_else(|| Error::invalid(audience.as_str(), "is not a list of this account"))?;
        if !may_map(*audience, purpose) {
            let problem = "must not be a marketing list: not everybody in this audience opted in; choose a list with purpose other";
            return Err(Error::invalid(audience.as_str(), problem));
        }
    }
    mappings::replace(tx, caller.account_id, integration, change).await?;
    for (audience, list) in change.iter().filter_map(|(audience, list)| Some((audience, (*list)?))) {
        let sharing = mappings::audiences_on(tx, caller.account_id, list).await?;
        if sharing.contains(&Audience::Subscribers) && sharing.len() > 1 {
            let problem = "would share a list between subscribers and people who did not opt in; choose another list";
            return Err(Error::invalid(audience.as_str(), problem));
        }
    }
    Ok(())
}

/// Ends everything an integration holds, before it is deleted, in the caller's transaction.
///
/// # Errors
/// The database fails.
pub(crate) async fn end_integration(
    app: &App,
    tx: &DatabaseTransaction,
    caller: &Caller,
    integration: IntegrationId,
) -> Result<(), Error> {
    let head = ledger::lock(tx, caller.account_id).await?;
    let store = installed::find_of(tx, caller.account_id, integration).await?.ok_or(Error::NotFound("integration"))?;
    let behalf =
        Behalf { actor: Some(caller.actor.clone()), cause: Some(Cause::IntegrationDeleted), ..Behalf::default() };
    settle_all(app, tx, &store, Vec::new(), head, &behalf).await?;
    Ok(())
}

/// Looks at every address of an integration again. Also tells how many contacts stay, by audience.
async fn settle_all(
    app: &App,
    tx: &impl ConnectionTrait,
    installed: &InstalledStore,
    targets: Vec<Target>,
    mut head: Head,
    behalf: &Behalf,
) -> Result<(Settled, BTreeMap<Audience, u64>), Error> {
    let at: DateTime<Utc> = app.clock.now();
    let store = StoreContext {
        account_id: installed.account_id,
        integration_id: installed.id,
        platform: installed.platform,
        targets,
        suppression: SuppressionKey::load(tx, &app.sealer, installed.account_id).await?,
    };
    let (mut all, mut stays) = (Settled::default(), BTreeMap::new());
    let mut last = String::new();
    loop {
        let addresses = source_records::next_addresses(tx, installed.account_id, installed.id, &last, BATCH).await?;
        let Some(end) = addresses.last() else { return Ok((all, stays)) };
        last.clone_from(end);
        let change =
            Change { addresses: addresses.into_iter().map(|address| (address, None)).collect(), ..Change::default() };
        let plan = settle::plan(tx, &store, change, at).await?;
        for ground in &plan.stay {
            *stays.entry(ground.audience).or_default() += 1;
        }
        let (settled, next) = settle::write(tx, &store, head, plan, behalf, at).await?;
        head = next;
        for (audience, count) in settled.joined {
            *all.joined.entry(audience).or_default() += count;
        }
        for (audience, count) in settled.left {
            *all.left.entry(audience).or_default() += count;
        }
    }
}
