//! A consent as callers submit it, and its checks. Source of bounds: `vendors/consent.md` section 5.

use std::net::IpAddr;

use async_graphql::InputObject;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;
use uuid::Uuid;

use super::consent_words::{CaptureMethod, Channel, ConsentAction, ConsentEvent, LegalBasis, OptInType};
use crate::domain::consent::{
    self, MAX_FUTURE_SECONDS, MAX_METADATA_BYTES, MAX_PURPOSE_CHARS, MAX_PURPOSES, MAX_TEXT_CHARS, MAX_URL_BYTES,
    MAX_USER_AGENT_BYTES,
};
use crate::domain::ids::{ConsentRecordId, ListId};
use crate::domain::people::bounded;
use crate::error::Error;
use crate::service::consents::NewConsent;
use crate::service::input;

/// Most lists of one consent.
const MAX_LISTS: usize = 50;
/// Longest snapshot of preferences, in bytes of JSON.
const MAX_PREFERENCES_BYTES: usize = 64 * 1024;

/// A consent to be recorded, and the lists it is for.
#[derive(Clone, Debug, Deserialize, ToSchema, InputObject)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewConsent)]
#[graphql(name = "NewConsent")]
pub struct ConsentInput {
    /// Who agrees. A contact is made if there is none with this address.
    #[schema(min_length = 3)]
    pub email: String,
    /// When the person agreed; at most five minutes in the future.
    pub date_time_consented: DateTime<Utc>,
    /// What the person saw, exactly, 1 to 1000 characters. Needed for a yes.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1000)]
    pub text: Option<String>,
    /// What happened; `granted` if absent.
    #[serde(default)]
    pub event_type: Option<ConsentEvent>,
    /// The record that a withdrawal, renewal or correction refers to.
    #[serde(default)]
    pub supersedes_id: Option<Uuid>,
    /// Channel; `email` if absent.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// What the agreement is for: 1 to 20 texts of at most 128 characters; `["newsletter"]` if absent.
    #[serde(default)]
    pub purposes: Option<Vec<String>>,
    /// Language of the text (BCP 47).
    #[serde(default)]
    pub language: Option<String>,
    /// Privacy notice shown, http or https.
    #[serde(default)]
    pub policy_url: Option<String>,
    /// Page, http or https; a fragment is dropped.
    #[serde(default)]
    pub url: Option<String>,
    /// Address of the person's device, IPv4 or IPv6.
    #[serde(default)]
    pub ip_address: Option<String>,
    /// Browser of the person; cut at 1024 bytes.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// How the evidence was taken; `api` if absent. `store_sync` and `import` are this service's own.
    #[serde(default)]
    pub capture_method: Option<CaptureMethod>,
    /// Your own reference, at most 255 bytes.
    #[serde(default)]
    pub capture_ref: Option<String>,
    /// What the person did.
    #[serde(default)]
    pub action: Option<ConsentAction>,
    /// Ground in law; `consent` if absent.
    #[serde(default)]
    pub legal_basis: Option<LegalBasis>,
    /// How sure it is that the address is the person's; `unknown` if absent.
    #[serde(default)]
    pub opt_in_type: Option<OptInType>,
    /// Marketing preferences at that moment: an array of objects, at most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub preferences_snapshot: Option<Value>,
    /// Identity that was shown to the person, at most 255 bytes.
    #[serde(default)]
    pub controller_name: Option<String>,
    /// ISO 3166 code, at most 16 bytes.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    /// When the agreement runs out; after `dateTimeConsented`.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Screenshot, message id, token id; at most 255 bytes.
    #[serde(default)]
    pub evidence_ref: Option<String>,
    /// Anything else: an object of at most 8 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Lists to join, at most 50. Only a yes joins.
    #[serde(default)]
    #[graphql(default)]
    pub lists: Vec<Uuid>,
}

impl ConsentInput {
    /// Checks every bound at the time `now`.
    ///
    /// # Errors
    /// [`Error::Invalid`], naming the first field that is wrong.
    pub fn checked(self, now: DateTime<Utc>) -> Result<NewConsent, Error> {
        let email = self.email.parse().map_err(|problem| input::email("email", problem))?;
        let event = self.event_type.map_or(consent::ConsentEvent::Granted, Into::into);
        let text = self.text.as_deref().map(shown_text).transpose()?;
        if event.is_grant() && text.is_none() {
            return Err(Error::invalid("text", "is required for a yes: what the person saw"));
        }
        if !event.is_grant() && !self.lists.is_empty() {
            return Err(Error::invalid("lists", "only a yes joins lists"));
        }
        let capture_method = self.capture_method.map_or(consent::CaptureMethod::Api, Into::into);
        if matches!(capture_method, consent::CaptureMethod::StoreSync | consent::CaptureMethod::Import) {
            return Err(Error::invalid("captureMethod", "must not be store_sync or import: those are taken by us"));
        }
        let consented_at = past(self.date_time_consented, now)?;
        Ok(NewConsent {
            email,
            event,
            supersedes_id: self.supersedes_id.map(ConsentRecordId::from),
            channel: self.channel.map_or(consent::Channel::Email, Into::into),
            purposes: purposes(self.purposes)?,
            text,
            language: line("language", self.language, 35)?,
            policy_url: web_address("policyUrl", self.policy_url)?,
            consented_at,
            url: web_address("url", self.url)?,
            ip_address: ip(self.ip_address)?,
            user_agent: self.user_agent.map(browser).filter(|text| !text.is_empty()),
            capture_method,
            capture_ref: line("captureRef", self.capture_ref, 255)?,
            action: self.action.map(Into::into),
            legal_basis: self.legal_basis.map_or(consent::LegalBasis::Consent, Into::into),
            opt_in_type: self.opt_in_type.map_or(consent::OptInType::Unknown, Into::into),
            preferences_snapshot: self.preferences_snapshot.map(preferences).transpose()?,
            controller_name: line("controllerName", self.controller_name, 255)?,
            jurisdiction: line("jurisdiction", self.jurisdiction, 16)?,
            expires_at: self.expires_at.map(|at| end(at, consented_at)).transpose()?,
            evidence_ref: line("evidenceRef", self.evidence_ref, 255)?,
            metadata: self.metadata.map(metadata).transpose()?,
            lists: lists(self.lists)?,
        })
    }
}

fn past(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let at = at.trunc_subsecs(6);
    if at > now + TimeDelta::seconds(MAX_FUTURE_SECONDS) {
        return Err(Error::invalid("dateTimeConsented", "must not be more than five minutes in the future"));
    }
    // Nobody agreed to anything before; and SQLite keeps times as text, which sorts only with four-digit years.
    if at.timestamp() < -2_208_988_800 {
        return Err(Error::invalid("dateTimeConsented", "must not be before the year 1900"));
    }
    Ok(at)
}

fn end(at: DateTime<Utc>, consented_at: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let at = at.trunc_subsecs(6);
    // 9999-12-31: four-digit years, see above.
    if at > consented_at && at.timestamp() <= 253_402_214_400 {
        Ok(at)
    } else {
        Err(Error::invalid("expiresAt", "must be after dateTimeConsented and before the year 10000"))
    }
}

fn shown_text(text: &str) -> Result<String, Error> {
    let text: String = text.nfc().collect();
    if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARS {
        return Err(Error::invalid("text", format!("must have 1 to {MAX_TEXT_CHARS} characters")));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::invalid("text", "must not hold control characters"));
    }
    Ok(text)
}

fn purposes(purposes: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let Some(purposes) = purposes else { return Ok(vec!["newsletter".to_owned()]) };
    if purposes.is_empty() || purposes.len() > MAX_PURPOSES {
        return Err(Error::invalid("purposes", format!("must have 1 to {MAX_PURPOSES} entries")));
    }
    let check =
        |(index, purpose): (usize, &String)| input::text(&format!("purposes.{index}"), purpose, MAX_PURPOSE_CHARS);
    purposes.iter().enumerate().map(check).collect()
}

/// Optional text on one line of at most `max` bytes; empty counts as absent.
fn line(field: &str, text: Option<String>, max: usize) -> Result<Option<String>, Error> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.len() > max {
        return Err(Error::invalid(field, format!("must have at most {max} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not hold control characters"));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn web_address(field: &str, address: Option<String>) -> Result<Option<String>, Error> {
    let Some(address) = line(field, address, MAX_URL_BYTES)? else { return Ok(None) };
    let wrong = || Error::invalid(field, "must be an http or https address");
    let mut url = url::Url::parse(&address).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    url.set_fragment(None);
    let text = String::from(url);
    if text.len() > MAX_URL_BYTES {
        return Err(Error::invalid(field, format!("must have at most {MAX_URL_BYTES} bytes")));
    }
    Ok(Some(text))
}

fn ip(address: Option<String>) -> Result<Option<IpAddr>, Error> {
    let wrong = |_| Error::invalid("ipAddress", "must be an IPv4 or IPv6 address");
    address.map(|address| address.trim().parse().map_err(wrong)).transpose()
}

fn browser(text: String) -> String {
    let text = bounded(text, MAX_USER_AGENT_BYTES);
    text.chars().filter(|c| !c.is_control()).collect()
}

fn preferences(value: Value) -> Result<Value, Error> {
    let fits = value.as_array().is_some_and(|items| items.iter().all(Value::is_object));
    if !fits || value.to_string().len() > MAX_PREFERENCES_BYTES || holds_nul(&value) {
        return Err(Error::invalid("preferencesSnapshot", "must be an array of objects of at most 64 KiB"));
    }
    Ok(value)
}

fn metadata(value: Value) -> Result<Value, Error> {
    if !value.is_object() || value.to_string().len() > MAX_METADATA_BYTES || holds_nul(&value) {
        return Err(Error::invalid("metadata", "must be an object of at most 8 KiB without NUL characters"));
    }
    Ok(value)
}

/// PostgreSQL keeps no NUL, in JSON neither. Parsing bounds the depth at 128.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn lists(lists: Vec<Uuid>) -> Result<Vec<ListId>, Error> {
    if lists.len() > MAX_LISTS {
        return Err(Error::invalid("lists", format!("must have at most {MAX_LISTS} entries")));
    }
    let mut lists: Vec<ListId> = lists.into_iter().map(ListId::from).collect();
    lists.sort_unstable();
    lists.dedup();
    Ok(lists)
}
