//! Consent records, as they are shown and checked. Submitting them: [`super::consents`].

use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::ConsentRecordId;
use crate::domain::page::{Slice, Window};
use crate::error::Error;
use crate::store::ledger;
use crate::store::view::{consents, contacts};

pub use crate::store::ledger::Verification;
pub use crate::store::view::consents::{ConsentFilter, ConsentKey};

/// Where a record stands in the order of the records.
#[must_use]
pub fn key(recorded: &RecordedConsent) -> ConsentKey {
    (recorded.record.consented_at, recorded.sequence)
}

/// A page of records, newest consent first.
///
/// # Errors
/// The contact of the filter is not there.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &ConsentFilter,
    page: &Window<ConsentKey>,
) -> Result<Slice<RecordedConsent>, Error> {
    caller.require(Scope::ConsentsRead)?;
    if let Some(id) = filter.contact_id {
        let found = contacts::exists(&app.db, caller.account_id, id).await?;
        found.then_some(()).ok_or(Error::NotFound("contact"))?;
    }
    Ok(consents::page(&app.db, caller.account_id, filter, page).await?)
}

/// One record.
///
/// # Errors
/// It is not there.
pub async fn get(app: &App, caller: &Caller, id: ConsentRecordId) -> Result<RecordedConsent, Error> {
    by_ids(app, caller, &[id]).await?.pop().ok_or(Error::NotFound("consent record"))
}

/// The record that a submission of the caller's own ended in; needs no right to read others.
///
/// # Errors
/// It is not there.
pub async fn of_submission(app: &App, caller: &Caller, id: ConsentRecordId) -> Result<RecordedConsent, Error> {
    caller.require(Scope::ConsentsWrite)?;
    consents::by_ids(&app.db, caller.account_id, &[id]).await?.pop().ok_or(Error::NotFound("consent record"))
}

/// Those of the records that are there, in no order.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn by_ids(app: &App, caller: &Caller, ids: &[ConsentRecordId]) -> Result<Vec<RecordedConsent>, Error> {
    caller.require(Scope::ConsentsRead)?;
    Ok(consents::by_ids(&app.db, caller.account_id, ids).await?)
}

/// Recomputes the account's chain.
///
/// # Errors
/// The scope is missing, or storage fails.
pub async fn verify(app: &App, caller: &Caller) -> Result<Verification, Error> {
    caller.require(Scope::ConsentsRead)?;
    Ok(ledger::verify(&app.db, caller.account_id).await?)
}
