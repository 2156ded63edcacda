//! Install, change, test, map and remove stores.

use async_graphql::{Context, Object};
use uuid::Uuid;

use crate::api::integration::{
    ConnectionReportView, IntegrationInput, IntegrationPatch, IntegrationView, MappingEffectView, MappingsInput,
};
use crate::api::webhook::WebhookTestView;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::service::{integrations, mappings, webhooks};

#[derive(Default)]
pub(super) struct IntegrationMutations;

#[Object]
impl IntegrationMutations {
    /// Install a store. Its subscribers go to the list `Store subscribers` unless the mappings say otherwise.
    async fn create_integration(&self, ctx: &Context<'_>, input: IntegrationInput) -> Result<IntegrationView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(integrations::create(app, caller, input.try_into()?).await?.into())
    }

    /// Change an integration. What is absent stays.
    async fn update_integration(
        &self,
        ctx: &Context<'_>,
        id: Uuid,
        input: IntegrationPatch,
    ) -> Result<IntegrationView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(integrations::update(app, caller, id.into(), input.try_into()?).await?.into())
    }

    /// Remove an integration: everything that it alone holds ends. Answers with its identifier.
    async fn delete_integration(&self, ctx: &Context<'_>, id: Uuid) -> Result<Uuid, Error> {
        let (app, caller) = ctx.parts()?;
        integrations::delete(app, caller, id.into()).await?;
        Ok(id)
    }

    /// Check credentials and rights at the store.
    async fn test_integration(&self, ctx: &Context<'_>, id: Uuid) -> Result<ConnectionReportView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(integrations::test(app, caller, id.into()).await?.into())
    }

    /// Check whether the store's webhooks are registered, put that right, and send a delivery to this service's own public
    /// address.
    async fn test_webhooks(&self, ctx: &Context<'_>, integration_id: Uuid) -> Result<WebhookTestView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(webhooks::test(app, caller, integration_id.into()).await?.into())
    }

    /// Sync an integration no more until it is resumed.
    async fn pause_integration(&self, ctx: &Context<'_>, id: Uuid) -> Result<IntegrationView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(integrations::pause(app, caller, id.into()).await?.into())
    }

    /// Sync an integration again, also one that needed attention.
    async fn resume_integration(&self, ctx: &Context<'_>, id: Uuid) -> Result<IntegrationView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(integrations::resume(app, caller, id.into()).await?.into())
    }

    /// Change which audience goes to which list, and move its people. What is absent stays, `null` ends a mapping.
    async fn set_mappings(
        &self,
        ctx: &Context<'_>,
        integration_id: Uuid,
        input: MappingsInput,
    ) -> Result<IntegrationView, Error> {
        let (app, caller) = ctx.parts()?;
        mappings::put(app, caller, integration_id.into(), &input.into_change()).await?;
        Ok(integrations::of_own(app, caller, integration_id.into()).await?.into())
    }

    /// Say what a change of the mappings would do, and do nothing.
    async fn preview_mappings(
        &self,
        ctx: &Context<'_>,
        integration_id: Uuid,
        input: MappingsInput,
    ) -> Result<MappingEffectView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(mappings::preview(app, caller, integration_id.into(), &input.into_change()).await?.into())
    }
}
