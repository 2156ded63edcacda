//! Start and stop passes over a store.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::sync::{RetryView, SyncInput, SyncRunView};
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::service::{decisions, retries, runs, syncs};

#[derive(Default)]
pub(super) struct SyncMutations;

#[Object]
impl SyncMutations {
    /// Queue a run. Ask for it with `syncRun` to see how it goes.
    async fn start_sync(
        &self,
        ctx: &Context<'_>,
        integration_id: Uuid,
        input: SyncInput,
    ) -> Result<SyncRunView, Error> {
        let (app, caller) = ctx.parts()?;
        let run = syncs::start(app, caller, integration_id.into(), input.mode.into()).await?;
        Ok(runs::of_own(app, caller, run).await?.into())
    }

    /// Confirm that a run which stopped with `CONFIRMATION_NEEDED` may take as many people off lists as it would. Gives the run
    /// that goes on from where it stopped. If the run stopped more than 24 hours ago, its settings were changed since, or a webhook
    /// named so many records that the whole store is to be read, it
    /// reads anew, and asks again.
    async fn confirm_sync(&self, ctx: &Context<'_>, id: Uuid) -> Result<SyncRunView, Error> {
        let (app, caller) = ctx.parts()?;
        let run = decisions::confirm(app, caller, id.into()).await?;
        Ok(runs::of_own(app, caller, run).await?.into())
    }

    /// Stop a run: at once if it waits, else after the page it is at. One that asks for a confirmation is given up, and the next
    /// one reads anew. After a pass over the whole store the next such pass is a day later: who is absent from the store is
    /// asked about then.
    async fn cancel_sync(&self, ctx: &Context<'_>, id: Uuid) -> Result<SyncRunView, Error> {
        let (app, caller) = ctx.parts()?;
        syncs::cancel(app, caller, id.into()).await?;
        Ok(runs::of_own(app, caller, id.into()).await?.into())
    }

    /// Have records read again that a run could not use: all of them, or those named, at most 500. It is done soon: ask
    /// for the issues again.
    async fn retry_sync_issues(
        &self,
        ctx: &Context<'_>,
        sync_id: Uuid,
        ids: Option<Vec<Uuid>>,
    ) -> Result<RetryView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(retries::retry(app, caller, sync_id.into(), ids.as_deref()).await?.into())
    }
}
