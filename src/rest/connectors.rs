//! `/v1/connectors`: the platforms and their contact rules.

use axum::Json;

use super::document::{PageParameters, Problems};
use super::extract::{Parameters, PathWord};
use crate::api::connector::ConnectorView;
use crate::api::page::Page;
use crate::auth::Caller;
use crate::domain::page::Window;
use crate::error::Error;
use crate::service;

/// List the connectors.
#[utoipa::path(get, path = "/v1/connectors", operation_id = "listConnectors", tag = "connectors",
    params(PageParameters), responses((status = 200, body = Page<ConnectorView>), Problems))]
pub(super) async fn list(caller: Caller, parameters: Parameters) -> Result<Json<Page<ConnectorView>>, Error> {
    let page: Window<u32> = parameters.page()?;
    let found = service::connectors::list(&caller, &page)?;
    Ok(Json(Page::of(found, |(position, _)| *position)))
}

/// Show one connector with its contact rules and settings.
#[utoipa::path(get, path = "/v1/connectors/{platform}", operation_id = "getConnector", tag = "connectors",
    params(("platform" = crate::api::words::Platform, Path, description = "The platform")),
    responses((status = 200, body = ConnectorView), Problems))]
pub(super) async fn show(caller: Caller, PathWord(platform): PathWord) -> Result<Json<ConnectorView>, Error> {
    Ok(Json(service::connectors::get(&caller, &platform)?.into()))
}
