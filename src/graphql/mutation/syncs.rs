//! Start and stop passes over a store.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::sync::{SyncInput, SyncRunView};
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::service::{runs, syncs};

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

    /// Stop a run: at once if it waits, else after the page it is at.
    async fn cancel_sync(&self, ctx: &Context<'_>, id: Uuid) -> Result<SyncRunView, Error> {
        let (app, caller) = ctx.parts()?;
        syncs::cancel(app, caller, id.into()).await?;
        Ok(runs::of_own(app, caller, id.into()).await?.into())
    }
}
