//! `/v1/contacts`: people, and why they are on a list.

use axum::Json;
use axum::extract::State;
use utoipa::IntoParams;
use uuid::Uuid;

use super::document::{PageParameters, Problems};
use super::extract::{Body, Parameters, PathId};
use crate::api::consent::{ConsentRecordView, SubmittedConsentView};
use crate::api::consent_input::ConsentInput;
use crate::api::contact::{ContactView, MembershipEventView, MembershipView, SourceRecordView, SuppressInput};
use crate::api::page::Page;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::Email;
use crate::error::Error;
use crate::service::contacts::{self as service, ContactFilter};
use crate::service::evidence::{self, ConsentFilter};
use crate::service::suppressions;

/// Which contacts; all conditions hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the parameters; Parameters reads them")]
struct ContactParameters {
    /// Exactly this address, whatever its case.
    #[param(min_length = 3)]
    email: Option<String>,
    /// On this list.
    list_id: Option<Uuid>,
    /// With a live record in this store.
    integration_id: Option<Uuid>,
}

/// List contacts, oldest first.
#[utoipa::path(get, path = "/v1/contacts", operation_id = "listContacts", tag = "contacts",
    params(ContactParameters, PageParameters), responses((status = 200, body = Page<ContactView>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Page<ContactView>>, Error> {
    let email = |text: &str| text.parse::<Email>().map_err(|problem| problem.to_string());
    let filter = ContactFilter {
        email: parameters.take("email", email)?.map(|email| email.normalized().to_owned()),
        list_id: parameters.id("listId")?.map(Into::into),
        integration_id: parameters.id("integrationId")?.map(Into::into),
    };
    let found = service::list(&app, &caller, &filter, &parameters.page()?).await?;
    Ok(Json(Page::of(found, |contact| Uuid::from(contact.id))))
}

/// Show one contact.
#[utoipa::path(get, path = "/v1/contacts/{id}", operation_id = "getContact", tag = "contacts",
    params(("id" = Uuid, Path)), responses((status = 200, body = ContactView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<ContactView>, Error> {
    Ok(Json(service::get(&app, &caller, id.into()).await?.into()))
}

/// List the lists that a contact is on, each with everything it rests on.
#[utoipa::path(get, path = "/v1/contacts/{id}/memberships", operation_id = "listMemberships", tag = "contacts",
    params(("id" = Uuid, Path), PageParameters), responses((status = 200, body = Page<MembershipView>), Problems))]
pub(super) async fn memberships(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Json<Page<MembershipView>>, Error> {
    let found = service::memberships(&app, &caller, id.into(), &parameters.page()?).await?;
    Ok(Json(Page::of(found, |membership| Uuid::from(membership.id))))
}

/// List a contact's joins and leaves with their causes, oldest first.
#[utoipa::path(get, path = "/v1/contacts/{id}/events", operation_id = "listMembershipEvents", tag = "contacts",
    params(("id" = Uuid, Path), PageParameters),
    responses((status = 200, body = Page<MembershipEventView>), Problems))]
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Json<Page<MembershipEventView>>, Error> {
    let found = service::events(&app, &caller, id.into(), &parameters.page()?).await?;
    Ok(Json(Page::of(found, |event| event.id)))
}

/// List what the stores said about a contact.
#[utoipa::path(get, path = "/v1/contacts/{id}/sources", operation_id = "listSources", tag = "contacts",
    params(("id" = Uuid, Path), PageParameters), responses((status = 200, body = Page<SourceRecordView>), Problems))]
pub(super) async fn sources(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Json<Page<SourceRecordView>>, Error> {
    let found = service::sources(&app, &caller, id.into(), &parameters.page()?).await?;
    Ok(Json(Page::of(found, |record| Uuid::from(record.id))))
}

/// List a contact's consent records, newest consent first.
#[utoipa::path(get, path = "/v1/contacts/{id}/consents", operation_id = "listContactConsents", tag = "contacts",
    params(("id" = Uuid, Path), PageParameters), responses((status = 200, body = Page<ConsentRecordView>), Problems))]
pub(super) async fn consents(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Json<Page<ConsentRecordView>>, Error> {
    let filter = ConsentFilter { contact_id: Some(id.into()), ..ConsentFilter::default() };
    let found = evidence::list(&app, &caller, &filter, &parameters.page()?).await?;
    Ok(Json(Page::of(found, evidence::key)))
}

/// Suppress a contact: off every marketing list, and on none until a newer consent lifts it.
#[utoipa::path(post, path = "/v1/contacts/{id}/suppress", operation_id = "suppressContact", tag = "contacts",
    params(("id" = Uuid, Path)), request_body = SuppressInput,
    responses((status = 200, body = ContactView), Problems))]
pub(super) async fn suppress(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(input): Body<SuppressInput>,
) -> Result<Json<ContactView>, Error> {
    suppressions::suppress(&app, &caller, id.into(), &input.reason()?).await?;
    Ok(Json(service::of_own(&app, &caller, id.into()).await?.into()))
}

/// Lift a suppression by a consent that is newer than it. Needs the right to submit consents as well.
#[utoipa::path(post, path = "/v1/contacts/{id}/resubscribe", operation_id = "resubscribeContact", tag = "contacts",
    params(("id" = Uuid, Path)), request_body = ConsentInput,
    responses((status = 200, body = SubmittedConsentView), Problems))]
pub(super) async fn resubscribe(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(input): Body<ConsentInput>,
) -> Result<Json<SubmittedConsentView>, Error> {
    let consent = input.checked(app.clock.now())?;
    let submitted = suppressions::resubscribe(&app, &caller, id.into(), consent).await?;
    let record = evidence::of_submission(&app, &caller, submitted.record_id).await?;
    Ok(Json(SubmittedConsentView::new(submitted, record)))
}
