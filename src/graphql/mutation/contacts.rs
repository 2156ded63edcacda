//! Submit consent, suppress, resubscribe and erase people.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::consent::SubmittedConsentView;
use crate::api::consent_input::ConsentInput;
use crate::api::contact::{ContactView, SuppressInput};
use crate::api::privacy::PrivacyRequestView;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::service::{consents, contacts, erasure, evidence, privacy, suppressions};

#[derive(Default)]
pub(super) struct ContactMutations;

#[Object]
impl ContactMutations {
    /// Submit a consent, with lists to join. The same evidence again is answered with the record it made.
    async fn submit_consent(&self, ctx: &Context<'_>, input: ConsentInput) -> Result<SubmittedConsentView, Error> {
        let (app, caller) = ctx.parts()?;
        let submitted = consents::submit(app, caller, input.checked(app.clock.now())?).await?;
        let record = evidence::of_submission(app, caller, submitted.record_id).await?;
        Ok(SubmittedConsentView::new(submitted, record))
    }

    /// Suppress a contact: off every marketing list, and on none until a newer consent lifts it.
    async fn suppress_contact(&self, ctx: &Context<'_>, id: Uuid, input: SuppressInput) -> Result<ContactView, Error> {
        let (app, caller) = ctx.parts()?;
        suppressions::suppress(app, caller, id.into(), &input.reason()?).await?;
        Ok(contacts::of_own(app, caller, id.into()).await?.into())
    }

    /// Lift a suppression by a consent that is newer than it. Needs the right to submit consents as well.
    async fn resubscribe_contact(
        &self,
        ctx: &Context<'_>,
        id: Uuid,
        input: ConsentInput,
    ) -> Result<SubmittedConsentView, Error> {
        let (app, caller) = ctx.parts()?;
        let submitted = suppressions::resubscribe(app, caller, id.into(), input.checked(app.clock.now())?).await?;
        let record = evidence::of_submission(app, caller, submitted.record_id).await?;
        Ok(SubmittedConsentView::new(submitted, record))
    }

    /// Erase a contact: nothing personal stays, and nothing but a later consent of theirs brings them back.
    async fn erase_contact(&self, ctx: &Context<'_>, id: Uuid) -> Result<PrivacyRequestView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(erasure::erase(app, caller, id.into()).await?.into())
    }

    /// Say that the data of a privacy request was handed over: it is done then, and can be exported for thirty days more.
    async fn complete_privacy_request(&self, ctx: &Context<'_>, id: Uuid) -> Result<PrivacyRequestView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(privacy::complete(app, caller, id).await?.into())
    }
}
