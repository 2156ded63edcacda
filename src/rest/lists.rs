//! `/v1/lists`: named sets of contacts.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header::LOCATION};
use uuid::Uuid;

use super::document::{PageParameters, Problems};
use super::extract::{Body, Parameters, PathId};
use crate::api::contact::ContactView;
use crate::api::list::{ListInput, ListPatch, ListView};
use crate::api::page::Page;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::contacts::{self, ContactFilter};
use crate::service::lists as service;

/// List the lists, oldest first.
#[utoipa::path(get, path = "/v1/lists", operation_id = "listLists", tag = "lists",
    params(PageParameters), responses((status = 200, body = Page<ListView>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Page<ListView>>, Error> {
    let found = service::list(&app, &caller, &parameters.page()?).await?;
    Ok(Json(Page::of(found, |list| Uuid::from(list.id))))
}

/// Make a list.
#[utoipa::path(post, path = "/v1/lists", operation_id = "createList", tag = "lists", request_body = ListInput,
    responses((status = 201, body = ListView, headers(("Location" = String, description = "Its path"))), Problems))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<ListInput>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ListView>), Error> {
    let made = service::create(&app, &caller, &input.name, input.purpose.into()).await?;
    let location = format!("/v1/lists/{}", made.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(made.into())))
}

/// Show one list.
#[utoipa::path(get, path = "/v1/lists/{id}", operation_id = "getList", tag = "lists",
    params(("id" = Uuid, Path)), responses((status = 200, body = ListView), Problems))]
pub(super) async fn show(State(app): State<App>, caller: Caller, PathId(id): PathId) -> Result<Json<ListView>, Error> {
    Ok(Json(service::get(&app, &caller, id.into()).await?.into()))
}

/// Change a list. What is absent stays.
#[utoipa::path(patch, path = "/v1/lists/{id}", operation_id = "updateList", tag = "lists",
    params(("id" = Uuid, Path)), request_body = ListPatch, responses((status = 200, body = ListView), Problems))]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Body(patch): Body<ListPatch>,
) -> Result<Json<ListView>, Error> {
    let purpose = patch.purpose.map(Into::into);
    Ok(Json(service::update(&app, &caller, id.into(), patch.name.as_deref(), purpose).await?.into()))
}

/// Remove a list that nothing is mapped to.
#[utoipa::path(delete, path = "/v1/lists/{id}", operation_id = "deleteList", tag = "lists",
    params(("id" = Uuid, Path)), responses((status = 204), Problems))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, Error> {
    service::delete(&app, &caller, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the contacts that are on a list.
#[utoipa::path(get, path = "/v1/lists/{id}/contacts", operation_id = "listListContacts", tag = "lists",
    params(("id" = Uuid, Path), PageParameters), responses((status = 200, body = Page<ContactView>), Problems))]
pub(super) async fn contacts(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<Json<Page<ContactView>>, Error> {
    let filter = ContactFilter { list_id: Some(id.into()), ..ContactFilter::default() };
    let found = contacts::list(&app, &caller, &filter, &parameters.page()?).await?;
    Ok(Json(Page::of(found, |contact| Uuid::from(contact.id))))
}
