//! Installed stores.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::integration::IntegrationView;
use crate::domain::page::DEFAULT_SIZE;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::graphql::pages::{self, Arguments, Page, cost};
use crate::service::integrations;

#[derive(Default)]
pub(super) struct IntegrationQueries;

#[Object]
impl IntegrationQueries {
    /// The installed stores, oldest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<IntegrationView>, Error> {
        let (app, caller) = ctx.parts()?;
        let window = Arguments { first, after, last, before }.window(DEFAULT_SIZE)?;
        let found = integrations::list(app, caller, &window).await?;
        Ok(pages::page(&window, found, |integration| Uuid::from(integration.id)))
    }

    /// One installed store.
    async fn integration(&self, ctx: &Context<'_>, id: Uuid) -> Result<IntegrationView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(integrations::get(app, caller, id.into()).await?.into())
    }
}
