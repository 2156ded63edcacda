//! `/v1/privacy-requests`, and erasing and exporting a contact.

use axum::Json;
use axum::extract::State;
use utoipa::IntoParams;

use super::document::{PageParameters, Problems};
use super::extract::{Parameters, PathId};
use crate::api::page::Page;
use crate::api::privacy::{PersonExportView, PrivacyRequestView};
use crate::api::words::PrivacyState;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::{erasure, export, privacy};

/// Which requests.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the parameters; Parameters reads them")]
struct PrivacyParameters {
    /// That stand there.
    state: Option<PrivacyState>,
}

/// List privacy requests with their deadlines, newest first.
#[utoipa::path(get, path = "/v1/privacy-requests", operation_id = "listPrivacyRequests", tag = "privacy",
    params(PrivacyParameters, PageParameters), responses((status = 200, body = Page<PrivacyRequestView>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Page<PrivacyRequestView>>, Error> {
    let state = parameters.word("state")?;
    let found = privacy::list(&app, &caller, state, &parameters.page()?).await?;
    Ok(Json(Page::of(found, |request| request.id)))
}

/// Show one privacy request.
#[utoipa::path(get, path = "/v1/privacy-requests/{id}", operation_id = "getPrivacyRequest", tag = "privacy",
    params(("id" = Uuid, Path)), responses((status = 200, body = PrivacyRequestView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<PrivacyRequestView>, Error> {
    Ok(Json(privacy::get(&app, &caller, id).await?.into()))
}

/// Export everything about the person whose data a store asks for, as it is now.
#[utoipa::path(get, path = "/v1/privacy-requests/{id}/export", operation_id = "exportPrivacyRequest", tag = "privacy",
    params(("id" = Uuid, Path)), responses((status = 200, body = PersonExportView), Problems))]
pub(super) async fn export_request(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<PersonExportView>, Error> {
    Ok(Json(privacy::export(&app, &caller, id).await?.into()))
}

/// Say that the data of a request was handed over: it is done then, and can be exported for thirty days more.
#[utoipa::path(post, path = "/v1/privacy-requests/{id}/complete", operation_id = "completePrivacyRequest",
    tag = "privacy", params(("id" = Uuid, Path)),
    responses((status = 200, body = PrivacyRequestView), Problems))]
pub(super) async fn complete(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<PrivacyRequestView>, Error> {
    Ok(Json(privacy::complete(&app, &caller, id).await?.into()))
}

/// Export everything that is kept of a contact.
#[utoipa::path(get, path = "/v1/contacts/{id}/export", operation_id = "exportContact", tag = "privacy",
    params(("id" = Uuid, Path)), responses((status = 200, body = PersonExportView), Problems))]
pub(super) async fn export_contact(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<PersonExportView>, Error> {
    Ok(Json(export::of_contact(&app, &caller, id.into()).await?.into()))
}

/// Erase a contact: nothing personal stays, and nothing but a later consent of theirs brings them back.
#[utoipa::path(post, path = "/v1/contacts/{id}/erase", operation_id = "eraseContact", tag = "privacy",
    params(("id" = Uuid, Path)), responses((status = 200, body = PrivacyRequestView), Problems))]
pub(super) async fn erase_contact(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<PrivacyRequestView>, Error> {
    Ok(Json(erasure::erase(&app, &caller, id.into()).await?.into()))
}
