//! From a contact, and from everything that says why they are on a list.

use async_graphql::{ComplexObject, Context, Result};
use uuid::Uuid;

use crate::api::consent::ConsentRecordView;
use crate::api::contact::{ContactView, GroundView, MembershipEventView, MembershipView, SourceRecordView};
use crate::api::integration::IntegrationView;
use crate::api::list::ListView;
use crate::api::sync::SyncRunView;
use crate::domain::contact::{Membership, MembershipEvent, SourceRecord};
use crate::domain::ids::{ConsentRecordId, ContactId, IntegrationId, ListId, SourceRecordId, SyncRunId};
use crate::graphql::loaders::{ConsentsOf, EventsOf, MembershipsOf, SourcesOf, find, find_some, relation};
use crate::graphql::pages::{Arguments, Page, relation_cost};
use crate::service::evidence;

#[ComplexObject]
impl ContactView {
    /// The lists they are on, each with everything it rests on, oldest first.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn memberships(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<MembershipView>> {
        let id = self.id.into();
        let key = |membership: &Membership| Uuid::from(membership.id);
        relation(ctx, Arguments { first, after, last, before }, |window| MembershipsOf(id, window), key).await
    }

    /// Their joins and leaves with their causes, oldest first.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<MembershipEventView>> {
        let id = self.id.into();
        let key = |event: &MembershipEvent| event.id;
        relation(ctx, Arguments { first, after, last, before }, |window| EventsOf(id, window), key).await
    }

    /// What the stores said about them, oldest first.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn sources(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<SourceRecordView>> {
        let id = self.id.into();
        let key = |record: &SourceRecord| Uuid::from(record.id);
        relation(ctx, Arguments { first, after, last, before }, |window| SourcesOf(id, window), key).await
    }

    /// What they agreed to, newest consent first.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn consents(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<ConsentRecordView>> {
        let id = self.id.into();
        relation(ctx, Arguments { first, after, last, before }, |window| ConsentsOf(id, window), evidence::key).await
    }
}

#[ComplexObject]
impl MembershipView {
    /// Who.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<ContactView>> {
        find(ctx, ContactId::from(self.contact_id)).await
    }

    /// On what.
    async fn list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find(ctx, ListId::from(self.list_id)).await
    }
}

#[ComplexObject]
impl GroundView {
    /// The integration whose mapping gives it.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Option<IntegrationView>> {
        find_some::<IntegrationId, _>(ctx, self.integration_id).await
    }

    /// The store's record it rests on.
    async fn source_record(&self, ctx: &Context<'_>) -> Result<Option<SourceRecordView>> {
        find_some::<SourceRecordId, _>(ctx, self.source_record_id).await
    }

    /// The consent it rests on.
    async fn consent_record(&self, ctx: &Context<'_>) -> Result<Option<ConsentRecordView>> {
        find_some::<ConsentRecordId, _>(ctx, self.consent_record_id).await
    }
}

#[ComplexObject]
impl MembershipEventView {
    /// Who.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<ContactView>> {
        find(ctx, ContactId::from(self.contact_id)).await
    }

    /// On or off which list; `null` once the list is deleted.
    async fn list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find(ctx, ListId::from(self.list_id)).await
    }

    /// The run that found it.
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<SyncRunView>> {
        find_some::<SyncRunId, _>(ctx, self.run_id).await
    }

    /// The store it came from; `null` once it is removed.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Option<IntegrationView>> {
        find_some::<IntegrationId, _>(ctx, self.integration_id).await
    }

    /// The store's record it rests on.
    async fn source_record(&self, ctx: &Context<'_>) -> Result<Option<SourceRecordView>> {
        find_some::<SourceRecordId, _>(ctx, self.source_record_id).await
    }

    /// The consent it rests on.
    async fn consent_record(&self, ctx: &Context<'_>) -> Result<Option<ConsentRecordView>> {
        find_some::<ConsentRecordId, _>(ctx, self.consent_record_id).await
    }
}

#[ComplexObject]
impl SourceRecordView {
    /// The store.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Option<IntegrationView>> {
        find(ctx, IntegrationId::from(self.integration_id)).await
    }

    /// The newest consent record made from it.
    async fn consent_record(&self, ctx: &Context<'_>) -> Result<Option<ConsentRecordView>> {
        find_some::<ConsentRecordId, _>(ctx, self.consent_record_id).await
    }
}
