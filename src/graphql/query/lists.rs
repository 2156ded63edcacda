//! Named sets of contacts.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::list::ListView;
use crate::domain::page::DEFAULT_SIZE;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::graphql::pages::{self, Arguments, Page, cost};
use crate::service::lists;

#[derive(Default)]
pub(super) struct ListQueries;

#[Object]
impl ListQueries {
    /// The lists, oldest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn lists(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<ListView>, Error> {
        let (app, caller) = ctx.parts()?;
        let window = Arguments { first, after, last, before }.window(DEFAULT_SIZE)?;
        let found = lists::list(app, caller, &window).await?;
        Ok(pages::page(&window, found, |list| Uuid::from(list.id)))
    }

    /// One list.
    async fn list(&self, ctx: &Context<'_>, id: Uuid) -> Result<ListView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(lists::get(app, caller, id.into()).await?.into())
    }
}
