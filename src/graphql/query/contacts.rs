//! People, and why they are on a list.

use async_graphql::{Context, InputObject, Object};
use uuid::Uuid;

use crate::api::contact::ContactView;
use crate::domain::Email;
use crate::domain::page::{DEFAULT_SIZE, Window};
use crate::error::Error;
use crate::graphql::context::Parts as _;
use crate::graphql::pages::{self, Arguments, Page, cost};
use crate::service::contacts::{self, ContactFilter};
use crate::service::input;

#[derive(Default)]
pub(super) struct ContactQueries;

/// Which contacts; all conditions hold.
#[derive(Default, InputObject)]
struct ContactsFilter {
    /// Exactly this address, whatever its case.
    email: Option<String>,
    /// On this list.
    list_id: Option<Uuid>,
    /// With a live record in this store.
    integration_id: Option<Uuid>,
}

impl TryFrom<ContactsFilter> for ContactFilter {
    type Error = Error;

    fn try_from(filter: ContactsFilter) -> Result<Self, Error> {
        let ContactsFilter { email, list_id, integration_id } = filter;
        let email = email.map(|email| normalized("filter.email", &email)).transpose()?;
        Ok(Self { email, list_id: list_id.map(Into::into), integration_id: integration_id.map(Into::into) })
    }
}

fn normalized(field: &str, email: &str) -> Result<String, Error> {
    let email: Email = email.parse().map_err(|problem| input::email(field, problem))?;
    Ok(email.normalized().to_owned())
}

#[Object]
impl ContactQueries {
    /// The contacts, oldest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        filter: Option<ContactsFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<ContactView>, Error> {
        let (app, caller) = ctx.parts()?;
        let window = Arguments { first, after, last, before }.window(DEFAULT_SIZE)?;
        let filter = filter.unwrap_or_default().try_into()?;
        let found = contacts::list(app, caller, &filter, &window).await?;
        Ok(pages::page(&window, found, |contact| Uuid::from(contact.id)))
    }

    /// One contact.
    async fn contact(&self, ctx: &Context<'_>, id: Uuid) -> Result<ContactView, Error> {
        let (app, caller) = ctx.parts()?;
        Ok(contacts::get(app, caller, id.into()).await?.into())
    }

    /// The contact with an address, whatever its case; `null` if there is none.
    async fn contact_by_email(&self, ctx: &Context<'_>, email: String) -> Result<Option<ContactView>, Error> {
        let (app, caller) = ctx.parts()?;
        let filter = ContactFilter { email: Some(normalized("email", &email)?), ..ContactFilter::default() };
        let found = contacts::list(app, caller, &filter, &Window::first(1, None)).await?;
        Ok(found.items.into_iter().next().map(ContactView::from))
    }
}
