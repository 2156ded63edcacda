//! The root of all subscriptions. They are carried by the WebSocket alone.

use async_graphql::{Context, Subscription};
use futures::{Stream, StreamExt as _};
use uuid::Uuid;

use super::context::Parts as _;
use crate::api::progress::SyncProgressView;
use crate::error::Error;
use crate::service::progress;

/// Everything that can be followed.
#[derive(Default)]
pub struct Subscriptions;

#[Subscription(name = "Subscription")]
impl Subscriptions {
    /// Follow a run: as it stands now, then whenever that changed, up to and including its end.
    async fn sync_progress(
        &self,
        ctx: &Context<'_>,
        sync_id: Uuid,
    ) -> Result<impl Stream<Item = async_graphql::Result<SyncProgressView>>, Error> {
        let (app, caller) = ctx.parts()?;
        let items = progress::watch(app, caller, sync_id.into()).await?;
        Ok(items.map(|item| Ok(item.map(SyncProgressView::from)?)))
    }
}
