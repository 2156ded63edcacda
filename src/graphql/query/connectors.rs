//! The platforms and their contact rules.

use async_graphql::{Context, Object};

use crate::api::connector::ConnectorView;
use crate::api::words::Platform;
use crate::domain::page::Window;
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::service;

#[derive(Default)]
pub(super) struct ConnectorQueries;

/// There are this many platforms; for the complexity of a document.
const PLATFORMS: usize = crate::domain::Platform::ALL.len();

#[Object]
#[expect(clippy::unused_async, reason = "resolvers have to be async")]
impl ConnectorQueries {
    /// All connectors with their contact rules and settings.
    #[graphql(complexity = "PLATFORMS * child_complexity + 1")]
    async fn connectors(&self, ctx: &Context<'_>) -> Result<Vec<ConnectorView>, Error> {
        let (_, caller) = ctx.parts()?;
        let found = service::connectors::list(caller, &Window::first(PLATFORMS as u64, None))?;
        Ok(found.items.into_iter().map(ConnectorView::from).collect())
    }

    /// One connector with its contact rules and settings.
    async fn connector(&self, ctx: &Context<'_>, platform: Platform) -> Result<ConnectorView, Error> {
        let (_, caller) = ctx.parts()?;
        let platform = crate::domain::Platform::from(platform);
        Ok(service::connectors::get(caller, platform.as_str())?.into())
    }
}
