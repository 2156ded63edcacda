//! Integrations, as both transports show and take them.

use async_graphql::{InputObject, MaybeUndefined, SimpleObject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::leave_limit::{LeaveLimitInput, LeaveLimitView};
use super::object;
use super::schedule::{ScheduleInput, ScheduleView};
use super::words::{Audience, Health, IntegrationState, Platform};
use crate::connectors::{Check, ConnectionReport};
use crate::domain::contact_rules;
use crate::domain::ids::ListId;
use crate::domain::integration::{Integration, Notice, OptOutLatency};
use crate::error::Error;
use crate::service::integrations::{IntegrationChange, NewIntegration};
use crate::service::leave_limits::LimitChange;
use crate::service::mappings::{AudienceEffect, MappingChange};

/// One installed store.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Integration)]
#[graphql(name = "Integration", complex)]
pub struct IntegrationView {
    /// Time-ordered identifier (UUID v7).
    pub id: Uuid,
    /// The store's platform.
    pub platform: Platform,
    /// Display name, unique in the account whatever its case.
    pub name: String,
    /// The settings, without secrets.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// Names of the secret settings that are there. Their values are never shown.
    pub secrets: Vec<String>,
    /// Whether it may be synced.
    pub state: IntegrationState,
    /// Why it needs attention: a stable code.
    pub state_code: Option<String>,
    /// Why it needs attention, and what to do.
    pub state_detail: Option<String>,
    /// What works less far than one may expect, as it is set up or as its last run found the store. Syncing goes on.
    pub notices: Vec<NoticeView>,
    /// Which audience goes to which list.
    pub mappings: MappingsView,
    /// How well its lists are kept in step.
    pub health: Health,
    /// How far its lists are behind the store at most, in seconds: since it was last read well, or since it is installed.
    pub lag_seconds: i64,
    /// When it is synced.
    pub schedule: ScheduleView,
    /// How many a run may take off a list before it asks.
    pub leave_limit: LeaveLimitView,
    /// When the last run ended well; `null` before the first.
    pub synced_at: Option<DateTime<Utc>>,
    /// When the last full run ended well; `null` before the first.
    pub full_synced_at: Option<DateTime<Utc>>,
    /// How long opt-outs in the store took until the person was off the list; `null` if in the last 30 days there were none
    /// that the store dates.
    #[graphql(skip)]
    pub opt_out_latency: Option<OptOutLatencyView>,
    /// When it was installed.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed it.
    pub updated_at: DateTime<Utc>,
}

impl From<Integration> for IntegrationView {
    fn from(integration: Integration) -> Self {
        let mappings = MappingsView::from(&integration);
        let Integration {
            id,
            platform,
            name,
            settings,
            secrets,
            state,
            state_code,
            state_detail,
            notices,
            mappings: _,
            planned,
            health,
            lag,
            leave_limit,
            synced_at,
            full_synced_at,
            created_at,
            updated_at,
        } = integration;
        Self {
            id: id.into(),
            platform: platform.into(),
            name,
            settings: Value::Object(settings),
            secrets,
            state: state.into(),
            state_code,
            state_detail,
            notices: notices.into_iter().map(NoticeView::from).collect(),
            mappings,
            health: health.into(),
            lag_seconds: lag.num_seconds(),
            schedule: planned.into(),
            leave_limit: leave_limit.into(),
            synced_at,
            full_synced_at,
            // It takes a look at all opt-outs of a month: whoever shows it asks for it.
            opt_out_latency: None,
            created_at,
            updated_at,
        }
    }
}

/// How long opt-outs in a store took until the person was off the list.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = OptOutLatency)]
#[graphql(name = "OptOutLatency")]
pub struct OptOutLatencyView {
    /// How many there were, of those that the store dates.
    pub count: u64,
    /// Seconds within which half of them were carried out.
    pub p50_seconds: f64,
    /// Seconds within which 99 of 100 were carried out.
    pub p99_seconds: f64,
    /// From when on they are counted: 30 days ago.
    pub since: DateTime<Utc>,
}

impl From<OptOutLatency> for OptOutLatencyView {
    fn from(OptOutLatency { count, p50, p99, since }: OptOutLatency) -> Self {
        Self { count, p50_seconds: p50.as_secs_f64(), p99_seconds: p99.as_secs_f64(), since }
    }
}

/// Something about an integration that works less far than one may expect.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[schema(as = Notice)]
#[graphql(name = "Notice")]
pub struct NoticeView {
    /// Stable code.
    pub code: String,
    /// What it is and what to do about it.
    pub detail: String,
}

impl From<Notice> for NoticeView {
    fn from(Notice { code, detail }: Notice) -> Self {
        Self { code, detail }
    }
}

/// Which audience goes to which list; `null`: to none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mappings)]
#[graphql(name = "Mappings", complex)]
pub struct MappingsView {
    /// List of the subscribers.
    #[graphql(name = "subscribersId")]
    pub subscribers: Option<Uuid>,
    /// List of the customers.
    #[graphql(name = "customersId")]
    pub customers: Option<Uuid>,
    /// List of the guests; absent where the platform has no guests as an audience of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, required = false)]
    #[graphql(skip)]
    pub guests: Option<Option<Uuid>>,
}

impl From<&Integration> for MappingsView {
    fn from(integration: &Integration) -> Self {
        use crate::domain::Audience::{Customers, Guests, Subscribers};
        let list = |audience| integration.mappings.get(&audience).copied().map(Uuid::from);
        let has_guests = contact_rules::of(integration.platform).audiences().contains(&Guests);
        Self { subscribers: list(Subscribers), customers: list(Customers), guests: has_guests.then(|| list(Guests)) }
    }
}

/// A store to be installed.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewIntegration)]
#[graphql(name = "NewIntegration")]
pub struct IntegrationInput {
    /// The store's platform.
    pub platform: Platform,
    /// Display name, 1 to 255 characters, unique in the account whatever its case.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The platform's settings: see the connector. Secrets among them are write-only.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// Which audience goes to which list. Without it subscribers go to the list `Store subscribers`.
    #[serde(default, deserialize_with = "object::optional")]
    pub mappings: Option<MappingsInput>,
    /// When it is synced; without it every five minutes, and the whole store once a day.
    #[serde(default, deserialize_with = "object::optional")]
    pub schedule: Option<ScheduleInput>,
    /// Ignored. A line of `assent sandbox --stores-only --format json` has it, and can be posted as it is.
    #[serde(default)]
    #[graphql(skip)]
    pub control_url: Option<String>,
}

impl TryFrom<IntegrationInput> for NewIntegration {
    type Error = Error;

    fn try_from(input: IntegrationInput) -> Result<Self, Error> {
        let IntegrationInput { platform, name, settings, mappings, schedule, control_url: _ } = input;
        let mappings = mappings.map(MappingsInput::into_change).unwrap_or_default();
        let schedule = schedule.map(Into::into).unwrap_or_default();
        Ok(Self { platform: platform.into(), name, settings: members(settings)?, mappings, schedule })
    }
}

/// A change of an integration. What is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = IntegrationChange)]
#[graphql(name = "IntegrationChange")]
pub struct IntegrationPatch {
    /// New name, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    #[serde(default)]
    pub name: Option<String>,
    /// Settings to change; `null` takes a setting away, absent ones stay, secrets too.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub settings: Option<Value>,
    /// When it is synced.
    #[serde(default, deserialize_with = "object::optional")]
    pub schedule: Option<ScheduleInput>,
    /// How many a run may take off a list before it asks.
    #[serde(default, deserialize_with = "object::optional")]
    pub leave_limit: Option<LeaveLimitInput>,
}

impl TryFrom<IntegrationPatch> for IntegrationChange {
    type Error = Error;

    fn try_from(patch: IntegrationPatch) -> Result<Self, Error> {
        let IntegrationPatch { name, settings, schedule, leave_limit } = patch;
        let settings = settings.map(members).transpose()?.unwrap_or_default();
        let LeaveLimitInput { percent, at_least } = leave_limit.unwrap_or_default();
        let leave_limit = LimitChange { percent, at_least };
        Ok(Self { name, settings, schedule: schedule.map(Into::into).unwrap_or_default(), leave_limit })
    }
}

fn members(settings: Value) -> Result<Map<String, Value>, Error> {
    match settings {
        Value::Object(settings) => Ok(settings),
        _ => Err(Error::invalid("settings", "must be an object")),
    }
}

/// A change of the mappings. What is absent stays, `null` ends a mapping.
#[derive(Clone, Debug, Default, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = MappingsChange)]
#[graphql(name = "MappingsChange")]
pub struct MappingsInput {
    /// List for the subscribers.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub subscribers: MaybeUndefined<Uuid>,
    /// List for the customers; not a marketing list, and not the subscribers list of any integration.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub customers: MaybeUndefined<Uuid>,
    /// List for the guests, where the platform has them as an audience of their own; rules as for customers.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub guests: MaybeUndefined<Uuid>,
}

impl MappingsInput {
    /// The change that is meant.
    #[must_use]
    pub fn into_change(self) -> MappingChange {
        use crate::domain::Audience::{Customers, Guests, Subscribers};
        let MappingsInput { subscribers, customers, guests } = self;
        let named = [(Subscribers, subscribers), (Customers, customers), (Guests, guests)];
        let change = |(audience, list)| match list {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some((audience, None)),
            MaybeUndefined::Value(id) => Some((audience, Some(ListId::from(id)))),
        };
        named.into_iter().filter_map(change).collect()
    }
}

/// What a change of the mappings does, or would do, to the people of each audience.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = MappingEffect)]
#[graphql(name = "MappingEffect")]
pub struct MappingEffectView {
    /// One entry per audience of the platform.
    pub audiences: Vec<AudienceEffectView>,
}

/// What a change of mappings does to the people of one audience.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = AudienceEffect)]
#[graphql(name = "AudienceEffect", complex)]
pub struct AudienceEffectView {
    /// The audience.
    pub audience: Audience,
    /// The list it goes to afterwards.
    pub list_id: Option<Uuid>,
    /// Contacts that come onto a list.
    pub joins: u64,
    /// Contacts that go off a list.
    pub leaves: u64,
    /// Contacts that stay where they are.
    pub stays: u64,
}

impl From<AudienceEffect> for AudienceEffectView {
    fn from(effect: AudienceEffect) -> Self {
        let AudienceEffect { audience, list_id, joins, leaves, stays } = effect;
        Self { audience: audience.into(), list_id: list_id.map(Uuid::from), joins, leaves, stays }
    }
}

impl From<Vec<AudienceEffect>> for MappingEffectView {
    fn from(audiences: Vec<AudienceEffect>) -> Self {
        Self { audiences: audiences.into_iter().map(AudienceEffectView::from).collect() }
    }
}

/// What a connection test found.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectionReport)]
#[graphql(name = "ConnectionReport")]
pub struct ConnectionReportView {
    /// Whether syncing can work.
    pub ok: bool,
    /// The store's name, as the store tells it.
    pub store_name: Option<String>,
    /// The API version that answered.
    pub api_version: Option<String>,
    /// Everything that was checked, in order.
    pub checks: Vec<ConnectionCheckView>,
    /// What does not stop syncing but should be known.
    pub warnings: Vec<String>,
}

/// One thing that a connection test checked.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectionCheck)]
#[graphql(name = "ConnectionCheck")]
pub struct ConnectionCheckView {
    /// What was checked, for example `read customers`.
    pub name: &'static str,
    /// Whether it is all right.
    pub ok: bool,
    /// What is wrong and what to do about it.
    pub problem: Option<String>,
}

impl From<ConnectionReport> for ConnectionReportView {
    fn from(report: ConnectionReport) -> Self {
        let ok = report.is_ok();
        let ConnectionReport { store_name, api_version, checks, warnings } = report;
        let checks = checks.into_iter().map(ConnectionCheckView::from).collect();
        Self { ok, store_name, api_version, checks, warnings }
    }
}

impl From<Check> for ConnectionCheckView {
    fn from(check: Check) -> Self {
        let Check { name, problem } = check;
        Self { name, ok: problem.is_none(), problem }
    }
}
