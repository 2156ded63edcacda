//! From a consent record and from a submission.

use async_graphql::{ComplexObject, Context, Result};

use crate::api::consent::{ConsentRecordView, RefusedListView, SubmittedConsentView};
use crate::api::contact::ContactView;
use crate::api::list::ListView;
use crate::domain::ids::{ConsentRecordId, ContactId, ListId};
use crate::graphql::loaders::{find, find_some};

#[ComplexObject]
impl ConsentRecordView {
    /// Who; `null` after erasure.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<ContactView>> {
        find_some::<ContactId, _>(ctx, self.contact_id).await
    }

    /// The record that a withdrawal, renewal or correction refers to.
    async fn supersedes(&self, ctx: &Context<'_>) -> Result<Option<ConsentRecordView>> {
        find_some::<ConsentRecordId, _>(ctx, self.supersedes_id).await
    }
}

#[ComplexObject]
impl SubmittedConsentView {
    /// The contact it is about.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<ContactView>> {
        find_some::<ContactId, _>(ctx, self.record.contact_id).await
    }
}

#[ComplexObject]
impl RefusedListView {
    /// The list.
    async fn list(&self, ctx: &Context<'_>) -> Result<Option<ListView>> {
        find(ctx, ListId::from(self.list_id)).await
    }
}
