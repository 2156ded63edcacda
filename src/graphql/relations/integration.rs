//! From an integration and its mappings.

use async_graphql::{ComplexObject, Context, Result};
use uuid::Uuid;

use crate::api::connector::ConnectorView;
use crate::api::integration::{AudienceEffectView, IntegrationView, MappingsView, OptOutLatencyView};
use crate::api::list::ListView;
use crate::api::sync::SyncRunView;
use crate::api::webhook::WebhooksView;
use crate::domain::Platform;
use crate::domain::ids::ListId;
use crate::domain::run::SyncRun;
use crate::error::Error;
use crate::graphql::loaders::{LatencyOf, RunsOf, WebhooksOf, find, find_some, relation};
use crate::graphql::pages::{Arguments, Page, relation_cost};

#[ComplexObject]
impl IntegrationView {
    /// The platform's connector with its contact rules.
    async fn connector(&self) -> ConnectorView {
        Platform::from(self.platform).into()
    }

    /// Its webhooks: what is registered at the store, what arrived, what waits.
    #[graphql(complexity = "10 + child_complexity")]
    async fn webhooks(&self, ctx: &Context<'_>) -> Result<WebhooksView> {
        let found = find(ctx, WebhooksOf(self.id.into())).await?;
        Ok(found.ok_or(Error::NotFound("integration"))?)
    }

    /// How long opt-outs in the store took until the person was off the list; `null` if in the last 30 days there were none
    /// that the store dates.
    #[graphql(complexity = "10 + child_complexity")]
    async fn opt_out_latency(&self, ctx: &Context<'_>) -> Result<Option<OptOutLatencyView>> {
        find(ctx, LatencyOf(self.id.into())).await
    }

    /// Its runs, newest first.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn sync_runs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<SyncRunView>> {
        let id = self.id.into();
        let key = |run: &SyncRun| Uuid::from(run.id);
        relation(ctx, Arguments { first, after, last, before }, |window| RunsOf(id, window), key).await
    }
}

#[ComplexObject]
impl MappingsView {
    /// List of the guests; only where the platform has them as an audience of their own.
    async fn guests_id(&self) -> Option<Uuid> {
        self.guests.flatten()
    }

    /// List of the subscribers.
    #[graphql(name = "subscribers")]
    async fn subscribers_list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find_some::<ListId, _>(ctx, self.subscribers).await
    }

    /// List of the customers.
    #[graphql(name = "customers")]
    async fn customers_list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find_some::<ListId, _>(ctx, self.customers).await
    }

    /// List of the guests.
    #[graphql(name = "guests")]
    async fn guests_list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find_some::<ListId, _>(ctx, self.guests.flatten()).await
    }
}

#[ComplexObject]
impl AudienceEffectView {
    /// The list it goes to afterwards.
    async fn list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find_some::<ListId, _>(ctx, self.list_id).await
    }
}
