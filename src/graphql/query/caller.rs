//! Who calls.

use async_graphql::{Context, Object, SimpleObject};
use uuid::Uuid;

use crate::error::Error;
use crate::graphql::context::Parts as _;

#[derive(Default)]
pub(super) struct CallerQueries;

/// Who calls.
#[derive(SimpleObject)]
struct Me {
    /// The account that everything belongs to.
    account_id: Uuid,
    /// Who acts, as it stands in events and consent records.
    actor: String,
    /// What the token allows.
    scopes: Vec<&'static str>,
}

#[Object]
#[expect(clippy::unused_async, reason = "resolvers have to be async")]
impl CallerQueries {
    /// Who calls, and what they may do.
    async fn me(&self, ctx: &Context<'_>) -> Result<Me, Error> {
        let (_, caller) = ctx.parts()?;
        let scopes = caller.scopes.iter().map(|scope| scope.as_str()).collect();
        Ok(Me { account_id: caller.account_id.into(), actor: caller.actor.clone(), scopes })
    }
}
