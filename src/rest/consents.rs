//! `/v1/consents`: evidence of what people agreed to.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header::LOCATION};
use utoipa::IntoParams;
use uuid::Uuid;

use super::document::{PageParameters, Problems};
use super::extract::{Body, Parameters, PathId};
use crate::api::consent::{ConsentRecordView, LedgerVerificationView, SubmittedConsentView};
use crate::api::consent_input::ConsentInput;
use crate::api::consent_words::{CaptureMethod, Channel, ConsentEvent};
use crate::api::page::Page;
use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::consents;
use crate::service::evidence::{self, ConsentFilter};

/// Which records; all conditions hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the parameters; Parameters reads them")]
struct ConsentParameters {
    /// Of this contact.
    contact_id: Option<Uuid>,
    /// With this event.
    event_type: Option<ConsentEvent>,
    /// For this channel.
    channel: Option<Channel>,
    /// Taken in this way.
    capture_method: Option<CaptureMethod>,
}

/// List consent records, newest consent first.
#[utoipa::path(get, path = "/v1/consents", operation_id = "listConsents", tag = "consents",
    params(ConsentParameters, PageParameters), responses((status = 200, body = Page<ConsentRecordView>), Problems))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Page<ConsentRecordView>>, Error> {
    let filter = ConsentFilter {
        contact_id: parameters.id("contactId")?.map(Into::into),
        event: parameters.word("eventType")?,
        channel: parameters.word("channel")?,
        capture_method: parameters.word("captureMethod")?,
    };
    let found = evidence::list(&app, &caller, &filter, &parameters.page()?).await?;
    Ok(Json(Page::of(found, evidence::key)))
}

/// Submit a consent, with lists to join. The same evidence again is answered with the record it made.
#[utoipa::path(post, path = "/v1/consents", operation_id = "submitConsent", tag = "consents",
    request_body = ConsentInput,
    responses((status = 201, body = SubmittedConsentView, headers(("Location" = String, description = "Its path"))),
        Problems))]
pub(super) async fn submit(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<ConsentInput>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<SubmittedConsentView>), Error> {
    let consent = input.checked(app.clock.now())?;
    let submitted = consents::submit(&app, &caller, consent).await?;
    let record = evidence::of_submission(&app, &caller, submitted.record_id).await?;
    let location = format!("/v1/consents/{}", record.record.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(SubmittedConsentView::new(submitted, record))))
}

/// Show one consent record.
#[utoipa::path(get, path = "/v1/consents/{id}", operation_id = "getConsent", tag = "consents",
    params(("id" = Uuid, Path)), responses((status = 200, body = ConsentRecordView), Problems))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<ConsentRecordView>, Error> {
    Ok(Json(evidence::get(&app, &caller, id.into()).await?.into()))
}

/// Recompute the account's chain of records: an edit or a removal is found and named.
#[utoipa::path(get, path = "/v1/consents/verify", operation_id = "verifyConsents", tag = "consents",
    responses((status = 200, body = LedgerVerificationView), Problems))]
pub(super) async fn verify(State(app): State<App>, caller: Caller) -> Result<Json<LedgerVerificationView>, Error> {
    Ok(Json(evidence::verify(&app, &caller).await?.into()))
}
