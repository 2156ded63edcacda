//! From a sync run and from what it could not use.

use async_graphql::{ComplexObject, Context, Result};

use crate::api::integration::IntegrationView;
use crate::api::sync::{QuarantinedRecordView, SyncRunView};
use crate::domain::ids::{IntegrationId, SyncRunId};
use crate::domain::run::QuarantinedRecord;
use crate::graphql::loaders::{IssuesOf, UnresolvedIssuesOf, find, relation};
use crate::graphql::pages::{Arguments, Page, relation_cost};

#[ComplexObject]
impl SyncRunView {
    /// The store.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Option<IntegrationView>> {
        find(ctx, IntegrationId::from(self.integration_id)).await
    }

    /// The records that could not be used, in the order found; with `unresolved` only those that are not settled.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn issues(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] unresolved: bool,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<QuarantinedRecordView>> {
        let id = self.id.into();
        let key = |record: &QuarantinedRecord| record.id;
        let arguments = Arguments { first, after, last, before };
        if unresolved {
            return relation(ctx, arguments, |window| UnresolvedIssuesOf(id, window), key).await;
        }
        relation(ctx, arguments, |window| IssuesOf(id, window), key).await
    }
}

#[ComplexObject]
impl QuarantinedRecordView {
    /// The store.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Option<IntegrationView>> {
        find(ctx, IntegrationId::from(self.integration_id)).await
    }

    /// The run that found it.
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<SyncRunView>> {
        find(ctx, SyncRunId::from(self.run_id)).await
    }
}
