//! The same page of several parents at once. GraphQL's relations fan out; these answer each in one query.
//!
//! Parents that are not the caller's, or not there, have no entry: whoever names them got them from a use case that
//! checks.

use uuid::Uuid;

use super::contacts::note_suppressions;
use super::evidence::ConsentKey;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::contact::{Contact, Membership, MembershipEvent, SourceRecord};
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::{ContactId, IntegrationId, ListId, SyncRunId};
use crate::domain::page::Window;
use crate::domain::run::{Issues, QuarantinedRecord, SyncRun};
use crate::error::Error;
use crate::store::view::relations::{self as pages, Pages};

/// The contacts of several lists, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn contacts_on(
    app: &App,
    caller: &Caller,
    lists: &[ListId],
    page: &Window<Uuid>,
) -> Result<Pages<ListId, Contact>, Error> {
    caller.require(Scope::ContactsRead)?;
    let mut found = pages::members(&app.db, caller.account_id, lists, page).await?;
    let mut contacts: Vec<&mut Contact> = found.values_mut().flat_map(|page| &mut page.items).collect();
    note_suppressions(app, caller, &mut contacts).await?;
    Ok(found)
}

/// The memberships of several contacts with their causes, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn memberships_of(
    app: &App,
    caller: &Caller,
    contacts: &[ContactId],
    page: &Window<Uuid>,
) -> Result<Pages<ContactId, Membership>, Error> {
    caller.require(Scope::ContactsRead)?;
    Ok(pages::memberships(&app.db, caller.account_id, contacts, page).await?)
}

/// The joins and leaves of several contacts, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn events_of(
    app: &App,
    caller: &Caller,
    contacts: &[ContactId],
    page: &Window<Uuid>,
) -> Result<Pages<ContactId, MembershipEvent>, Error> {
    caller.require(Scope::ContactsRead)?;
    Ok(pages::events(&app.db, caller.account_id, contacts, page).await?)
}

/// What the stores said about several contacts, oldest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn sources_of(
    app: &App,
    caller: &Caller,
    contacts: &[ContactId],
    page: &Window<Uuid>,
) -> Result<Pages<ContactId, SourceRecord>, Error> {
    caller.require(Scope::ContactsRead)?;
    Ok(pages::sources(&app.db, caller.account_id, contacts, page).await?)
}

/// The consent records of several contacts, newest consent first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn consents_of(
    app: &App,
    caller: &Caller,
    contacts: &[ContactId],
    page: &Window<ConsentKey>,
) -> Result<Pages<ContactId, RecordedConsent>, Error> {
    caller.require(Scope::ConsentsRead)?;
    Ok(pages::consents(&app.db, caller.account_id, contacts, page).await?)
}

/// The runs of several integrations, newest first.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn runs_of(
    app: &App,
    caller: &Caller,
    integrations: &[IntegrationId],
    page: &Window<Uuid>,
) -> Result<Pages<IntegrationId, SyncRun>, Error> {
    caller.require(Scope::SyncsRead)?;
    Ok(pages::runs(&app.db, caller.account_id, integrations, page).await?)
}

/// The records that several runs could not use, in the order found.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn issues_of(
    app: &App,
    caller: &Caller,
    runs: &[SyncRunId],
    page: &Window<Uuid>,
) -> Result<Pages<SyncRunId, QuarantinedRecord>, Error> {
    caller.require(Scope::SyncsRead)?;
    Ok(pages::issues(&app.db, caller.account_id, (runs, Issues::All), page).await?)
}

/// Those of them that are not settled.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn unresolved_issues_of(
    app: &App,
    caller: &Caller,
    runs: &[SyncRunId],
    page: &Window<Uuid>,
) -> Result<Pages<SyncRunId, QuarantinedRecord>, Error> {
    caller.require(Scope::SyncsRead)?;
    Ok(pages::issues(&app.db, caller.account_id, (runs, Issues::Unresolved), page).await?)
}
