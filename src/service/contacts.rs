//! People, and why they are on a list.

use std::borrow::BorrowMut;
use std::collections::HashMap;

use uuid::Uuid;

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::contact::{Contact, Membership, MembershipEvent, SourceRecord};
use crate::domain::ids::{AccountId, ContactId, ListId, SourceRecordId};
use crate::domain::page::{Slice, Window};
use crate::error::Error;
use crate::store::people::SuppressionKey;
use crate::store::view::{contacts, integrations, lists, memberships, sources};

pub use crate::store::view::contacts::ContactFilter;

/// A page of contacts, oldest first.
///
/// # Errors
/// The list or the integration of the filter is not there.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &ContactFilter,
    page: &Window<Uuid>,
) -> Result<Slice<Contact>, Error> {
    caller.require(Scope::ContactsRead)?;
    if let Some(id) = filter.list_id {
        lists::exists(&app.db, caller.account_id, id).await?.then_some(()).ok_or(Error::NotFound("list"))?;
    }
    if let Some(id) = filter.integration_id {
        let found = integrations::names(&app.db, caller.account_id, &[id.0]).await?;
        (!found.is_empty()).then_some(()).ok_or(Error::NotFound("integration"))?;
    }
    let mut found = contacts::page(&app.db, caller.account_id, filter, page).await?;
    note_suppressions(app, caller, &mut found.items).await?;
    Ok(found)
}

/// One contact.
///
/// # Errors
/// It is not there.
pub async fn get(app: &App, caller: &Caller, id: ContactId) -> Result<Contact, Error> {
    by_ids(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("contact"))
}

/// Those of the contacts that are there, in no order.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn by_ids(app: &App, caller: &Caller, ids: &[ContactId]) -> Result<Vec<Contact>, Error> {
    caller.require(Scope::ContactsRead)?;
    read(app, caller, ids).await
}

/// A contact that the caller has just changed; needs no right to read others.
///
/// # Errors
/// It is not there.
pub async fn of_own(app: &App, caller: &Caller, id: ContactId) -> Result<Contact, Error> {
    caller.require(Scope::ContactsWrite)?;
    read(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("contact"))
}

async fn read(app: &App, caller: &Caller, ids: &[ContactId]) -> Result<Vec<Contact>, Error> {
    let mut found = contacts::by_ids(&app.db, caller.account_id, ids).await?;
    note_suppressions(app, caller, &mut found).await?;
    Ok(found)
}

/// Fills in since when the contacts' addresses are suppressed.
pub(super) async fn note_suppressions(
    app: &App,
    caller: &Caller,
    found: &mut [impl BorrowMut<Contact>],
) -> Result<(), Error> {
    note_suppressions_of(app, caller.account_id, found).await
}

/// The same for whoever may see the account.
pub(super) async fn note_suppressions_of(
    app: &App,
    account: AccountId,
    found: &mut [impl BorrowMut<Contact>],
) -> Result<(), Error> {
    if found.is_empty() {
        return Ok(());
    }
    let key = SuppressionKey::load(&app.db, &app.sealer, account).await?;
    Ok(contacts::note_suppressions(&app.db, account, &key, found).await?)
}

/// A page of a contact's memberships with their causes, oldest first.
///
/// # Errors
/// The contact is not there.
pub async fn memberships(
    app: &App,
    caller: &Caller,
    id: ContactId,
    page: &Window<Uuid>,
) -> Result<Slice<Membership>, Error> {
    must_exist(app, caller, id).await?;
    Ok(memberships::page(&app.db, caller.account_id, id, page).await?)
}

/// All memberships of several contacts with their causes, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn memberships_of(
    app: &App,
    caller: &Caller,
    ids: &[ContactId],
) -> Result<HashMap<ContactId, Vec<Membership>>, Error> {
    caller.require(Scope::ContactsRead)?;
    Ok(memberships::of_contacts(&app.db, caller.account_id, ids).await?)
}

/// The memberships of several contacts on one list with their causes.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn memberships_on(
    app: &App,
    caller: &Caller,
    list: ListId,
    ids: &[ContactId],
) -> Result<HashMap<ContactId, Membership>, Error> {
    caller.require(Scope::ContactsRead)?;
    Ok(memberships::on_list(&app.db, caller.account_id, list, ids).await?)
}

/// A page of a contact's joins and leaves, oldest first.
///
/// # Errors
/// The contact is not there.
pub async fn events(
    app: &App,
    caller: &Caller,
    id: ContactId,
    page: &Window<Uuid>,
) -> Result<Slice<MembershipEvent>, Error> {
    must_exist(app, caller, id).await?;
    Ok(memberships::events(&app.db, caller.account_id, id, page).await?)
}

/// A page of what the stores said about a contact, oldest first.
///
/// # Errors
/// The contact is not there.
pub async fn sources(
    app: &App,
    caller: &Caller,
    id: ContactId,
    page: &Window<Uuid>,
) -> Result<Slice<SourceRecord>, Error> {
    must_exist(app, caller, id).await?;
    Ok(sources::page(&app.db, caller.account_id, id, page).await?)
}

/// Those of the source records that are there, in no order.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn sources_by_ids(app: &App, caller: &Caller, ids: &[SourceRecordId]) -> Result<Vec<SourceRecord>, Error> {
    caller.require(Scope::ContactsRead)?;
    Ok(sources::by_ids(&app.db, caller.account_id, ids).await?)
}

async fn must_exist(app: &App, caller: &Caller, id: ContactId) -> Result<(), Error> {
    caller.require(Scope::ContactsRead)?;
    let found = contacts::exists(&app.db, caller.account_id, id).await?;
    found.then_some(()).ok_or(Error::NotFound("contact"))
}
