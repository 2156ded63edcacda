//! Privacy requests, and everything that is kept of one person.

use async_graphql::{ComplexObject, Context, Object};
use uuid::Uuid;

use crate::api::privacy::{PersonExportView, PrivacyRequestView};
use crate::api::words::PrivacyState;
use crate::domain::page::DEFAULT_SIZE;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::graphql::pages::{self, Arguments, Page, cost};
use crate::service::{export, privacy};

#[derive(Default)]
pub(super) struct PrivacyQueries;

/// An export reads everything about a person: at most a few a document.
const EXPORT: usize = 2_000;

#[Object]
impl PrivacyQueries {
    /// The privacy requests with their deadlines, newest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn privacy_requests(
        &self,
        ctx: &Context<'_>,
        state: Option<PrivacyState>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<PrivacyRequestView>, Error> {
        let (app, caller) = ctx.parts()?;
        let window = Arguments { first, after, last, before }.window(DEFAULT_SIZE)?;
        let found = privacy::list(app, caller, state.map(Into::into), &window).await?;
        Ok(pages::page(&window, found, |request| request.id))
    }

    /// One privacy request.
    async fn privacy_request(&self, ctx: &Context<'_>, id: Uuid) -> Result<PrivacyRequestView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(privacy::get(app, caller, id).await?.into())
    }

    /// Everything that is kept of a contact.
    #[graphql(complexity = "EXPORT + child_complexity")]
    async fn export_contact(&self, ctx: &Context<'_>, id: Uuid) -> Result<PersonExportView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(export::of_contact(app, caller, id.into()).await?.into())
    }
}

#[ComplexObject]
impl PrivacyRequestView {
    /// Everything about the person whose data is asked for, as it is now; `null` where no data is asked for, or no longer.
    #[graphql(complexity = "EXPORT + child_complexity")]
    async fn export(&self, ctx: &Context<'_>) -> Result<Option<PersonExportView>, Error> {
        let (app, caller) = ctx.parts()?;
        match privacy::export(app, caller, self.id).await {
            Ok(export) => Ok(Some(export.into())),
            Err(Error::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
