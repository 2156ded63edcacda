//! Evidence of what people agreed to.

use async_graphql::{Context, InputObject, Object};
use uuid::Uuid;

use crate::api::consent::{ConsentRecordView, LedgerVerificationView};
use crate::api::consent_words::{CaptureMethod, Channel, ConsentEvent};
use crate::domain::page::DEFAULT_SIZE;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::graphql::pages::{self, Arguments, Page, cost};
use crate::service::evidence::{self, ConsentFilter};

#[derive(Default)]
pub(super) struct ConsentQueries;

/// Checking the chain reads all of it: at most once a document, and not beside large pages.
const VERIFICATION: usize = 12_000;

/// Which consent records; all conditions hold.
#[derive(Default, InputObject)]
struct ConsentsFilter {
    /// Of this contact.
    contact_id: Option<Uuid>,
    /// With this event.
    event: Option<ConsentEvent>,
    /// For this channel.
    channel: Option<Channel>,
    /// Taken in this way.
    capture_method: Option<CaptureMethod>,
}

impl From<ConsentsFilter> for ConsentFilter {
    fn from(filter: ConsentsFilter) -> Self {
        let ConsentsFilter { contact_id, event, channel, capture_method } = filter;
        Self {
            contact_id: contact_id.map(Into::into),
            event: event.map(Into::into),
            channel: channel.map(Into::into),
            capture_method: capture_method.map(Into::into),
        }
    }
}

#[Object]
impl ConsentQueries {
    /// The consent records, newest consent first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn consents(
        &self,
        ctx: &Context<'_>,
        filter: Option<ConsentsFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<ConsentRecordView>, Error> {
        let (app, caller) = ctx.parts()?;
        let window = Arguments { first, after, last, before }.window(DEFAULT_SIZE)?;
        let found = evidence::list(app, caller, &filter.unwrap_or_default().into(), &window).await?;
        Ok(pages::page(&window, found, evidence::key))
    }

    /// One consent record.
    async fn consent(&self, ctx: &Context<'_>, id: Uuid) -> Result<ConsentRecordView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(evidence::get(app, caller, id.into()).await?.into())
    }

    /// Recompute the account's chain of records: an edit or a removal is found and named.
    #[graphql(complexity = "VERIFICATION + child_complexity")]
    async fn verify_consents(&self, ctx: &Context<'_>) -> Result<LedgerVerificationView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(evidence::verify(app, caller).await?.into())
    }
}
