//! The root of all queries.

use async_graphql::{Context, MergedObject, Object, SimpleObject};
use uuid::Uuid;

use super::context::Parts as _;
use crate::error::Error;

/// Everything that can be read.
#[derive(Default, MergedObject)]
pub struct Query(CallerQueries);

#[derive(Default)]
struct CallerQueries;

/// Who calls.
#[derive(SimpleObject)]
struct Me {
    /// The account that everything belongs to.
    account_id: Uuid,
    /// Who acts, as it stands in events and consent records.
    actor: String,
    /// What the token allows.
    scopes: Vec<String>,
}

#[Object]
#[expect(clippy::unused_async, reason = "resolvers have to be async")]
impl CallerQueries {
    /// Who calls, and what they may do.
    async fn me(&self, ctx: &Context<'_>) -> Result<Me, Error> {
        let (_, caller) = ctx.parts()?;
        Ok(Me {
            account_id: caller.account_id.into(),
            actor: caller.actor.clone(),
            scopes: caller.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        })
    }
}
