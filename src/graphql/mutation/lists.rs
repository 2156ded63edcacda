//! Make, change and remove lists.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::list::{ListInput, ListPatch, ListView};
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::service::lists;

#[derive(Default)]
pub(super) struct ListMutations;

#[Object]
impl ListMutations {
    /// Make a list.
    async fn create_list(&self, ctx: &Context<'_>, input: ListInput) -> Result<ListView, Error> {
        let (app, caller) = ctx.parts()?;
        let ListInput { name, purpose } = input;
        Ok(lists::create(app, caller, &name, purpose.into()).await?.into())
    }

    /// Change a list's name or purpose. What is absent stays.
    async fn update_list(&self, ctx: &Context<'_>, id: Uuid, input: ListPatch) -> Result<ListView, Error> {
        let (app, caller) = ctx.parts()?;
        let ListPatch { name, purpose } = input;
        Ok(lists::update(app, caller, id.into(), name.as_deref(), purpose.map(Into::into)).await?.into())
    }

    /// Remove a list that nothing is mapped to; its members leave it. Answers with its identifier.
    async fn delete_list(&self, ctx: &Context<'_>, id: Uuid) -> Result<Uuid, Error> {
        let (app, caller) = ctx.parts()?;
        lists::delete(app, caller, id.into()).await?;
        Ok(id)
    }
}
