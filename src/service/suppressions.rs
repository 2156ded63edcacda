//! "Do not mail this address", and taking that back.

use super::consents::{NewConsent, SubmittedConsent, covers_email, submit_in};
use super::resettle::settle_everywhere;
use super::settle::Behalf;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::ContactId;
use crate::domain::membership::{Cause, MembershipEventKind, may_join};
use crate::error::Error;
use crate::store::memberships::{Event, Story};
use crate::store::people::SuppressionKey;
use crate::store::{begin, ledger, memberships, people};

/// Longest reason, in bytes.
pub const MAX_REASON_BYTES: usize = 255;

/// Suppresses a contact's address: it leaves every marketing list and joins none until it is lifted.
///
/// Suppressing again changes nothing.
///
/// # Errors
/// The contact is not there.
pub async fn suppress(app: &App, caller: &Caller, contact: ContactId, reason: &str) -> Result<(), Error> {
    caller.require(Scope::ContactsWrite)?;
    let reason = crate::domain::people::bounded(reason.trim().to_owned(), MAX_REASON_BYTES);
    let at = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    let email = people::address_of(&tx, caller.account_id, contact).await?.ok_or(Error::NotFound("contact"))?;
    let key = SuppressionKey::load(&tx, &app.sealer, caller.account_id).await?;
    if people::suppressed_since(&tx, caller.account_id, &key, email.normalized()).await?.is_some() {
        tx.rollback().await?;
        return Ok(());
    }
    people::suppress(&tx, caller.account_id, &key, email.normalized(), reason, at).await?;
    let held = memberships::grounds_of(&tx, caller.account_id, contact).await?;
    let ended: Vec<_> = held
        .into_iter()
        .filter(|ground| !may_join(ground.purpose, ground.audience, true))
        .map(|ground| ground.id)
        .collect();
    let left = memberships::end_grounds(&tx, caller.account_id, &ended).await?;
    let story = Story { actor: Some(caller.actor.clone()), ..Story::default() };
    let events: Vec<Event> = left
        .into_iter()
        .map(|(contact_id, list_id)| Event {
            contact_id,
            list_id,
            kind: MembershipEventKind::Left,
            cause: Cause::Suppressed,
            story: story.clone(),
        })
        .collect();
    memberships::record_events(&tx, caller.account_id, &events, at).await?;
    tx.commit().await?;
    Ok(())
}

/// Lifts a suppression by a consent that is newer than it, and lets the stores' opt-ins count again.
///
/// # Errors
/// The contact is not there or not suppressed; the consent is for another address, is not a grant, does not cover
/// email, has run out, or is not newer than the suppression.
pub async fn resubscribe(
    app: &App,
    caller: &Caller,
    contact: ContactId,
    consent: NewConsent,
) -> Result<SubmittedConsent, Error> {
    caller.require(Scope::ContactsWrite)?;
    caller.require(Scope::ConsentsWrite)?;
    let at = app.clock.now();
    let tx = begin(&app.db).await?;
    let head = ledger::lock(&tx, caller.account_id).await?;
    let email = people::address_of(&tx, caller.account_id, contact).await?.ok_or(Error::NotFound("contact"))?;
    let key = SuppressionKey::load(&tx, &app.sealer, caller.account_id).await?;
    let since = people::suppressed_since(&tx, caller.account_id, &key, email.normalized())
        .await?
        .ok_or_else(|| Error::Conflict("the contact is not suppressed".to_owned()))?;
    if consent.email != email {
        return Err(Error::invalid("email", "is not the contact's address"));
    }
    if !consent.event.is_grant() {
        return Err(Error::invalid("eventType", "must be a consent that was given"));
    }
    if !covers_email(consent.channel) {
        return Err(Error::invalid("channel", "must cover email: that is what the suppression is about"));
    }
    if consent.consented_at <= since {
        return Err(Error::invalid("dateTimeConsented", "must be later than the suppression"));
    }
    if consent.expires_at.is_some_and(|end| end <= at) {
        return Err(Error::invalid("expiresAt", "must not be over"));
    }
    // Lift first, so that the lists of the consent can be joined; the record is named once it is there.
    people::lift_suppression(&tx, caller.account_id, &key, email.normalized(), at).await?;
    let (submitted, head) = submit_in(app, &tx, caller, head, consent).await?;
    people::name_lifting_consent(&tx, caller.account_id, &key, email.normalized(), at, submitted.record_id).await?;
    let behalf = Behalf { actor: Some(caller.actor.clone()), cause: Some(Cause::Resubscribed), ..Behalf::default() };
    settle_everywhere(app, &tx, caller.account_id, head, email.normalized(), &behalf).await?;
    tx.commit().await?;
    Ok(submitted)
}
