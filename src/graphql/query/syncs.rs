//! Passes over a store.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::sync::SyncRunView;
use crate::domain::page::DEFAULT_SIZE;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::graphql::pages::{self, Arguments, Page, cost};
use crate::service::runs;

#[derive(Default)]
pub(super) struct SyncQueries;

#[Object]
impl SyncQueries {
    /// The runs of one integration, newest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn sync_runs(
        &self,
        ctx: &Context<'_>,
        integration_id: Uuid,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<SyncRunView>, Error> {
        let (app, caller) = ctx.parts()?;
        let window = Arguments { first, after, last, before }.window(DEFAULT_SIZE)?;
        let found = runs::list(app, caller, integration_id.into(), &window).await?;
        Ok(pages::page(&window, found, |run| Uuid::from(run.id)))
    }

    /// One run, also while it goes on.
    async fn sync_run(&self, ctx: &Context<'_>, id: Uuid) -> Result<SyncRunView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(runs::get(app, caller, id.into()).await?.into())
    }
}
