//! From a list.

use async_graphql::{ComplexObject, Context, Result};
use uuid::Uuid;

use crate::api::contact::ContactView;
use crate::api::list::ListView;
use crate::domain::contact::Contact;
use crate::graphql::loaders::{ContactsOn, relation};
use crate::graphql::pages::{Arguments, Page, relation_cost};

#[ComplexObject]
impl ListView {
    /// Who is on it, oldest contact first.
    #[graphql(complexity = "relation_cost(first, last, child_complexity)")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<ContactView>> {
        let id = self.id.into();
        let key = |contact: &Contact| Uuid::from(contact.id);
        relation(ctx, Arguments { first, after, last, before }, |window| ContactsOn(id, window), key).await
    }
}
