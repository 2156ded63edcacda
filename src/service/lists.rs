//! Lists: made, changed, shown, removed.

use uuid::Uuid;

use super::input;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::ListId;
use crate::domain::list::List;
use crate::domain::membership::{Cause, MembershipEventKind, may_map};
use crate::domain::page::{Slice, Window};
use crate::domain::{Audience, Purpose};
use crate::error::Error;
use crate::store::memberships::{Event, Story, record_events};
use crate::store::view::lists;
use crate::store::{begin, ledger};

/// Longest name of a list or an integration, in characters.
pub const MAX_NAME_CHARS: usize = 255;
/// Members whose leave is recorded at once when a list is deleted.
const CHUNK: u64 = 1000;

/// A page of the account's lists, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn list(app: &App, caller: &Caller, page: &Window<Uuid>) -> Result<Slice<List>, Error> {
    caller.require(Scope::ListsRead)?;
    Ok(lists::page(&app.db, caller.account_id, page).await?)
}

/// One list.
///
/// # Errors
/// It is not there.
pub async fn get(app: &App, caller: &Caller, id: ListId) -> Result<List, Error> {
    by_ids(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("list"))
}

/// Those of the lists that are there, in no order.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn by_ids(app: &App, caller: &Caller, ids: &[ListId]) -> Result<Vec<List>, Error> {
    caller.require(Scope::ListsRead)?;
    Ok(lists::by_ids(&app.db, caller.account_id, ids).await?)
}

/// Makes a list.
///
/// # Errors
/// The name can't be used or is another list's.
pub async fn create(app: &App, caller: &Caller, name: &str, purpose: Purpose) -> Result<List, Error> {
    caller.require(Scope::ListsWrite)?;
    let name = input::text("name", name, MAX_NAME_CHARS)?;
    let at = app.clock.now();
    let id = ListId::at(at);
    lists::insert(&app.db, caller.account_id, id, &name, purpose, at).await?;
    Ok(List { id, name, purpose, member_count: 0, created_at: at, updated_at: at })
}

/// Changes a list's name or purpose.
///
/// # Errors
/// It is not there, the name can't be used, a mapping forbids the purpose (product rule 3), or the list would become
/// a marketing list with members who were never asked whether they may join one: the suppressed, those who opted out.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: ListId,
    name: Option<&str>,
    purpose: Option<Purpose>,
) -> Result<List, Error> {
    caller.require(Scope::ListsWrite)?;
    let name = name.map(|name| input::text("name", name, MAX_NAME_CHARS)).transpose()?;
    let tx = begin(&app.db).await?;
    // Mappings are written behind the same lock, so the rule can't be broken from both sides at once.
    ledger::lock(&tx, caller.account_id).await?;
    let row = lists::lock(&tx, caller.account_id, id).await?.ok_or(Error::NotFound("list"))?;
    if let Some(purpose) = purpose {
        let mapped = lists::mapped_by(&tx, caller.account_id, id).await?;
        if let Some((store, audience)) = mapped.iter().find(|(_, audience)| !may_map(*audience, purpose)) {
            return Err(Error::Conflict(purpose_problem(store, *audience)));
        }
        let becomes_marketing = purpose == Purpose::Marketing && row.purpose != purpose.as_str();
        if becomes_marketing && lists::has_members_but_subscribers(&tx, caller.account_id, id).await? {
            return Err(Error::Conflict(MEMBERS_PROBLEM.to_owned()));
        }
    }
    lists::update(&tx, row, name, purpose, app.clock.now()).await?;
    let list = lists::by_ids(&tx, caller.account_id, &[id]).await?.pop().ok_or(Error::NotFound("list"))?;
    tx.commit().await?;
    Ok(list)
}

const MEMBERS_PROBLEM: &str = "the list can't become a marketing list while it has members who are on it otherwise \
                               than as subscribers of a store; make a new marketing list and submit their consents";

fn purpose_problem(store: &str, audience: Audience) -> String {
    format!(
        "the list can't become a marketing list while the {audience} of {store} go to it, because not all of them \
         opted in; map them to another list first"
    )
}

/// Removes a list that nothing is mapped to. Its members leave it, each with an event.
///
/// # Errors
/// It is not there, or an integration is mapped to it.
pub async fn delete(app: &App, caller: &Caller, id: ListId) -> Result<(), Error> {
    caller.require(Scope::ListsWrite)?;
    let at = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    lists::lock(&tx, caller.account_id, id).await?.ok_or(Error::NotFound("list"))?;
    let mapped = lists::mapped_by(&tx, caller.account_id, id).await?;
    if let Some((store, audience)) = mapped.first() {
        return Err(Error::Conflict(format!(
            "the list can't be deleted while the {audience} of {store} go to it; map them to another list first"
        )));
    }
    let story = Story { actor: Some(caller.actor.clone()), ..Story::default() };
    let mut after = None;
    loop {
        let members = lists::members_after(&tx, caller.account_id, id, after, CHUNK).await?;
        let Some(last) = members.last().copied() else { break };
        after = Some(last);
        let left = |contact_id| Event {
            contact_id,
            list_id: id,
            kind: MembershipEventKind::Left,
            cause: Cause::ListDeleted,
            story: story.clone(),
        };
        let events: Vec<Event> = members.into_iter().map(left).collect();
        record_events(&tx, caller.account_id, &events, at).await?;
    }
    lists::delete(&tx, caller.account_id, id).await?;
    tx.commit().await?;
    Ok(())
}
