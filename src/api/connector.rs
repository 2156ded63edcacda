//! Connectors, as both transports show them: what a platform yields, by which rules, and what an installation takes.

use async_graphql::{Enum, SimpleObject};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::capabilities::CapabilitiesView;
use super::words::{Audience, OptInSource, Platform};
use crate::connectors::settings::{Need, SettingField, SettingKind, settings_schema};
use crate::connectors::settings_of;
use crate::domain::capabilities;
use crate::domain::contact_rules::{self, ContactRules, Customers, Guests, OptOut, Subscribers};

/// A store platform that integrations can be installed for.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Connector)]
#[graphql(name = "Connector")]
pub struct ConnectorView {
    /// The platform.
    pub platform: Platform,
    /// Its name for people.
    pub title: &'static str,
    /// The audiences that can be mapped to a list.
    pub audiences: Vec<Audience>,
    /// How the people of a store are handled.
    pub rules: ContactRulesView,
    /// What an installation takes, in the order in which a form asks for it.
    pub settings: Vec<SettingView>,
    /// The same as a JSON Schema (2020-12): kinds, patterns, examples, and the ways to sign in as `anyOf`.
    #[schema(value_type = Object)]
    pub settings_schema: Value,
    /// What the platform can tell, and how fast.
    pub capabilities: CapabilitiesView,
}

/// How one connector handles the people of a store.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactRules)]
#[graphql(name = "ContactRules")]
pub struct ContactRulesView {
    /// Who is a customer.
    pub customers: CustomersRule,
    /// Where guests go.
    pub guests: GuestsRule,
    /// The ways by which an opt-in makes a subscriber.
    pub subscribers_opted_in_by: Vec<OptInSource>,
    /// What an opt-out in the store does.
    pub opt_out: OptOutRule,
}

/// Who is a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
#[graphql(remote = "Customers")]
pub enum CustomersRule {
    /// Everyone with a store account, opted in or not.
    AccountHolders,
    /// Everyone who gave an email address, opted in or not.
    EveryoneWithEmail,
}

/// Where guests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
#[graphql(remote = "Guests")]
pub enum GuestsRule {
    /// Into the customers list; if they opted in also into the subscribers list.
    JoinCustomers,
    /// An audience of their own, with its own list; never the customers list.
    OwnAudience,
}

/// What an opt-out in the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
#[graphql(remote = "OptOut")]
pub enum OptOutRule {
    /// Leave the subscribers list; stay on the others; never suppressed.
    LeaveSubscribers,
}

/// One setting of a platform.
#[derive(Clone, Debug, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorSetting)]
#[graphql(name = "ConnectorSetting")]
pub struct SettingView {
    /// Its name among the settings of an integration.
    pub name: &'static str,
    /// What kind of value it takes.
    pub kind: SettingKindView,
    /// Whether it must always be given. Of the ways to sign in the schema of the settings tells.
    pub required: bool,
    /// Whether it is write-only: sealed at rest and never shown again.
    pub secret: bool,
    /// A value as it may look.
    pub example: Option<&'static str>,
    /// What it is and where to find it.
    pub description: &'static str,
}

/// Kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
#[schema(as = SettingKind)]
#[graphql(remote = "SettingKind", name = "SettingKind")]
pub enum SettingKindView {
    /// Text of 1 to 2048 characters.
    Text,
    /// An http or https address.
    Url,
    /// Up to 50 texts.
    TextList,
}

impl From<crate::domain::Platform> for ConnectorView {
    fn from(platform: crate::domain::Platform) -> Self {
        let rules = contact_rules::of(platform);
        let fields = settings_of(platform);
        let capabilities = capabilities::of(platform);
        Self {
            platform: platform.into(),
            title: capabilities.title,
            audiences: rules.audiences().iter().copied().map(Audience::from).collect(),
            rules: rules.into(),
            settings_schema: settings_schema(capabilities.title, fields),
            settings: fields.iter().map(SettingView::from).collect(),
            capabilities: capabilities.into(),
        }
    }
}

/// An entry of the list of platforms, with its position.
impl From<(u32, crate::domain::Platform)> for ConnectorView {
    fn from((_, platform): (u32, crate::domain::Platform)) -> Self {
        platform.into()
    }
}

impl From<&'static ContactRules> for ContactRulesView {
    fn from(rules: &'static ContactRules) -> Self {
        // How words are weighed against each other is nothing that anybody can choose by.
        let ContactRules { customers, guests, subscribers: Subscribers::OptedInBy(sources), order_words: _, opt_out } =
            *rules;
        Self {
            customers: customers.into(),
            guests: guests.into(),
            subscribers_opted_in_by: sources.iter().copied().map(OptInSource::from).collect(),
            opt_out: opt_out.into(),
        }
    }
}

impl From<&SettingField> for SettingView {
    fn from(field: &SettingField) -> Self {
        let SettingField { name, kind, secret, need, shape: _, example, description } = *field;
        Self { name, kind: kind.into(), required: need == Need::Required, secret, example, description }
    }
}
