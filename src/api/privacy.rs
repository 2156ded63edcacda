//! Privacy requests and everything that is kept of one person, as both transports show them.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::consent::ConsentRecordView;
use super::contact::{ContactView, MembershipEventView, MembershipView, SourceRecordView};
use super::words::{PrivacyKind, PrivacyState};
use crate::domain::contact::OptOut;
use crate::domain::privacy::RecordedRequest;
use crate::service::export::PersonExport;

/// Something that a person, or a store that leaves, asks for by law.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = PrivacyRequest)]
#[graphql(name = "PrivacyRequest", complex)]
pub struct PrivacyRequestView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// The store that handed it on; `null` if it was asked of this service.
    pub integration_id: Option<Uuid>,
    /// What is asked for.
    pub kind: PrivacyKind,
    /// Where it stands.
    pub state: PrivacyState,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// Until when it has to be carried out.
    pub due_at: DateTime<Utc>,
    /// When it was; `null` until then.
    pub done_at: Option<DateTime<Utc>>,
    /// What came of it, in words without personal data.
    pub outcome: Option<String>,
    /// Who asked, or who said that the data was handed over, where a person or a program did.
    pub actor: Option<String>,
}

impl From<RecordedRequest> for PrivacyRequestView {
    fn from(request: RecordedRequest) -> Self {
        let RecordedRequest { id, integration_id, kind, state, received_at, due_at, done_at, outcome, actor } = request;
        Self {
            id,
            integration_id: integration_id.map(Uuid::from),
            kind: kind.into(),
            state: state.into(),
            received_at,
            due_at,
            done_at,
            outcome,
            actor,
        }
    }
}

/// Everything that is kept of one person.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = PersonExport)]
#[graphql(name = "PersonExport")]
pub struct PersonExportView {
    /// When it was put together.
    pub exported_at: DateTime<Utc>,
    /// Contacts: usually one, several where a store had several addresses of the person, none for people on no list.
    pub contacts: Vec<ContactView>,
    /// What the stores say, also of people who are on no list.
    pub sources: Vec<SourceRecordView>,
    /// The lists that they are on, each with everything it rests on.
    pub memberships: Vec<MembershipView>,
    /// Their joins and leaves with their causes, oldest first.
    pub events: Vec<MembershipEventView>,
    /// Their consent records, newest consent first.
    pub consents: Vec<ConsentRecordView>,
    /// What their addresses no longer want, oldest first.
    pub opt_outs: Vec<OptOutView>,
}

/// The newest opt-out of an address in one place: an agreement from before it counts for nothing there.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = OptOut)]
#[graphql(name = "OptOut")]
pub struct OptOutView {
    /// The address, normalised.
    pub email_normalized: String,
    /// The store where it was said; `null` if it was said to this service.
    pub integration_id: Option<Uuid>,
    /// When it was said.
    pub withdrawn_at: DateTime<Utc>,
}

impl From<OptOut> for OptOutView {
    fn from(opt_out: OptOut) -> Self {
        let OptOut { email_normalized, integration_id, withdrawn_at } = opt_out;
        Self { email_normalized, integration_id: integration_id.map(Uuid::from), withdrawn_at }
    }
}

impl From<PersonExport> for PersonExportView {
    fn from(export: PersonExport) -> Self {
        let PersonExport { exported_at, contacts, sources, memberships, events, consents, opt_outs } = export;
        Self {
            exported_at,
            contacts: contacts.into_iter().map(Into::into).collect(),
            sources: sources.into_iter().map(Into::into).collect(),
            memberships: memberships.into_iter().map(Into::into).collect(),
            events: events.into_iter().map(Into::into).collect(),
            consents: consents.into_iter().map(Into::into).collect(),
            opt_outs: opt_outs.into_iter().map(Into::into).collect(),
        }
    }
}
